//! What a CustomResourceDefinition's schema must be: `validateCustomResourceDefinitionValidation` of apiextensions-apiserver.

mod defaults;
mod open_api;
mod root;
mod rules;

use crate::field::{Error, Path};
use crate::props::JsonSchemaProps;
use crate::structural;
use rules::Rules;

pub use defaults::prune as prune_defaults;

/// What is wrong with the schema of a version of a new definition. `path` is that of the version's `schema`, `has_status` whether it
/// has the subresource `status`. What Go says in no order is in the order of names here.
///
/// What differs from Kubernetes: an error that shows the whole schema shows its defaults as they were given; Go's has coerced their metadata by then. And
/// of the keys of a list at most a hundred are found wrong, since each error shows all of them, and no further rules are compiled where
/// the errors of others have more than 4 MiB.
#[must_use]
pub fn validate(path: &Path<'_>, schema: &JsonSchemaProps, has_status: bool) -> Vec<Error> {
    let mut errors = Vec::new();
    let at = path.child("openAPIV3Schema");
    if has_status {
        errors.extend(root::with_status(path, schema));
    }
    if schema.nullable {
        let detail = "nullable cannot be true at the root";
        errors.push(Error::forbidden(&path.child("openAPIV3Schema.nullable"), detail));
    }
    let unsupported = structural::unsupported(schema);
    let mut rules = None;
    if unsupported.is_none() {
        let wrong = structural::validate(&at, schema);
        if wrong.is_empty() {
            let before = errors.len();
            defaults::validate(&at, schema, &mut errors);
            rules = (errors.len() == before).then(Rules::default);
        }
        errors.extend(wrong);
    }
    open_api::validate(&at, schema, rules.as_mut(), &mut errors);
    if let Some(unsupported) = unsupported
        && errors.is_empty()
    {
        errors.push(Error::invalid(&at, "", unsupported));
    }
    errors.extend(rules.map(|rules| rules.too_expensive(&at)).unwrap_or_default());
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(schema: serde_json::Value) -> Vec<String> {
        let schema = JsonSchemaProps::decode(&schema).unwrap();
        let errors = validate(&Path::new("schema"), &schema, false);
        errors.iter().map(Error::to_string).collect()
    }

    #[test]
    fn many_wrong_keys_do_not_make_errors_without_end() {
        let keys: Vec<String> = (0..10_000).map(|index| index.to_string()).collect();
        let list = json!({
            "type": "array",
            "items": {"type": "object"},
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": keys,
        });
        let errors = texts(json!({"type": "object", "properties": {"list": list}}));
        assert_eq!(errors.len(), 101);
    }
}
