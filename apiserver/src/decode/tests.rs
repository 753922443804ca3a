use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::resource::typed;

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
enum Colour {
    Red,
    Green,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct Bulb {
    watts: i32,
    #[serde(default)]
    on: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct LampSpec {
    colour: Colour,
    #[serde(default)]
    bulbs: Vec<Bulb>,
    #[serde(default)]
    switches: BTreeMap<String, Bulb>,
    #[serde(default)]
    anything: Value,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct Lamp {
    metadata: ObjectMeta,
    spec: LampSpec,
}

crate::kind!(Lamp: "light.example.com", "v1", "lamps", Namespaced);

fn lamps() -> Resource {
    typed::resource::<Lamp>().build().unwrap()
}

fn read(body: &Value) -> Result<Decoded, ApiError> {
    decode(body.to_string().as_bytes(), BodyMedia::Json, &lamps(), "v1")
}

fn message(body: &Value) -> String {
    read(body).unwrap_err().status().message
}

#[test]
fn what_a_type_requires_is_missed_as_a_field() {
    let error = read(&json!({"metadata": {"name": "a"}, "spec": {"bulbs": [{"on": true}]}})).unwrap_err();
    let status = error.status();
    assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
    assert_eq!(
        status.message,
        "Lamp.light.example.com \"a\" is invalid: [spec.bulbs[0].watts: Required value, spec.colour: Required value]"
    );
    assert_eq!(
        message(&json!({})),
        "Lamp.light.example.com \"\" is invalid: spec: Required value"
    );
}

#[test]
fn a_value_that_is_no_choice_is_not_supported() {
    assert_eq!(
        message(&json!({"metadata": {"name": "a"}, "spec": {"colour": "Blue"}})),
        "Lamp.light.example.com \"a\" is invalid: spec.colour: Unsupported value: \"Blue\": supported values: \"Red\", \"Green\""
    );
}

#[test]
fn the_first_value_of_a_wrong_type_is_told_with_its_place() {
    let cannot = "Lamp in version \"v1\" cannot be handled as a Lamp: json: cannot unmarshal ";
    let of = |bulb: Value| json!({"spec": {"colour": "Red", "bulbs": [{"watts": 1}, bulb]}});
    let cases = [
        // Fields are read in the order in which they stand: here `on` is the first.
        (
            of(json!({"watts": "x", "on": 3})),
            "number into Go struct field Bulb.spec.bulbs.on of type bool",
        ),
        (
            of(json!({"watts": 3_000_000_000_i64})),
            "number 3000000000 into Go struct field Bulb.spec.bulbs.watts of type int32",
        ),
        (
            of(json!({"watts": 1.5})),
            "number 1.5 into Go struct field Bulb.spec.bulbs.watts of type int32",
        ),
        (
            of(json!(3)),
            "number into Go struct field LampSpec.spec.bulbs of type v1.Bulb",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(message(&body), format!("{cannot}{expected}"), "{body}");
    }
    let body = json!({"spec": {"colour": "Red", "switches": {"a": {"on": "x"}}}});
    assert_eq!(
        message(&body),
        format!("{cannot}string into Go struct field Bulb.spec.switches.on of type bool")
    );
    let body = json!({"spec": {"colour": "Red", "bulbs": {}}});
    assert_eq!(
        message(&body),
        format!("{cannot}object into Go struct field LampSpec.spec.bulbs of type []v1.Bulb")
    );
}

#[test]
fn places_of_findings_have_indices_and_keys() {
    let body = r#"{"spec":{"colour":"Red","bulbs":[{"watts":1,"x":1}],"switches":{"a":{"watts":1,"y":1,"watts":2}},
        "anything":{"z":1,"z":{"q":1,"q":2}}}}"#;
    let decoded = decode(body.as_bytes(), BodyMedia::Json, &lamps(), "v1").unwrap();
    let expected = [
        r#"unknown field "spec.bulbs[0].x""#,
        r#"unknown field "spec.switches.a.y""#,
        r#"duplicate field "spec.switches.a.watts""#,
        r#"duplicate field "spec.anything.z""#,
        r#"duplicate field "spec.anything.z.q""#,
    ];
    assert_eq!(decoded.strict, expected);
    let spec = &decoded.object.0["spec"];
    assert_eq!(spec["switches"]["a"]["watts"], 2);
    assert_eq!(spec["anything"], json!({"z": {"q": 2}}));
    assert_eq!(spec["bulbs"], json!([{"watts": 1, "on": false}]));
}

#[test]
fn findings_are_bounded() {
    let fields: Vec<String> = (0..1_000).map(|number| format!("\"x{number}\":1")).collect();
    let body = format!("{{\"spec\":{{\"colour\":\"Red\",{}}}}}", fields.join(","));
    let decoded = decode(body.as_bytes(), BodyMedia::Json, &lamps(), "v1").unwrap();
    // A hundred, and that there are more.
    assert_eq!(decoded.strict.len(), 101);
    assert_eq!(
        decoded.strict[100],
        "too many errors: only the first 100 are listed"
    );
}

#[test]
fn a_patched_object_is_refused_as_a_patch() {
    let lamps = lamps();
    let patched = json!({"spec": {"colour": 3}});
    let error = decode_value(patched.clone(), &lamps, "v1").unwrap_err();
    let status = error.into_patch_error(&lamps, &patched).status();
    let cannot = "json: cannot unmarshal number into Go struct field LampSpec.spec.colour of type v1.Colour";
    assert_eq!(status.code, 422);
    assert_eq!(
        status.message,
        format!(r#" "" is invalid: patch: Invalid value: "{{\"spec\":{{\"colour\":3}}}}": {cannot}"#)
    );
    let error = decode_value(json!({"metadata": {"name": "a"}}), &lamps, "v1").unwrap_err();
    let status = error.into_patch_error(&lamps, &Value::Null).status();
    assert_eq!(
        status.message,
        "Lamp.light.example.com \"a\" is invalid: spec: Required value"
    );
}

#[test]
fn a_version_that_is_not_served_is_no_panic() {
    let error = decode(b"{}", BodyMedia::Json, &lamps(), "v2").unwrap_err();
    assert_eq!(error.status().code, 400);
}

#[test]
fn what_is_shallow_is_what_is_read() {
    for depth in [1, reader::MAX_DEPTH, reader::MAX_DEPTH + 1] {
        let lists = (1..depth).fold(json!([]), |inner, _| json!([inner]));
        let fields = (1..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
        for value in [lists, fields] {
            let is_read = reader::read(&crate::schema::ANY, value.clone(), &mut Findings::default()).is_ok();
            assert_eq!(is_shallow(&value, 0), is_read, "{depth}");
            assert_eq!(is_read, depth <= reader::MAX_DEPTH);
            assert_eq!(is_shallow(&value, 1), depth < reader::MAX_DEPTH);
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct Socket {
    metadata: ObjectMeta,
    port: IntOrString,
    #[schemars(with = "String", extend("format" = "byte"))]
    key: ByteString,
    plugs: Vec<Bulb>,
}

crate::kind!(Socket: "light.example.com", "v1", "sockets", Namespaced);

fn read_socket(fields: &Value) -> Result<Value, String> {
    let sockets = typed::resource::<Socket>().build().unwrap();
    let body = fields.to_string();
    decode(body.as_bytes(), BodyMedia::Json, &sockets, "v1")
        .map(|decoded| Value::Object(decoded.object.0))
        .map_err(|error| error.status().message)
}

#[test]
fn an_integer_or_a_text_and_bytes_are_read_as_go_reads_them() {
    let read = read_socket(&json!({"port": "http", "key": "aGVs\nbG8="})).unwrap();
    assert_eq!(
        (&read["port"], &read["key"]),
        (&json!("http"), &json!("aGVsbG8="))
    );
    let read = read_socket(&json!({"port": 80, "key": [104, 105]})).unwrap();
    assert_eq!((&read["port"], &read["key"]), (&json!(80), &json!("aGk=")));
    let read = read_socket(&json!({"port": null, "key": null})).unwrap();
    assert_eq!((&read["port"], &read["key"]), (&json!(0), &json!("")));
    let into = "Socket in version \"v1\" cannot be handled as a Socket: json: cannot unmarshal";
    for (fields, expected) in [
        (
            json!({"port": true}),
            format!("{into} bool into Go struct field Socket.port of type int32"),
        ),
        (
            json!({"port": 4294967296_i64}),
            format!("{into} number 4294967296 into Go struct field Socket.port of type int32"),
        ),
        (
            json!({"port": {}}),
            format!("{into} object into Go struct field Socket.port of type int32"),
        ),
        (
            json!({"key": 5}),
            format!("{into} number into Go struct field Socket.key of type []uint8"),
        ),
        (
            json!({"key": [1, 256]}),
            format!("{into} number 256 into Go struct field Socket.key of type uint8"),
        ),
        (
            json!({"key": "???"}),
            "Socket in version \"v1\" cannot be handled as a Socket: illegal base64 data at input byte 0"
                .into(),
        ),
    ] {
        assert_eq!(read_socket(&fields).unwrap_err(), expected, "{fields}");
    }
}

#[test]
fn what_was_merged_becomes_what_its_type_says() {
    let schema = Schema::of::<Socket>("v1");
    let convert = |mut value: Value| convert_unstructured(&mut value, schema.root()).map(|()| value);
    assert_eq!(
        convert(json!({"port": null, "key": "aGVs\nbG8=", "plugs": [null, {"watts": 1.0, "on": null}]})),
        Ok(json!({"key": "aGVsbG8=", "plugs": [{}, {"watts": 1}]}))
    );
    assert_eq!(
        convert(json!({"key": [104, 105.0, null]})),
        Ok(json!({"key": [104, 105, 0]}))
    );
    for (value, expected) in [
        (json!({"key": ["h"]}), "unrecognized type: uint8"),
        (json!({"key": [1.5]}), "cannot convert float64 to uint8"),
        (json!({"key": {}}), "cannot restore slice from map"),
        (
            json!({"port": {}}),
            "json: cannot unmarshal object into Go value of type int32",
        ),
        (
            json!({"port": 4294967296_i64}),
            "json: cannot unmarshal number 4294967296 into Go value of type int32",
        ),
        (
            json!({"key": "?"}),
            "error decoding from json: illegal base64 data at input byte 0",
        ),
        (
            json!({"plugs": [{"watts": 1.5}]}),
            "cannot convert float64 to int32",
        ),
        (json!({"plugs": {}}), "cannot restore slice from map"),
    ] {
        assert_eq!(convert(value).unwrap_err(), expected);
    }
}

/// A neighbour is another number: an object that nobody changed would be another one in the store.
#[test]
fn floats_are_read_as_what_they_are() {
    for number in [
        -125.585_747_862_663_67,
        1_768_704_012.211_861_8,
        0.1,
        1e-300,
        5e-324,
        f64::MAX,
    ] {
        let body = format!(r#"{{"spec":{{"colour":"Red","anything":[{number:?}]}}}}"#);
        let decoded = decode(body.as_bytes(), BodyMedia::Json, &lamps(), "v1").unwrap();
        let read = Value::Object(decoded.object.0);
        let float = read["spec"]["anything"][0].as_f64();
        assert_eq!(float.map(f64::to_bits), Some(number.to_bits()), "{number}");
        let stored: Value = serde_json::from_str(&read.to_string()).unwrap();
        assert_eq!(stored, read);
    }
}
