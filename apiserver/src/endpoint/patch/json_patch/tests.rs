use serde_json::json;

use super::*;

fn patched(document: Value, patch: Value) -> Option<Value> {
    let (operations, _) = read(patch.to_string().as_bytes(), true).unwrap();
    apply(document, operations, usize::MAX)
}

fn one(document: Value, operation: Value) -> Option<Value> {
    patched(document, json!([operation]))
}

#[test]
fn operations_do_what_they_say() {
    let document = json!({"a": {"b": [1, 2]}, "c": null, "x/y": 1, "~": 2});
    for (operation, expected) in [
        (
            json!({"op": "add", "path": "/a/n", "value": 3}),
            json!({"a": {"b": [1, 2], "n": 3}}),
        ),
        (
            json!({"op": "add", "path": "/a/b/-", "value": 3}),
            json!({"a": {"b": [1, 2, 3]}}),
        ),
        (
            json!({"op": "add", "path": "/a/b/0", "value": 3}),
            json!({"a": {"b": [3, 1, 2]}}),
        ),
        (
            json!({"op": "add", "path": "/a/b/2", "value": 3}),
            json!({"a": {"b": [1, 2, 3]}}),
        ),
        (
            json!({"op": "add", "path": "/a/b/-1", "value": 3}),
            json!({"a": {"b": [1, 2, 3]}}),
        ),
        (json!({"op": "add", "path": "/a"}), json!({"a": null})),
        (
            json!({"op": "remove", "path": "/a/b/-1"}),
            json!({"a": {"b": [1]}}),
        ),
        (
            json!({"op": "replace", "path": "/a/b/1", "value": 3}),
            json!({"a": {"b": [1, 3]}}),
        ),
        (
            json!({"op": "replace", "path": "/a/new", "value": 3}),
            json!({"a": {"b": [1, 2], "new": 3}}),
        ),
        (
            json!({"op": "move", "from": "/a/b/0", "path": "/a/b/1"}),
            json!({"a": {"b": [2, 1]}}),
        ),
        (
            json!({"op": "copy", "from": "/a/b", "path": "/a/d"}),
            json!({"a": {"b": [1, 2], "d": [1, 2]}}),
        ),
        (
            json!({"op": "copy", "from": "/none", "path": "/a/d"}),
            json!({"a": {"b": [1, 2], "d": null}}),
        ),
        (
            json!({"op": "test", "path": "/a/b", "value": [1, 2]}),
            json!({"a": {"b": [1, 2]}}),
        ),
        (
            json!({"op": "test", "path": "/a/none", "value": null}),
            json!({"a": {"b": [1, 2]}}),
        ),
        (json!({"op": "test", "path": "/c"}), json!({"a": {"b": [1, 2]}})),
        (
            json!({"op": "test", "path": "/x~1y", "value": 1}),
            json!({"a": {"b": [1, 2]}}),
        ),
        (
            json!({"op": "test", "path": "/~0", "value": 2}),
            json!({"a": {"b": [1, 2]}}),
        ),
    ] {
        let result =
            one(document.clone(), operation.clone()).unwrap_or_else(|| panic!("{operation} applies"));
        assert_eq!(result["a"], expected["a"], "{operation}");
    }
    let whole = json!({"op": "replace", "path": "", "value": {"z": 1}});
    assert_eq!(one(document.clone(), whole), Some(json!({"z": 1})));
    assert_eq!(
        one(
            document.clone(),
            json!({"op": "test", "path": "", "value": document})
        ),
        Some(document)
    );
}

