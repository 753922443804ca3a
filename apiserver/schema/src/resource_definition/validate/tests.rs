use serde_json::json;

use super::*;

/// A definition in which nothing is wrong.
fn lamps() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "lamps.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "lamps", "kind": "Lamp"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"watts": {"type": "integer"}, "on": {"type": "object"}}},
                }}},
            }],
        },
    })
}

/// What is wrong with it, where this is put there.
fn errors_with(changes: &[(&str, Value)]) -> Vec<String> {
    let mut document = lamps();
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(list) => list.push(value.clone()),
            parent => parent[field] = value.clone(),
        }
    }
    let definition = Definition::decode(document).unwrap();
    definition.validate().iter().map(ToString::to_string).collect()
}

#[test]
fn a_definition_is_named_by_plural_and_group() {
    assert_eq!(errors_with(&[]), [""; 0]);
    assert_eq!(
        errors_with(&[("/metadata/name", json!("lamp.example.com"))]),
        [r#"metadata.name: Invalid value: "lamp.example.com": must be spec.names.plural+"."+spec.group"#]
    );
    assert_eq!(
        errors_with(&[
            ("/spec/group", json!("example")),
            ("/metadata/name", json!("lamps.example"))
        ]),
        [r#"spec.group: Invalid value: "example": should be a domain with at least one dot"#]
    );
    assert_eq!(
        errors_with(&[("/spec/scope", json!("Everywhere"))]),
        [r#"spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced""#]
    );
    assert_eq!(
        errors_with(&[("/spec/scope", json!(""))]),
        ["spec.scope: Required value"]
    );
}

#[test]
fn names_are_labels() {
    let rule = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end \
                with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is \
                '[a-z]([-a-z0-9]*[a-z0-9])?')";
    let names = json!({"plural": "lamps", "kind": "Lamp", "listKind": "Lamp", "shortNames": ["ok", "1a"], "categories": ["A"]});
    assert_eq!(
        errors_with(&[("/spec/names", names)]),
        [
            format!("spec.names.shortNames[1]: Invalid value: \"1a\": {rule}"),
            "spec.names.listKind: Invalid value: \"Lamp\": kind and listKind may not be the same".to_owned(),
            format!("spec.names.categories[0]: Invalid value: \"A\": {rule}"),
        ]
    );
    assert_eq!(
        errors_with(&[("/spec/names", json!({"plural": "lamps"}))]),
        [
            "spec.names.singular: Required value",
            "spec.names.kind: Required value",
            "spec.names.listKind: Required value",
        ]
    );
    assert_eq!(
        errors_with(&[("/spec/versions/0/name", json!("V1"))]),
        [
            format!("spec.versions[0].name: Invalid value: \"V1\": {rule}"),
            format!("spec.version: Invalid value: \"V1\": {rule}"),
        ]
    );
}

#[test]
fn one_version_is_stored() {
    let shown = r#"[{"AdditionalPrinterColumns":null,"#;
    let [error] = &errors_with(&[("/spec/versions/0/storage", json!(false))])[..] else {
        panic!("one error");
    };
    assert!(
        error.starts_with(&format!("spec.versions: Invalid value: {shown}")),
        "{error}"
    );
    assert!(
        error.ends_with("must have exactly one version marked as storage version"),
        "{error}"
    );
    let second = lamps()["spec"]["versions"][0].clone();
    let errors = errors_with(&[("/spec/versions/-", second)]);
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0].ends_with("must contain unique version names"),
        "{errors:?}"
    );
}

#[test]
fn what_versions_say_alike_is_told_of_the_spec() {
    let column = json!([{"name": "W", "type": "text", "jsonPath": "spec.watts", "format": "x"}]);
    let formats = "must be one of byte,date,date-time,double,float,int32,int64,password";
    let wrong = |path: &str| {
        [
            format!(
                "{path}.type: Invalid value: \"text\": must be one of boolean,date,integer,number,string"
            ),
            format!("{path}.format: Invalid value: \"x\": {formats}"),
            format!(
                "{path}.JSONPath: Invalid value: \"spec.watts\": must be a simple json path starting with ."
            ),
        ]
    };
    assert_eq!(
        errors_with(&[("/spec/versions/0/additionalPrinterColumns", column.clone())]),
        wrong("spec.additionalPrinterColumns[0]")
    );
    let mut second = lamps()["spec"]["versions"][0].clone();
    second["name"] = json!("v2");
    second["storage"] = json!(false);
    assert_eq!(
        errors_with(&[
            ("/spec/versions/-", second),
            ("/spec/versions/0/additionalPrinterColumns", column)
        ]),
        wrong("spec.versions[0].additionalPrinterColumns[0]")
    );
}

#[test]
fn subresources_lead_below_spec_and_status() {
    let scale = json!({"scale": {"specReplicasPath": ".status.n", "labelSelectorPath": ".metadata.x"}});
    assert_eq!(
        errors_with(&[("/spec/versions/0/subresources", scale)]),
        [
            r#"spec.subresources.scale.specReplicasPath: Invalid value: ".status.n": should be a json path under .spec"#,
            "spec.subresources.scale.statusReplicasPath: Required value",
            r#"spec.subresources.scale.labelSelectorPath: Invalid value: ".metadata.x": should be a json path under either .spec or .status"#,
        ]
    );
}

