//! What is wrong with a text that is no JSON, in the words of Go's `encoding/json`. Only read once it is known to be
//! wrong.

use std::iter::Peekable;

/// What the scanner is in.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Object,
    Array,
}

/// Go's maximum; deeper is an error of its own.
const MAX_NESTING: usize = 10_000;

struct Scanner<I: Iterator<Item = u8>> {
    bytes: Peekable<I>,
    open: Vec<Inside>,
}

/// Go's message about `text`; `None` where Go would take it.
pub(crate) fn explain(text: &[u8]) -> Option<String> {
    let mut scanner = Scanner {
        bytes: text.iter().copied().peekable(),
        open: Vec::new(),
    };
    scanner.document().err()
}

/// The first number in a JSON text that no float is.
pub(crate) fn too_large(text: &str) -> Option<&str> {
    let is_of_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
                    at += if *byte == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..].iter().take_while(|byte| is_of_number(**byte)).count();
                let number = &text[at..at + length];
                if number.parse::<f64>().is_ok_and(f64::is_infinite) {
                    return Some(number);
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    None
}

type Scanned = Result<(), String>;

impl<I: Iterator<Item = u8>> Scanner<I> {
    fn document(&mut self) -> Scanned {
        loop {
            self.begin_value()?;
            // Each turn closes what the value ends, up to where the next value begins.
            loop {
                let Some(inside) = self.open.last().copied() else {
                    return match self.next_token() {
                        None => Ok(()),
                        Some(byte) => Err(invalid(byte, "after top-level value")),
                    };
                };
                match (self.token()?, inside) {
                    (b',', Inside::Array) => break,
                    (b',', Inside::Object) => {
                        let byte = self.token()?;
                        self.key(byte)?;
                        break;
                    }
                    (b']', Inside::Array) | (b'}', Inside::Object) => {
                        self.open.pop();
                    }
                    (byte, Inside::Array) => return Err(invalid(byte, "after array element")),
                    (byte, Inside::Object) => return Err(invalid(byte, "after object key:value pair")),
                }
            }
        }
    }

    /// A scalar, or all that opens up to the next scalar, or an empty array or object.
    fn begin_value(&mut self) -> Scanned {
        loop {
            let byte = self.token()?;
            match byte {
                b'{' => {
                    self.push(byte, Inside::Object)?;
                    let byte = self.token()?;
                    if byte == b'}' {
                        self.open.pop();
                        return Ok(());
                    }
                    self.key(byte)?;
                }
                b'[' => {
                    self.push(byte, Inside::Array)?;
                    if self.peek_token() == Some(b']') {
                        self.bytes.next();
                        self.open.pop();
                        return Ok(());
                    }
                }
                b'"' => return self.string(),
                b'-' | b'0'..=b'9' => return self.number(byte),
                b't' => return self.literal("true"),
                b'f' => return self.literal("false"),
                b'n' => return self.literal("null"),
                _ => return Err(invalid(byte, "looking for beginning of value")),
            }
        }
    }

    fn push(&mut self, byte: u8, inside: Inside) -> Scanned {
        if self.open.len() >= MAX_NESTING {
            return Err(invalid(byte, "exceeded max depth"));
        }
        self.open.push(inside);
        Ok(())
    }

    fn key(&mut self, byte: u8) -> Scanned {
        if byte != b'"' {
            return Err(invalid(byte, "looking for beginning of object key string"));
        }
        self.string()?;
        match self.token()? {
            b':' => Ok(()),
            byte => Err(invalid(byte, "after object key")),
        }
    }

