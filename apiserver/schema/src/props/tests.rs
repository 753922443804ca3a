use serde_json::json;

use super::*;

#[test]
fn nulls_are_as_if_they_were_not_there() {
    let null = json!({"type": null, "default": null, "properties": null, "items": null, "maximum": null});
    assert_eq!(
        JsonSchemaProps::decode(&null).unwrap(),
        JsonSchemaProps::default()
    );
    let read = JsonSchemaProps::decode(&json!({"properties": {"a": null}, "enum": [null, 1]})).unwrap();
    assert_eq!(read.property("a"), Some(&JsonSchemaProps::default()));
    assert_eq!(read.enumeration, Some(vec![json!(null), json!(1)]));
}

#[test]
fn what_is_no_schema_is_refused_with_the_field() {
    for (value, error) in [
        (json!([]), "schema must be an object, not a list"),
        (
            json!({"properties": {"a": {"type": 1}}}),
            "type must be a string, not a number",
        ),
        (
            json!({"maxLength": 1.5}),
            "maxLength must be an integer, not a number",
        ),
        (
            json!({"additionalProperties": 1}),
            "additionalProperties must be a boolean or a schema, not a number",
        ),
    ] {
        assert_eq!(JsonSchemaProps::decode(&value).unwrap_err().to_string(), error);
    }
}

#[test]
fn a_schema_that_is_too_deep_is_refused() {
    let nested = |levels| (0..levels).fold(json!({}), |inner, _| json!({"items": inner}));
    assert!(JsonSchemaProps::decode(&nested(63)).is_ok());
    assert_eq!(JsonSchemaProps::decode(&nested(64)), Err(DecodeError::TooDeep));
    let values = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(
        JsonSchemaProps::decode(&json!({"default": values(200)})),
        Err(DecodeError::TooDeep)
    );
}

#[test]
fn the_deepest_schema_needs_no_more_stack_than_a_thread_of_tokio_has() {
    let schema = (0..61).fold(json!({"type": "string"}), |inner, _| {
        json!({"type": "object", "properties": {"a": inner}, "anyOf": [{"properties": {"a": {"minLength": 1}}}, {}]})
    });
    let value = (0..61).fold(json!(1), |inner, _| json!({"a": inner}));
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let errors = thread.spawn(move || {
        let read = JsonSchemaProps::decode(&schema).unwrap();
        let path = crate::field::Path::new("schema");
        let of_values = crate::values::validate(&crate::field::Path::NONE, &value, &read).len();
        (crate::definition::validate(&path, &read, false).len(), of_values)
    });
    assert_eq!(errors.unwrap().join().unwrap(), (0, 1));
}

#[test]
fn rules_are_read_of_it_as_of_its_json() {
    let rule = |rule: &str| json!([{"rule": rule, "message": rule, "reason": "FieldValueForbidden"}]);
    let items = json!({"type": "object", "x-kubernetes-validations": rule("self.port > oldSelf.port"),
        "properties": {"name": {"type": "string", "maxLength": 5}, "port": {"type": "integer", "default": 1}}});
    let schema = json!({
        "type": "object",
        "required": ["list"],
        "allOf": [{"properties": {"map": {"x-kubernetes-validations": rule("!('a' in self)")}}}],
        "properties": {
            "list": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "maxItems": 3, "items": items},
            "map": {"type": "object", "x-kubernetes-map-type": "granular", "maxProperties": 2,
                "additionalProperties": {"type": "string", "format": "date", "enum": ["a"], "x-kubernetes-validations": rule("self == oldSelf")}},
            "any": {"x-kubernetes-int-or-string": true, "nullable": true, "x-kubernetes-validations": rule("self != 1")},
            "embedded": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
                "x-kubernetes-validations": rule("self.metadata.name == ''")},
        },
        "x-kubernetes-validations": rule("!has(self.map)"),
    });
    let object = json!({"list": [{"name": "a", "port": 1}], "map": {"a": "2020-01-01", "b": "x"}, "any": 1,
        "embedded": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}});
    let old = json!({"list": [{"name": "a", "port": 2}], "map": {"a": "2020-01-02"}});
    let read = JsonSchemaProps::decode(&schema).unwrap();
    let (of_json, of_props) = (
        annex_cel::Validator::new(&schema, false),
        annex_cel::Validator::new(&read, false),
    );
    let (of_json, of_props) = (of_json.unwrap(), of_props.unwrap());
    let [of_json, of_props] = [&of_json, &of_props]
        .map(|validator| validator.validate(&object, Some(&old), true, annex_cel::OBJECT_BUDGET));
    assert_eq!(of_props.errors, of_json.errors);
    assert_eq!(of_props.budget, of_json.budget);
    let paths: Vec<String> = of_props.errors.iter().map(|error| error.path_text("")).collect();
    assert_eq!(paths, ["<nil>", "map", "any", "embedded", "list[0]", "map[a]"]);
}
