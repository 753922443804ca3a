//! Validates values by a schema: kube-openapi's `validate`, and the field errors that apiextensions-apiserver makes of what it finds.

mod enumeration;
mod issue;
mod number;
mod outcome;
mod place;
mod ratchet;
mod validator;

use serde_json::Value;

use crate::field::{Error, Path};
use crate::props::JsonSchemaProps;
use place::Place;
use ratchet::Correlated;
use validator::Validator;

/// What is wrong with a value, by its schema in a definition. `path` is that of the value; [`Path::NONE`] for an object itself.
///
/// At most [`MOST_ERRORS`] are found. What Go says in no order is in the order of names here.
#[must_use]
pub fn validate(path: &Path<'_>, value: &Value, schema: &JsonSchemaProps) -> Vec<Error> {
    errors(path, Validator::OfResources, value, schema, None)
}

/// What is wrong with a value that replaces another one. What was wrong before and did not change is not wrong now (KEP-4008).
#[must_use]
pub fn validate_update(path: &Path<'_>, value: &Value, old: &Value, schema: &JsonSchemaProps) -> Vec<Error> {
    errors(path, Validator::OfResources, value, schema, Some(Correlated(old)))
}

/// What is wrong with a default, by the structural schema that it stands in.
pub(crate) fn validate_default(path: &Path<'_>, value: &Value, schema: &JsonSchemaProps) -> Vec<Error> {
    errors(path, Validator::OfDefaults, value, schema, None)
}

/// How many errors are found in one value at most. Kubernetes finds all, and compares each with each.
pub const MOST_ERRORS: usize = 1000;

fn errors(
    path: &Path<'_>,
    validator: Validator,
    value: &Value,
    schema: &JsonSchemaProps,
    old: Option<Correlated<'_>>,
) -> Vec<Error> {
    let outcome = validator.validate(value, schema, &Place::ROOT, old);
    outcome
        .issues()
        .iter()
        .map(|issue| issue.to_error(path))
        .collect()
}
