//! The types that a schema declares: what rules may read of its objects, and how large these may be.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::names;
use crate::schema::{Format, Schema, SchemaKind};
use crate::types::Type;

/// How large a request may be, in bytes.
const MAX_REQUEST: i64 = 3 << 20;

/// A type that a schema declares.
#[derive(Debug, Clone)]
pub struct DeclType {
    pub(crate) kind: DeclKind,
    /// How many elements, characters or entries a value has at most.
    pub(crate) max_elements: i64,
    /// How short its JSON may be, in bytes.
    pub(crate) min_serialized_size: i64,
}

#[derive(Debug, Clone)]
pub(crate) enum DeclKind {
    Object {
        name: Arc<str>,
        fields: BTreeMap<Arc<str>, Arc<DeclType>>,
    },
    List(Arc<DeclType>),
    /// Keys are strings.
    Map(Arc<DeclType>),
    Simple(Type),
}

impl DeclType {
    const fn simple(of: Type, min_serialized_size: i64, max_elements: i64) -> Self {
        Self {
            kind: DeclKind::Simple(of),
            max_elements,
            min_serialized_size,
        }
    }

    /// The type of a map's keys.
    pub(crate) fn text_of_keys() -> &'static Self {
        static TEXT: DeclType = DeclType::simple(Type::String, 2, 0);
        &TEXT
    }

    /// The type that a schema declares; none where it declares none. Its objects are named after `name` and their paths.
    #[must_use]
    pub fn new(schema: &Schema, name: &str) -> Option<Self> {
        if schema.int_or_string {
            let longest = schema
                .max_length
                .map_or(MAX_REQUEST - 2, |max| max.max(0).saturating_mul(4));
            return Some(Self::simple(Type::Dyn, 1, longest));
        }
        match schema.kind {
            SchemaKind::Array => {
                let items = Self::new(schema.items.as_deref()?, &format!("{name}.@idx"))?;
                let estimated = || (MAX_REQUEST - 2) / (items.min_serialized_size + 1);
                Some(Self {
                    max_elements: schema.max_items.map_or_else(estimated, |max| max.max(0)),
                    kind: DeclKind::List(Arc::new(items)),
                    min_serialized_size: 2,
                })
            }
            SchemaKind::Object => {
                if let Some(additional) = schema.additional.as_deref() {
                    let values = Self::new(additional, &format!("{name}.@elem"))?;
                    let estimated = || (MAX_REQUEST - 2) / (values.min_serialized_size + 6);
                    return Some(Self {
                        max_elements: schema.max_properties.map_or_else(estimated, |max| max.max(0)),
                        kind: DeclKind::Map(Arc::new(values)),
                        min_serialized_size: 2,
                    });
                }
                Some(Self::object(schema, name))
            }
            SchemaKind::String => Some(Self::text(schema)),
            SchemaKind::Boolean => Some(Self::simple(Type::Bool, 4, 0)),
            SchemaKind::Number => Some(Self::simple(Type::Double, 1, 0)),
            SchemaKind::Integer => Some(Self::simple(Type::Int, 1, 0)),
            SchemaKind::Other => None,
        }
    }

    fn object(schema: &Schema, name: &str) -> Self {
        let mut fields = BTreeMap::new();
        let required: HashSet<&str> = schema.required.iter().map(String::as_str).collect();
        let mut min_serialized_size = 2;
        for (field, property) in schema.properties.iter().flatten() {
            let identifier = names::escape(field);
            let path = format!("{name}.{}", identifier.as_deref().unwrap_or(field));
            let Some(declared) = Self::new(property, &path) else {
                continue;
            };
            if required.contains(field.as_str()) && !property.has_default {
                let length = i64::try_from(field.len()).unwrap_or(i64::MAX);
                min_serialized_size += length + declared.min_serialized_size + 4;
            }
            if let Some(identifier) = identifier {
                fields.insert(identifier.into(), Arc::new(declared));
            }
        }
        Self {
            kind: DeclKind::Object {
                name: name.into(),
                fields,
            },
            max_elements: 0,
            min_serialized_size,
        }
    }

    fn text(schema: &Schema) -> Self {
        match schema.format {
            Format::Byte => {
                let longest = schema.max_length.map_or(MAX_REQUEST - 2, |max| max.max(0));
                Self::simple(Type::Bytes, 2, longest)
            }
            Format::Duration => Self::simple(Type::Duration, 3, 32),
            Format::Date => Self::simple(Type::Timestamp, 12, 12),
            Format::DateTime => Self::simple(Type::Timestamp, 21, 32),
            Format::Other => {
                let longest = match (schema.max_length, schema.enumeration) {
                    (Some(max), _) => max.max(0).saturating_mul(4),
                    (None, Some(longest)) => longest,
                    (None, None) => MAX_REQUEST - 2,
                };
                Self::simple(Type::String, 2, longest)
            }
        }
    }

    /// CEL's type.
    #[must_use]
    pub fn cel_type(&self) -> Type {
        match &self.kind {
            DeclKind::Object { name, .. } => Type::Struct(Arc::clone(name)),
            DeclKind::List(of) => Type::list(of.cel_type()),
            DeclKind::Map(of) => Type::map(Type::String, of.cel_type()),
            DeclKind::Simple(of) => of.clone(),
        }
    }

    /// How often values of this type may be in one request, by their least size.
    #[must_use]
    pub fn max_cardinality(&self) -> u64 {
        u64::try_from(MAX_REQUEST / (self.min_serialized_size + 1)).unwrap_or_default()
    }

    /// The objects of this type and within it, by their names.
    pub(crate) fn objects<'d>(&'d self, into: &mut HashMap<&'d str, &'d BTreeMap<Arc<str>, Arc<Self>>>) {
        match &self.kind {
            DeclKind::Object { name, fields } => {
                into.insert(name, fields);
                for field in fields.values() {
                    field.objects(into);
                }
            }
            DeclKind::List(of) | DeclKind::Map(of) => of.objects(into),
            DeclKind::Simple(_) => {}
        }
    }
}