#[test]
fn what_does_not_apply_is_told() {
    let document = json!({"a": {"b": [1, 2]}, "c": null, "text": "x"});
    for operation in [
        json!({"op": "add", "path": "", "value": {}}),
        json!({"op": "add", "path": "/none/x", "value": 1}),
        json!({"op": "add", "path": "/c/x", "value": 1}),
        json!({"op": "add", "path": "/text/x", "value": 1}),
        json!({"op": "add", "path": "/a/b/3", "value": 1}),
        json!({"op": "add", "path": "/a/b/-4", "value": 1}),
        json!({"op": "add", "path": "/a/b/x", "value": 1}),
        json!({"op": "add", "value": 1}),
        json!({"op": "remove", "path": "/a/none"}),
        json!({"op": "remove", "path": "/a/b/2"}),
        json!({"op": "replace", "path": "/a/b/2", "value": 1}),
        json!({"op": "replace", "path": "", "value": 1}),
        json!({"op": "replace", "path": ""}),
        json!({"op": "move", "from": "/a/none", "path": "/a/x"}),
        json!({"op": "move", "from": "/a", "path": "/a/b/x"}),
        json!({"op": "copy", "from": "/a/b/2", "path": "/a/x"}),
        json!({"op": "test", "path": "/a/b", "value": [2, 1]}),
        json!({"op": "test", "path": "/a/b"}),
        json!({"op": "test", "path": "/a/none", "value": 1}),
        json!({"op": "test", "path": "", "value": {}}),
        json!({"op": "nonsense", "path": "/a"}),
        json!({"path": "/a"}),
        json!(null),
    ] {
        assert_eq!(one(document.clone(), operation.clone()), None, "{operation}");
    }
}

#[test]
fn what_may_be_a_copy_is_seen_however_it_is_written() {
    for (patch, expected) in [
        (r#"[{"op":"add","path":"/a","value":1}]"#, false),
        (r#"[{"op":"copy","from":"/a","path":"/b"}]"#, true),
        (r#"[{"op":"\u0063opy","from":"/a","path":"/b"}]"#, true),
    ] {
        assert_eq!(may_copy(patch.as_bytes()), expected, "{patch}");
    }
}

#[test]
fn what_is_no_patch_is_refused_in_go_s_words() {
    let refused = |patch: &str, is_checked| {
        let status = read(patch.as_bytes(), is_checked).unwrap_err().status();
        (status.code, status.message)
    };
    assert_eq!(
        refused("[", true),
        (400, "error decoding patch: unexpected end of JSON input".into())
    );
    assert_eq!(refused("[", false), (400, "unexpected end of JSON input".into()));
    assert_eq!(
        refused("{}", true),
        (
            400,
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp".into()
        )
    );
    assert_eq!(
        refused("{}", false),
        (
            400,
            "json: cannot unmarshal object into Go value of type jsonpatch.Patch".into()
        )
    );
    assert_eq!(
        refused(r#"[{"op":1}]"#, true).1,
        "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string"
    );
    let many = Value::Array(vec![json!({"op": "test", "path": "/a"}); 10_001]);
    assert_eq!(
        refused(&many.to_string(), true),
        (
            413,
            "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001"
                .into()
        )
    );
    let (_, strict) = read(br#"[{"op":"test","foo":1,"path":"/a","path":"/b"}]"#, true).unwrap();
    assert_eq!(
        strict,
        [
            r#"json patch unknown field "[0].foo""#,
            r#"json patch duplicate field "[0].path""#
        ]
    );
    assert!(read(b"null", true).unwrap().0.is_empty());
}

#[test]
fn copies_cannot_make_an_object_that_is_too_large() {
    let doubling: Vec<Value> = (0..40)
        .map(|_| json!({"op": "copy", "from": "/a", "path": "/a/-"}))
        .collect();
    assert_eq!(patched(json!({"a": [1]}), doubling.into()), None);
}

#[test]
fn moves_cannot_make_an_object_that_is_too_deep() {
    // The object is moved into a new one, thousands of times.
    let deepening: Vec<Value> = (0..3_000)
        .flat_map(|_| {
            [
                json!({"op": "add", "path": "/t", "value": {}}),
                json!({"op": "move", "from": "/a", "path": "/t/a"}),
                json!({"op": "move", "from": "/t", "path": "/a"}),
            ]
        })
        .collect();
    assert_eq!(patched(json!({"a": 1}), deepening[..3_000].to_vec().into()), None);
    // Moves that deepen nothing may go on for as long as they like.
    let idle: Vec<Value> = (0..2_500)
        .flat_map(|_| {
            [
                json!({"op": "move", "from": "/a", "path": "/t/a"}),
                json!({"op": "move", "from": "/t/a", "path": "/a"}),
            ]
        })
        .collect();
    assert_eq!(
        patched(json!({"a": 1, "t": {}}), idle.into()),
        Some(json!({"a": 1, "t": {}}))
    );
}
