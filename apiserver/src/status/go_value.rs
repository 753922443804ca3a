//! Values in messages, as Go's `%v` writes decoded JSON.

use std::fmt::{self, Write as _};

use serde_json::{Number, Value};

use super::quote::{MOST_SHOWN, cut};

/// A value as `%v` writes it: texts as they are, lists and maps as `[a b]` and `map[k:v]`. Of a long one the beginning, and `...`.
pub(crate) struct GoValue<'a>(pub(crate) &'a Value);

impl fmt::Display for GoValue<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        write(self.0, &mut text)?;
        formatter.write_str(&cut(&text, MOST_SHOWN))
    }
}

/// Writes a value until there is enough.
fn write(value: &Value, text: &mut String) -> fmt::Result {
    if text.len() > MOST_SHOWN {
        return Ok(());
    }
    match value {
        Value::Null => text.push_str("<nil>"),
        Value::Bool(value) => write!(text, "{value}")?,
        Value::Number(number) => write_number(number, text)?,
        Value::String(value) => text.push_str(&cut(value, MOST_SHOWN + 1)),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { " " });
                write(item, text)?;
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            text.push_str("map[");
            for (index, (name, field)) in sorted.into_iter().enumerate() {
                text.push_str(if index == 0 { "" } else { " " });
                text.push_str(&cut(name, MOST_SHOWN + 1));
                text.push(':');
                write(field, text)?;
            }
            text.push(']');
        }
    }
    Ok(())
}

/// A number: a float in as few digits as it needs, with an exponent where it is very large or small.
fn write_number(number: &Number, text: &mut String) -> fmt::Result {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return write!(text, "{number}");
    };
    if float == 0.0 || (1e-4..1e21).contains(&float.abs()) {
        return write!(text, "{float}");
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (sign, exponent) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |exponent| ('-', exponent));
    write!(text, "{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_go_writes_them() {
        for (value, text) in [
            (json!("two"), "two"),
            (json!(null), "<nil>"),
            (json!(true), "true"),
            (json!(3), "3"),
            (json!(3.0), "3"),
            (json!(0.5), "0.5"),
            (json!(1e21), "1e+21"),
            (json!(1.5e-7), "1.5e-07"),
            (json!(1e20), "100000000000000000000"),
            (json!([1, "a", []]), "[1 a []]"),
            (json!({"b": 1, "a": {"c": null}}), "map[a:map[c:<nil>] b:1]"),
        ] {
            assert_eq!(GoValue(&value).to_string(), text);
        }
        let long = json!(vec!["x".repeat(100); 1000]);
        assert!(GoValue(&long).to_string().len() <= MOST_SHOWN + 3);
    }
}
