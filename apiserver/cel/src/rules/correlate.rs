//! What a value was before: by the names of fields and by the keys of lists of maps. Of what did not change, errors are warnings.

use serde_json::Value as Json;

use crate::schema::{ListType, Schema, SchemaKind};

/// A value, and what it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Correlated<'a> {
    pub(super) old: &'a Json,
    pub(super) new: &'a Json,
    pub(super) schema: &'a Schema,
}

/// What is known of a value's past: its own, and that of what is around it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ratchet<'a> {
    pub(super) current: Option<Correlated<'a>>,
    pub(super) parent: Option<Correlated<'a>>,
}

impl<'a> Correlated<'a> {
    fn key(self, name: &str) -> Option<Self> {
        let (old, new) = (self.old.as_object()?.get(name)?, self.new.as_object()?.get(name)?);
        let named = self
            .schema
            .own_properties()
            .and_then(|properties| properties.get(name));
        let schema = named.or(self.schema.additional.as_ref())?;
        Some(Self { old, new, schema })
    }

    fn index(self, at: usize) -> Option<Self> {
        let new = self.new.as_array()?.get(at)?;
        let old = item_of(self.schema, self.old.as_array()?, new)?;
        Some(Self {
            old,
            new,
            schema: self.schema.items.as_deref()?,
        })
    }

    /// Whether nothing changed.
    fn is_equal(self) -> bool {
        match (self.old, self.new) {
            (Json::Null, Json::Null) => true,
            (Json::Array(old), Json::Array(new)) => {
                if old.len() != new.len() {
                    return false;
                }
                if self.schema.list_type != ListType::Map {
                    return old == new;
                }
                (0..new.len()).all(|at| self.index(at).is_some_and(Self::is_equal))
            }
            (Json::Object(old), Json::Object(new)) => {
                old.len() == new.len() && new.keys().all(|name| self.key(name).is_some_and(Self::is_equal))
            }
            (old, new) => old == new,
        }
    }
}

impl Ratchet<'_> {
    pub(super) fn key(self, name: &str) -> Self {
        let Some(current) = self.current else { return self };
        if self.parent.is_none() && matches!(name, "apiVersion" | "kind") {
            return Self::default();
        }
        Self {
            current: current.key(name),
            parent: Some(current),
        }
    }

    pub(super) fn index(self, at: usize) -> Self {
        let Some(current) = self.current else { return self };
        Self {
            current: current.index(at),
            parent: Some(current),
        }
    }

    /// Whether errors are warnings, since nothing changed.
    pub(super) fn forgives(self) -> bool {
        self.current.or(self.parent).is_some_and(Correlated::is_equal)
    }
}

/// What an element of a list of maps was, by its keys.
pub(super) fn item_of<'a>(schema: &Schema, old: &'a [Json], new: &Json) -> Option<&'a Json> {
    if schema.kind != SchemaKind::Array || schema.list_type != ListType::Map || schema.list_keys.is_empty() {
        return None;
    }
    let key = |item: &Json| -> Option<Vec<Json>> {
        let item = item.as_object()?;
        let value = |name: &String| {
            item.get(name)
                .filter(|value| !(value.is_null() || value.is_array() || value.is_object()))
        };
        schema.list_keys.iter().map(|name| value(name).cloned()).collect()
    };
    let wanted = key(new)?;
    old.iter().find(|item| key(item).is_some_and(|key| key == wanted))
}
