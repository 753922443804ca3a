//! The document of OpenAPI 2.0 (Swagger): everything in one piece.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::components::{Components, PREFIX};
use super::custom_resource::OpenApi;
use super::operations::{self, Operation, Path};
use super::parameters::Parameter;
use super::{Info, group_versions};
use crate::resource::Resource;

const DEFINITIONS: &str = "#/definitions/";

/// The document for `resources`.
pub(super) fn document(info: &Info, resources: &[Arc<Resource>]) -> Value {
    let groups = group_versions(resources);
    let mut components = Components::default();
    components.add_group();
    components.add_group_list();
    components.add_version_info();
    let all = groups
        .iter()
        .flat_map(|(group, versions)| versions.keys().map(|version| (*group, *version)));
    components.add_operands(all);
    let mut paths = vec![operations::groups(), operations::version()];
    for (group, versions) in &groups {
        paths.push(operations::group(group));
        for (version, served) in versions {
            paths.push(operations::group_version(group, version));
            for resource in served {
                components.add_resource(resource, version, OpenApi::V2);
                paths.extend(operations::resource(resource, version));
            }
        }
    }
    let paths: Map<String, Value> = paths.iter().map(|path| (path.path.clone(), item(path))).collect();
    let mut definitions = components.0;
    definitions.values_mut().for_each(translate);
    json!({
        "swagger": "2.0",
        "info": {"title": info.title, "version": info.version},
        "paths": paths,
        "definitions": definitions,
        "securityDefinitions": {
            "BearerToken": {
                "description": "Bearer Token authentication",
                "type": "apiKey",
                "name": "authorization",
                "in": "header",
            },
        },
        "security": [{"BearerToken": []}],
    })
}

fn item(path: &Path) -> Value {
    let mut item = Map::new();
    for operation in &path.operations {
        item.insert(operation.method.to_owned(), write(operation));
    }
    if !path.parameters.is_empty() {
        item.insert(
            "parameters".into(),
            path.parameters.iter().map(parameter).collect(),
        );
    }
    Value::Object(item)
}

fn write(operation: &Operation) -> Value {
    let mut written = json!({
        "description": operation.description,
        "consumes": ["*/*"],
        "produces": operation.answer_media,
        "schemes": ["https"],
        "tags": [operation.tag],
        "operationId": operation.id,
        "responses": {"401": {"description": "Unauthorized"}},
    });
    for answer in &operation.answers {
        written["responses"][answer.code.to_string()] = json!({
            "description": answer.description(),
            "schema": answer.component.as_ref().map_or_else(
                || json!({"type": "string"}),
                |component| json!({"$ref": format!("{DEFINITIONS}{component}")}),
            ),
        });
    }
    let mut parameters: Vec<Value> = operation.parameters.iter().map(parameter).collect();
    if let Some(body) = &operation.body {
        written["consumes"] = json!(body.media);
        let schema = json!({"$ref": format!("{DEFINITIONS}{}", body.component)});
        let mut sent = json!({"name": "body", "in": "body", "schema": schema});
        if body.required {
            sent["required"] = true.into();
        }
        parameters.insert(0, sent);
    }
    if !parameters.is_empty() {
        written["parameters"] = parameters.into();
    }
    if let Some((action, gvk)) = &operation.action {
        written["x-kubernetes-action"] = (*action).into();
        written["x-kubernetes-group-version-kind"] = gvk.value();
    }
    written
}

fn parameter(parameter: &Parameter) -> Value {
    let mut written = parameter.head();
    written["type"] = parameter.type_.into();
    written["uniqueItems"] = true.into();
    written
}

/// Brings a schema from version 3 to version 2, as Kubernetes does: without defaults and nulls; a reference needs no
/// wrapping.
fn translate(schema: &mut Value) {
    let Value::Object(schema) = schema else {
        return;
    };
    schema.remove("default");
    if schema.remove("nullable") == Some(Value::Bool(true)) {
        // A null is none of the choices.
        schema.remove("enum");
    }
    unwrap_reference(schema);
    for (keyword, value) in schema {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(translate),
            ("items" | "additionalProperties", schema) => translate(schema),
            ("allOf", Value::Array(all)) => all.iter_mut().for_each(translate),
            _ => {}
        }
    }
}

fn unwrap_reference(map: &mut Map<String, Value>) {
    let single = match map.get("allOf") {
        Some(Value::Array(list)) => match list.as_slice() {
            [Value::Object(only)] => only.get("$ref").cloned(),
            _ => None,
        },
        _ => None,
    };
    if let Some(reference) = single {
        map.remove("allOf");
        map.insert("$ref".into(), reference);
    }
    let renamed = map
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.strip_prefix(PREFIX))
        .map(|name| format!("{DEFINITIONS}{name}"));
    if let Some(renamed) = renamed {
        map.insert("$ref".into(), renamed.into());
    }
}
