//! Values as Go's `%v` shows them.

use std::fmt::{self, Write};

use super::{Lister, Value, time, work};

/// A double as Go's `%v` prints it: the fewest digits that tell it from others.
#[must_use]
pub fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    // The shortest form has an exponent from six digits before the point.
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A text as Go's `strconv.Quote`, and `%q`, write it.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{C}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{B}' => out.push_str("\\v"),
            _ if c == ' ' || annex_re2::is_printable(c) => out.push(c),
            _ => {
                let code = u32::from(c);
                let _ = match code {
                    0..0x20 | 0x7F => write!(out, "\\x{code:02x}"),
                    0..0x1_0000 => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push('"');
    out
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is cut off here is shown to nobody: the evaluation has cost too much.
        let bytes = match self {
            Self::String(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        if work::spend(bytes + 4).is_err() {
            return Ok(());
        }
        match self {
            Self::Null => f.write_str("0"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Uint(value) => value.fmt(f),
            Self::Double(value) => f.write_str(&float(*value)),
            Self::String(text) => f.write_str(text),
            Self::Bytes(bytes) => {
                let bytes: Vec<String> = bytes.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", bytes.join(" "))
            }
            Self::Duration(duration) => f.write_str(&time::duration_text(*duration)),
            Self::Timestamp(time) => time.fmt(f),
            Self::Type(name) => f.write_str(name),
            Self::List(list) => {
                f.write_char('[')?;
                for at in (0..list.size()).take_while(|_| !work::is_done()) {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    match list.get(at) {
                        Ok(value) => value.fmt(f)?,
                        Err(error) => error.fmt(f)?,
                    }
                }
                f.write_char(']')
            }
            Self::Map(map) => {
                f.write_char('{')?;
                for (at, (key, value)) in map.entries().into_iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    match value {
                        Ok(value) => write!(f, "{key}: {value}")?,
                        Err(error) => write!(f, "{key}: {error}")?,
                    }
                }
                f.write_char('}')
            }
            Self::Optional(None) => f.write_str("optional.none()"),
            Self::Optional(Some(value)) => write!(f, "optional({value})"),
            Self::Quantity(quantity, _) => quantity.fmt(f),
            Self::Url(url) => url.fmt(f),
            Self::Ip(ip) => ip.fmt(f),
            Self::Cidr(cidr) => cidr.fmt(f),
            Self::Format(format) => f.write_str(format.name),
            Self::Semver(version) => version.fmt(f),
            Self::Unknown(json) => json.fmt(f),
        }
    }
}
