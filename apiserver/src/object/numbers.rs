//! Numbers as Go's `encoding/json` writes them.

use serde_json::{Number, Value};

/// The number as Go writes it of an object that it decoded: what is whole has no fraction, and what no `int64` is has the digits of a
/// float.
pub(crate) fn as_go_writes(number: &Number) -> Option<Number> {
    if number.is_i64() {
        return None;
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
    // The text of a whole float has no fraction, and says as many digits as it needs, then zeros.
    let text = float.to_string();
    let whole = text.parse::<i64>().map(Number::from);
    whole.or_else(|_| text.parse::<u64>().map(Number::from)).ok()
}

/// Writes all numbers of a value so.
pub(crate) fn write_as_go(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(written) = as_go_writes(number) {
                *number = written;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_as_go),
        Value::Object(fields) => fields.values_mut().for_each(write_as_go),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_whole_has_no_fraction() {
        let mut value: Value = serde_json::from_str(
            r#"{"a": [1.0, -2.0, 0.5, 7], "b": 1e3, "c": 9223372036854775808, "d": 1e300}"#,
        )
        .unwrap();
        write_as_go(&mut value);
        assert_eq!(
            value,
            json!({"a": [1, -2, 0.5, 7], "b": 1000, "c": 9_223_372_036_854_776_000_u64, "d": 1e300})
        );
    }
}
