//! What a structural schema says of values: how they are typed, and how JSON becomes a value of that type.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::rules::{Rule, field_path};

/// A structural schema, as something else has it: what types and values are made of.
pub trait StructuralSchema {
    /// `type`; empty without one.
    fn type_name(&self) -> &str;
    /// `format`; empty without one.
    fn format(&self) -> &str;
    /// `nullable`.
    fn nullable(&self) -> bool;
    /// `x-kubernetes-int-or-string`.
    fn int_or_string(&self) -> bool;
    /// `x-kubernetes-embedded-resource`.
    fn embedded_resource(&self) -> bool;
    /// `x-kubernetes-preserve-unknown-fields`.
    fn preserves_unknown_fields(&self) -> bool;
    /// `properties`, where there are any or might be: an empty object is not the same as none.
    fn properties(&self) -> Option<Vec<(&str, &Self)>>;
    /// The schema of `additionalProperties`.
    fn additional_properties(&self) -> Option<&Self>;
    /// The schema of `items`.
    fn items(&self) -> Option<&Self>;
    /// `required`.
    fn required(&self) -> Vec<&str>;
    /// Whether there is a `default` that is not null.
    fn has_default(&self) -> bool;
    /// `enum`; empty without one.
    fn enumeration(&self) -> &[Json];
    /// `maxLength`.
    fn max_length(&self) -> Option<i64>;
    /// `maxItems`.
    fn max_items(&self) -> Option<i64>;
    /// `maxProperties`.
    fn max_properties(&self) -> Option<i64>;
    /// `x-kubernetes-list-type`; empty without one.
    fn list_type(&self) -> &str;
    /// `x-kubernetes-list-map-keys`.
    fn list_map_keys(&self) -> Vec<&str>;
    /// `x-kubernetes-map-type`; empty without one.
    fn map_type(&self) -> &str;
    /// `x-kubernetes-validations`.
    fn rules(&self) -> Vec<Rule>;
    /// Whether there are any.
    fn has_rules(&self) -> bool;
    /// `allOf`.
    fn all_of(&self) -> Vec<&Self>;

    /// Whether rules can be about its values: they have a type, and so has what is in them.
    fn declares_type(&self) -> bool {
        if self.int_or_string() {
            return true;
        }
        match SchemaKind::of(self.type_name()) {
            SchemaKind::Array => self.items().is_some_and(Self::declares_type),
            SchemaKind::Object => self.additional_properties().is_none_or(Self::declares_type),
            SchemaKind::Other => false,
            SchemaKind::String | SchemaKind::Number | SchemaKind::Integer | SchemaKind::Boolean => true,
        }
    }
}

/// A schema as it stands in a definition, in JSON.
impl StructuralSchema for Json {
    fn type_name(&self) -> &str {
        text(self, "type")
    }

    fn format(&self) -> &str {
        text(self, "format")
    }

    fn nullable(&self) -> bool {
        flag(self, "nullable")
    }

    fn int_or_string(&self) -> bool {
        flag(self, "x-kubernetes-int-or-string")
    }

    fn embedded_resource(&self) -> bool {
        flag(self, "x-kubernetes-embedded-resource")
    }

    fn preserves_unknown_fields(&self) -> bool {
        flag(self, "x-kubernetes-preserve-unknown-fields")
    }

    fn properties(&self) -> Option<Vec<(&str, &Self)>> {
        let properties = self.get("properties")?.as_object()?;
        Some(
            properties
                .iter()
                .map(|(name, schema)| (name.as_str(), schema))
                .collect(),
        )
    }

    fn additional_properties(&self) -> Option<&Self> {
        self.get("additionalProperties")
            .filter(|schema| schema.is_object())
    }

    fn items(&self) -> Option<&Self> {
        self.get("items").filter(|schema| schema.is_object())
    }

    fn required(&self) -> Vec<&str> {
        list(self, "required").iter().filter_map(Self::as_str).collect()
    }

    fn has_default(&self) -> bool {
        self.get("default").is_some_and(|default| !default.is_null())
    }

    fn enumeration(&self) -> &[Json] {
        list(self, "enum")
    }

    fn max_length(&self) -> Option<i64> {
        self.get("maxLength")?.as_i64()
    }

