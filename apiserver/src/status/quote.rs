//! Texts in quotes, as Go's `%q` writes them.

use std::fmt::{self, Write};

/// A text that shows itself in Go's quotes: `"a\x01"`.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_char('"')?;
        for letter in self.0.chars() {
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
fn is_printable(letter: char) -> bool {
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
}
