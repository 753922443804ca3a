//! The characters that a YAML body may have, and what Go says of others (go.yaml.in/yaml/v2, `readerc.go`).

use std::str;

/// The text of a body.
///
/// # Errors
/// It is no UTF-8, or has a character that YAML does not allow, in Go's words.
pub(super) fn text(body: &[u8]) -> Result<&str, &'static str> {
    let text = match str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => {
            let (before, rest) = body.split_at_checked(error.valid_up_to()).unwrap_or_default();
            // What comes first is told.
            str::from_utf8(before).map_or(Ok(()), check)?;
            return Err(no_utf8(rest));
        }
    };
    check(text).map(|()| text)
}

fn check(text: &str) -> Result<(), &'static str> {
    if text.chars().all(is_allowed) {
        Ok(())
    } else {
        Err("control characters are not allowed")
    }
}

fn is_allowed(letter: char) -> bool {
    matches!(
        letter,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..
    )
}

/// What is wrong with the first sequence of these, which is no UTF-8.
fn no_utf8(rest: &[u8]) -> &'static str {
    let width = match rest.first() {
        Some(0xc0..0xe0) => 2,
        Some(0xe0..0xf0) => 3,
        Some(0xf0..0xf8) => 4,
        _ => return "invalid leading UTF-8 octet",
    };
    let Some(sequence) = rest.get(..width) else {
        return "incomplete UTF-8 octet sequence";
    };
    if sequence.iter().skip(1).any(|octet| octet & 0xc0 != 0x80) {
        return "invalid trailing UTF-8 octet";
    }
    match sequence {
        // Fewer octets would do.
        [0xc0 | 0xc1, ..] | [0xe0, ..0xa0, ..] | [0xf0, ..0x90, ..] => "invalid length of a UTF-8 sequence",
        _ => "invalid Unicode character",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("\u{9f}".as_bytes(), "control characters are not allowed"),
            ("\u{fffe}".as_bytes(), "control characters are not allowed"),
        ] {
            assert_eq!(text(body), Err(expected), "{body:x?}");
        }
    }

    #[test]
    fn all_else_is_text() {
        let all = "\t\r\n ~\u{85}\u{a0}\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}";
        assert_eq!(text(all.as_bytes()), Ok(all));
    }
}