#[test]
fn fields_are_selected_that_are_scalars() {
    let path = |index: usize| format!("spec.selectableFields[{index}].jsonPath");
    let fields = [
        ".spec.watts",
        ".spec.on",
        ".spec.x",
        "spec",
        ".spec.watts",
        "",
        ".spec[0]",
        ".",
    ];
    let fields: Vec<Value> = fields.iter().map(|path| json!({"jsonPath": path})).collect();
    assert_eq!(
        errors_with(&[("/spec/versions/0/selectableFields", fields.into())]),
        [
            format!(
                "{}: Invalid value: \".spec.on\": must point to a field of type string, boolean or integer. Enum string fields and \
                 strings with formats are allowed.",
                path(1)
            ),
            format!(
                "{}: Invalid value: \".spec.x\": is an invalid path: does not refer to a valid field",
                path(2)
            ),
            format!(
                "{}: Invalid value: \"spec\": is an invalid path: expected [ or . but got: spec",
                path(3)
            ),
            format!("{}: Duplicate value: \".spec.watts\"", path(4)),
            format!("{}: Required value", path(5)),
            format!(
                "{}: Invalid value: \".spec[0]\": is an invalid path: array notation is not allowed",
                path(6)
            ),
            format!(
                "{}: Invalid value: \".\": is an invalid path: unexpected end of JSON path",
                path(7)
            ),
        ]
    );
}

#[test]
fn a_warning_is_of_a_deprecated_version_and_printable() {
    let of = |deprecated: bool, warning: &str| {
        errors_with(&[
            ("/spec/versions/0/deprecated", json!(deprecated)),
            ("/spec/versions/0/deprecationWarning", json!(warning)),
        ])
    };
    assert_eq!(of(true, "use v2"), [""; 0]);
    let path = "spec.versions[0].deprecationWarning: Invalid value:";
    assert_eq!(
        of(false, "a"),
        [format!("{path} \"a\": can only be set for deprecated versions")]
    );
    assert_eq!(
        of(true, ""),
        [format!("{path} \"\": must not be an empty string")]
    );
    assert_eq!(
        of(true, "a\tb"),
        [format!(
            "{path} \"a\\tb\": must only contain printable UTF-8 characters; non-printable character found at index 1"
        )]
    );
}

#[test]
fn groups_of_kubernetes_need_its_approval() {
    let of = |approval: Option<&str>| {
        let mut changes = vec![
            ("/metadata/name", json!("lamps.x.k8s.io")),
            ("/spec/group", json!("x.k8s.io")),
        ];
        changes.extend(approval.map(|text| {
            (
                "/metadata/annotations",
                json!({"api-approved.kubernetes.io": text}),
            )
        }));
        errors_with(&changes)
    };
    let path = "metadata.annotations[api-approved.kubernetes.io]";
    let must = r#"protected groups must have approval annotation "api-approved.kubernetes.io""#;
    let see = "see https://github.com/kubernetes/enhancements/pull/1111";
    assert_eq!(of(None), [format!("{path}: Required value: {must}, {see}")]);
    assert_eq!(
        of(Some("https://github.com/kubernetes/kubernetes/pull/1")),
        [""; 0]
    );
    assert_eq!(of(Some("unapproved, a test")), [""; 0]);
    assert_eq!(
        of(Some("yes")),
        [format!(
            "{path}: Invalid value: \"yes\": {must} with either a URL or a reason starting with \"unapproved\", {see}"
        )]
    );
}

#[test]
fn what_is_deprecated_or_not_known_is_refused() {
    assert_eq!(
        errors_with(&[("/spec/preserveUnknownFields", json!(true))]),
        [
            "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in \
             spec.versions[*].schema instead"
        ]
    );
    assert_eq!(
        errors_with(&[("/spec/conversion", json!({"strategy": "Magic"}))]),
        [r#"spec.conversion.strategy: Unsupported value: "Magic": supported values: "None", "Webhook""#]
    );
    let no_schema = json!({"name": "v1", "served": true, "storage": true});
    assert_eq!(
        errors_with(&[("/spec/versions", json!([no_schema]))]),
        ["spec.versions[0].schema.openAPIV3Schema: Required value"]
    );
}

#[test]
fn what_objects_are_stored_by_does_not_change() {
    let of = |changes: &[(&str, Value)]| {
        let mut document = lamps();
        for (pointer, value) in changes {
            *document.pointer_mut(pointer).unwrap() = value.clone();
        }
        Definition::decode(document).unwrap()
    };
    let old = of(&[]);
    let errors = |changes: &[(&str, Value)], established, stored: &[&str]| -> Vec<String> {
        let stored: Vec<String> = stored.iter().map(ToString::to_string).collect();
        let errors = of(changes).validate_update(&old, established, &stored);
        errors.iter().map(ToString::to_string).collect()
    };
    let cluster = ("/spec/scope", json!("Cluster"));
    assert_eq!(errors(std::slice::from_ref(&cluster), false, &["v1"]), [""; 0]);
    assert_eq!(
        errors(&[cluster], true, &["v1"]),
        [r#"spec.scope: Invalid value: "Cluster": field is immutable"#]
    );
    let renamed = [
        ("/spec/group", json!("example.org")),
        ("/metadata/name", json!("lamps.example.org")),
    ];
    assert_eq!(
        errors(&renamed, false, &["v1"]),
        [r#"spec.group: Invalid value: "example.org": field is immutable"#]
    );
    assert_eq!(
        errors(&[("/spec/versions/0/name", json!("v2"))], true, &["v1"]),
        [
            "status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions; v1 was previously a storage version, and must \
          remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from \
          status.storedVersions"
        ]
    );
}
