//! What of an OpenAPI document, of the second version or the third, is compared: the schemas of the group's kinds, and of each operation its
//! name, what it is about, and what it answers.

use serde_json::{Map, Value, json};

use super::super::side::GROUP;

/// What of a document is compared.
pub(super) fn part(document: Value) -> Value {
    let reversed = GROUP.split('.').rev().collect::<Vec<_>>().join(".");
    let schemas = [&document["components"]["schemas"], &document["definitions"]];
    let schemas = schemas.into_iter().filter_map(Value::as_object).flatten();
    let schemas: Map<String, Value> = schemas
        .filter(|(name, _)| name.contains(&reversed))
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect();
    let prefix = format!("/apis/{GROUP}/");
    let paths = document["paths"].as_object().into_iter().flatten();
    // That of a group-version's resources is no path of a resource.
    let of_resources = paths.filter(|(path, _)| path.starts_with(&prefix) && !path.ends_with('/'));
    let paths: Map<String, Value> = of_resources
        .map(|(path, item)| (path.clone(), operations(item)))
        .collect();
    json!({ "schemas": schemas, "paths": paths })
}

fn operations(item: &Value) -> Value {
    let methods = item.as_object().into_iter().flatten();
    let methods = methods.filter(|(method, _)| *method != "parameters");
    let operations: Map<String, Value> = methods
        .map(|(method, operation)| (method.clone(), said(operation)))
        .collect();
    operations.into()
}

fn said(operation: &Value) -> Value {
    let answer = &operation["responses"]["200"];
    let content = answer["content"].as_object().into_iter().flatten().next();
    let schema = content.map_or(&answer["schema"], |(_, content)| &content["schema"]);
    let name = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.rsplit('/').next());
    json!({
        "id": operation["operationId"],
        "action": operation["x-kubernetes-action"],
        "kind": operation["x-kubernetes-group-version-kind"],
        "tags": operation["tags"],
        "answer": name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_say_the_same() {
        let path = format!("/apis/{GROUP}/v1/machines");
        let third = json!({
            "paths": { &path: {
                "get": {
                    "operationId": "list",
                    "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/x" } } } } },
                },
                "parameters": [{ "name": "pretty", "schema": { "type": "string" } }],
            } },
            "components": { "schemas": { "com.example.twin.v1.Machine": { "type": "object" }, "io.other": {} } },
        });
        let second = json!({
            "paths": { &path: {
                "get": {
                    "operationId": "list",
                    "responses": { "200": { "schema": { "$ref": "#/definitions/x" } } },
                },
            } },
            "definitions": { "com.example.twin.v1.Machine": { "type": "object" } },
        });
        assert_eq!(part(third), part(second));
    }
}
