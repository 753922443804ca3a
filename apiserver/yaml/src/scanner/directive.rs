//! Directives: `%YAML 1.1`, `%TAG !e! tag:example.com,2000:`.

use super::{Kind, Scanner};
use crate::error::Error;

/// Digits of a version's numbers.
const LONGEST_NUMBER: usize = 2;

impl<'a> Scanner<'a> {
    pub(super) fn scan_directive(&mut self) -> Result<(), Error> {
        let line = self.cursor.mark.line;
        self.cursor.skip();
        let name = self.cursor.word()?;
        if name.is_empty() {
            return self.cursor.fail("could not find expected directive name");
        }
        if !self.cursor.is_blankz() {
            return self.cursor.fail("found unexpected non-alphabetical character");
        }
        let kind = match name {
            "YAML" => self.scan_version()?,
            "TAG" => self.scan_tag_directive()?,
            _ => return self.cursor.fail("found unknown directive name"),
        };
        self.cursor.skip_blanks()?;
        self.cursor.skip_comment()?;
        if !self.cursor.is_breakz() {
            return self.cursor.fail("did not find expected comment or line break");
        }
        self.cursor.need(2)?;
        self.cursor.skip_break();
        self.add(kind, line);
        Ok(())
    }

    fn scan_version(&mut self) -> Result<Kind<'a>, Error> {
        self.cursor.skip_blanks()?;
        let major = self.scan_number()?;
        if !self.cursor.is(b'.') {
            return self.cursor.fail("did not find expected digit or '.' character");
        }
        self.cursor.skip();
        let minor = self.scan_number()?;
        Ok(Kind::Version { major, minor })
    }

    fn scan_number(&mut self) -> Result<u8, Error> {
        self.cursor.need(1)?;
        let (mut number, mut digits) = (0, 0);
        while self.cursor.at(0).is_ascii_digit() {
            digits += 1;
            if digits > LONGEST_NUMBER {
                return self.cursor.fail("found extremely long version number");
            }
            number = number * 10 + (self.cursor.at(0) - b'0');
            self.cursor.skip();
            self.cursor.need(1)?;
        }
        if digits == 0 {
            return self.cursor.fail("did not find expected version number");
        }
        Ok(number)
    }

    fn scan_tag_directive(&mut self) -> Result<Kind<'a>, Error> {
        self.cursor.skip_blanks()?;
        let handle = self.scan_tag_handle(true)?;
        self.cursor.need(1)?;
        if !self.cursor.is_blank() {
            return self.cursor.fail("did not find expected whitespace");
        }
        self.cursor.skip_blanks()?;
        let prefix = self.scan_tag_uri(true)?;
        self.cursor.need(1)?;
        if !self.cursor.is_blankz() {
            return self.cursor.fail("did not find expected whitespace or line break");
        }
        Ok(Kind::TagDirective { handle, prefix })
    }
}
