//! What selectors and writers of answers need to know of an encoded object, without decoding it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::EncodingCache;
use super::managed_fields::managed_fields;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// What was read once of an encoded object.
#[derive(Debug, Default)]
pub struct Facts {
    /// `metadata.labels`.
    pub labels: Labels,
    /// Where a resourceVersion goes: just behind the `{` of `metadata`. `None`: the value is no object with metadata.
    pub metadata_at: Option<usize>,
    /// Whether something follows there, so that a comma must.
    pub metadata_is_empty: bool,
    /// Where `managedFields` stand behind there, once somebody has looked.
    managed_fields: OnceLock<Option<Range<usize>>>,
    /// Encodings in other versions.
    pub encodings: EncodingCache,
    /// Why the value cannot be read; `None`: it is a JSON object.
    pub damage: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    labels: Option<Labels>,
}

impl Facts {
    /// What is known of a value that cannot be read: why not.
    #[must_use]
    pub fn unreadable(reason: &str) -> Self {
        Self {
            damage: Some(reason.into()),
            ..Self::default()
        }
    }

    /// Reads what there is to read; a value that is no object has no labels and no metadata.
    #[must_use]
    pub fn read(value: &[u8]) -> Self {
        let raw = match serde_json::from_slice::<Outer<'_>>(value) {
            Ok(Outer { metadata: Some(raw) }) => raw,
            Ok(Outer { metadata: None }) => return Self::unreadable("it has no metadata"),
            Err(error) => return Self::unreadable(&error.to_string()),
        };
        let text = raw.get();
        // The raw value is borrowed from `value`, so its place in it is the distance of the two.
        let start = (text.as_ptr() as usize).wrapping_sub(value.as_ptr() as usize);
        let is_object = text.starts_with('{') && start < value.len();
        Self {
            labels: serde_json::from_str::<Metadata>(text)
                .ok()
                .and_then(|metadata| metadata.labels)
                .unwrap_or_default(),
            metadata_at: is_object.then_some(start + 1),
            metadata_is_empty: text[1..].trim_start().starts_with('}'),
            managed_fields: OnceLock::new(),
            encodings: EncodingCache::default(),
            damage: (!is_object).then(|| "its metadata are no object".into()),
        }
    }
}

impl Facts {
    /// The bytes of the member `managedFields` of the metadata of `value`, of which these are the facts, with one of the commas beside
    /// it.
    #[must_use]
    pub fn managed_fields(&self, value: &[u8]) -> Option<Range<usize>> {
        let found = self.managed_fields.get_or_init(|| {
            let at = self.metadata_at?;
            let found = managed_fields(value.get(at..)?)?;
            Some(found.start + at..found.end + at)
        });
        found.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_the_place_of_the_resource_version_are_found() {
        let value =
            br#"{"kind":"Flunder","metadata": {"name":"a","labels":{"x":"1"}},"spec":{"metadata":{}}}"#;
        let facts = Facts::read(value);
        assert_eq!(facts.labels, Labels::from([("x".into(), "1".into())]));
        let at = facts.metadata_at.unwrap();
        assert!(value[at..].starts_with(br#""name""#), "{at}");
        assert!(!facts.metadata_is_empty);
    }

    #[test]
    fn empty_metadata_and_no_object_at_all_are_told() {
        assert!(Facts::read(br#"{"metadata":{ }}"#).metadata_is_empty);
        assert_eq!(Facts::read(b"garbage").metadata_at, None);
        for value in [&b"garbage"[..], b"", b"{}", b"[]", br#"{"metadata":1}"#] {
            assert!(Facts::read(value).damage.is_some());
        }
        assert_eq!(Facts::read(br#"{"metadata":1}"#).metadata_at, None);
    }
}
