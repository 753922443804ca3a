//! Plain scalars: texts without quotes.

use super::folding::Breaks;
use super::{Kind, Scanner};
use crate::error::Error;

impl Scanner<'_> {
    pub(super) fn scan_plain_scalar(&mut self) -> Result<(), Error> {
        let line = self.cursor.mark.line;
        let indent = self.indent + 1;
        let mark = self.tree.mark();
        let mut breaks = Breaks::default();
        let mut is_on_new_line = false;
        // Where the blanks begin that may be within the text.
        let mut blanks = self.cursor.position();
        loop {
            self.cursor.need(4)?;
            if self.cursor.is_document_indicator(b'-')
                || self.cursor.is_document_indicator(b'.')
                || self.cursor.is(b'#')
            {
                break;
            }
            let begin = self.cursor.position();
            while !self.ends_plain() {
                self.cursor.skip();
                self.cursor.need(2)?;
            }
            if self.cursor.position() > begin {
                if is_on_new_line {
                    breaks.fold(&mut self.tree.texts);
                    is_on_new_line = false;
                    blanks = begin;
                }
                self.tree.texts.push_str(self.cursor.since(blanks));
            }
            if !self.cursor.is_blank() && !self.cursor.is_break() {
                break;
            }
            self.cursor.need(1)?;
            blanks = self.cursor.position();
            while self.cursor.is_blank() || self.cursor.is_break() {
                if self.cursor.is_blank() {
                    if is_on_new_line && self.cursor.mark.column < indent && self.cursor.is(b'\t') {
                        return self
                            .cursor
                            .fail("found a tab character that violates indentation");
                    }
                    self.cursor.skip();
                } else {
                    self.cursor.need(2)?;
                    if is_on_new_line {
                        self.cursor.read_break(&mut breaks.trailing);
                    } else {
                        self.cursor.read_break(&mut breaks.leading);
                        is_on_new_line = true;
                    }
                }
                self.cursor.need(1)?;
            }
            if !self.is_in_flow() && self.cursor.mark.column < indent {
                break;
            }
        }
        let text = self.tree.since(mark);
        self.add(Kind::Scalar { text, is_plain: true }, line);
        if is_on_new_line {
            self.may_begin_key = true;
        }
        Ok(())
    }

    /// Whether a word of a plain scalar ends here.
    fn ends_plain(&self) -> bool {
        match self.cursor.at(0) {
            b':' => self.cursor.is_blankz_at(1),
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => self.is_in_flow(),
            _ => self.cursor.is_blankz(),
        }
    }
}
