//! A schema as it stands in a CustomResourceDefinition: `JSONSchemaProps` of apiextensions.k8s.io/v1.

mod decode;
pub(crate) mod go_json;
mod pattern_text;
mod rules;

use std::collections::BTreeMap;

use serde_json::Value;

pub use decode::DecodeError;
pub use pattern_text::PatternText;

/// `JSONSchemaProps`. What is not set and what is empty are told apart where Kubernetes does it.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "they are Kubernetes' fields, under their names")]
pub struct JsonSchemaProps {
    pub id: String,
    pub schema: String,
    pub reference: Option<String>,
    pub description: String,
    pub type_name: String,
    pub nullable: bool,
    pub format: String,
    pub title: String,
    pub default: Option<Value>,
    pub maximum: Option<f64>,
    pub exclusive_maximum: bool,
    pub minimum: Option<f64>,
    pub exclusive_minimum: bool,
    pub max_length: Option<i64>,
    pub min_length: Option<i64>,
    pub pattern: PatternText,
    pub max_items: Option<i64>,
    pub min_items: Option<i64>,
    pub unique_items: bool,
    pub multiple_of: Option<f64>,
    pub enumeration: Option<Vec<Value>>,
    pub max_properties: Option<i64>,
    pub min_properties: Option<i64>,
    pub required: Option<Vec<String>>,
    pub items: Option<Box<SchemaOrArray>>,
    pub all_of: Option<Vec<Self>>,
    pub one_of: Option<Vec<Self>>,
    pub any_of: Option<Vec<Self>>,
    pub not: Option<Box<Self>>,
    pub properties: Option<BTreeMap<String, Self>>,
    pub additional_properties: Option<Box<SchemaOrBool>>,
    pub pattern_properties: Option<BTreeMap<String, Self>>,
    pub dependencies: Option<BTreeMap<String, SchemaOrStrings>>,
    pub additional_items: Option<Box<SchemaOrBool>>,
    pub definitions: Option<BTreeMap<String, Self>>,
    pub external_docs: Option<ExternalDocs>,
    pub example: Option<Value>,
    pub preserve_unknown_fields: Option<bool>,
    pub embedded_resource: bool,
    pub int_or_string: bool,
    pub list_map_keys: Option<Vec<String>>,
    pub list_type: Option<String>,
    pub map_type: Option<String>,
    /// The rules, not looked into.
    pub validations: Option<Vec<Value>>,
}

/// `JSONSchemaPropsOrArray`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SchemaOrArray {
    /// The schema of all items.
    pub schema: Option<JsonSchemaProps>,
    /// A schema for each item, which no definition may have.
    pub schemas: Option<Vec<JsonSchemaProps>>,
}

/// `JSONSchemaPropsOrBool`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SchemaOrBool {
    /// Whether there may be any; true with a schema.
    pub allows: bool,
    /// The schema of all.
    pub schema: Option<JsonSchemaProps>,
}

/// `JSONSchemaPropsOrStringArray`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SchemaOrStrings {
    /// A schema.
    pub schema: Option<JsonSchemaProps>,
    /// Names of properties.
    pub property: Option<Vec<String>>,
}

/// `ExternalDocumentation`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "they are Kubernetes' fields, under their names")]
pub struct ExternalDocs {
    pub description: String,
    pub url: String,
}

impl JsonSchemaProps {
    /// The schema of a list's items.
    #[must_use]
    pub fn item(&self) -> Option<&Self> {
        self.items.as_ref()?.schema.as_ref()
    }

    /// The schema of this property.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Self> {
        self.properties.as_ref()?.get(name)
    }

    /// The schemas of properties, in the order of their names.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Self)> {
        let all = self.properties.iter().flatten();
        all.map(|(name, schema)| (name.as_str(), schema))
    }

    /// The schema of properties that are not named.
    #[must_use]
    pub fn additional(&self) -> Option<&Self> {
        self.additional_properties.as_ref()?.schema.as_ref()
    }

    /// Whether unknown fields are preserved.
    #[must_use]
    pub fn preserves_unknown_fields(&self) -> bool {
        self.preserve_unknown_fields == Some(true)
    }

    pub(crate) fn any_of(&self) -> &[Self] {
        self.any_of.as_deref().unwrap_or_default()
    }

    pub(crate) fn all_of(&self) -> &[Self] {
        self.all_of.as_deref().unwrap_or_default()
    }

    pub(crate) fn one_of(&self) -> &[Self] {
        self.one_of.as_deref().unwrap_or_default()
    }

    pub(crate) fn required(&self) -> &[String] {
        self.required.as_deref().unwrap_or_default()
    }

    pub(crate) fn list_map_keys(&self) -> &[String] {
        self.list_map_keys.as_deref().unwrap_or_default()
    }

    pub(crate) fn validations(&self) -> &[Value] {
        self.validations.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
