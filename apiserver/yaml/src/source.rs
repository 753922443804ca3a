//! The bytes of a body as text. Go reads it 512 bytes at a time and stops at the first document's end: what is wrong with bytes behind
//! that is never seen, and what is wrong with the text before is told first.

use std::borrow::Cow;

/// Bytes that Go reads at a time.
const CHUNK: usize = 512;

/// The text of a body.
pub(crate) struct Source<'a> {
    /// As far as it can be read.
    pub(crate) text: Cow<'a, str>,
    /// Why no further.
    pub(crate) error: Option<&'static str>,
}

/// What stands at the beginning of some bytes.
enum Next {
    Char(char, usize),
    /// The beginning of a character, and what is wrong if no more follows.
    Part(&'static str),
    Wrong(&'static str),
}

impl<'a> Source<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        match body {
            [0xFF, 0xFE, ..] => chunks(body, 2, |bytes| utf16(bytes, u16::from_le_bytes)),
            [0xFE, 0xFF, ..] => chunks(body, 2, |bytes| utf16(bytes, u16::from_be_bytes)),
            _ => {
                let rest = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
                match str::from_utf8(rest) {
                    Ok(text) if text.chars().all(is_allowed) => Self {
                        text: Cow::Borrowed(text),
                        error: None,
                    },
                    _ => chunks(body, body.len() - rest.len(), utf8),
                }
            }
        }
    }
}

/// The text of a body behind its mark of `begin` bytes. Of a chunk with a fault nothing is read.
fn chunks<'a>(body: &[u8], begin: usize, next: impl Fn(&[u8]) -> Next) -> Source<'a> {
    let mut text = String::with_capacity(body.len());
    let (mut at, mut end) = (begin, CHUNK.min(body.len()));
    let error = loop {
        let before = text.len();
        let left = loop {
            let rest = body.get(at..end).unwrap_or_default();
            if rest.is_empty() {
                break None;
            }
            match next(rest) {
                Next::Char(c, width) if is_allowed(c) => {
                    text.push(c);
                    at += width;
                }
                Next::Char(..) => break Some(Err("control characters are not allowed")),
                Next::Wrong(error) => break Some(Err(error)),
                Next::Part(error) => break Some(Ok(error)),
            }
        };
        match left {
            Some(Err(error)) => {
                text.truncate(before);
                break Some(error);
            }
            Some(Ok(error)) if end == body.len() => break Some(error),
            None if end == body.len() => break None,
            _ => end = body.len().min(at + CHUNK),
        }
    };
    Source {
        text: Cow::Owned(text),
        error,
    }
}

fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

fn utf8(bytes: &[u8]) -> Next {
    let width = match bytes.first() {
        Some(..0x80) => 1,
        Some(0xC0..0xE0) => 2,
        Some(0xE0..0xF0) => 3,
        Some(0xF0..0xF8) => 4,
        _ => return Next::Wrong("invalid leading UTF-8 octet"),
    };
    let Some(sequence) = bytes.get(..width) else {
        return Next::Part("incomplete UTF-8 octet sequence");
    };
    if sequence.iter().skip(1).any(|octet| octet & 0xC0 != 0x80) {
        return Next::Wrong("invalid trailing UTF-8 octet");
    }
    match str::from_utf8(sequence).ok().and_then(|text| text.chars().next()) {
        Some(c) => Next::Char(c, width),
        None => Next::Wrong(match sequence {
            // Fewer octets would do.
            [0xC0 | 0xC1, ..] | [0xE0, ..0xA0, ..] | [0xF0, ..0x90, ..] => {
                "invalid length of a UTF-8 sequence"
            }
            _ => "invalid Unicode character",
        }),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Next {
    let (units, _) = bytes.as_chunks::<2>();
    let mut units = units.iter().map(|bytes| unit(*bytes));
    match (units.next(), units.next()) {
        (None, _) => Next::Part("incomplete UTF-16 character"),
        (Some(0xDC00..0xE000), _) => Next::Wrong("unexpected low surrogate area"),
        (Some(0xD800..0xDC00), None) => Next::Part("incomplete UTF-16 surrogate pair"),
        (Some(first), second) => {
            let units = [first, second.unwrap_or_default()];
            match char::decode_utf16(units).next() {
                Some(Ok(c)) => Next::Char(c, c.len_utf16() * 2),
                _ => Next::Wrong("expected low surrogate area"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> (String, Option<&'static str>) {
        let source = Source::new(body);
        (source.text.into_owned(), source.error)
    }

    #[test]
    fn what_yaml_does_not_allow_is_told_as_go_tells_it() {
        for (body, expected) in [
            (b"\xff".as_slice(), "invalid leading UTF-8 octet"),
            (b"a: \x80", "invalid leading UTF-8 octet"),
            (b"\xc3", "incomplete UTF-8 octet sequence"),
            (b"\xe2\x82", "incomplete UTF-8 octet sequence"),
            (b"\xc3a", "invalid trailing UTF-8 octet"),
            (b"\xf0\x9f\x98a", "invalid trailing UTF-8 octet"),
            (b"\xc0\x80", "invalid length of a UTF-8 sequence"),
            (b"\xe0\x80\x80", "invalid length of a UTF-8 sequence"),
            (b"\xf0\x80\x80\x80", "invalid length of a UTF-8 sequence"),
            (b"\xed\xa0\x80", "invalid Unicode character"),
            (b"\xf7\xbf\xbf\xbf", "invalid Unicode character"),
            (b"\x00", "control characters are not allowed"),
            (b"\x7f", "control characters are not allowed"),
            (b"\x01\xff", "control characters are not allowed"),
            (b"\xff\xfea", "incomplete UTF-16 character"),
            (b"\xff\xfe\x3d\xd8", "incomplete UTF-16 surrogate pair"),
            (b"\xfe\xff\xdc\x00", "unexpected low surrogate area"),
            (b"\xfe\xff\xd8\x3d\x00a", "expected low surrogate area"),
            ("\u{9f}".as_bytes(), "control characters are not allowed"),
            ("\u{fffe}".as_bytes(), "control characters are not allowed"),
        ] {
            assert_eq!(read(body).1, Some(expected), "{body:x?}");
        }
    }

    #[test]
    fn all_else_is_text_whatever_it_is_written_in() {
        let all = "\t\r\n ~\u{85}\u{a0}\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}".repeat(100);
        assert_eq!(read(all.as_bytes()), (all.clone(), None));
        let marked = format!("\u{feff}{all}");
        assert_eq!(read(marked.as_bytes()), (all.clone(), None));
        let units: Vec<u16> = marked.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        assert_eq!(read(&little), (all.clone(), None));
        assert_eq!(read(&big), (all, None));
    }

    #[test]
    fn of_a_chunk_with_a_fault_nothing_is_read() {
        let mut body = "é".repeat(300).into_bytes();
        body.push(0);
        // The first character of the second chunk begins at its last byte but one.
        assert_eq!(read(&body).0.len(), 512);
        body.insert(0, b'a');
        assert_eq!(read(&body).0.len(), 511);
    }
}
