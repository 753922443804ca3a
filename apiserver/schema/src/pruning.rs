//! Removes fields that a schema does not specify: `structuralschema/pruning`.

use serde_json::{Map, Value};

use crate::UnknownFields;
use crate::props::JsonSchemaProps;

/// The fields that every object has, which nobody prunes.
const META: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Removes what the schema does not specify from a value, and adds to `unknown` what that was, in order. An object itself (`is_root`)
/// keeps its metadata.
pub fn prune(value: &mut Value, schema: &JsonSchemaProps, is_root: bool, unknown: &mut UnknownFields) {
    let before = unknown.count();
    let mut pruner = Pruner {
        path: String::new(),
        unknown,
    };
    pruner.prune(value, Some(schema), is_root);
    unknown.sort_from(before);
}

struct Pruner<'u> {
    path: String,
    unknown: &'u mut UnknownFields,
}

impl Pruner<'_> {
    fn prune(&mut self, value: &mut Value, schema: Option<&JsonSchemaProps>, is_root: bool) {
        match value {
            Value::Object(fields) => self.fields(fields, schema, is_root),
            Value::Array(items) => match schema {
                Some(schema) if schema.preserves_unknown_fields() => {
                    for (index, item) in items.iter_mut().enumerate() {
                        self.within(&format!("[{index}]"), |pruner| pruner.skip(item, schema.item()));
                    }
                }
                _ => {
                    for (index, item) in items.iter_mut().enumerate() {
                        let schema = schema.and_then(JsonSchemaProps::item);
                        self.within(&format!("[{index}]"), |pruner| pruner.prune(item, schema, false));
                    }
                }
            },
            _ => {}
        }
    }

    /// Walks through what is preserved, in which a schema may be that does not preserve.
    fn skip(&mut self, value: &mut Value, schema: Option<&JsonSchemaProps>) {
        let Some(schema) = schema else {
            return;
        };
        match value {
            Value::Object(fields) => self.known(fields, schema, schema.embedded_resource),
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.within(&format!("[{index}]"), |pruner| pruner.skip(item, schema.item()));
                }
            }
            _ => {}
        }
    }

    fn fields(&mut self, fields: &mut Map<String, Value>, schema: Option<&JsonSchemaProps>, is_root: bool) {
        let embedded = is_root || schema.is_some_and(|schema| schema.embedded_resource);
        if schema.is_none_or(|schema| !schema.preserves_unknown_fields()) {
            let is_known = |name: &str| {
                schema.is_some_and(|schema| {
                    embedded && META.contains(&name)
                        || schema.property(name).is_some()
                        || schema.additional_properties.is_some()
                })
            };
            fields.retain(|name, _| {
                let known = is_known(name);
                if !known && (schema.is_none() || !META.contains(&name.as_str()) || !self.path.is_empty()) {
                    let path = &self.path;
                    self.unknown.add(|| below(path, name));
                }
                known
            });
        }
        if let Some(schema) = schema {
            self.known(fields, schema, embedded);
        }
    }

    /// Prunes within what the schema specifies.
    fn known(&mut self, fields: &mut Map<String, Value>, schema: &JsonSchemaProps, embedded: bool) {
        for (name, value) in fields.iter_mut() {
            if embedded && META.contains(&name.as_str()) {
                continue;
            }
            let property = schema.property(name);
            if property.is_some() || schema.additional_properties.is_some() {
                let dot = if self.path.is_empty() { "" } else { "." };
                let schema = property.or_else(|| schema.additional());
                self.within(&format!("{dot}{name}"), |pruner| {
                    pruner.prune(value, schema, false)
                });
            }
        }
    }

    fn within(&mut self, part: &str, walk: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(part);
        walk(self);
        self.path.truncate(length);
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
