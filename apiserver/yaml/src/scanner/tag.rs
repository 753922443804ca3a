//! Tags: `!!int`, `!local`, `!e!name`, `!<tag:example.com,2000:name>`.

use std::borrow::Cow;

use super::{Kind, Scanner};
use crate::error::Error;

impl<'a> Scanner<'a> {
    pub(super) fn scan_tag(&mut self) -> Result<(), Error> {
        let line = self.cursor.mark.line;
        self.cursor.need(2)?;
        let (handle, suffix) = if self.cursor.at(1) == b'<' {
            self.cursor.skip_many(2);
            let uri = self.scan_tag_uri(true)?;
            if !self.cursor.is(b'>') {
                return self.cursor.fail("did not find the expected '>'");
            }
            self.cursor.skip();
            ("", uri)
        } else {
            let begin = self.cursor.position();
            let handle = self.scan_tag_handle(false)?;
            if handle.len() > 1 && handle.ends_with('!') {
                (handle, self.scan_tag_uri(true)?)
            } else {
                // A tag of its own: what looked like a handle is a part of its name.
                let rest = self.scan_tag_uri(false)?;
                let name = match rest {
                    Cow::Borrowed(_) => Cow::Borrowed(self.cursor.since(begin + 1).as_bytes()),
                    Cow::Owned(rest) => {
                        let head = handle.as_bytes().get(1..).unwrap_or_default();
                        Cow::Owned([head, &rest].concat())
                    }
                };
                if name.is_empty() {
                    ("", Cow::Borrowed(b"!".as_slice()))
                } else {
                    ("!", name)
                }
            }
        };
        self.cursor.need(1)?;
        if !self.cursor.is_blankz() {
            return self.cursor.fail("did not find expected whitespace or line break");
        }
        self.add(Kind::Tag { handle, suffix }, line);
        Ok(())
    }

    /// `!`, `!!` or `!name!`; of a tag, not of a directive, `!name` too.
    pub(super) fn scan_tag_handle(&mut self, is_directive: bool) -> Result<&'a str, Error> {
        self.cursor.need(1)?;
        if !self.cursor.is(b'!') {
            return self.cursor.fail("did not find expected '!'");
        }
        let begin = self.cursor.position();
        self.cursor.skip();
        let name = self.cursor.word()?;
        if self.cursor.is(b'!') {
            self.cursor.skip();
        } else if is_directive && !name.is_empty() {
            return self.cursor.fail("did not find expected '!'");
        }
        Ok(self.cursor.since(begin))
    }

    /// A name, in which `%41` stands for an octet.
    pub(super) fn scan_tag_uri(&mut self, is_required: bool) -> Result<Cow<'a, [u8]>, Error> {
        let begin = self.cursor.position();
        // What stands before and behind the last escape, once there was one.
        let mut unescaped: Option<Vec<u8>> = None;
        let mut from = begin;
        self.cursor.need(1)?;
        loop {
            if self.cursor.is(b'%') {
                let octets = unescaped.get_or_insert_default();
                octets.extend_from_slice(self.cursor.since(from).as_bytes());
                self.scan_uri_escapes(octets)?;
                from = self.cursor.position();
            } else if self.cursor.is_word() || is_of_uri(self.cursor.at(0)) {
                self.cursor.skip();
            } else {
                break;
            }
            self.cursor.need(1)?;
        }
        if is_required && self.cursor.position() == begin {
            return self.cursor.fail("did not find expected tag URI");
        }
        let rest = self.cursor.since(from).as_bytes();
        Ok(match unescaped {
            None => Cow::Borrowed(rest),
            Some(mut octets) => {
                octets.extend_from_slice(rest);
                Cow::Owned(octets)
            }
        })
    }

    /// The octets of one character.
    fn scan_uri_escapes(&mut self, octets: &mut Vec<u8>) -> Result<(), Error> {
        let mut left = 0;
        loop {
            self.cursor.need(3)?;
            let (high, low) = (hex(self.cursor.at(1)), hex(self.cursor.at(2)));
            let (true, Some(high), Some(low)) = (self.cursor.is(b'%'), high, low) else {
                return self.cursor.fail("did not find URI escaped octet");
            };
            let octet = high << 4 | low;
            if left == 0 {
                left = match octet {
                    ..0x80 => 1,
                    0xC0..0xE0 => 2,
                    0xE0..0xF0 => 3,
                    0xF0..0xF8 => 4,
                    _ => return self.cursor.fail("found an incorrect leading UTF-8 octet"),
                };
            } else if octet & 0xC0 != 0x80 {
                return self.cursor.fail("found an incorrect trailing UTF-8 octet");
            }
            octets.push(octet);
            self.cursor.skip_many(3);
            left -= 1;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

fn is_of_uri(byte: u8) -> bool {
    b";/?:@&=+$,.!~*'()[]".contains(&byte)
}

pub(super) fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}
