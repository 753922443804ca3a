//! What a value was before: by the names of fields and by the keys of lists of maps. Of what did not change, errors are warnings.

use std::collections::HashMap;

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

    fn index(self, at: usize, before: &Items<'a>) -> Option<Self> {
        let new = self.new.as_array()?.get(at)?;
        Some(Self {
            old: before.find(new)?,
            new,
            schema: self.schema.items.as_deref()?,
        })
    }

    /// What its elements were.
    fn items(self) -> Items<'a> {
        Items::new(self.schema, self.old.as_array().map_or(&[], Vec::as_slice))
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
                let before = self.items();
                (0..new.len()).all(|at| self.index(at, &before).is_some_and(Self::is_equal))
            }
            (Json::Object(old), Json::Object(new)) => {
                old.len() == new.len() && new.keys().all(|name| self.key(name).is_some_and(Self::is_equal))
            }
            (old, new) => old == new,
        }
    }
}

impl<'a> Ratchet<'a> {
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

    /// What the elements of a list were.
    pub(super) fn items(self) -> Option<Items<'a>> {
        self.current.map(Correlated::items)
    }

    pub(super) fn index(self, at: usize, before: Option<&Items<'a>>) -> Self {
        let Some((current, before)) = self.current.zip(before) else {
            return self;
        };
        Self {
            current: current.index(at, before),
            parent: Some(current),
        }
    }

    /// Whether errors are warnings, since nothing changed.
    pub(super) fn forgives(self, known: &mut Unchanged) -> bool {
        let Some(correlated) = self.current.or(self.parent) else {
            return false;
        };
        let key = (
            std::ptr::from_ref(correlated.old).addr(),
            std::ptr::from_ref(correlated.new).addr(),
        );
        *known.0.entry(key).or_insert_with(|| correlated.is_equal())
    }
}

/// Which values were compared with what they were, and whether they are equal: a list is compared once for all its elements.
#[derive(Debug, Default)]
pub(super) struct Unchanged(HashMap<(usize, usize), bool>);

/// What the elements of a list of maps were, by their keys.
#[derive(Debug)]
pub(super) struct Items<'a> {
    keys: &'a [String],
    known: HashMap<Vec<&'a Json>, &'a Json>,
}

impl<'a> Items<'a> {
    pub(super) fn new(schema: &'a Schema, old: &'a [Json]) -> Self {
        let is_map = schema.kind == SchemaKind::Array && schema.list_type == ListType::Map;
        let mut items = Self {
            keys: if is_map { &schema.list_keys } else { &[] },
            known: HashMap::new(),
        };
        if !items.keys.is_empty() {
            for item in old {
                if let Some(key) = items.key(item) {
                    items.known.entry(key).or_insert(item);
                }
            }
        }
        items
    }

    fn key(&self, item: &'a Json) -> Option<Vec<&'a Json>> {
        let item = item.as_object()?;
        let value = |name: &String| {
            item.get(name)
                .filter(|value| !(value.is_null() || value.is_array() || value.is_object()))
        };
        self.keys.iter().map(value).collect()
    }

    /// What an element was.
    pub(super) fn find(&self, new: &'a Json) -> Option<&'a Json> {
        if self.keys.is_empty() {
            return None;
        }
        self.known.get(&self.key(new)?).copied()
    }
}
