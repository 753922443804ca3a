//! Whether a value is one of those that are listed, as Go compares them.

use serde_json::Value;

use super::number::truncated;

/// Whether a value is one of these. Go converts it to the type of each before it compares: a float loses its fraction where an
/// integer is listed, and an integer becomes the character of that number where a string is.
pub(super) fn contains(values: &[Value], value: &Value) -> bool {
    values.iter().any(|listed| equals(value, listed))
}

fn equals(value: &Value, listed: &Value) -> bool {
    match (value, listed) {
        // Go's reflection does not compare a nil.
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Number(number), Value::Number(other)) => match (number.as_i64(), other.as_i64()) {
            (Some(number), Some(other)) => number == other,
            (None, Some(other)) => number.as_f64().is_some_and(|number| truncated(number) == other),
            (_, None) => number.as_f64() == other.as_f64(),
        },
        (Value::Number(number), Value::String(text)) => number.as_i64().is_some_and(|number| {
            let c = u32::try_from(number)
                .ok()
                .and_then(char::from_u32)
                .unwrap_or('\u{FFFD}');
            *text == *c.encode_utf8(&mut [0; 4])
        }),
        _ => value == listed,
    }
}
