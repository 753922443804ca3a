//! The sample API's resources, held against what Kubernetes' sample-apiserver (0.36) answered to the same bodies.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::field_reassign_with_default,
    missing_docs,
    unreachable_pub,
    reason = "the resources are those of the example program"
)]

#[path = "../examples/wardle/resources.rs"]
mod resources;

use annex_apiserver::decode::{BodyMedia, decode, decode_value};
use annex_apiserver::object::Object;
use annex_apiserver::resource::Resource;
use serde_json::{Value, json};

fn flunder(body: &str) -> Result<(Object, Vec<String>), String> {
    let flunders = resources::flunders().map_err(|error| error.to_string())?;
    read(body, BodyMedia::Json, &flunders, "v1alpha1")
}

fn read(
    body: &str,
    media: BodyMedia,
    resource: &Resource,
    version: &str,
) -> Result<(Object, Vec<String>), String> {
    decode(body.as_bytes(), media, resource, version)
        .map(|decoded| (decoded.object, decoded.strict))
        .map_err(|error| error.status().message)
}

fn object(value: Value) -> Object {
    Object(value.as_object().cloned().unwrap_or_default())
}

#[test]
fn what_is_no_flunder_is_refused_in_gos_words() {
    let unrecognized = "the object provided is unrecognized (must be of type Flunder): ";
    let unparsed = &format!("{unrecognized}couldn't get version/kind; json parse error: ");
    let unusable = r#"Flunder in version "v1alpha1" cannot be handled as a Flunder: "#;
    let type_meta = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
    let cannot = &format!("{unusable}json: cannot unmarshal ");
    let time = r#"parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006""#;
    let scheme = r#"in scheme "pkg/runtime/scheme.go:111""#;
    let cases = [
        ("", format!("{unparsed}unexpected end of JSON input (<empty>)")),
        ("{", format!("{unparsed}unexpected end of JSON input ({{)")),
        ("[]", format!("{unparsed}json: cannot unmarshal array into Go value of type {type_meta} (5b5d)")),
        (r#""x""#, format!("{unparsed}json: cannot unmarshal string into Go value of type {type_meta} (227822)")),
        (
            r#"{"metadata":{"name":"b"}} {}"#,
            format!("{unparsed}invalid character '{{' after top-level value ({{\"metadata\":{{\"name\":\"b\"}}}} {{}})"),
        ),
        (
            r#"{"kind":1}"#,
            format!("{unparsed}json: cannot unmarshal number into Go struct field .kind of type string ({{\"kind\":1}})"),
        ),
        (
            r#"{"apiVersion":"a/b/c"}"#,
            format!("{unrecognized}unexpected GroupVersion string: a/b/c ({{\"apiVersion\":\"a/b/c\"}})"),
        ),
        (
            r#"{"kind":"Foo"}"#,
            format!(r#"Foo in version "v1alpha1" cannot be handled as a Flunder: no kind "Foo" is registered for version "wardle.example.com/v1alpha1" {scheme}"#),
        ),
        (
            r#"{"kind":"FlunderList"}"#,
            r#"FlunderList in version "v1alpha1" cannot be handled as a Flunder: converting (v1alpha1.FlunderList) to (wardle.Flunder): unknown conversion"#.into(),
        ),
        (
            r#"{"apiVersion":"v1"}"#,
            format!(r#"Flunder in version "v1" cannot be handled as a Flunder: no kind "Flunder" is registered for version "v1" {scheme}"#),
        ),
        (
            r#"{"apiVersion":"wardle.example.com"}"#,
            format!(r#"Flunder in version "wardle.example.com" cannot be handled as a Flunder: no kind "Flunder" is registered for version "wardle.example.com" {scheme}"#),
        ),
        (
            r#"{"apiVersion":"wardle.example.com/v9","kind":"Flunder"}"#,
            format!(r#"Flunder in version "v9" cannot be handled as a Flunder: no kind "Flunder" is registered for version "wardle.example.com/v9" {scheme}"#),
        ),
        (
            r#"{"apiVersion":"wardle.example.com/v1beta1","kind":"Flunder"}"#,
            "the API version in the data (wardle.example.com/v1beta1) does not match the expected API version (wardle.example.com/v1alpha1)".into(),
        ),
        (r#"{"metadata":1}"#, format!("{cannot}number into Go struct field Flunder.metadata of type v1.ObjectMeta")),
        (
            r#"{"metadata":{"labels":{"a":1}}}"#,
            format!("{cannot}number into Go struct field ObjectMeta.metadata.labels of type string"),
        ),
        (r#"{"metadata":{"name":true}}"#, format!("{cannot}bool into Go struct field ObjectMeta.metadata.name of type string")),
        (r#"{"metadata":{"creationTimestamp":"x"}}"#, format!("{unusable}{time}")),
        (
            r#"{"metadata":{"creationTimestamp":3}}"#,
            format!("{cannot}number into Go struct field ObjectMeta.metadata.creationTimestamp of type string"),
        ),
        (
            r#"{"metadata":{"ownerReferences":[{"uid":3}]}}"#,
            format!("{cannot}number into Go struct field OwnerReference.metadata.ownerReferences.uid of type types.UID"),
        ),
        (
            r#"{"metadata":{"finalizers":"x"}}"#,
            format!("{cannot}string into Go struct field ObjectMeta.metadata.finalizers of type []string"),
        ),
        (
            r#"{"metadata":{"generation":1.5}}"#,
            format!("{cannot}number 1.5 into Go struct field ObjectMeta.metadata.generation of type int64"),
        ),
        (
            r#"{"metadata":{"deletionGracePeriodSeconds":"x"}}"#,
            format!("{cannot}string into Go struct field ObjectMeta.metadata.deletionGracePeriodSeconds of type int64"),
        ),
        (r#"{"metadata":{"managedFields":[{"time":"x"}]}}"#, format!("{unusable}{time}")),
        (r#"{"spec":3}"#, format!("{cannot}number into Go struct field Flunder.spec of type v1alpha1.FlunderSpec")),
        (r#"{"spec":[]}"#, format!("{cannot}array into Go struct field Flunder.spec of type v1alpha1.FlunderSpec")),
        (r#"{"spec":{"reference":3}}"#, format!("{cannot}number into Go struct field FlunderSpec.spec.reference of type string")),
        (
            r#"{"spec":{"referenceType":3}}"#,
            format!("{cannot}number into Go struct field FlunderSpec.spec.referenceType of type v1alpha1.ReferenceType"),
        ),
    ];
    for (body, message) in cases {
        assert_eq!(flunder(body), Err(message), "{body}");
    }
}

#[test]
fn what_is_no_fischer_is_refused_in_gos_words() {
    let cannot = r#"Fischer in version "v1alpha1" cannot be handled as a Fischer: json: cannot unmarshal "#;
    let cases = [
        (
            r#"{"disallowedFlunders":["b",3]}"#,
            "number into Go struct field Fischer.disallowedFlunders of type string",
        ),
        (
            r#"{"disallowedFlunders":{}}"#,
            "object into Go struct field Fischer.disallowedFlunders of type []string",
        ),
    ];
    for (body, message) in cases {
        let found = read(body, BodyMedia::Json, &resources::fischers().unwrap(), "v1alpha1");
        assert_eq!(found, Err(format!("{cannot}{message}")), "{body}");
    }
}

#[test]
fn what_leaves_something_out_is_completed() {
    let cases = [
        ("null", json!({"metadata": {}, "spec": {}, "status": {}})),
        ("{}", json!({"metadata": {}, "spec": {}, "status": {}})),
        (
            r#"{"metadata":{"name":"a","labels":{"x":null},"annotations":{},"uid":""},"spec":{"reference":null}}"#,
            json!({"metadata": {"name": "a", "labels": {"x": ""}}, "spec": {}, "status": {}}),
        ),
        (
            r#"{"metadata":{"ownerReferences":[{"name":"o"}],"finalizers":["a/b",null]},"spec":{"reference":"y"}}"#,
            json!({
                "metadata": {
                    "ownerReferences": [{"apiVersion": "", "kind": "", "name": "o", "uid": ""}],
                    "finalizers": ["a/b", ""],
                },
                "spec": {"reference": "y", "referenceType": "Flunder"}, "status": {},
            }),
        ),
        (
            r#"{"metadata":{"annotations":{"a":"\ud800"}},"spec":{"referenceType":"","reference":"y"},"status":null}"#,
            json!({
                "metadata": {"annotations": {"a": "\u{fffd}"}},
                "spec": {"reference": "y", "referenceType": "Flunder"}, "status": {},
            }),
        ),
        (
            r#"{"metadata":{"labels":{"a":"b"},"labels":{"c":"d"}},"spec":{"reference":"x"},"spec":{"referenceType":"Fischer"}}"#,
            json!({
                "metadata": {"labels": {"a": "b", "c": "d"}},
                "spec": {"reference": "x", "referenceType": "Fischer"}, "status": {},
            }),
        ),
        (
            r#"{"metadata":{"labels":{"a":"b"},"labels":null},"spec":{"reference":"x"},"spec":null}"#,
            json!({"metadata": {}, "spec": {"reference": "x", "referenceType": "Flunder"}, "status": {}}),
        ),
    ];
    for (body, mut expected) in cases {
        expected["apiVersion"] = "wardle.example.com/v1alpha1".into();
        expected["kind"] = "Flunder".into();
        let (found, _) = flunder(body).unwrap();
        assert_eq!(Value::Object(found.0), expected, "{body}");
    }
    let body = r#"{"metadata":{"name":"b"},"disallowedFlunders":[null,"b"],"spec":{}}"#;
    let (found, strict) = read(body, BodyMedia::Json, &resources::fischers().unwrap(), "v1alpha1").unwrap();
    assert_eq!(found.0["disallowedFlunders"], json!(["", "b"]));
    assert_eq!(strict, [r#"unknown field "spec""#]);
    let body = r#"{"metadata":{"name":"b"},"disallowedFlunders":[]}"#;
    let (found, _) = read(body, BodyMedia::Json, &resources::fischers().unwrap(), "v1alpha1").unwrap();
    assert_eq!(found.0.get("disallowedFlunders"), None);
}

#[test]
fn what_does_not_belong_there_is_told_in_gos_order() {
    let body = r#"{"a":1,"spec":{"b":{"c":1},"reference":"x","reference":"x"},
        "metadata":{"name":"b","foo":1,"labels":{"a":"1","a":"2"},"name":"b2"},"status":{"x":1},
        "kind":"Flunder","kind":"Flunder"}"#;
    let (found, strict) = flunder(body).unwrap();
    assert_eq!(found.name(), "b2");
    assert_eq!(
        strict,
        [
            r#"unknown field "a""#,
            r#"unknown field "spec.b""#,
            r#"duplicate field "spec.reference""#,
            r#"unknown field "metadata.foo""#,
            r#"duplicate field "metadata.labels.a""#,
            r#"duplicate field "metadata.name""#,
            r#"unknown field "status.x""#,
            r#"duplicate field "kind""#,
        ]
    );
}

#[test]
fn a_strict_reader_tells_all_at_once() {
    let flunders = resources::flunders().unwrap();
    let message = |body: &str, media| {
        let decoded = decode(body.as_bytes(), media, &flunders, "v1alpha1").unwrap();
        let error = decoded.strict_error(&flunders, "v1alpha1").unwrap();
        error.status().message
    };
    let begin = r#"Flunder in version "v1alpha1" cannot be handled as a Flunder: strict decoding error: "#;
    assert_eq!(
        message(
            r#"{"a":1,"spec":{"b":1,"b":2},"metadata":{"name":"b"}}"#,
            BodyMedia::Json
        ),
        format!(r#"{begin}unknown field "a", unknown field "spec.b""#)
    );
    let yaml = "metadata:\n  name: b\n  name: c\nspec:\n  x: 1\n  reference:\n    3\n  reference: x\n";
    assert_eq!(
        message(yaml, BodyMedia::Yaml),
        format!(
            "{begin}yaml: unmarshal errors:\n  line 3: key \"name\" already set in map\n  \
             line 8: key \"reference\" already set in map, unknown field \"spec.x\""
        )
    );
}

#[test]
fn yaml_is_read_as_json_is() {
    let flunders = resources::flunders().unwrap();
    let read = |body| read(body, BodyMedia::Yaml, &flunders, "v1alpha1");
    let (found, strict) = read("metadata: {name: x, labels: {1: a, true: b, 1.5: c}}").unwrap();
    assert_eq!(
        found.0["metadata"],
        json!({"name": "x", "labels": {"1": "a", "1.5": "c", "true": "b"}})
    );
    assert_eq!(strict, Vec::<String>::new());
    let cannot = r#"Flunder in version "v1alpha1" cannot be handled as a Flunder: json: cannot unmarshal"#;
    for (body, found) in [
        ("metadata: {name: yes}", "bool"),
        ("metadata: {name: 3}", "number"),
    ] {
        let message =
            format!("{cannot} {found} into Go struct field ObjectMeta.metadata.name of type string");
        assert_eq!(read(body), Err(message));
    }
}

#[test]
fn too_deep_an_object_is_refused() {
    let deep = |depth: usize| {
        format!(
            "{{\"metadata\":{}1{}}}",
            "{\"a\":".repeat(depth),
            "}".repeat(depth)
        )
    };
    // What is unknown is skipped, however deep; what would be kept is not.
    assert!(flunder(&deep(1_000)).is_ok());
    let fields = format!(
        r#"{{"metadata":{{"managedFields":[{{"fieldsV1":{}}}]}}}}"#,
        deep(200)
    );
    let message = flunder(&fields).unwrap_err();
    assert!(message.ends_with("exceeded max depth of 100"), "{message}");
}

#[test]
fn a_patch_may_bring_an_object_to_another_version() {
    let flunders = resources::flunders().unwrap();
    let patched = json!({
        "apiVersion": "wardle.example.com/v1beta1", "kind": "Flunder", "metadata": {"name": "f"},
        "spec": {"reference": "x", "fischerReference": "y", "referenceType": "Fischer"},
    });
    let decoded = decode_value(patched, &flunders, "v1alpha1").unwrap();
    assert_eq!(decoded.strict, [r#"unknown field "spec.reference""#]);
    assert_eq!(decoded.object.api_version(), "wardle.example.com/v1alpha1");
    assert_eq!(
        decoded.object.0["spec"],
        json!({"reference": "y", "referenceType": "Fischer"})
    );
}

#[test]
fn conversions_keep_what_both_versions_can_say() {
    let flunders = resources::flunders().unwrap();
    let old = |spec: Value| {
        object(json!({
            "apiVersion": "wardle.example.com/v1alpha1", "kind": "Flunder", "metadata": {"name": "f"},
            "spec": spec, "status": {},
        }))
    };
    let cases = [
        (
            json!({"reference": "x", "referenceType": "Flunder"}),
            json!({"flunderReference": "x", "referenceType": "Flunder"}),
        ),
        (
            json!({"reference": "x", "referenceType": "Fischer"}),
            json!({"fischerReference": "x", "referenceType": "Fischer"}),
        ),
        (json!({"reference": "x", "referenceType": "Foo"}), json!({})),
        (json!({"reference": "x"}), json!({})),
    ];
    for (alpha, beta) in cases {
        let converted = flunders.strategy.convert(old(alpha.clone()), "v1beta1").unwrap();
        assert_eq!(converted.0["spec"], beta, "{alpha}");
        assert_eq!(converted.api_version(), "wardle.example.com/v1beta1");
        let back = flunders.strategy.convert(converted, "v1alpha1").unwrap();
        let kept = beta
            .get("referenceType")
            .map_or_else(|| json!({}), |_| alpha.clone());
        assert_eq!(back, old(kept), "{alpha}");
    }
}

#[test]
fn validation_says_what_the_sample_says() {
    let flunders = resources::flunders().unwrap();
    let judge = |spec: Value| -> Vec<String> {
        let flunder = object(json!({
            "apiVersion": "wardle.example.com/v1beta1", "kind": "Flunder", "metadata": {"name": "f"}, "spec": spec,
        }));
        flunders
            .strategy
            .validate(&flunder)
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let (flunder, fischer) = (
        "spec.flunderReference: Invalid value:",
        "spec.fischerReference: Invalid value:",
    );
    let unknown =
        |kind: &str| format!("spec.referenceType: Invalid value: {kind:?}: must be Flunder or Fischer");
    let cases = [
        (json!({}), vec![]),
        (
            json!({"flunderReference": "x", "referenceType": "Flunder"}),
            vec![],
        ),
        (
            json!({"fischerReference": "x", "referenceType": "Fischer"}),
            vec![],
        ),
        (
            json!({"flunderReference": "x", "fischerReference": "y", "referenceType": "Flunder"}),
            vec![format!(
                "{fischer} \"y\": cannot be set with flunderReference at the same time"
            )],
        ),
        (
            json!({"flunderReference": "x", "referenceType": "Fischer"}),
            vec![format!(
                "{flunder} \"x\": cannot be set if referenceType is not Flunder"
            )],
        ),
        (
            json!({"fischerReference": "y"}),
            vec![format!(
                "{fischer} \"y\": cannot be set if referenceType is not Fischer"
            )],
        ),
        (
            json!({"referenceType": "Fischer"}),
            vec![format!(
                "{fischer} \"\": cannot be empty if referenceType is Fischer"
            )],
        ),
        (
            json!({"referenceType": "Flunder"}),
            vec![format!(
                "{flunder} \"\": cannot be empty if referenceType is Flunder"
            )],
        ),
        (
            json!({"flunderReference": "x", "referenceType": "Foo"}),
            vec![
                format!("{flunder} \"x\": cannot be set if referenceType is not Flunder"),
                unknown("Foo"),
            ],
        ),
        (json!({"referenceType": "Foo"}), vec![unknown("Foo")]),
    ];
    for (spec, expected) in cases {
        assert_eq!(judge(spec.clone()), expected, "{spec}");
    }
}
