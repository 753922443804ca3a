//! One entry of `metadata.managedFields` (Go: `metav1.ManagedFieldsEntry`, and `managedfields/internal/managedfields.go`).

use std::borrow::Cow;

use annex_structured_merge_diff::fieldpath::{ApiVersion, FieldsV1Error, Set, VersionedSet};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::go_json::{is_plain, to_go_json};
use super::time::Time;
use crate::status::Quoted;

/// `operation` of who applies.
pub(super) const APPLY: &str = "Apply";
/// `operation` of who creates, updates or patches.
pub(super) const UPDATE: &str = "Update";
const FIELDS_V1: &str = "FieldsV1";
/// As long as most identifiers are not.
const LONG_IDENTIFIER: usize = 160;

/// Why `metadata.managedFields` are not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is no list of objects, or a field of one has a wrong type.
    #[error("metadata.managedFields is no list of managed fields entries")]
    Malformed,
    /// An entry's operation is another one.
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    /// An entry has no apiVersion.
    #[error("apiVersion must not be empty")]
    NoApiVersion,
    /// An entry has no fieldsType.
    #[error("missing fieldsType in managed fields entry {0}")]
    NoFieldsType(usize),
    /// An entry's fieldsType is another one than `FieldsV1`.
    #[error("invalid fieldsType {} in managed fields entry {index}", Quoted(found))]
    FieldsType {
        /// Which entry.
        index: usize,
        /// What it has.
        found: String,
    },
    /// An entry's fieldsV1 is not read.
    #[error("error decoding versioned set from {manager}: error decoding set: {cause}")]
    Fields {
        /// Whose.
        manager: String,
        /// Why.
        cause: FieldsV1Error,
    },
}

/// What a manager is told apart from others by: all of its entry but time and fields, and of who applies but the version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ManagerId<'a> {
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(super) manager: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(super) operation: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(super) api_version: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(super) subresource: Cow<'a, str>,
}

impl<'a> ManagerId<'a> {
    /// The text under which structured-merge-diff knows the manager: managers are ordered by it.
    pub(super) fn identifier(&self) -> String {
        let Self {
            manager,
            operation,
            api_version,
            subresource,
        } = self;
        let fields = [
            ("manager", manager),
            ("operation", operation),
            ("apiVersion", api_version),
            ("subresource", subresource),
        ];
        if !fields.iter().all(|(_, text)| is_plain(text)) {
            return to_go_json(self).unwrap_or_default();
        }
        // Nearly all are: each entry of each object that is written is given its identifier.
        let mut identifier = String::with_capacity(LONG_IDENTIFIER);
        for (name, text) in fields.iter().filter(|(_, text)| !text.is_empty()) {
            let before = if identifier.is_empty() { "{\"" } else { ",\"" };
            for part in [before, name, "\":\"", text, "\""] {
                identifier.push_str(part);
            }
        }
        if identifier.is_empty() {
            identifier.push('{');
        }
        identifier.push('}');
        identifier
    }

    /// What `identifier` was made of; only a manager's name where it is no identifier.
    pub(super) fn parse(identifier: &'a str) -> Self {
        serde_json::from_str(identifier).unwrap_or_else(|_| Self {
            manager: identifier.into(),
            ..Self::default()
        })
    }
}

/// An entry as it was read.
pub(super) struct Entry {
    pub(super) identifier: String,
    pub(super) fields: VersionedSet,
    pub(super) time: Option<Time>,
}

