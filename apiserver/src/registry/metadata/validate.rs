//! What is wrong with `metadata`: `ValidateObjectMetaAccessor` of k8s.io/apimachinery.

use annex_schema::names;
use std::collections::BTreeMap;

use super::Metadata;
use super::deletion::{FOREGROUND, ORPHAN};
use super::managed_fields::managed_fields;
use super::names::{wrong_name, wrong_prefix};
use super::read::Owner;
use crate::object::Object;
use crate::resource::ObjectNames;
use crate::status::{FieldError, FieldErrorKind, MOST_LISTED, shown_part};

/// Bytes of all annotations of an object, keys and values.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// What is wrong with the metadata of `object`, new or changed, whose name follows `names`. `metadata` is that metadata.
pub(in crate::registry) fn validate(
    object: &Object,
    metadata: &Metadata<'_>,
    names: ObjectNames,
    namespaced: bool,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let generate_name = metadata.generate_name.unwrap_or_default();
    for message in wrong_prefix(generate_name, names) {
        errors.push(FieldError::invalid(
            "metadata.generateName",
            generate_name,
            message,
        ));
    }
    match metadata.name.unwrap_or_default() {
        "" => errors.push(FieldError::required(
            "metadata.name",
            "name or generateName is required",
        )),
        name => {
            let invalid = |message| FieldError::invalid("metadata.name", name, message);
            errors.extend(wrong_name(name, names).into_iter().map(invalid));
        }
    }
    namespace(metadata.namespace.unwrap_or_default(), namespaced, &mut errors);
    if let Some(generation) = metadata.generation.filter(|generation| *generation < 0) {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid("metadata.generation", generation, detail));
    }
    contents(object, metadata, &mut errors);
    finalizers(metadata.finalizers(), &mut errors);
    managed_fields(object, &mut errors);
    errors
}

/// Whether more is wrong already than an answer lists: nothing more is looked for then.
pub(super) fn is_enough(errors: &[FieldError]) -> bool {
    errors.len() > MOST_LISTED
}

/// What is wrong with labels, annotations and owners: Kubernetes looks at these twice in an update.
pub(super) fn contents(object: &Object, metadata: &Metadata<'_>, errors: &mut Vec<FieldError>) {
    if let Some(found) = &metadata.labels {
        labels(found, errors);
    }
    if let Some(found) = &metadata.annotations {
        annotations(found, errors);
    }
    if let Some(found) = &metadata.owner_references {
        owners(object, found, errors);
    }
}

fn namespace(namespace: &str, namespaced: bool, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "metadata.namespace";
    match (namespaced, namespace) {
        (true, "") => errors.push(FieldError::required(FIELD, "")),
        (true, name) => errors.extend(
            names::dns_label(name)
                .into_iter()
                .map(|message| FieldError::invalid(FIELD, name, message)),
        ),
        (false, "") => {}
        (false, _) => errors.push(FieldError::forbidden(FIELD, "not allowed on this type")),
    }
}

fn labels(labels: &BTreeMap<&str, &str>, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "metadata.labels";
    for (key, value) in labels {
        if is_enough(errors) {
            return;
        }
        let keys = names::label_key(key).into_iter().map(|message| (*key, message));
        let values = names::label_value(value)
            .into_iter()
            .map(|message| (*value, message));
        errors.extend(
            keys.chain(values)
                .map(|(text, message)| FieldError::invalid(FIELD, text, message)),
        );
    }
}

fn annotations(annotations: &BTreeMap<&str, &str>, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "metadata.annotations";
    for key in annotations.keys() {
        if is_enough(errors) {
            break;
        }
        errors.extend(
            names::label_key(&key.to_lowercase())
                .into_iter()
                .map(|message| FieldError::invalid(FIELD, *key, message)),
        );
    }
    let size: usize = annotations
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if size > ANNOTATIONS_LIMIT {
        let detail = format!("may not be more than {ANNOTATIONS_LIMIT} bytes");
        errors.push(FieldError::new(FieldErrorKind::TooLong, FIELD, "", detail));
    }
}

fn owners(object: &Object, owners: &[Owner<'_>], errors: &mut Vec<FieldError>) {
    const FIELD: &str = "metadata.ownerReferences";
    let all = object
        .metadata()
        .and_then(|metadata| metadata.get("ownerReferences"));
    let mut controller: Option<String> = None;
    for (index, owner) in owners.iter().enumerate() {
        // Some of these errors show all owners.
        if is_enough(errors) {
            return;
        }
        let mut invalid = |field: &str, text: &str, detail: &str| {
            errors.push(FieldError::invalid(format!("{FIELD}.{field}"), text, detail));
        };
        if version_of(owner.api_version).is_empty() {
            invalid("apiVersion", owner.api_version, "version must not be empty");
        }
        for (field, text) in [("kind", owner.kind), ("name", owner.name), ("uid", owner.uid)] {
            if text.is_empty() {
                invalid(field, text, "must not be empty");
            }
        }
        if owner.api_version == "v1" && owner.kind == "Event" {
            let value = all.and_then(|all| all.get(index)).cloned();
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(FieldError::invalid(FIELD, value, detail));
        }
        if owner.controller == Some(true) {
            let name = format!("{}/{}", owner.kind, owner.name);
            match &controller {
                None => controller = Some(name),
                Some(first) => {
                    let detail = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {first} \
                         and {name}"
                    );
                    errors.push(FieldError::invalid(FIELD, all.map(shown_part), detail));
                }
            }
        }
    }
}

/// The version in an apiVersion; empty where that is none.
fn version_of(api_version: &str) -> &str {
    match api_version.split_once('/') {
        None => api_version,
        Some((_, version)) if version.contains('/') => "",
        Some((_, version)) => version,
    }
}

fn finalizers(finalizers: &[&str], errors: &mut Vec<FieldError>) {
    const FIELD: &str = "metadata.finalizers";
    for finalizer in finalizers {
        if is_enough(errors) {
            break;
        }
        errors.extend(
            names::label_key(finalizer)
                .into_iter()
                .map(|message| FieldError::invalid(FIELD, *finalizer, message)),
        );
    }
    if finalizers.contains(&ORPHAN) && finalizers.contains(&FOREGROUND) {
        let detail = format!("finalizer {ORPHAN} and {FOREGROUND} cannot be both set");
        let value: Vec<&str> = finalizers.to_vec();
        errors.push(FieldError::invalid(FIELD, value, detail));
    }
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
