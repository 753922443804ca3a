//! Values as the data has them.

use annex_cel::{Fail, Value};

pub(crate) fn show(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => format!("{value}u"),
        Value::Double(value) => format!("double {}", double(*value)),
        Value::String(text) => quote(text),
        Value::Bytes(bytes) => {
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("bytes {}", hex.concat())
        }
        Value::Duration(duration) => format!("duration {duration}"),
        Value::Timestamp(time) => format!("timestamp {time}"),
        Value::Type(name) => format!("type {name}"),
        Value::Optional(None) => "none".to_owned(),
        Value::Optional(Some(value)) => format!("some({})", show(value)),
        Value::List(_) => {
            let all: Vec<String> = value.elements().iter().map(outcome).collect();
            format!("[{}]", all.join(", "))
        }
        Value::Map(_) => {
            let mut all: Vec<String> = value
                .entries()
                .iter()
                .map(|(key, value)| format!("{}: {}", show(key), outcome(value)))
                .collect();
            all.sort();
            format!("{{{}}}", all.join(", "))
        }
        Value::Ip(_) | Value::Cidr(_) | Value::Url(_) | Value::Semver(_) => {
            format!("{} {value}", value.type_name())
        }
        Value::Format(_) => format!("format {value}"),
        other => other.type_name().to_owned(),
    }
}

fn outcome(value: &Result<Value<'_>, Fail>) -> String {
    value.as_ref().map_or_else(ToString::to_string, show)
}

fn double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("a number");
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Go's `strconv.QuoteToASCII`.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
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
            ' '..='~' => out.push(c),
            _ => {
                let code = u32::from(c);
                out.push_str(&match code {
                    0..0x80 => format!("\\x{code:02x}"),
                    0x80..0x1_0000 => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                });
            }
        }
    }
    out.push('"');
    out
}