impl Entry {
    /// # Errors
    /// Where Go refuses it.
    pub(super) fn decode(index: usize, entry: &Value) -> Result<Self, DecodeError> {
        let entry = entry.as_object().ok_or(DecodeError::Malformed)?;
        let operation = text(entry, "operation")?;
        let api_version = text(entry, "apiVersion")?;
        if !matches!(operation, APPLY | UPDATE) {
            return Err(DecodeError::Operation);
        }
        if api_version.is_empty() {
            return Err(DecodeError::NoApiVersion);
        }
        match text(entry, "fieldsType")? {
            FIELDS_V1 => {}
            "" => return Err(DecodeError::NoFieldsType(index)),
            found => {
                return Err(DecodeError::FieldsType {
                    index,
                    found: found.to_owned(),
                });
            }
        }
        let applied = operation == APPLY;
        let id = ManagerId {
            manager: text(entry, "manager")?.into(),
            operation: operation.into(),
            api_version: if applied { "" } else { api_version }.into(),
            subresource: text(entry, "subresource")?.into(),
        };
        let set = match entry.get("fieldsV1") {
            None | Some(Value::Null) => Set::new(),
            Some(fields) => Set::from_fields_v1_value(fields).map_err(|cause| DecodeError::Fields {
                manager: id.manager.clone().into_owned(),
                cause,
            })?,
        };
        Ok(Self {
            identifier: id.identifier(),
            fields: VersionedSet::new(set, api_version, applied),
            time: time(entry)?,
        })
    }
}

/// An entry to be written, and what it is sorted by.
pub(super) struct Written<'a> {
    id: ManagerId<'a>,
    api_version: ApiVersion,
    time: Option<Time>,
    fields: Value,
}

impl<'a> Written<'a> {
    /// The entry of the manager that `identifier` names.
    pub(super) fn new(identifier: &'a str, owned: &VersionedSet, time: Option<Time>) -> Self {
        let mut id = ManagerId::parse(identifier);
        if owned.applied {
            id.operation = APPLY.into();
        }
        Self {
            id,
            api_version: owned.api_version.clone(),
            time,
            fields: owned.set.to_fields_v1_value(),
        }
    }

    /// By operation, time, manager, version and subresource.
    pub(super) fn order(&self) -> impl Ord {
        (
            &self.id.operation,
            Time::seconds(self.time.as_ref()),
            &self.id.manager,
            &self.api_version,
            &self.id.subresource,
        )
    }

    pub(super) fn into_value(self) -> Value {
        let mut entry = Map::new();
        let mut put = |name: &str, text: &str| {
            if !text.is_empty() {
                entry.insert(name.to_owned(), text.into());
            }
        };
        put("manager", &self.id.manager);
        put("operation", &self.id.operation);
        put("apiVersion", &self.api_version);
        put("subresource", &self.id.subresource);
        put("fieldsType", FIELDS_V1);
        put("time", &self.time.map(Time::into_text).unwrap_or_default());
        entry.insert("fieldsV1".to_owned(), self.fields);
        Value::Object(entry)
    }
}

/// Whether an entry has nothing in it.
pub(super) fn is_empty(entry: &Value) -> bool {
    let is_zero = |(name, value): (&String, &Value)| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() && name != "fieldsV1",
        _ => false,
    };
    entry.as_object().is_some_and(|entry| entry.iter().all(is_zero))
}

/// The time of an entry.
///
/// # Errors
/// Where there is something else.
pub(super) fn time(entry: &Map<String, Value>) -> Result<Option<Time>, DecodeError> {
    match entry.get("time") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(Time::parse(text).ok_or(DecodeError::Malformed)?)),
        Some(_) => Err(DecodeError::Malformed),
    }
}

fn text<'a>(entry: &'a Map<String, Value>, name: &str) -> Result<&'a str, DecodeError> {
    match entry.get(name) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(DecodeError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_gos_json_whatever_it_is_made_of() {
        let texts = [
            "",
            "kubectl",
            "a b~",
            "a\"b",
            "a\\b",
            "<a>",
            "a&b",
            "ü",
            "a\u{7f}",
            "a\u{2028}",
            "\n",
        ];
        for manager in texts {
            for subresource in texts {
                let id = ManagerId {
                    manager: manager.into(),
                    operation: UPDATE.into(),
                    api_version: "example.com/v1".into(),
                    subresource: subresource.into(),
                };
                let identifier = id.identifier();
                assert_eq!(identifier, to_go_json(&id).unwrap());
                assert_eq!(ManagerId::parse(&identifier), id);
            }
        }
        assert_eq!(ManagerId::default().identifier(), "{}");
    }
}
