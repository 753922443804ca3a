//! A decoded object.

use serde_json::{Map, Value};

use super::Labels;

/// A decoded API object in some version: its fields, and typed access to those that every object has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(pub Map<String, Value>);

impl Object {
    /// `apiVersion`; empty where it is absent.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.0
            .get("apiVersion")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// `kind`; empty where it is absent.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.get("kind").and_then(Value::as_str).unwrap_or_default()
    }

    /// Sets `apiVersion` and `kind`.
    pub fn set_type(&mut self, api_version: &str, kind: &str) {
        self.0.insert("apiVersion".into(), api_version.into());
        self.0.insert("kind".into(), kind.into());
    }

    /// `metadata`, where there is one.
    #[must_use]
    pub fn metadata(&self) -> Option<&Map<String, Value>> {
        self.0.get("metadata").and_then(Value::as_object)
    }

    /// `metadata`, made where there is none (or something that is no object).
    pub fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        let value = self
            .0
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
        match value {
            Value::Object(map) => map,
            _ => unreachable!("it was just made an object"),
        }
    }

    /// A text field of `metadata`; empty where it is absent.
    #[must_use]
    pub fn meta(&self, field: &str) -> &str {
        self.metadata()
            .and_then(|metadata| metadata.get(field))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Sets a text field of `metadata`, or removes it where the text is empty, as Go's `omitempty` does.
    pub fn set_meta(&mut self, field: &str, text: &str) {
        if text.is_empty() {
            self.metadata_mut().remove(field);
        } else {
            self.metadata_mut().insert(field.to_owned(), text.into());
        }
    }

    /// `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.meta("name")
    }

    /// `metadata.namespace`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.meta("namespace")
    }

    /// `metadata.uid`.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.meta("uid")
    }

    /// `metadata.resourceVersion`.
    #[must_use]
    pub fn resource_version(&self) -> &str {
        self.meta("resourceVersion")
    }

    /// `metadata.deletionTimestamp`; empty while nobody deleted it.
    #[must_use]
    pub fn deletion_timestamp(&self) -> &str {
        self.meta("deletionTimestamp")
    }

    /// `metadata.generation`; 0 where it is absent.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.metadata()
            .and_then(|metadata| metadata.get("generation"))
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    /// `metadata.finalizers`.
    #[must_use]
    pub fn finalizers(&self) -> Vec<&str> {
        self.metadata()
            .and_then(|metadata| metadata.get("finalizers"))
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default()
    }

    /// `metadata.labels`.
    #[must_use]
    pub fn labels(&self) -> Labels {
        self.metadata()
            .and_then(|metadata| metadata.get("labels"))
            .and_then(Value::as_object)
            .map(|labels| {
                labels
                    .iter()
                    .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                    .collect()
            })
            .unwrap_or_default()
    }
}