    fn string(&mut self) -> Scanned {
        loop {
            match self.byte()? {
                b'"' => return Ok(()),
                b'\\' => match self.byte()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let byte = self.byte()?;
                            if !byte.is_ascii_hexdigit() {
                                return Err(invalid(byte, "in \\u hexadecimal character escape"));
                            }
                        }
                    }
                    byte => return Err(invalid(byte, "in string escape code")),
                },
                byte if byte < 0x20 => return Err(invalid(byte, "in string literal")),
                _ => {}
            }
        }
    }

    fn number(&mut self, first: u8) -> Scanned {
        let first = if first == b'-' { self.byte()? } else { first };
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            byte => return Err(invalid(byte, "in numeric literal")),
        }
        if self.bytes.next_if_eq(&b'.').is_some() {
            self.digit("after decimal point in numeric literal")?;
        }
        if self.bytes.next_if(|byte| matches!(byte, b'e' | b'E')).is_some() {
            self.bytes.next_if(|byte| matches!(byte, b'+' | b'-'));
            self.digit("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digit(&mut self, context: &str) -> Scanned {
        let byte = self.byte()?;
        if !byte.is_ascii_digit() {
            return Err(invalid(byte, context));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.bytes.next_if(u8::is_ascii_digit).is_some() {}
    }

    fn literal(&mut self, word: &str) -> Scanned {
        for expected in word.bytes().skip(1) {
            let byte = self.byte()?;
            if byte != expected {
                let context = format!("in literal {word} (expecting '{}')", char::from(expected));
                return Err(invalid(byte, &context));
            }
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.bytes.next().ok_or_else(ended)
    }

    fn token(&mut self) -> Result<u8, String> {
        self.next_token().ok_or_else(ended)
    }

    fn next_token(&mut self) -> Option<u8> {
        self.peek_token()?;
        self.bytes.next()
    }

    fn peek_token(&mut self) -> Option<u8> {
        while self
            .bytes
            .next_if(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
            .is_some()
        {}
        self.bytes.peek().copied()
    }
}

fn ended() -> String {
    "unexpected end of JSON input".into()
}

fn invalid(byte: u8, context: &str) -> String {
    format!("invalid character {} {context}", quoted(byte))
}

/// A byte as Go quotes it.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".into(),
        b'"' => r#"'"'"#.into(),
        0x07 => r"'\a'".into(),
        0x08 => r"'\b'".into(),
        0x0b => r"'\v'".into(),
        0x0c => r"'\f'".into(),
        b'\n' => r"'\n'".into(),
        b'\r' => r"'\r'".into(),
        b'\t' => r"'\t'".into(),
        b'\\' => r"'\\'".into(),
        0x00..=0x1f | 0x7f => format!("'\\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!("'\\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::explain;

    #[test]
    fn what_is_wrong_is_said_as_go_says_it() {
        let cases = [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("x", "invalid character 'x' looking for beginning of value"),
            ("{\"a\"", "unexpected end of JSON input"),
            (
                "{a:1}",
                "invalid character 'a' looking for beginning of object key string",
            ),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\":1 \"b\":2}",
                "invalid character '\"' after object key:value pair",
            ),
            (
                "{\"a\":1,}",
                "invalid character '}' looking for beginning of object key string",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("{\"a\":01}", "invalid character '1' after object key:value pair"),
            (
                "{\"a\":1.}",
                "invalid character '}' after decimal point in numeric literal",
            ),
            (
                "{\"a\":1e}",
                "invalid character '}' in exponent of numeric literal",
            ),
            ("{\"a\":-x}", "invalid character 'x' in numeric literal"),
            (
                "{\"a\":tru}",
                "invalid character '}' in literal true (expecting 'e')",
            ),
            ("{\"a\":nul", "unexpected end of JSON input"),
            ("{\"a\":\"\n\"}", "invalid character '\\n' in string literal"),
            ("{\"a\":\"\\x\"}", "invalid character 'x' in string escape code"),
            (
                "{\"a\":\"\\u12g4\"}",
                "invalid character 'g' in \\u hexadecimal character escape",
            ),
            ("{} x", "invalid character 'x' after top-level value"),
            (
                "{\"a\":\u{e9}}",
                "invalid character '\u{c3}' looking for beginning of value",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(explain(text.as_bytes()).as_deref(), Some(message), "{text}");
        }
    }

    #[test]
    fn json_is_not_explained() {
        for text in [
            "{}",
            "[]",
            " [ ] ",
            "[[],{}]",
            r#"{"a":{"b":[1,-2.5e+3,true,null,"\u00e9"]},"c":[]}"#,
        ] {
            assert_eq!(explain(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let text = "[".repeat(20_000);
        let message = explain(text.as_bytes());
        assert_eq!(
            message.as_deref(),
            Some("invalid character '[' exceeded max depth")
        );
    }
}