    fn max_items(&self) -> Option<i64> {
        self.get("maxItems")?.as_i64()
    }

    fn max_properties(&self) -> Option<i64> {
        self.get("maxProperties")?.as_i64()
    }

    fn list_type(&self) -> &str {
        text(self, "x-kubernetes-list-type")
    }

    fn list_map_keys(&self) -> Vec<&str> {
        list(self, "x-kubernetes-list-map-keys")
            .iter()
            .filter_map(Self::as_str)
            .collect()
    }

    fn map_type(&self) -> &str {
        text(self, "x-kubernetes-map-type")
    }

    fn rules(&self) -> Vec<Rule> {
        list(self, "x-kubernetes-validations")
            .iter()
            .map(Rule::from_json)
            .collect()
    }

    fn has_rules(&self) -> bool {
        !list(self, "x-kubernetes-validations").is_empty()
    }

    fn all_of(&self) -> Vec<&Self> {
        list(self, "allOf").iter().collect()
    }
}

fn text<'j>(json: &'j Json, name: &str) -> &'j str {
    json.get(name).and_then(Json::as_str).unwrap_or_default()
}

fn flag(json: &Json, name: &str) -> bool {
    json.get(name).and_then(Json::as_bool).unwrap_or_default()
}

fn list<'j>(json: &'j Json, name: &str) -> &'j [Json] {
    json.get(name).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// A schema, kept: of it values are made.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    pub(crate) kind: SchemaKind,
    pub(crate) type_name: String,
    pub(crate) format: Format,
    pub(crate) nullable: bool,
    pub(crate) int_or_string: bool,
    pub(crate) embedded_resource: bool,
    pub(crate) preserves_unknown_fields: bool,
    pub(crate) properties: Option<BTreeMap<String, Arc<Self>>>,
    /// The properties of a resource before it was given those that resources have.
    pub(crate) own_properties: Option<BTreeMap<String, Arc<Self>>>,
    pub(crate) additional: Option<Arc<Self>>,
    pub(crate) items: Option<Arc<Self>>,
    pub(crate) required: Vec<String>,
    pub(crate) has_default: bool,
    /// How many strings are allowed, and how long the longest of them is, in bytes.
    pub(crate) enumeration: Option<i64>,
    pub(crate) max_length: Option<i64>,
    pub(crate) max_items: Option<i64>,
    pub(crate) max_properties: Option<i64>,
    pub(crate) list_type: ListType,
    /// The keys of a list of maps.
    pub(crate) list_keys: Vec<String>,
    /// Whether what a map was tells what its entries were.
    pub(crate) map_type_correlates: bool,
    /// The keys of a list of maps, escaped as CEL's names are.
    pub(crate) list_map_keys: Vec<String>,
}

/// `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SchemaKind {
    Object,
    Array,
    String,
    Number,
    Integer,
    Boolean,
    /// None, or one that is not known.
    #[default]
    Other,
}

impl SchemaKind {
    fn of(name: &str) -> Self {
        match name {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "number" => Self::Number,
            "integer" => Self::Integer,
            "boolean" => Self::Boolean,
            _ => Self::Other,
        }
    }
}

/// The formats of strings by which they are of another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    Duration,
    Date,
    DateTime,
    Byte,
    #[default]
    Other,
}

/// `x-kubernetes-list-type`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ListType {
    #[default]
    Atomic,
    Set,
    Map,
    /// One that is not known.
    Other(String),
}

