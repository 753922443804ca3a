//! Schemas as `annex-cel` reads them.

use annex_cel::{Rule, StructuralSchema};
use serde_json::Value;

use super::JsonSchemaProps;

impl StructuralSchema for JsonSchemaProps {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn format(&self) -> &str {
        &self.format
    }

    fn nullable(&self) -> bool {
        self.nullable
    }

    fn int_or_string(&self) -> bool {
        self.int_or_string
    }

    fn embedded_resource(&self) -> bool {
        self.embedded_resource
    }

    fn preserves_unknown_fields(&self) -> bool {
        self.preserve_unknown_fields == Some(true)
    }

    fn properties(&self) -> Option<Vec<(&str, &Self)>> {
        let properties = self.properties.as_ref()?;
        Some(
            properties
                .iter()
                .map(|(name, schema)| (name.as_str(), schema))
                .collect(),
        )
    }

    fn additional_properties(&self) -> Option<&Self> {
        self.additional()
    }

    fn items(&self) -> Option<&Self> {
        self.item()
    }

    fn required(&self) -> Vec<&str> {
        self.required.iter().flatten().map(String::as_str).collect()
    }

    fn has_default(&self) -> bool {
        self.default.as_ref().is_some_and(|default| !default.is_null())
    }

    fn enumeration(&self) -> &[Value] {
        self.enumeration.as_deref().unwrap_or_default()
    }

    fn max_length(&self) -> Option<i64> {
        self.max_length
    }

    fn max_items(&self) -> Option<i64> {
        self.max_items
    }

    fn max_properties(&self) -> Option<i64> {
        self.max_properties
    }

    fn list_type(&self) -> &str {
        self.list_type.as_deref().unwrap_or_default()
    }

    fn list_map_keys(&self) -> Vec<&str> {
        self.list_map_keys.iter().flatten().map(String::as_str).collect()
    }

    fn map_type(&self) -> &str {
        self.map_type.as_deref().unwrap_or_default()
    }

    fn rules(&self) -> Vec<Rule> {
        self.validations.iter().flatten().map(Rule::from_json).collect()
    }

    fn all_of(&self) -> Vec<&Self> {
        self.all_of.iter().flatten().collect()
    }
}
