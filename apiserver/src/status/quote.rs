//! Texts in quotes, as Go's `%q` writes them.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Bytes of a text, such as a name, a key, a value or a field's path, that an error shows: what a client sent, or stored
/// before, is not sent back whole with each error.
pub(crate) const MOST_SHOWN: usize = 4096;

/// The first `most` bytes of a text, and `...` where there are more.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end));
    Cow::Owned(format!("{}...", &text[..end.unwrap_or_default()]))
}

/// A text that shows itself in Go's quotes: `"a\x01"`. Of a long one the beginning, and `...` in place of the last quote.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_char('"')?;
        for (at, letter) in self.0.char_indices() {
            if at >= MOST_SHOWN {
                return formatter.write_str("...");
            }
            match letter {
                '"' => formatter.write_str("\\\"")?,
                '\\' => formatter.write_str("\\\\")?,
                '\u{7}' => formatter.write_str("\\a")?,
                '\u{8}' => formatter.write_str("\\b")?,
                '\u{c}' => formatter.write_str("\\f")?,
                '\n' => formatter.write_str("\\n")?,
                '\r' => formatter.write_str("\\r")?,
                '\t' => formatter.write_str("\\t")?,
                '\u{b}' => formatter.write_str("\\v")?,
                _ if is_printable(letter) => formatter.write_char(letter)?,
                _ => match u32::from(letter) {
                    number @ ..0x80 => write!(formatter, "\\x{number:02x}")?,
                    number @ 0x80..0x1_0000 => write!(formatter, "\\u{number:04x}")?,
                    number => write!(formatter, "\\U{number:08x}")?,
                },
            }
        }
        formatter.write_char('"')
    }
}

/// `unicode.IsPrint`, but for code points that are not assigned: those count as printable here.
pub(crate) fn is_printable(letter: char) -> bool {
    let invisible = matches!(letter,
        '\u{a0}' | '\u{ad}' | '\u{1680}' | '\u{180e}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{f0000}'..='\u{10ffff}');
    !letter.is_control() && !invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        let cases = [
            ("", r#""""#),
            ("a b", r#""a b""#),
            ("é語\u{301}", "\"é語\u{301}\""),
            ("\"\\'", r#""\"\\'""#),
            ("\n\t\r\u{7}\u{b}", r#""\n\t\r\a\v""#),
            ("\0\u{1}\u{7f}", r#""\x00\x01\x7f""#),
            ("\u{85}\u{a0}\u{200b}\u{feff}", r#""\u0085\u00a0\u200b\ufeff""#),
            ("\u{10fffd}", r#""\U0010fffd""#),
            ("\u{fffd}", "\"\u{fffd}\""),
        ];
        for (text, quoted) in cases {
            assert_eq!(Quoted(text).to_string(), quoted, "{text:?}");
        }
    }

    #[test]
    fn of_a_long_text_the_beginning_is_shown() {
        let exact = "x".repeat(MOST_SHOWN);
        assert_eq!(Quoted(&exact).to_string(), format!("\"{exact}\""));
        assert_eq!(Quoted(&format!("{exact}x")).to_string(), format!("\"{exact}..."));
        assert_eq!(cut(&exact, MOST_SHOWN), exact);
        assert_eq!(cut("a\u{e9}b", 2), "a...");
        assert_eq!(cut("a\u{e9}b", 3), "a\u{e9}...");
    }
}