impl Schema {
    /// Keeps a schema. An object that is a resource, by itself or embedded, has `apiVersion`, `kind` and `metadata` with names.
    #[must_use]
    pub fn new<S: StructuralSchema>(from: &S, is_resource: bool) -> Self {
        let nested = |schema: &S| Arc::new(Self::new(schema, schema.embedded_resource()));
        let properties = from.properties().map(|all| {
            all.into_iter()
                .map(|(name, schema)| (name.to_owned(), nested(schema)))
                .collect()
        });
        let longest = |all: &[Json]| {
            all.iter()
                .filter_map(Json::as_str)
                .map(str::len)
                .max()
                .unwrap_or_default()
        };
        let enumeration = Some(from.enumeration())
            .filter(|all| !all.is_empty())
            .map(longest);
        let schema = Self {
            kind: SchemaKind::of(from.type_name()),
            type_name: from.type_name().to_owned(),
            format: match from.format() {
                "duration" => Format::Duration,
                "date" => Format::Date,
                "date-time" => Format::DateTime,
                "byte" => Format::Byte,
                _ => Format::Other,
            },
            nullable: from.nullable(),
            int_or_string: from.int_or_string(),
            embedded_resource: from.embedded_resource(),
            preserves_unknown_fields: from.preserves_unknown_fields(),
            properties,
            own_properties: None,
            additional: from.additional_properties().map(nested),
            items: from.items().map(nested),
            required: from.required().into_iter().map(str::to_owned).collect(),
            has_default: from.has_default(),
            enumeration: enumeration.map(|longest| i64::try_from(longest).unwrap_or(i64::MAX)),
            max_length: from.max_length(),
            max_items: from.max_items(),
            max_properties: from.max_properties(),
            list_type: match from.list_type() {
                "" | "atomic" => ListType::Atomic,
                "set" => ListType::Set,
                "map" => ListType::Map,
                other => ListType::Other(other.to_owned()),
            },
            list_keys: from.list_map_keys().into_iter().map(str::to_owned).collect(),
            map_type_correlates: matches!(from.map_type(), "" | "granular" | "atomic"),
            list_map_keys: from
                .list_map_keys()
                .into_iter()
                .map(|key| crate::names::escape(key).unwrap_or_else(|| key.to_owned()))
                .collect(),
        };
        if is_resource {
            schema.with_type_and_object_meta()
        } else {
            schema
        }
    }

    /// Whether `fieldPath` of a rule leads to a field of this schema.
    #[must_use]
    pub fn has_field_path(&self, path: &str) -> bool {
        field_path::normalized(path, self).is_some()
    }

    /// Whether it declares a type.
    pub(crate) fn is_typed(&self) -> bool {
        if self.int_or_string {
            return true;
        }
        match self.kind {
            SchemaKind::Array => self.items.as_deref().is_some_and(Self::is_typed),
            SchemaKind::Object => self.additional.as_deref().is_none_or(Self::is_typed),
            SchemaKind::String | SchemaKind::Boolean | SchemaKind::Number | SchemaKind::Integer => true,
            SchemaKind::Other => false,
        }
    }

    /// The properties that it has of its own.
    pub(crate) const fn own_properties(&self) -> Option<&BTreeMap<String, Arc<Self>>> {
        match &self.own_properties {
            Some(own) => Some(own),
            None => self.properties.as_ref(),
        }
    }

    fn with_type_and_object_meta(mut self) -> Self {
        let is =
            |schema: Option<&Arc<Self>>, kind: SchemaKind| schema.is_some_and(|schema| schema.kind == kind);
        let properties = self.properties.get_or_insert_default();
        let metadata = properties.get("metadata");
        let names = |name: &str| metadata.and_then(|metadata| metadata.properties.as_ref()?.get(name));
        if is(properties.get("kind"), SchemaKind::String)
            && is(properties.get("apiVersion"), SchemaKind::String)
            && is(metadata, SchemaKind::Object)
            && is(names("name"), SchemaKind::String)
            && is(names("generateName"), SchemaKind::String)
        {
            return self;
        }
        let text = Arc::new(Self {
            kind: SchemaKind::String,
            type_name: "string".to_owned(),
            ..Self::default()
        });
        let names = ["name", "generateName"].map(|name| (name.to_owned(), Arc::clone(&text)));
        let metadata = Self {
            kind: SchemaKind::Object,
            type_name: "object".to_owned(),
            properties: Some(names.into()),
            ..Self::default()
        };
        self.own_properties = Some(properties.clone());
        properties.insert("kind".to_owned(), Arc::clone(&text));
        properties.insert("apiVersion".to_owned(), text);
        properties.insert("metadata".to_owned(), Arc::new(metadata));
        self
    }

    /// The schema of a field of this name, escaped or not.
    pub(crate) fn property(&self, name: &str) -> Option<&Self> {
        if self.embedded_resource || self.properties.is_some() {
            return self.properties.as_ref()?.get(name).map(AsRef::as_ref);
        }
        self.additional.as_deref()
    }
}
