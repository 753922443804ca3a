//! Messages from the JSON of what is stored, as Go's decoder reads it: a null is the absence of a value.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::object_meta::{FieldsV1, Pair, Time};

/// The value; its default where it is null.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    source: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(source).map(Option::unwrap_or_default)
}

/// The values of a list; a null among them is the default.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    source: D,
) -> Result<Vec<T>, D::Error> {
    let values: Vec<Option<T>> = or_default(source)?;
    Ok(values.into_iter().map(Option::unwrap_or_default).collect())
}

/// The entries of a map, sorted by the bytes of their keys.
pub(super) fn map<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Pair>, D::Error> {
    let entries: BTreeMap<String, Option<String>> = or_default(source)?;
    let pair = |(key, value): (_, Option<_>)| Pair {
        key,
        value: value.unwrap_or_default(),
    };
    Ok(entries.into_iter().map(pair).collect())
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        jiff::Timestamp::deserialize(source).map(|time| Self::at(time.as_second()))
    }
}

/// The text as it stands: Go keeps it unread too.
impl<'de> Deserialize<'de> for FieldsV1 {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(source)?;
        Ok(Self {
            raw: Some(String::from(Box::<str>::from(text)).into()),
        })
    }
}
