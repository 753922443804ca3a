//! `metadata.managedFields` as managers with their sets and times (Go: `managedfields/internal/managedfields.go`).

use std::collections::BTreeMap;

use annex_structured_merge_diff::fieldpath::ManagedFields;
use serde_json::{Map, Value};

use super::entry::{self, DecodeError, Entry, Written};
use super::time::Time;
use crate::object::Object;

const MANAGED_FIELDS: &str = "managedFields";

/// Who manages what, and since when, by what identifies a manager.
#[derive(Clone, Debug, Default)]
pub(super) struct Managed {
    /// What each manages.
    pub(super) fields: ManagedFields,
    /// When each last changed something; of some it is unknown, and some manage nothing any more.
    pub(super) times: BTreeMap<String, Time>,
}

impl Managed {
    /// Reads managedFields; absent, there are no managers.
    ///
    /// # Errors
    /// Where Go refuses them.
    pub(super) fn decode(managed_fields: Option<&Value>) -> Result<Self, DecodeError> {
        let mut managed = Self::default();
        for (index, entry) in entries(managed_fields)?.iter().enumerate() {
            let Entry {
                identifier,
                fields,
                time,
            } = Entry::decode(index, entry)?;
            managed.set_time(&identifier, time);
            managed.fields.insert(identifier, fields);
        }
        Ok(managed)
    }

    /// The managers that an update begins with: those that it says itself, since a client may edit them; where it says
    /// none, or nothing that is understood, those of the live object.
    pub(super) fn of_update(live: Option<&Value>, new: Option<&Value>) -> Self {
        if is_reset(new) {
            return Self::default();
        }
        match Self::decode(new) {
            Ok(managed) if !managed.fields.is_empty() => managed,
            Ok(_) | Err(_) => Self::of_live(live),
        }
    }

    /// Those of the live object; none where they are not understood.
    pub(super) fn of_live(live: Option<&Value>) -> Self {
        Self::decode(live).unwrap_or_default()
    }

    /// The managedFields, sorted; `None` where there are no managers.
    pub(super) fn encode(&self) -> Option<Value> {
        let time = |identifier: &str| self.times.get(identifier).cloned();
        let mut written: Vec<_> = self
            .fields
            .iter()
            .map(|(identifier, owned)| Written::new(identifier, owned, time(identifier)))
            .collect();
        written.sort_by(|left, right| left.order().cmp(&right.order()));
        (!written.is_empty()).then(|| written.into_iter().map(Written::into_value).collect())
    }

    pub(super) fn set_time(&mut self, identifier: &str, time: Option<Time>) {
        match time {
            Some(time) => drop(self.times.insert(identifier.to_owned(), time)),
            None => drop(self.times.remove(identifier)),
        }
    }
}

fn entries(managed_fields: Option<&Value>) -> Result<&[Value], DecodeError> {
    match managed_fields {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(entries)) => Ok(entries),
        Some(_) => Err(DecodeError::Malformed),
    }
}

// A client has managers forgotten by a list that is empty, or has one entry without anything.
fn is_reset(managed_fields: Option<&Value>) -> bool {
    match managed_fields {
        Some(Value::Array(entries)) => match &**entries {
            [] => true,
            [entry] => entry::is_empty(entry),
            _ => false,
        },
        _ => false,
    }
}

/// Whether the managedFields of `object` are understood.
///
/// # Errors
/// Where they are not: a write with what an admission plugin made of them would lose them.
pub fn validate_managed_fields(object: &Object) -> Result<(), DecodeError> {
    Managed::decode(managed_fields_of(object)).map(drop)
}

/// Takes the managedFields from an object.
pub fn remove_managed_fields(object: &mut Object) -> Option<Value> {
    match object.0.get_mut("metadata") {
        Some(Value::Object(metadata)) => metadata.remove(MANAGED_FIELDS),
        _ => None,
    }
}

/// The managedFields of an object.
#[must_use]
pub fn managed_fields_of(object: &Object) -> Option<&Value> {
    object.metadata()?.get(MANAGED_FIELDS)
}

/// Gives an object these managedFields; `None`: none.
pub fn set_managed_fields(object: &mut Object, managed_fields: Option<Value>) {
    if let Some(managed_fields) = managed_fields {
        object
            .metadata_mut()
            .insert(MANAGED_FIELDS.to_owned(), managed_fields);
    } else {
        remove_managed_fields(object);
    }
}

/// A copy of an object without its managedFields: what they say is compared by nobody.
pub(super) fn copy_without(object: &Object) -> Value {
    let without = |metadata: &Map<String, Value>| -> Map<String, Value> {
        let fields = metadata.iter().filter(|(name, _)| *name != MANAGED_FIELDS);
        fields
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let field = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::Object(metadata) if name == "metadata" => Value::Object(without(metadata)),
            value => value.clone(),
        };
        (name.clone(), value)
    };
    Value::Object(object.0.iter().map(field).collect())
}
