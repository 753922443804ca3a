//! The schemas of kinds without a type, as they are told: what apiextensions' `openapi/builder` makes of a definition's, which `kubectl explain`
//! shows. Vendor extensions are said in words of OpenAPI too, and what the second version does not have is left out of it.

use serde_json::{Map, Value, json};

use super::components::{LIST_META, OBJECT_META, PREFIX};
use crate::resource::Version;

const CONVENTIONS: &str =
    "More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md";
/// Lists what field selectors may use.
const SELECTABLE_FIELDS: &str = "x-kubernetes-selectable-fields";
const INT_OR_STRING: &str = "x-kubernetes-int-or-string";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
/// How schemas are joined.
const JUNCTORS: [&str; 4] = ["allOf", "anyOf", "oneOf", "not"];

/// Which of OpenAPI's versions a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OpenApi {
    V2,
    V3,
}

/// The schema of the objects of a version.
pub(super) fn object(version: &Version, open_api: OpenApi) -> Value {
    let mut schema = version.schema.document.clone();
    unfold(&mut schema);
    if open_api == OpenApi::V2 && is_set(&schema, PRESERVE) {
        // kubectl would take what is not named for unknown.
        return json!({ "type": "object" });
    }
    if open_api == OpenApi::V2 {
        simplify(&mut schema);
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties
            .values_mut()
            .for_each(|property| embed(property, open_api));
    }
    schema["properties"]["metadata"] = object_meta();
    tell_selectable(&mut schema, version);
    schema
}

/// What a list of them says beside its kind.
pub(super) fn complete_list(list: &mut Value, plural: &str, version: &Version) {
    let items = format!("List of {plural}. {CONVENTIONS}");
    list["properties"]["items"]["description"] = items.into();
    let description = format!("Standard list metadata. {CONVENTIONS}#types-kinds");
    list["properties"]["metadata"] = reference(LIST_META, &description);
    tell_selectable(list, version);
}

fn object_meta() -> Value {
    reference(
        OBJECT_META,
        &format!("Standard object's metadata. {CONVENTIONS}#metadata"),
    )
}

fn reference(name: &str, description: &str) -> Value {
    json!({ "description": description, "allOf": [{ "$ref": format!("{PREFIX}{name}") }] })
}

fn tell_selectable(schema: &mut Value, version: &Version) {
    if version.selectable_fields.is_empty() {
        return;
    }
    let fields = version.selectable_fields.iter();
    schema[SELECTABLE_FIELDS] = fields
        .map(|path| json!({ "fieldPath": path.strip_prefix('.').unwrap_or(path) }))
        .collect();
}

fn is_set(schema: &Value, extension: &str) -> bool {
    schema.get(extension) == Some(&Value::Bool(true))
}

/// Does something to what stands below a schema, but for what is joined to it.
fn each_below(schema: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    let Value::Object(schema) = schema else {
        return;
    };
    for (keyword, below) in schema {
        match (keyword.as_str(), below) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(&mut *change),
            ("items" | "additionalProperties", below @ Value::Object(_)) => change(below),
            _ => {}
        }
    }
}

/// Says of what is an integer or a text that it is one of them: `Structural.Unfold`.
fn unfold(schema: &mut Value) {
    each_below(schema, &mut unfold);
    if !is_set(schema, INT_OR_STRING) {
        return;
    }
    let either = json!([{ "type": "integer" }, { "type": "string" }]);
    let says_it_in_all = schema.pointer("/allOf/0/anyOf") == Some(&either);
    match schema.get("anyOf") {
        None => schema["anyOf"] = either,
        Some(any) if *any == either => {}
        Some(_) if says_it_in_all => {}
        Some(_) => {
            let mut all = vec![json!({ "anyOf": either })];
            all.extend(schema["allOf"].as_array().cloned().unwrap_or_default());
            schema["allOf"] = all.into();
        }
    }
}

/// Leaves out what the second version has no words for, and what kubectl stumbles over there: `ToStructuralOpenAPIV2`.
fn simplify(schema: &mut Value) {
    let is_nullable = |schema: &Value| is_set(schema, "nullable");
    let nullable: Vec<String> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, property)| is_nullable(property))
        .map(|(name, _)| name.clone())
        .collect();
    let has_nullable_fields = schema.get("additionalProperties").is_some_and(is_nullable);
    let preserves = is_set(schema, PRESERVE);
    let Value::Object(fields) = schema else {
        return;
    };
    fields.retain(|keyword, _| !JUNCTORS.contains(&keyword.as_str()));
    let was_nullable = fields.remove("nullable") == Some(Value::Bool(true));
    if was_nullable || preserves {
        fields.remove("items");
        fields.remove("properties");
    }
    let type_name = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    let has_items = fields.contains_key("items");
    if was_nullable || (type_name == "array" && !has_items) || (type_name == "object" && preserves) {
        fields.remove("type");
    }
    without(fields, "required", |name| {
        has_nullable_fields || nullable.iter().any(|field| field == name)
    });
    each_below(schema, &mut simplify);
}

