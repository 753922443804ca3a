//! References of a generated schema, replaced by what they refer to.

use serde_json::{Map, Value, json};

use super::combine;
use super::generate::go_name;
use super::kubernetes_types;
use super::node::TYPE_NAME;

/// Keywords whose value is a schema, a list of schemas or a map of schemas.
const SINGLE: [&str; 3] = ["items", "additionalProperties", "not"];
const LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Replaces references.
pub(super) struct Inliner<'a> {
    definitions: &'a Map<String, Value>,
    prefix: &'a str,
    version: &'a str,
    /// The definitions that are being replaced: one that comes again contains itself.
    open: Vec<String>,
}

impl<'a> Inliner<'a> {
    pub(super) fn new(definitions: &'a Map<String, Value>, prefix: &'a str, version: &'a str) -> Self {
        Self {
            definitions,
            prefix,
            version,
            open: Vec::new(),
        }
    }

    /// `schema` without references, and with its alternatives described together.
    pub(super) fn inline(&mut self, schema: &Value) -> Value {
        let Value::Object(schema) = schema else {
            return match schema {
                Value::Bool(false) => schema.clone(),
                _ => json!({"x-kubernetes-preserve-unknown-fields": true}),
            };
        };
        let mut result = self.referred(schema);
        for (keyword, value) in schema {
            match keyword.as_str() {
                "$ref" | "$schema" | "title" | "definitions" | "$defs" => {}
                single if SINGLE.contains(&single) => {
                    let inlined = match value {
                        Value::Bool(_) => value.clone(),
                        schema => self.inline(schema),
                    };
                    result.insert(keyword.clone(), inlined);
                }
                list if LISTS.contains(&list) => {
                    let list = value.as_array().into_iter().flatten();
                    let list = list.map(|schema| self.inline(schema)).collect();
                    result.insert(keyword.clone(), Value::Array(list));
                }
                "properties" => {
                    let map = value.as_object().into_iter().flatten();
                    let map = map.map(|(name, schema)| (name.clone(), self.inline(schema)));
                    result.insert(keyword.clone(), Value::Object(map.collect()));
                }
                "const" => {
                    result.insert("enum".into(), Value::Array(vec![value.clone()]));
                }
                "default" if value.is_null() => {}
                _ => {
                    result.insert(keyword.clone(), value.clone());
                }
            }
        }
        combine::alternatives(&mut result);
        say_what_is_kept(&mut result);
        Value::Object(result)
    }

    fn referred(&mut self, schema: &Map<String, Value>) -> Map<String, Value> {
        let target = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| reference.strip_prefix(self.prefix));
        let Some(target) = target else {
            return Map::new();
        };
        let definition = self.definitions.get(target).filter(|_| !self.is_open(target));
        let Some(definition) = definition else {
            let mut anything = Map::new();
            anything.insert("type".into(), "object".into());
            anything.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
            return anything;
        };
        self.open.push(target.to_owned());
        let inlined = self.inline(definition);
        self.open.pop();
        match inlined {
            Value::Object(mut map) => {
                kubernetes_types::complete(target, &mut map);
                map.insert(TYPE_NAME.into(), go_name(target, self.version).into());
                map
            }
            _ => Map::new(),
        }
    }

    fn is_open(&self, target: &str) -> bool {
        self.open.iter().any(|open| open == target)
    }
}

/// Says in Kubernetes' words that anything may stand here, or in further fields.
fn say_what_is_kept(schema: &mut Map<String, Value>) {
    let keeps = "x-kubernetes-preserve-unknown-fields";
    let further = schema.get("additionalProperties") == Some(&Value::Bool(true));
    if further && schema.contains_key("properties") {
        schema.remove("additionalProperties");
        schema.insert(keeps.into(), true.into());
    }
    let says_something = ["type", "properties", "enum", "x-kubernetes-int-or-string"];
    if !says_something.iter().any(|keyword| schema.contains_key(*keyword)) {
        schema.insert(keeps.into(), true.into());
    }
}
