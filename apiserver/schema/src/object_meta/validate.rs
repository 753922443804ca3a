//! What is wrong with the metadata of embedded resources.

use serde_json::{Map, Value};

use super::read::{self, Metadata};
use super::types::OWNER_REFERENCE;
use crate::field::go;
use crate::field::{BadValue, Error, Path};
use crate::names;
use crate::props::JsonSchemaProps;
use crate::values::MOST_ERRORS;

/// What is wrong with embedded resources, and with the object itself if it is one (`is_root`).
#[must_use]
pub fn validate(path: &Path<'_>, value: &Value, schema: &JsonSchemaProps, is_root: bool) -> Vec<Error> {
    let mut errors = Vec::new();
    any(path, value, schema, is_root, &mut errors);
    errors
}

fn any(path: &Path<'_>, value: &Value, schema: &JsonSchemaProps, embedded: bool, errors: &mut Vec<Error>) {
    if errors.len() >= MOST_ERRORS {
        return;
    }
    match value {
        Value::Object(fields) => {
            if embedded || schema.embedded_resource {
                resource(path, fields, errors);
            }
            for (name, value) in fields {
                if let Some(property) = schema.property(name) {
                    any(&path.child(name), value, property, false, errors);
                } else if let Some(additional) = schema.additional() {
                    any(&path.key(name), value, additional, false, errors);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.item() {
                for (index, item) in items.iter().enumerate() {
                    any(&path.index(index), item, schema, false, errors);
                }
            }
        }
        _ => {}
    }
}

fn resource(path: &Path<'_>, fields: &Map<String, Value>, errors: &mut Vec<Error>) {
    let (version_path, kind_path) = (path.child("apiVersion"), path.child("kind"));
    let all = [("apiVersion", &version_path), ("kind", &kind_path)];
    for (_, path) in all.iter().filter(|(name, _)| !fields.contains_key(*name)) {
        errors.push(Error::required(path, ""));
    }
    for (name, path) in all {
        let wrong = fields.get(name).filter(|value| !value.is_string());
        errors.extend(wrong.map(|value| Error::invalid(path, value.clone(), "must be a string")));
    }
    match fields.get("apiVersion").and_then(Value::as_str) {
        Some("") => errors.push(Error::invalid(&version_path, "", "must not be empty")),
        Some(version) => {
            let wrong = names::group_version(version).err();
            errors.extend(wrong.map(|wrong| Error::invalid(&version_path, version, wrong)));
        }
        None => {}
    }
    match fields.get("kind").and_then(Value::as_str) {
        Some("") => errors.push(Error::invalid(&kind_path, "", "must not be empty")),
        Some(kind) => {
            let wrong = names::dns_1035_label(&kind.to_lowercase());
            if !wrong.is_empty() {
                let detail = format!(
                    "may have mixed case, but should otherwise match: {}",
                    wrong.join(",")
                );
                errors.push(Error::invalid(&kind_path, kind, detail));
            }
        }
        None => {}
    }
    if let Some(value) = fields.get("metadata") {
        let path = path.child("metadata");
        match read::read(value) {
            Ok(Metadata { fields, .. }) => metadata(&path, &fields, errors),
            Err(error) => errors.push(Error::invalid(&path, value.clone(), error)),
        }
    }
}

/// `ValidateObjectMeta`, of metadata that was read. An embedded resource needs no name.
fn metadata(path: &Path<'_>, fields: &Map<String, Value>, errors: &mut Vec<Error>) {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut each = |name: &str, value: &str, wrong: Vec<String>| {
        let path = path.child(name);
        errors.extend(wrong.into_iter().map(|wrong| Error::invalid(&path, value, wrong)));
    };
    each(
        "generateName",
        text("generateName"),
        names::path_segment_prefix(text("generateName")),
    );
    each("name", text("name"), names::path_segment(text("name")));
    if !text("namespace").is_empty() {
        each(
            "namespace",
            text("namespace"),
            names::dns_label(text("namespace")),
        );
    }
    if let Some(generation) = fields
        .get("generation")
        .and_then(Value::as_i64)
        .filter(|value| *value < 0)
    {
        let detail = "must be greater than or equal to 0";
        errors.push(Error::invalid(&path.child("generation"), generation, detail));
    }
    let map = |name: &str| fields.get(name).and_then(Value::as_object).into_iter().flatten();
    labels(&path.child("labels"), map("labels"), errors);
    annotations(&path.child("annotations"), map("annotations"), errors);
    let list = |name: &str| {
        fields
            .get(name)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice)
    };
    owners(&path.child("ownerReferences"), list("ownerReferences"), errors);
    finalizers(&path.child("finalizers"), list("finalizers"), errors);
    managed_fields(&path.child("managedFields"), list("managedFields"), errors);
}

