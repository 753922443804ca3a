//! A schema: types by their names (Go: `schema/elements.go`).

use std::sync::Arc;

use serde::Deserialize;

use super::table::Table;
use super::{Atom, List, Map, Scalar};

/// A type with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeDef {
    /// Unique in its schema.
    pub name: Arc<str>,
    /// What its values are.
    pub atom: Atom,
}

/// Types that refer to each other by name. Immutable; objects that are compared share one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "SchemaData")]
pub struct Schema {
    types: Table<Atom>,
}

#[derive(Deserialize)]
struct SchemaData {
    #[serde(default)]
    types: Vec<TypeDefData>,
}

#[derive(Deserialize)]
struct TypeDefData {
    name: Arc<str>,
    scalar: Option<Scalar>,
    list: Option<Arc<List>>,
    map: Option<Arc<Map>>,
}

impl From<SchemaData> for Schema {
    fn from(data: SchemaData) -> Self {
        let define = |TypeDefData {
                          name,
                          scalar,
                          list,
                          map,
                      }| TypeDef {
            name,
            atom: Atom { scalar, list, map },
        };
        Self::new(data.types.into_iter().map(define))
    }
}

impl Schema {
    /// The schema of these types; of equal names, the last one is kept.
    #[must_use]
    pub fn new(types: impl IntoIterator<Item = TypeDef>) -> Self {
        Self {
            types: types
                .into_iter()
                .map(|definition| (definition.name, definition.atom))
                .collect(),
        }
    }

    /// With a type more.
    #[must_use]
    pub fn with_type(mut self, name: impl Into<Arc<str>>, atom: impl Into<Atom>) -> Self {
        self.types.insert(name.into(), atom.into());
        self
    }

    /// The type called `name`.
    #[must_use]
    pub fn find_named_type(&self, name: &str) -> Option<&Atom> {
        self.types.get(name)
    }
}