/// Takes some of a list of names away, and the list with the last of them.
fn without(fields: &mut Map<String, Value>, keyword: &str, is_gone: impl Fn(&str) -> bool) {
    let Some(Value::Array(names)) = fields.get_mut(keyword) else {
        return;
    };
    names.retain(|name| !name.as_str().is_some_and(&is_gone));
    if names.is_empty() {
        fields.remove(keyword);
    }
}

/// Says of embedded resources what every object has: `addEmbeddedProperties`.
fn embed(schema: &mut Value, open_api: OpenApi) {
    each_below(schema, &mut |below| embed(below, open_api));
    if !is_set(schema, EMBEDDED) || (open_api == OpenApi::V2 && is_set(schema, PRESERVE)) {
        return;
    }
    let text = |description: String| json!({ "description": description, "type": "string" });
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    let version = "apiVersion defines the versioned schema of this representation of an object.";
    schema["properties"]["apiVersion"] = text(format!("{version} {CONVENTIONS}#resources"));
    let kind = "kind is a string value representing the type of this object. In CamelCase.";
    schema["properties"]["kind"] = text(format!("{kind} {CONVENTIONS}#types-kinds"));
    schema["properties"]["metadata"] = object_meta();
    let mut required = schema["required"].as_array().cloned().unwrap_or_default();
    for name in ["kind", "apiVersion"] {
        if !required.iter().any(|known| known == name) {
            required.push(name.into());
        }
    }
    schema["required"] = required.into();
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::resource::Subresources;
    use crate::schema::Schema;

    fn told(spec: &Value, open_api: OpenApi) -> Value {
        let version = Version {
            name: "v1".into(),
            schema: Arc::new(Schema::of_custom_resource(
                json!({ "type": "object", "properties": { "spec": spec } }),
            )),
            columns: Vec::new(),
            selectable_fields: vec![".spec.a".into()],
            subresources: Subresources::default(),
            deprecation_warning: None,
        };
        let mut object = object(&version, open_api);
        assert_eq!(object[SELECTABLE_FIELDS], json!([{ "fieldPath": "spec.a" }]));
        object["properties"]["spec"].take()
    }

    #[test]
    fn extensions_are_said_in_words_of_open_api() {
        let either = json!([{ "type": "integer" }, { "type": "string" }]);
        let plain = json!({ INT_OR_STRING: true });
        assert_eq!(told(&plain, OpenApi::V3)["anyOf"], either);
        let other = json!({ INT_OR_STRING: true, "anyOf": [{ "minimum": 1 }] });
        let other = told(&other, OpenApi::V3);
        assert_eq!(other["anyOf"], json!([{ "minimum": 1 }]));
        assert_eq!(other["allOf"], json!([{ "anyOf": either }]));
        let embedded = json!({ "type": "object", EMBEDDED: true, "required": ["kind"] });
        let embedded = told(&embedded, OpenApi::V3);
        assert_eq!(embedded["required"], json!(["kind", "apiVersion"]));
        assert!(embedded["properties"]["metadata"]["allOf"].is_array());
    }

    #[test]
    fn what_a_definition_requires_of_an_object_is_told() {
        let required = json!(["metadata", "spec"]);
        let schema = Schema::of_custom_resource(json!({ "type": "object", "required": required }));
        assert_eq!(schema.document["required"], required);
    }

    #[test]
    fn the_second_version_has_what_it_has_words_for() {
        let spec = json!({
            "type": "object", "required": ["a", "b"], "oneOf": [{ "required": ["a"] }],
            "properties": {
                "a": { "type": "string", "nullable": true },
                "b": { "type": "object", PRESERVE: true, "properties": { "c": {} } },
                "d": { INT_OR_STRING: true },
                "e": { "type": "object", EMBEDDED: true, PRESERVE: true },
            },
        });
        assert_eq!(
            told(&spec, OpenApi::V2),
            json!({
                "type": "object", "required": ["b"],
                "properties": {
                    "a": {}, "b": { PRESERVE: true }, "d": { INT_OR_STRING: true }, "e": { EMBEDDED: true, PRESERVE: true },
                },
            })
        );
    }
}
