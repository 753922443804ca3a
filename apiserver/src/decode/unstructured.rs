//! What k8s.io/apimachinery's `runtime.DefaultUnstructuredConverter` makes of a value, and says of one that does not fit its type:
//! what is merged, by a strategic merge patch or an apply, never becomes JSON again in Go, so that its errors are not those of the
//! decoder.

use serde_json::Value;

use super::base64;
use super::go_type::{GoType, go_kind};
use super::reader::BYTE;
use super::time::check as check_time;
use crate::schema::{Node, Shape};

/// Makes of `value` what Go would convert to the type that `node` is of. Floats that are whole become integers where the type has
/// them, and nulls nothing, or the zero values of elements. Whether integers are in range, and what else is to be said of a value, the decoder says. Values are nested no deeper than
/// what the JSON parser reads.
///
/// # Errors
/// The first value that does not fit, in Go's words.
pub(crate) fn convert(value: &mut Value, node: &Node) -> Result<(), String> {
    let found = GoType::of(value);
    match (&node.shape, value) {
        (_, Value::Null) | (Shape::Any, _) => Ok(()),
        (Shape::Struct(fields), Value::Object(values)) => {
            values.retain(|name, value| !(value.is_null() && fields.known.contains_key(name.as_str())));
            for (name, value) in values {
                if let Some(node) = fields.known.get(name.as_str()) {
                    convert(value, node)?;
                }
            }
            Ok(())
        }
        (Shape::Struct(_), _) => Err(format!("cannot restore struct from: {}", found.kind())),
        (Shape::Map(each), Value::Object(values)) => values
            .values_mut()
            .try_for_each(|value| convert_element(value, each)),
        (Shape::Map(_), _) => Err(format!("cannot restore map from {}", found.kind())),
        (Shape::List(each), Value::Array(list)) => {
            list.iter_mut().try_for_each(|value| convert_element(value, each))
        }
        (Shape::List(_), _) => Err(format!("cannot restore slice from {}", found.kind())),
        (Shape::Time, Value::String(text)) => check_time(text),
        (Shape::Time, other) => Err(format!(
            "json: cannot unmarshal {} into Go value of type string",
            go_kind(other)
        )),
        (Shape::Bytes, Value::String(text)) => match base64::canonical(text) {
            Ok(canonical) => {
                *text = canonical;
                Ok(())
            }
            Err(error) => Err(format!("error decoding from json: {error}")),
        },
        // Numbers, one by one: the decoder makes bytes of them.
        (Shape::Bytes, Value::Array(list)) => {
            list.iter_mut().try_for_each(|byte| convert_element(byte, &BYTE))
        }
        (Shape::Bytes, _) => Err(format!("cannot restore slice from {}", found.kind())),
        (Shape::IntOrString, Value::String(_)) => Ok(()),
        (Shape::IntOrString, Value::Number(number)) => match number.as_i64().map(i32::try_from) {
            Some(Ok(_)) => Ok(()),
            _ => Err(format!(
                "json: cannot unmarshal number {number} into Go value of type int32"
            )),
        },
        (Shape::IntOrString, other) => Err(format!(
            "json: cannot unmarshal {} into Go value of type int32",
            go_kind(other)
        )),
        (shape, value) => check_simple(value, found, shape, &node.type_name),
    }
}

fn convert_element(value: &mut Value, each: &Node) -> Result<(), String> {
    if value.is_null() {
        *value = each.zero();
    }
    convert(value, each)
}

fn check_simple(value: &mut Value, found: GoType, shape: &Shape, type_name: &str) -> Result<(), String> {
    let is_number = matches!(found, GoType::Int64 | GoType::Float64);
    match (shape, found) {
        (Shape::Text, GoType::Text)
        | (Shape::Boolean, GoType::Bool)
        | (Shape::Integer(..), GoType::Int64) => Ok(()),
        (Shape::Number, _) if is_number => Ok(()),
        (Shape::Integer(..), GoType::Float64) => match whole(value) {
            Some(whole) => {
                *value = whole;
                Ok(())
            }
            None => Err(format!("cannot convert float64 to {type_name}")),
        },
        // Go could make a letter of a number, and does not.
        (Shape::Text, GoType::Int64) => Err(format!("cannot convert int64 to {type_name}")),
        (Shape::Text, _) => Err("unrecognized type: string".into()),
        (Shape::Boolean, _) => Err("unrecognized type: bool".into()),
        _ => Err(format!("unrecognized type: {type_name}")),
    }
}

/// The integer that a float is.
fn whole(value: &Value) -> Option<Value> {
    let float = value.as_f64().filter(|float| float.fract() == 0.0)?;
    // The text of a whole float has no fraction, and says all of its digits.
    let text = float.to_string();
    text.parse::<i64>()
        .ok()
        .map(Value::from)
        .or_else(|| text.parse::<u64>().ok().map(Value::from))
}
