//! The kinds of types, and how types refer to each other (Go: `schema/elements.go`).

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::table::Table;

/// A reference to a type: by name or in place.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TypeRef {
    /// The name of a type of the schema.
    pub named_type: Option<Arc<str>>,
    /// The scalar, where the type stands here.
    pub scalar: Option<Scalar>,
    /// The list, where the type stands here.
    pub list: Option<Arc<List>>,
    /// The map, where the type stands here.
    pub map: Option<Arc<Map>>,
    /// Overrides that of the map or list referred to.
    pub element_relationship: Option<ElementRelationship>,
}

impl TypeRef {
    /// What a map without other fields has as the type of its unknown ones.
    pub const NONE: &'static Self = &Self {
        named_type: None,
        scalar: None,
        list: None,
        map: None,
        element_relationship: None,
    };

    /// The type called `name`.
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self {
            named_type: Some(name.into()),
            ..Self::default()
        }
    }

    /// This type, in place.
    #[must_use]
    pub fn inlined(atom: Atom) -> Self {
        let Atom { scalar, list, map } = atom;
        Self {
            scalar,
            list,
            map,
            ..Self::default()
        }
    }

    /// With the relationship of the elements overridden.
    #[must_use]
    pub fn with_element_relationship(self, relationship: ElementRelationship) -> Self {
        Self {
            element_relationship: Some(relationship),
            ..self
        }
    }

    /// Whether it refers to nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        let Self {
            named_type,
            scalar,
            list,
            map,
            element_relationship,
        } = self;
        let here = scalar.is_none() && list.is_none() && map.is_none();
        here && named_type.is_none() && element_relationship.is_none()
    }
}

/// What values of a type are: one of the three, or more than one where values decide (an untyped field).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Atom {
    /// A leaf.
    pub scalar: Option<Scalar>,
    /// A list.
    pub list: Option<Arc<List>>,
    /// A map or struct.
    pub map: Option<Arc<Map>>,
}

impl From<Scalar> for Atom {
    fn from(scalar: Scalar) -> Self {
        Self {
            scalar: Some(scalar),
            ..Self::default()
        }
    }
}

impl From<List> for Atom {
    fn from(list: List) -> Self {
        Self {
            list: Some(Arc::new(list)),
            ..Self::default()
        }
    }
}

impl From<Map> for Atom {
    fn from(map: Map) -> Self {
        Self {
            map: Some(Arc::new(map)),
            ..Self::default()
        }
    }
}

impl<A: Into<Atom>> From<A> for TypeRef {
    fn from(atom: A) -> Self {
        Self::inlined(atom.into())
    }
}

/// The kinds of leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scalar {
    /// An integer or a float.
    Numeric,
    /// A string.
    String,
    /// A boolean.
    Boolean,
    /// Any of the others.
    Untyped,
}

/// What the elements of a list or map have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementRelationship {
    /// Of a list: each item has its owner; items are known by their keys, or, where there are none, by their values.
    Associative,
    /// The whole has one owner, as a leaf has.
    Atomic,
    /// Of a map: each field has its owner.
    Separable,
}

/// A list. One that is not associative is atomic, whatever else its relationship says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    /// The type of the items.
    #[serde(default)]
    pub element_type: TypeRef,
    /// Atomic or associative.
    pub element_relationship: ElementRelationship,
    /// Of an associative list of maps: the fields that its items are known by.
    #[serde(default)]
    pub keys: Vec<Arc<str>>,
}

impl List {
    /// A list with one owner.
    pub fn atomic(element_type: impl Into<TypeRef>) -> Self {
        Self {
            element_type: element_type.into(),
            element_relationship: ElementRelationship::Atomic,
            keys: Vec::new(),
        }
    }

    /// A list without equal items.
    pub fn set(element_type: impl Into<TypeRef>) -> Self {
        Self::associative(element_type, [])
    }

    /// A list of maps that are known by these of their fields.
    pub fn associative<'a>(
        element_type: impl Into<TypeRef>,
        keys: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            element_type: element_type.into(),
            element_relationship: ElementRelationship::Associative,
            keys: keys.into_iter().map(Into::into).collect(),
        }
    }
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct StructField {
    /// The field's name.
    pub name: Arc<str>,
    /// The field's type.
    #[serde(rename = "type", default)]
    pub type_ref: TypeRef,
    /// What an item of an associative list has where this key field is absent.
    #[serde(default)]
    pub default: Option<Value>,
}

/// A map or struct: declared fields, and a type for others.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "MapData")]
pub struct Map {
    fields: Vec<StructField>,
    by_name: Table<usize>,
    /// The type of fields that are not declared; none: there may not be any.
    pub element_type: TypeRef,
    /// Separable or atomic.
    pub element_relationship: ElementRelationship,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MapData {
    #[serde(default)]
    fields: Vec<StructField>,
    #[serde(default)]
    element_type: TypeRef,
    element_relationship: Option<ElementRelationship>,
}

impl From<MapData> for Map {
    fn from(data: MapData) -> Self {
        let map = Self::new(data.fields, data.element_type);
        map.with_element_relationship(
            data.element_relationship
                .unwrap_or(ElementRelationship::Separable),
        )
    }
}

impl Map {
    fn new(fields: Vec<StructField>, element_type: TypeRef) -> Self {
        let names = fields.iter().map(|field| field.name.clone());
        let by_name = names.zip(0..).collect();
        Self {
            fields,
            by_name,
            element_type,
            element_relationship: ElementRelationship::Separable,
        }
    }

    /// A struct of these fields and no others; each has its owner.
    pub fn of_fields<'a, T: Into<TypeRef>>(fields: impl IntoIterator<Item = (&'a str, T)>) -> Self {
        let field = |(name, type_ref): (&str, T)| StructField {
            name: name.into(),
            type_ref: type_ref.into(),
            default: None,
        };
        Self::new(fields.into_iter().map(field).collect(), TypeRef::default())
    }

    /// A struct of these fields, with defaults.
    #[must_use]
    pub fn of_struct_fields(fields: Vec<StructField>) -> Self {
        Self::new(fields, TypeRef::default())
    }

    /// A map whose values have this type; each has its owner.
    pub fn of(element_type: impl Into<TypeRef>) -> Self {
        Self::new(Vec::new(), element_type.into())
    }

    /// With this type for fields that are not declared.
    #[must_use]
    pub fn with_element_type(self, element_type: impl Into<TypeRef>) -> Self {
        Self {
            element_type: element_type.into(),
            ..self
        }
    }

    /// With this relationship of the fields.
    #[must_use]
    pub fn with_element_relationship(self, element_relationship: ElementRelationship) -> Self {
        Self {
            element_relationship,
            ..self
        }
    }

    /// The declared fields.
    #[must_use]
    pub fn fields(&self) -> &[StructField] {
        &self.fields
    }

    /// The declared field `name`; of several, the last one.
    #[must_use]
    pub fn find_field(&self, name: &str) -> Option<&StructField> {
        self.by_name.get(name).and_then(|index| self.fields.get(*index))
    }
}
