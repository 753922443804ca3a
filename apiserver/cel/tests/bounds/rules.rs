//! Rules of schemas: what definitions and objects may make of them.

use std::time::{Duration, Instant};

use annex_cel::{Kind, OBJECT_BUDGET, Validator};
use serde_json::{Value as Json, json};

/// A list of this many objects, with names, under a rule of each.
fn items(count: usize, list_type: &str, rule: &str, message: &str) -> (Json, Json) {
    let item = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "x-kubernetes-validations": [{"rule": rule, "message": message}],
    });
    let mut list = json!({"type": "array", "items": item, "x-kubernetes-list-type": list_type});
    if list_type == "map" {
        list["x-kubernetes-list-map-keys"] = json!(["name"]);
    }
    let all: Vec<Json> = (0..count)
        .map(|at| json!({"name": format!("name-{at}")}))
        .collect();
    (
        json!({"type": "object", "properties": {"items": list}}),
        json!({"items": all}),
    )
}

#[test]
fn elements_are_found_by_their_keys_and_compared_once() {
    let (schema, object) = items(40_000, "map", "self == oldSelf", "");
    let validator = Validator::new(&schema, false).unwrap();
    let mut old = object.clone();
    old["items"].as_array_mut().unwrap().reverse();
    old["items"][0]["other"] = json!(1);
    for ratchet in [false, true] {
        let findings = validator.validate(&object, Some(&old), ratchet, OBJECT_BUDGET);
        // The one that changed was found by its name.
        assert_eq!(findings.errors.len(), 1);
        assert_eq!(findings.errors[0].path_text(""), "items[39999]");
        assert!(findings.budget.is_some_and(|left| left < OBJECT_BUDGET));
    }
    for list_type in ["atomic", "map"] {
        let (schema, object) = items(20_000, list_type, "self.name == ''", "");
        let validator = Validator::new(&schema, false).unwrap();
        let findings = validator.validate(&object, Some(&object), true, OBJECT_BUDGET);
        assert!(findings.errors.is_empty());
        assert_eq!(findings.warnings.len() + findings.more_warnings, 20_000);
    }
}

#[test]
fn findings_are_counted_where_they_are_too_many_to_be_kept() {
    let (schema, object) = items(20_000, "atomic", "self.name == ''", &"m".repeat(10_000));
    let validator = Validator::new(&schema, false).unwrap();
    let findings = validator.validate(&object, None, false, OBJECT_BUDGET);
    assert_eq!(findings.errors.len() + findings.more_errors, 20_000);
    let bytes: usize = findings.errors.iter().map(|finding| finding.detail.len()).sum();
    assert!(bytes < 2 << 20, "{bytes}");
    assert_eq!(findings.errors[0].kind, Kind::Invalid);
    assert_eq!(findings.errors[0].detail.len(), 10_000);
}

#[test]
fn what_goes_on_behind_its_request_is_stopped() {
    let schema = json!({
        "type": "object",
        "properties": {"p": {"type": "string"}},
        "x-kubernetes-validations": [{"rule": "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].all(i, i >= 0) && 'a'.matches(self.p)"}],
    });
    let validator = Validator::new(&schema, false).unwrap();
    let object = json!({"p": "a"});
    let late = Instant::now().checked_sub(Duration::from_secs(1));
    let findings = validator.validate_until(&object, None, false, OBJECT_BUDGET, late);
    assert_eq!(findings.errors.len(), 1);
    assert!(findings.budget.is_none());
    let later = Instant::now().checked_add(Duration::from_secs(3600));
    let findings = validator.validate_until(&object, None, false, OBJECT_BUDGET, later);
    assert!(findings.errors.is_empty());
}

#[test]
fn patterns_and_texts_that_are_read_again_and_again_are_counted() {
    let schema = |rule: &str| {
        json!({
            "type": "object",
            "properties": {"p": {"type": "string"}, "s": {"type": "string"}},
            "x-kubernetes-validations": [{"rule": rule}],
        })
    };
    let object = json!({"p": r"\pL{50}", "s": "a".repeat(1_000_000)});
    let errors = |rule: &str| {
        let validator = Validator::new(&schema(rule), false).unwrap();
        let findings = validator.validate(&object, None, false, OBJECT_BUDGET);
        findings
            .errors
            .into_iter()
            .map(|finding| finding.detail)
            .collect::<Vec<_>>()
    };
    // The same pattern is compiled once; others are counted.
    assert_eq!(errors("lists.range(20000).all(i, !'a'.matches(self.p))"), [""; 0]);
    for rule in [
        "lists.range(20000).all(i, !'a'.matches(self.p + string(i)))",
        "lists.range(100000).all(i, size(self.s) > 0)",
        "lists.range(100000).all(i, self.s.charAt(999999) == 'a')",
    ] {
        let errors = errors(rule);
        assert!(
            errors.len() == 1 && errors[0].contains("call cost exceeds limit"),
            "{errors:?}"
        );
    }
}

#[test]
fn the_work_of_an_object_is_that_of_all_its_rules() {
    let (mut schema, object) = items(3000, "atomic", "self.name == ''", "");
    let doubled = format!("[1]{}.all(z, z == z)", ".map(a, [a, a])".repeat(15));
    schema["properties"]["items"]["items"]["x-kubernetes-validations"] = json!([{"rule": doubled}]);
    let validator = Validator::new(&schema, false).unwrap();
    let findings = validator.validate(&object, None, false, 2_000_000);
    assert!(findings.budget.is_none());
    let detail = &findings.errors.last().unwrap().detail;
    assert!(detail.contains("call cost exceeds limit"), "{detail}");
}

#[test]
fn the_type_of_a_schema_is_made_once_for_all_its_rules() {
    let names: Vec<String> = (0..20_000).map(|at| format!("f{at}")).collect();
    let properties: serde_json::Map<String, Json> = names
        .iter()
        .map(|name| (name.clone(), json!({"type": "string"})))
        .collect();
    let rules: Vec<Json> = (0..300)
        .map(|at| json!({"rule": format!("self.f{at} == ''"), "messageExpression": "'no'"}))
        .collect();
    let schema = json!({
        "type": "object", "properties": properties, "required": names, "x-kubernetes-validations": rules
    });
    let mut nested = schema;
    for _ in 0..20 {
        nested = json!({"type": "object", "properties": {"n": nested}});
    }
    let validator = Validator::new(&nested, false).unwrap();
    let object = json!({"n": {}});
    let findings = validator.validate(&object, None, false, OBJECT_BUDGET);
    assert!(findings.errors.is_empty());
}
