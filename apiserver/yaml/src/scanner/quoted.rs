//! Scalars in single and in double quotes.

use super::folding::Breaks;
use super::tag::hex;
use super::{Kind, Scanner};
use crate::error::Error;

impl Scanner<'_> {
    pub(super) fn scan_quoted_scalar(&mut self, quote: u8) -> Result<(), Error> {
        let line = self.cursor.mark.line;
        let mark = self.tree.mark();
        let mut breaks = Breaks::default();
        self.cursor.skip();
        loop {
            self.cursor.need(4)?;
            if self.cursor.is_document_indicator(b'-') || self.cursor.is_document_indicator(b'.') {
                return self.cursor.fail("found unexpected document indicator");
            }
            if self.cursor.is_end() {
                return self.cursor.fail("found unexpected end of stream");
            }
            // Whether a backslash has taken the break away.
            let mut is_on_new_line = self.scan_quoted_word(quote)?;
            self.cursor.need(1)?;
            if self.cursor.is(quote) {
                break;
            }
            let begin = self.cursor.position();
            while self.cursor.is_blank() || self.cursor.is_break() {
                if self.cursor.is_blank() {
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
            if is_on_new_line {
                breaks.fold(&mut self.tree.texts);
            } else {
                self.tree.texts.push_str(self.cursor.since(begin));
            }
        }
        self.cursor.skip();
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

    /// What stands before the next blank, break or end; and whether a backslash before a break ended it.
    fn scan_quoted_word(&mut self, quote: u8) -> Result<bool, Error> {
        while !self.cursor.is_blankz() {
            let next = self.cursor.at(1);
            match (self.cursor.at(0), quote) {
                (b'\'', b'\'') if next == b'\'' => {
                    self.tree.texts.push('\'');
                    self.cursor.skip_many(2);
                }
                (sign, quote) if sign == quote => return Ok(false),
                (b'\\', b'"') if self.cursor.is_break_at(1) => {
                    self.cursor.need(3)?;
                    self.cursor.skip();
                    self.cursor.skip_break();
                    return Ok(true);
                }
                (b'\\', b'"') => self.scan_escape(next)?,
                _ => self.cursor.read(&mut self.tree.texts),
            }
            self.cursor.need(2)?;
        }
        Ok(false)
    }

    fn scan_escape(&mut self, sign: u8) -> Result<(), Error> {
        let (c, digits) = match sign {
            b'0' => ('\0', 0),
            b'a' => ('\u{7}', 0),
            b'b' => ('\u{8}', 0),
            b't' | b'\t' => ('\t', 0),
            b'n' => ('\n', 0),
            b'v' => ('\u{b}', 0),
            b'f' => ('\u{c}', 0),
            b'r' => ('\r', 0),
            b'e' => ('\u{1b}', 0),
            b' ' | b'"' | b'\'' | b'\\' => (char::from(sign), 0),
            b'N' => ('\u{85}', 0),
            b'_' => ('\u{a0}', 0),
            b'L' => ('\u{2028}', 0),
            b'P' => ('\u{2029}', 0),
            b'x' => ('\0', 2),
            b'u' => ('\0', 4),
            b'U' => ('\0', 8),
            _ => return self.cursor.fail("found unknown escape character"),
        };
        self.cursor.skip_many(2);
        if digits == 0 {
            self.tree.texts.push(c);
            return Ok(());
        }
        self.cursor.need(digits)?;
        let mut number = 0_u32;
        for ahead in 0..digits {
            let Some(digit) = hex(self.cursor.at(ahead)) else {
                return self.cursor.fail("did not find expected hexdecimal number");
            };
            number = number << 4 | u32::from(digit);
        }
        let Some(c) = char::from_u32(number) else {
            return self.cursor.fail("found invalid Unicode character escape code");
        };
        self.tree.texts.push(c);
        self.cursor.skip_many(digits);
        Ok(())
    }
}