fn labels<'f>(
    path: &Path<'_>,
    labels: impl Iterator<Item = (&'f String, &'f Value)>,
    errors: &mut Vec<Error>,
) {
    for (key, value) in labels {
        let value = value.as_str().unwrap_or_default();
        let keys = names::label_key(key)
            .into_iter()
            .map(|wrong| (key.as_str(), wrong));
        let values = names::label_value(value).into_iter().map(|wrong| (value, wrong));
        errors.extend(
            keys.chain(values)
                .map(|(text, wrong)| Error::invalid(path, text, wrong)),
        );
    }
}

fn annotations<'f>(
    path: &Path<'_>,
    annotations: impl Iterator<Item = (&'f String, &'f Value)>,
    errors: &mut Vec<Error>,
) {
    const MOST: usize = 256 << 10;
    let mut size = 0;
    for (key, value) in annotations {
        let wrong = names::label_key(&key.to_lowercase());
        errors.extend(
            wrong
                .into_iter()
                .map(|wrong| Error::invalid(path, key.as_str(), wrong)),
        );
        size += key.len() + value.as_str().unwrap_or_default().len();
    }
    if size > MOST {
        errors.push(Error::too_long(path, 256 << 10));
    }
}

fn owners(path: &Path<'_>, owners: &[Value], errors: &mut Vec<Error>) {
    let mut controller: Option<String> = None;
    for owner in owners {
        let text = |name: &str| owner.get(name).and_then(Value::as_str).unwrap_or_default();
        let (group, version) = names::group_version(text("apiVersion")).unwrap_or_default();
        if version.is_empty() {
            let path = path.child("apiVersion");
            errors.push(Error::invalid(
                &path,
                text("apiVersion"),
                "version must not be empty",
            ));
        }
        for name in ["kind", "name", "uid"] {
            if text(name).is_empty() {
                errors.push(Error::invalid(&path.child(name), "", "must not be empty"));
            }
        }
        if (group, version, text("kind")) == ("", "v1", "Event") {
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(Error::invalid(
                path,
                BadValue::Written(shown_owner(owner)),
                detail,
            ));
        }
        if owner.get("controller") == Some(&Value::Bool(true)) {
            let name = format!("{}/{}", text("kind"), text("name"));
            match &controller {
                None => controller = Some(name),
                Some(first) => {
                    let shown: Vec<String> = owners.iter().map(shown_owner).collect();
                    let detail = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
                    );
                    let shown = BadValue::Written(format!("[{}]", shown.join(",")));
                    errors.push(Error::invalid(path, shown, detail));
                    // Each further one would show all of them again.
                    return;
                }
            }
        }
    }
}

/// An owner as Go writes it: in the order of the type's fields.
fn shown_owner(owner: &Value) -> String {
    let mut fields = Vec::new();
    for (name, _) in OWNER_REFERENCE.fields {
        if let Some(value) = owner.get(name) {
            fields.push(format!("{}:{}", go::json(&Value::from(*name)), go::json(value)));
        }
    }
    format!("{{{}}}", fields.join(","))
}

fn finalizers(path: &Path<'_>, finalizers: &[Value], errors: &mut Vec<Error>) {
    let texts = || finalizers.iter().filter_map(Value::as_str);
    for finalizer in texts() {
        let wrong = names::label_key(finalizer);
        errors.extend(
            wrong
                .into_iter()
                .map(|wrong| Error::invalid(path, finalizer, wrong)),
        );
    }
    if texts().any(|text| text == "orphan") && texts().any(|text| text == "foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(Error::invalid(path, finalizers.to_vec(), detail));
    }
}

fn managed_fields(path: &Path<'_>, entries: &[Value], errors: &mut Vec<Error>) {
    for (index, entry) in entries.iter().enumerate() {
        let path = path.index(index);
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        if !["Apply", "Update"].contains(&text("operation")) {
            let detail = "must be `Apply` or `Update`";
            errors.push(shown_as_json(&path.child("operation"), text("operation"), detail));
        }
        if !["", "FieldsV1"].contains(&text("fieldsType")) {
            errors.push(Error::invalid(
                &path.child("fieldsType"),
                text("fieldsType"),
                "must be `FieldsV1`",
            ));
        }
        let manager = text("manager");
        let manager_path = path.child("manager");
        if manager.len() > 128 {
            errors.push(Error::too_long(&manager_path, 128));
        }
        for (at, c) in manager
            .char_indices()
            .filter(|(_, c)| *c != ' ' && !annex_re2::is_printable(*c))
        {
            let detail = format!("invalid character U+{:04X} (at position {at})", u32::from(c));
            errors.push(Error::invalid(&manager_path, manager, detail));
        }
        if text("subresource").len() > 256 {
            errors.push(Error::too_long(&path.child("subresource"), 256));
        }
    }
}

/// A text of a type of its own, which Go shows as JSON.
fn shown_as_json(path: &Path<'_>, text: &str, detail: &str) -> Error {
    Error::invalid(path, BadValue::Written(go::json(&text.into())), detail)
}
