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

    fn with_rules(property: serde_json::Value) -> Vec<String> {
        let errors = texts(json!({"type": "object", "properties": {"a": property}}));
        let at = "schema.openAPIV3Schema.properties[a].";
        errors
            .iter()
            .map(|error| error.replace(at, "").replace("x-kubernetes-validations", "rules"))
            .collect()
    }

    #[test]
    fn rules_are_told_what_is_wrong_with_them() {
        let rules = json!([
            {"rule": "self > 1"},
            {"rule": "self > 'a'"},
            {"rule": "self > 1", "messageExpression": "self", "optionalOldSelf": true},
        ]);
        let wrong = with_rules(json!({"type": "integer", "x-kubernetes-validations": rules}));
        let shown = r#"{"Rule":"self \u003e 'a'","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}"#;
        let overload = "compilation failed: ERROR: <input>:1:6: found no matching overload for '_>_' applied to '(int, string)'";
        assert_eq!(
            wrong[0],
            format!("rules[1].rule: Invalid value: {shown}: {overload}\n | self > 'a'\n | .....^")
        );
        assert!(wrong[1].starts_with("rules[2].messageExpression: Invalid value: "));
        assert!(wrong[1].ends_with("messageExpression must evaluate to a string"));
        assert_eq!(
            wrong[2..],
            ["rules[2].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule"]
        );
        let rules = json!([{"rule": " ", "reason": "None", "fieldPath": ".b"}, {"rule": "nonsense"}]);
        assert_eq!(
            with_rules(json!({"type": "object", "properties": {}, "x-kubernetes-validations": rules})),
            [
                "rules[0].rule: Required value: rule is not specified",
                "rules[0].reason: Unsupported value: \"None\": supported values: \"FieldValueDuplicate\", \
                 \"FieldValueForbidden\", \"FieldValueInvalid\", \"FieldValueRequired\"",
                "rules[0].fieldPath: Invalid value: \".b\": must be a valid path",
            ]
        );
    }

    #[test]
    fn rules_that_may_cost_too_much_are_refused() {
        let rules = json!([{"rule": "self.all(x, self.all(y, x == y))"}]);
        let list = json!({"type": "array", "items": {"type": "string"}, "x-kubernetes-validations": rules});
        let wrong = with_rules(list.clone());
        let advice = "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are \
                      declared)";
        let all = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        assert_eq!(
            wrong,
            [
                format!("rules[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x {advice}"),
                "rules[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema".to_owned(),
                format!("schema.openAPIV3Schema: Forbidden: {all} exceeds budget by factor of more than 100x {advice}")
                    .replace("x-kubernetes-validations", "rules"),
            ]
        );
        let mut bounded = list;
        bounded["maxItems"] = 10.into();
        bounded["items"]["maxLength"] = 10.into();
        assert_eq!(with_rules(bounded), [""; 0]);
    }

    #[test]
    fn defaults_hold_to_rules() {
        let rules =
            json!([{"rule": "self == oldSelf && self > 2", "message": "not so few"}, {"rule": "self != 1"}]);
        let property = json!({"type": "integer", "default": 1, "x-kubernetes-validations": rules});
        assert_eq!(
            with_rules(property),
            [
                "default: Invalid value: 1: not so few",
                "default: Invalid value: 1: failed rule: self != 1"
            ]
        );
    }

    #[test]
    fn many_wrong_rules_do_not_make_errors_without_end() {
        let rule = format!("{}nothing", "unknown + ".repeat(90));
        let rules: Vec<_> = (0..1000).map(|_| json!({"rule": rule})).collect();
        let wrong = with_rules(json!({"type": "integer", "x-kubernetes-validations": rules}));
        assert!((2..100).contains(&wrong.len()), "{}", wrong.len());
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
