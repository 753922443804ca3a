//! Documents of OpenAPI 3.0: one for each group-version, and the index of them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::components::{Components, PREFIX};
use super::custom_resource::OpenApi;
use super::operations::{self, Operation, Path};
use super::parameters::Parameter;
use super::{Info, group_versions};
use crate::resource::Resource;

/// All documents by their paths: `apis`, `apis/GROUP`, `apis/GROUP/VERSION`, `version`.
pub(super) fn documents(info: &Info, resources: &[Arc<Resource>]) -> Vec<(String, Value)> {
    let mut documents = Vec::new();
    let mut add = |path: String, paths: Vec<Path>, components: Components| {
        documents.push((path, document(info, &paths, components)));
    };
    let mut components = Components::default();
    components.add_group_list();
    add("apis".into(), vec![operations::groups()], components);
    let mut components = Components::default();
    components.add_version_info();
    add("version".into(), vec![operations::version()], components);
    for (group, versions) in group_versions(resources) {
        let mut components = Components::default();
        components.add_group();
        add(
            format!("apis/{group}"),
            vec![operations::group(group)],
            components,
        );
        for (version, served) in versions {
            let mut components = Components::default();
            components.add_operands([(group, version)].into_iter());
            let mut paths = vec![operations::group_version(group, version)];
            for resource in served {
                components.add_resource(resource, version, OpenApi::V3);
                paths.extend(operations::resource(resource, version));
            }
            add(format!("apis/{group}/{version}"), paths, components);
        }
    }
    documents
}

/// What `/openapi/v3` answers about documents of these paths and hashes.
pub(super) fn index<'a>(documents: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let paths: Map<String, Value> = documents
        .map(|(path, hash)| {
            let url = format!("/openapi/v3/{path}?hash={hash}");
            (path.to_owned(), json!({"serverRelativeURL": url}))
        })
        .collect();
    json!({"paths": paths})
}

fn document(info: &Info, paths: &[Path], components: Components) -> Value {
    let paths: Map<String, Value> = paths.iter().map(|path| (path.path.clone(), item(path))).collect();
    json!({
        "openapi": "3.0.0",
        "info": {"title": info.title, "version": info.version},
        "paths": paths,
        "components": {"schemas": components.0},
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
        "tags": [operation.tag],
        "description": operation.description,
        "operationId": operation.id,
        "responses": {},
    });
    for answer in &operation.answers {
        written["responses"][answer.code.to_string()] = json!({
            "description": answer.description(),
            "content": content(operation.answer_media, answer.component.as_deref()),
        });
    }
    if !operation.parameters.is_empty() {
        written["parameters"] = operation.parameters.iter().map(parameter).collect();
    }
    if let Some(body) = &operation.body {
        written["requestBody"] = json!({"content": content(body.media, Some(&body.component))});
        if body.required {
            written["requestBody"]["required"] = true.into();
        }
    }
    if let Some((action, gvk)) = &operation.action {
        written["x-kubernetes-action"] = (*action).into();
        written["x-kubernetes-group-version-kind"] = gvk.value();
    }
    written
}

fn content(media: &[&str], component: Option<&str>) -> Value {
    let schema = component.map_or_else(
        || json!({"type": "string"}),
        |component| json!({"$ref": format!("{PREFIX}{component}")}),
    );
    let schema = json!({ "schema": schema });
    let content = media.iter().map(|media| ((*media).to_owned(), schema.clone()));
    Value::Object(content.collect())
}

fn parameter(parameter: &Parameter) -> Value {
    let mut written = parameter.head();
    written["schema"] = json!({"type": parameter.type_, "uniqueItems": true});
    written
}
