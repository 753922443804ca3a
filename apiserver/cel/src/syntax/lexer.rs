//! Splits an expression into tokens, as cel-go's lexer does: the longest that matches, and one error for what is none.

use super::token::{Kind, Token};
use crate::source::{Issues, Place};

/// The tokens of a text, the end being the last. What is none is reported, with its bytes, and left out.
pub(super) fn tokens(text: &str, mut error: impl FnMut(u32, (usize, usize), String)) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::with_capacity(text.len() / 3 + 1);
    let (mut offset, mut counted) = (0, 0);
    loop {
        lexer.skip_hidden();
        let begin = lexer.at;
        offset += characters(text.get(counted..begin).unwrap_or_default());
        counted = begin;
        if begin >= text.len() {
            tokens.push(Token {
                kind: Kind::Eof,
                begin,
                end: begin,
                offset,
            });
            return tokens;
        }
        match lexer.token() {
            Ok((kind, end)) => {
                lexer.at = end;
                tokens.push(Token {
                    kind,
                    begin,
                    end,
                    offset,
                });
            }
            Err(end) => {
                lexer.at = end;
                let what = text.get(begin..end).unwrap_or_default();
                error(
                    offset,
                    (begin, end),
                    format!("token recognition error at: '{what}'"),
                );
            }
        }
    }
}

/// Line breaks and tabs as errors show them.
pub(super) fn escape_spaces(text: &str) -> String {
    text.replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t")
}

fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl Lexer<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or_default()
    }

    fn skip_hidden(&mut self) {
        loop {
            while matches!(self.byte(self.at), b'\t' | b' ' | b'\r' | b'\n' | 0x0C)
                && self.at < self.text.len()
            {
                self.at += 1;
            }
            if !(self.byte(self.at) == b'/' && self.byte(self.at + 1) == b'/') {
                return;
            }
            let rest = self.text.get(self.at..).unwrap_or_default();
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    /// The token that begins here and its end; or the end of what is none.
    fn token(&self) -> Result<(Kind, usize), usize> {
        let at = self.at;
        let two = |second: u8, kind: Kind| -> Result<(Kind, usize), usize> {
            if self.byte(at + 1) == second {
                Ok((kind, at + 2))
            } else {
                Err(self.after(at + 1))
            }
        };
        let one_or_two = |second: u8, longer: Kind, kind: Kind| {
            if self.byte(at + 1) == second {
                (longer, at + 2)
            } else {
                (kind, at + 1)
            }
        };
        let kind = match self.byte(at) {
            b'=' => return two(b'=', Kind::Equals),
            b'&' => return two(b'&', Kind::And),
            b'|' => return two(b'|', Kind::Or),
            b'!' => return Ok(one_or_two(b'=', Kind::NotEquals, Kind::Exclamation)),
            b'<' => return Ok(one_or_two(b'=', Kind::LessEquals, Kind::Less)),
            b'>' => return Ok(one_or_two(b'=', Kind::GreaterEquals, Kind::Greater)),
            b'[' => Kind::LeftBracket,
            b']' => Kind::RightBracket,
            b'{' => Kind::LeftBrace,
            b'}' => Kind::RightBrace,
            b'(' => Kind::LeftParen,
            b')' => Kind::RightParen,
            b'.' if self.byte(at + 1).is_ascii_digit() => return Ok(self.number()),
            b'.' => Kind::Dot,
            b',' => Kind::Comma,
            b'-' => Kind::Minus,
            b'?' => Kind::Question,
            b':' => Kind::Colon,
            b'+' => Kind::Plus,
            b'*' => Kind::Star,
            b'/' => Kind::Slash,
            b'%' => Kind::Percent,
            b'0'..=b'9' => return Ok(self.number()),
            b'"' | b'\'' => return self.string(at, false).map(|end| (Kind::String, end)),
            b'`' => return self.escaped_identifier(),
            c if c.is_ascii_alphabetic() || c == b'_' => return self.word(),
            _ => return Err(self.after(at)),
        };
        Ok((kind, at + 1))
    }

    /// The end of the character that begins at a byte.
    fn after(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.chars().next().map_or(0, char::len_utf8)
    }

    fn digits(&self, mut at: usize) -> usize {
        while self.byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    }

    /// The end of an exponent that begins here; without one, here.
    fn exponent(&self, at: usize) -> usize {
        if !matches!(self.byte(at), b'e' | b'E') {
            return at;
        }
        let digits = at + 1 + usize::from(matches!(self.byte(at + 1), b'+' | b'-'));
        if self.byte(digits).is_ascii_digit() {
            self.digits(digits)
        } else {
            at
        }
    }

    fn number(&self) -> (Kind, usize) {
        let at = self.at;
        if self.byte(at) == b'0' && self.byte(at + 1) == b'x' && self.byte(at + 2).is_ascii_hexdigit() {
            let mut end = at + 2;
            while self.byte(end).is_ascii_hexdigit() {
                end += 1;
            }
            return self.whole(end);
        }
        let end = self.digits(at);
        if self.byte(end) == b'.' && self.byte(end + 1).is_ascii_digit() {
            return (Kind::Float, self.exponent(self.digits(end + 1)));
        }
        let exponent = self.exponent(end);
        if exponent > end {
            return (Kind::Float, exponent);
        }
        self.whole(end)
    }

    fn whole(&self, end: usize) -> (Kind, usize) {
        if matches!(self.byte(end), b'u' | b'U') {
            (Kind::Uint, end + 1)
        } else {
            (Kind::Int, end)
        }
    }

    fn word(&self) -> Result<(Kind, usize), usize> {
        let at = self.at;
        let (mut quote, mut kind, mut raw) = (at, Kind::String, false);
        if matches!(self.byte(quote), b'b' | b'B') {
            quote += 1;
            kind = Kind::Bytes;
        }
        if matches!(self.byte(quote), b'r' | b'R') {
            quote += 1;
            raw = true;
        }
        if matches!(self.byte(quote), b'"' | b'\'') && quote > at {
            // A word that is not continued as a string is a word: `b"` is `b`, and an error at the quote.
            if let Ok(end) = self.string(quote, raw) {
                return Ok((kind, end));
            }
        }
        let mut end = at;
        while self.byte(end).is_ascii_alphanumeric() || self.byte(end) == b'_' {
            end += 1;
        }
        let kind = match self.text.get(at..end).unwrap_or_default() {
            "in" => Kind::In,
            "true" => Kind::True,
            "false" => Kind::False,
            "null" => Kind::Null,
            _ => Kind::Identifier,
        };
        Ok((kind, end))
    }

    fn escaped_identifier(&self) -> Result<(Kind, usize), usize> {
        let mut end = self.at + 1;
        while self.byte(end).is_ascii_alphanumeric()
            || matches!(self.byte(end), b'_' | b'.' | b'-' | b'/' | b' ')
        {
            end += 1;
        }
        if self.byte(end) == b'`' && end > self.at + 1 {
            Ok((Kind::EscapedIdentifier, end + 1))
        } else {
            Err(self.after(end))
        }
    }

    /// The end of the string whose quote stands here; or the end of what is none.
    fn string(&self, at: usize, raw: bool) -> Result<usize, usize> {
        let quote = self.byte(at);
        if self.byte(at + 1) == quote && self.byte(at + 2) == quote {
            return match self.triple(at + 3, quote, raw) {
                Ok(end) => Ok(end),
                // What begins with three quotes and does not end is an empty string.
                Err(_) => Ok(at + 2),
            };
        }
        let mut end = at + 1;
        loop {
            if end >= self.text.len() {
                return Err(end);
            }
            match self.byte(end) {
                b'\n' | b'\r' => return Err(end + 1),
                c if c == quote => return Ok(end + 1),
                b'\\' if !raw => end = self.escape(end)?,
                _ => end += 1,
            }
        }
    }

    fn triple(&self, mut end: usize, quote: u8, raw: bool) -> Result<usize, usize> {
        loop {
            if end >= self.text.len() {
                return Err(end);
            }
            match self.byte(end) {
                c if c == quote && self.byte(end + 1) == quote && self.byte(end + 2) == quote => {
                    return Ok(end + 3);
                }
                b'\\' if !raw => end = self.escape(end)?,
                _ => end += 1,
            }
        }
    }

    /// The end of the escape whose backslash stands here; or the end of what is none.
    fn escape(&self, at: usize) -> Result<usize, usize> {
        let digits = |from: usize, count: usize, digit: fn(u8) -> bool| {
            for at in from..from + count {
                if !digit(self.byte(at)) {
                    return Err(self.after(at));
                }
            }
            Ok(from + count)
        };
        let hexadecimal: fn(u8) -> bool = |c| c.is_ascii_hexdigit();
        match self.byte(at + 1) {
            b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`' => Ok(at + 2),
            b'x' | b'X' => digits(at + 2, 2, hexadecimal),
            b'u' => digits(at + 2, 4, hexadecimal),
            b'U' => digits(at + 2, 8, hexadecimal),
            b'0'..=b'3' => digits(at + 2, 2, |c| (b'0'..=b'7').contains(&c)),
            _ => Err(self.after(at + 1)),
        }
    }
}

/// Reports a syntax error.
pub(super) fn syntax_error(issues: &mut Issues, place: Place, message: &str) {
    issues.report(place, format!("Syntax error: {message}"));
}
