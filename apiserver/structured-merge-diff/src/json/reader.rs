//! A reader of JSON that accepts what json-iterator accepts.

use serde_json::{Map, Number, Value};

use crate::MAX_DEPTH;

/// Why a text is not read as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxError {
    /// Something else stands where this is expected, or the text ends.
    #[error("expected {expected} at byte {at}")]
    Expected {
        /// What is expected.
        expected: &'static str,
        /// The offset in the text.
        at: usize,
    },
    /// What begins as a number is none, or is too large for a float.
    #[error("invalid number at byte {at}")]
    Number {
        /// The offset in the text.
        at: usize,
    },
    /// A control character in a string, or an escape that there is not.
    #[error("invalid character in a string at byte {at}")]
    Text {
        /// The offset in the text.
        at: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// The place in a text up to which it was read.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }

    /// An object's entries, each read by `entry`; null is an object without entries.
    ///
    /// # Errors
    /// Of the text, or of `entry`.
    pub(crate) fn object<E: From<SyntaxError>>(
        &mut self,
        mut entry: impl FnMut(&mut Self, String) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.token() {
            Some(b'{') => {}
            Some(b'n') => return Ok(self.rest_of("ull")?),
            _ => return Err(self.expected("an object or null").into()),
        }
        self.descend()?;
        let first = self.token();
        if first == Some(b'}') {
            self.depth -= 1;
            return Ok(());
        }
        if first != Some(b'"') {
            return Err(self.expected("a field or `}`").into());
        }
        self.at -= 1;
        loop {
            let key = self.string()?;
            if self.token() != Some(b':') {
                return Err(self.expected("`:`").into());
            }
            entry(self, key)?;
            match self.token() {
                Some(b',') => {}
                Some(b'}') => break,
                _ => return Err(self.expected("`,` or `}`").into()),
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// The next value; numbers are floats.
    ///
    /// # Errors
    /// Where none begins here, or it does not end.
    pub(crate) fn value(&mut self) -> Result<Value, SyntaxError> {
        match self.token() {
            Some(b'"') => {
                self.at -= 1;
                Ok(Value::String(self.string()?))
            }
            Some(b'n') => self.rest_of("ull").map(|()| Value::Null),
            Some(b't') => self.rest_of("rue").map(|()| Value::Bool(true)),
            Some(b'f') => self.rest_of("alse").map(|()| Value::Bool(false)),
            Some(b'-') => self.number().and_then(|float| self.finite(-float)),
            Some(b'0'..=b'9') => {
                self.at -= 1;
                self.number().and_then(|float| self.finite(float))
            }
            Some(b'[') => self.list(),
            Some(b'{') => {
                self.at -= 1;
                let mut fields = Map::new();
                self.object::<SyntaxError>(|reader, key| {
                    fields.insert(key, reader.value()?);
                    Ok(())
                })?;
                Ok(Value::Object(fields))
            }
            _ => Err(self.expected("a value")),
        }
    }

    fn list(&mut self) -> Result<Value, SyntaxError> {
        self.descend()?;
        let mut items = Vec::new();
        if self.token() != Some(b']') {
            self.at -= 1;
            loop {
                items.push(self.value()?);
                match self.token() {
                    Some(b',') => {}
                    Some(b']') => break,
                    _ => return Err(self.expected("`,` or `]`")),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Array(items))
    }

    // One more than elements of a path: the fields of an object at MAX_DEPTH are an empty object.
    fn descend(&mut self) -> Result<(), SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH + 1 {
            Err(SyntaxError::TooDeep)
        } else {
            Ok(())
        }
    }

    // The next byte that is no space. At the end of the text the place still goes on by one, so that a step back is one.
    fn token(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let spaces = rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r'))
            .count();
        self.at += spaces + 1;
        rest.get(spaces).copied()
    }

    fn rest_of(&mut self, word: &'static str) -> Result<(), SyntaxError> {
        match self.text.get(self.at..) {
            Some(rest) if rest.starts_with(word) => {
                self.at += word.len();
                Ok(())
            }
            _ => Err(self.expected(word)),
        }
    }

    fn expected(&self, expected: &'static str) -> SyntaxError {
        SyntaxError::Expected {
            expected,
            at: self.at.saturating_sub(1),
        }
    }

    // Behind the sign. A second sign is Go's: `-+1` is -1.
    fn number(&mut self) -> Result<f64, SyntaxError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let digits = &rest[..rest.bytes().take_while(is_of_number).count()];
        let error = SyntaxError::Number { at: self.at };
        let bytes = digits.as_bytes();
        let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
        let leads_with_zero = bytes.first() == Some(&b'0') && is_digit(1);
        let ends_with_dot = digits.find('.').is_some_and(|dot| dot == 0 || !is_digit(dot + 1));
        if digits.starts_with('-') || leads_with_zero || ends_with_dot {
            return Err(error);
        }
        self.at += digits.len();
        digits.parse().map_err(|_| error)
    }

    fn finite(&self, float: f64) -> Result<Value, SyntaxError> {
        Number::from_f64(float)
            .map(Value::Number)
            .ok_or(SyntaxError::Number { at: self.at })
    }

    // Null is an empty string, as a key behind the first may be.
    fn string(&mut self) -> Result<String, SyntaxError> {
        match self.token() {
            Some(b'"') => {}
            Some(b'n') => return self.rest_of("ull").map(|()| String::new()),
            _ => return Err(self.expected("a string")),
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(end) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') else {
            return Err(self.expected("the end of a string"));
        };
        self.at += end + 1;
        match rest.as_bytes()[end] {
            b'"' => Ok(rest[..end].to_owned()),
            b'\\' => {
                let mut text = rest[..end].to_owned();
                self.escape(&mut text)?;
                self.rest_of_string(text)
            }
            _ => Err(SyntaxError::Text { at: self.at }),
        }
    }

    fn rest_of_string(&mut self, mut text: String) -> Result<String, SyntaxError> {
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(end) = rest.find(['"', '\\']) else {
                return Err(self.expected("the end of a string"));
            };
            text.push_str(&rest[..end]);
            self.at += end + 1;
            if rest.as_bytes()[end] == b'"' {
                return Ok(text);
            }
            self.escape(&mut text)?;
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), SyntaxError> {
        let error = SyntaxError::Text { at: self.at };
        let escaped = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        text.push(match escaped {
            Some(b'u') => return self.code_units(text),
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(error),
        });
        Ok(())
    }

    // One code unit or a surrogate pair; a half of a pair is the replacement character.
    fn code_units(&mut self, text: &mut String) -> Result<(), SyntaxError> {
        let first = self.code_unit()?;
        let is_surrogate = (0xd800..0xe000).contains(&first);
        let pair_follows = self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with("\\u"));
        if !is_surrogate || !pair_follows {
            text.push(char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER));
            return Ok(());
        }
        self.at += 2;
        let second = self.code_unit()?;
        text.extend(
            char::decode_utf16([first, second]).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)),
        );
        Ok(())
    }

    fn code_unit(&mut self) -> Result<u16, SyntaxError> {
        let error = SyntaxError::Text { at: self.at };
        let digits = self.text.get(self.at..self.at + 4).ok_or(error)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error);
        }
        self.at += 4;
        u16::from_str_radix(digits, 16).map_err(|_| error)
    }
}
