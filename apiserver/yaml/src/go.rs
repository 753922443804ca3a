//! How Go prints texts and floats.

use std::borrow::Cow;
use std::fmt::{self, Write};

use crate::MOST_SHOWN;

/// The beginning of a text, and `...` where there is more.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= MOST_SHOWN {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(MOST_SHOWN);
    Cow::Owned(format!("{}...", text.get(..end).unwrap_or_default()))
}

/// Writes as much as is shown of a message, and `...` where there is more.
pub(crate) struct Shown {
    text: String,
    is_full: bool,
}

impl Shown {
    /// What is written, cut.
    pub(crate) fn of(write: impl FnOnce(&mut Self) -> fmt::Result) -> String {
        let mut shown = Self {
            text: String::new(),
            is_full: false,
        };
        // The only error is that there is enough.
        _ = write(&mut shown);
        if shown.is_full {
            shown.text.push_str("...");
        }
        shown.text
    }
}

impl Write for Shown {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MOST_SHOWN.saturating_sub(self.text.len());
        if text.len() <= room && !self.is_full {
            self.text.push_str(text);
            return Ok(());
        }
        if !self.is_full {
            let end = text.floor_char_boundary(room);
            self.text.push_str(text.get(..end).unwrap_or_default());
            self.is_full = true;
        }
        Err(fmt::Error)
    }
}

/// Writes a text as `%q` does.
pub(crate) fn write_quoted(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\u{7}' => out.write_str("\\a")?,
            '\u{8}' => out.write_str("\\b")?,
            '\u{c}' => out.write_str("\\f")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '\u{b}' => out.write_str("\\v")?,
            ' '..='~' => out.write_char(c)?,
            '\0'..='\u{7f}' => write!(out, "\\x{:02x}", u32::from(c))?,
            _ if is_printable(c) => out.write_char(c)?,
            '\u{80}'..='\u{ffff}' => write!(out, "\\u{:04x}", u32::from(c))?,
            _ => write!(out, "\\U{:08x}", u32::from(c))?,
        }
    }
    out.write_char('"')
}

/// Whether Go's `strconv.IsPrint` holds, which Rust has by another name and a later version of Unicode: behind another character it
/// escapes what is not printable.
fn is_printable(c: char) -> bool {
    let mut bytes = [b'x'; 5];
    let width = c.encode_utf8(bytes.get_mut(1..).unwrap_or_default()).len();
    let text = str::from_utf8(bytes.get(..=width).unwrap_or_default()).unwrap_or_default();
    text.escape_debug().nth(1) == Some(c)
}

/// A float as `%v` prints it.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    with_exponent(&format!("{value}"), &format!("{value:e}"))
}

/// A float as `strconv.FormatFloat(value, 'g', -1, 32)` writes it, and go-yaml what is no number: the name of a key.
#[expect(clippy::cast_possible_truncation, reason = "it is what Go does")]
pub(crate) fn key_of_float(value: f64) -> String {
    let value = value as f32;
    if value.is_nan() {
        return ".nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.into();
    }
    with_exponent(&format!("{value}"), &format!("{value:e}"))
}

/// The one or the other way to write a number, as `%g` chooses.
fn with_exponent(plain: &str, scientific: &str) -> String {
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return plain.into();
    };
    match exponent.parse::<i32>() {
        Ok(-4..6) | Err(_) => plain.into(),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> String {
        Shown::of(|out| write_quoted(out, text))
    }

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        for (text, expected) in [
            ("a\"b\\", r#""a\"b\\""#),
            ("\0\u{7f}\u{7}\n", r#""\x00\x7f\a\n""#),
            ("é\u{301}\u{a0}\u{200b}\u{e000}", r#""é\u0301\u00a0\u200b\ue000""#),
            ("😀\u{e0001}", "\"😀\\U000e0001\""),
        ] {
            assert_eq!(quoted(text).replace('\u{301}', "\\u0301"), expected);
        }
    }

    #[test]
    fn of_a_long_text_the_beginning_is_shown() {
        let long = "é".repeat(MOST_SHOWN);
        let shown = quoted(&long);
        assert!(
            shown.ends_with("é...") && shown.len() <= MOST_SHOWN + 3,
            "{}",
            shown.len()
        );
        assert_eq!(cut(&long).len(), MOST_SHOWN + 3);
        assert_eq!(cut("a"), "a");
    }

    #[test]
    fn floats_are_written_as_go_writes_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (1.5, "1.5"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (123_456_789.0, "1.23456789e+08"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e100, "1e+100"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(float(value), expected);
        }
        for (value, expected) in [
            (0.1, "0.1"),
            (16_777_217.0, "1.6777216e+07"),
            (1e300, ".inf"),
            (-1e300, "-.inf"),
            (f64::NAN, ".nan"),
        ] {
            assert_eq!(key_of_float(value), expected);
        }
    }
}
