//! Block scalars: `|` and `>`.

use super::{Kind, Scanner};
use crate::error::Error;

/// What becomes of the breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

impl Scanner<'_> {
    pub(super) fn scan_block_scalar(&mut self, is_literal: bool) -> Result<(), Error> {
        let line = self.cursor.mark.line;
        self.cursor.skip();
        let (chomping, increment) = self.scan_block_header()?;
        let mut indent = increment.map(|increment| self.indent.max(0) + increment);
        // Breaks that are not yet known to be within the text.
        let (mut leading, mut trailing) = (String::new(), String::new());
        self.scan_block_breaks(&mut indent, &mut trailing)?;
        let mark = self.tree.mark();
        self.cursor.need(1)?;
        let mut was_blank = false;
        while Some(self.cursor.mark.column) == indent && !self.cursor.is_end() {
            let is_blank = self.cursor.is_blank();
            // A single break between two lines that are not indented is folded.
            if !is_literal && !was_blank && !is_blank && leading.starts_with('\n') {
                if trailing.is_empty() {
                    self.tree.texts.push(' ');
                }
            } else {
                self.tree.texts.push_str(&leading);
            }
            leading.clear();
            self.tree.texts.push_str(&trailing);
            trailing.clear();
            was_blank = is_blank;
            let begin = self.cursor.position();
            while !self.cursor.is_breakz() {
                self.cursor.skip();
                self.cursor.need(1)?;
            }
            self.tree.texts.push_str(self.cursor.since(begin));
            self.cursor.need(2)?;
            self.cursor.read_break(&mut leading);
            self.scan_block_breaks(&mut indent, &mut trailing)?;
        }
        if chomping != Chomping::Strip {
            self.tree.texts.push_str(&leading);
        }
        if chomping == Chomping::Keep {
            self.tree.texts.push_str(&trailing);
        }
        let text = self.tree.since(mark);
        self.add(
            Kind::Scalar {
                text,
                is_plain: false,
            },
            line,
        );
        Ok(())
    }

    /// The indicators behind the sign, in either order, and the rest of the line.
    fn scan_block_header(&mut self) -> Result<(Chomping, Option<isize>), Error> {
        self.cursor.need(1)?;
        let (chomping, increment) = match self.scan_chomping()? {
            Some(chomping) => (Some(chomping), self.scan_increment()?),
            None => match self.scan_increment()? {
                Some(increment) => (self.scan_chomping()?, Some(increment)),
                None => (None, None),
            },
        };
        self.cursor.skip_blanks()?;
        self.cursor.skip_comment()?;
        if !self.cursor.is_breakz() {
            return self.cursor.fail("did not find expected comment or line break");
        }
        self.cursor.need(2)?;
        self.cursor.skip_break();
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    fn scan_chomping(&mut self) -> Result<Option<Chomping>, Error> {
        let chomping = match self.cursor.at(0) {
            b'+' => Chomping::Keep,
            b'-' => Chomping::Strip,
            _ => return Ok(None),
        };
        self.cursor.skip();
        self.cursor.need(1)?;
        Ok(Some(chomping))
    }

    fn scan_increment(&mut self) -> Result<Option<isize>, Error> {
        let digit = self.cursor.at(0);
        if digit == b'0' {
            return self.cursor.fail("found an indentation indicator equal to 0");
        }
        if !digit.is_ascii_digit() {
            return Ok(None);
        }
        self.cursor.skip();
        self.cursor.need(1)?;
        Ok(Some(isize::from(digit - b'0')))
    }

    /// Empty lines, up to the indentation of the next that is none; where that of the text is not known yet, it is found here.
    fn scan_block_breaks(&mut self, indent: &mut Option<isize>, breaks: &mut String) -> Result<(), Error> {
        let mut deepest = 0;
        loop {
            self.cursor.need(1)?;
            while self.cursor.is(b' ') && self.is_before(*indent) {
                self.cursor.skip();
                self.cursor.need(1)?;
            }
            deepest = deepest.max(self.cursor.mark.column);
            if self.cursor.is(b'\t') && self.is_before(*indent) {
                return self
                    .cursor
                    .fail("found a tab character where an indentation space is expected");
            }
            if !self.cursor.is_break() {
                break;
            }
            self.cursor.need(2)?;
            self.cursor.read_break(breaks);
        }
        if indent.is_none() {
            *indent = Some(deepest.max(self.indent + 1).max(1));
        }
        Ok(())
    }

    fn is_before(&self, indent: Option<isize>) -> bool {
        indent.is_none_or(|indent| self.cursor.mark.column < indent)
    }
}
