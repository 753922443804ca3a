//! Values as JSON, as `sigs.k8s.io/yaml` converts them and `encoding/json` writes them.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use crate::error::Error;
use crate::go;
use crate::value::{Go, Key};

/// The JSON that stands for a value.
///
/// # Errors
/// It has a key that is null or too large for an integer, or a float that is no number.
pub(crate) fn to_json(value: Go) -> Result<Value, Error> {
    let mut unsupported = None;
    let json = convert(value, &mut unsupported)?;
    match unsupported {
        None => Ok(json),
        Some(float) => Err(Error::NoJson(format!(
            "json: unsupported value: {}",
            go::float(float)
        ))),
    }
}

/// `unsupported` is set to the first float that JSON has not: Go comes to it when all keys are converted, and writes maps in the order
/// of their keys.
fn convert(value: Go, unsupported: &mut Option<f64>) -> Result<Value, Error> {
    Ok(match value {
        Go::Nil => Value::Null,
        Go::Bool(value) => value.into(),
        Go::Int(value) => value.into(),
        Go::Uint(value) => value.into(),
        Go::Float(value) => number(value).map_or_else(
            || {
                unsupported.get_or_insert(value);
                Value::Null
            },
            Value::Number,
        ),
        Go::Text(text) => text.into(),
        Go::List(list) => list
            .into_iter()
            .map(|value| convert(value, unsupported))
            .collect::<Result<_, _>>()?,
        Go::Map(map) => {
            let mut json = Map::new();
            for (name, value) in named(map)? {
                json.insert(name, convert(value, unsupported)?);
            }
            json.into()
        }
    })
}

/// The fields of a map, in the order of their names. Where two keys have one name, Go takes either of them.
fn named(map: BTreeMap<Key, Go>) -> Result<BTreeMap<String, Go>, Error> {
    let fields = map.into_iter();
    fields
        .map(|(key, value)| Ok((name(key, &value)?, value)))
        .collect()
}

/// The name of a field. `value` is what the field has, which Go shows where there is none.
fn name(key: Key, value: &Go) -> Result<String, Error> {
    Ok(match key {
        Key::Text(text) => text,
        Key::Int(value) => value.to_string(),
        Key::Float(value) => go::key_of_float(value),
        Key::Bool(value) => value.to_string(),
        Key::Nil | Key::Uint(_) => {
            let kind = if matches!(key, Key::Nil) {
                "%!s(<nil>)"
            } else {
                "uint64"
            };
            return Err(Error::NoJson(format!(
                "unsupported map key of type: {kind}, key: {}, value: {}",
                key.shown(),
                value.shown()
            )));
        }
    })
}

/// A float as Go writes it: one without a fraction is read back as an integer, if its digits are one.
fn number(value: f64) -> Option<Number> {
    if value.abs() < 1e21 && value.fract() == 0.0 {
        let text = value.to_string();
        if let Ok(integer) = text.parse::<i64>() {
            return Some(integer.into());
        }
        if let Ok(integer) = text.parse::<u64>() {
            return Some(integer.into());
        }
    }
    Number::from_f64(value)
}
