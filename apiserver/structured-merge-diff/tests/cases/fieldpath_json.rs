//! FieldsV1: fieldpath/serialize_test.go, fieldpath/serialize-pe_test.go, and what json-iterator reads and writes.

use annex_structured_merge_diff::MAX_DEPTH;
use annex_structured_merge_diff::fieldpath::{ElementError, FieldsV1Error, Path, PathElement, Set};
use serde_json::json;

use crate::support::{at, k, set, v};

#[test]
fn a_path_element_is_written_as_it_was_read() {
    for key in [
        "i:0",
        "i:1234",
        "f:",
        "f:spec",
        "f:more-complicated-string",
        "f: string-with-spaces   ",
        r#"k:{"name":"my-container"}"#,
        r#"k:{"name":"   name with spaces   "}"#,
        r#"k:{"port":"8080","protocol":"TCP"}"#,
        r#"k:{"optionalField":null}"#,
        r#"k:{"jsonField":{"A":1,"B":null,"C":"D","E":{"F":"G"}}}"#,
        r#"k:{"listField":["1","2","3"]}"#,
        "v:null",
        r#"v:"some-string""#,
        "v:1234",
        r#"v:{"some":" some  with spaces  "}"#,
        r#"k:{"name":"app-🚀"}"#,
        r#"k:{"name":"你好世界"}"#,
        r#"k:{"name":"नमस्ते दुनिया"}"#,
    ] {
        assert_eq!(
            PathElement::from_fields_v1_key(key).unwrap().to_fields_v1_key(),
            key
        );
    }
}

/// Each was read, written and printed by the Go library.
#[test]
fn a_path_element_is_read_as_json_iterator_reads_it() {
    for (key, written, shown) in [
        ("v:1e-7", "v:1e-07", "[=1e-07]"),
        ("v:1.5e21", "v:1.5e+21", "[=1.5e+21]"),
        ("v:1e20", "v:100000000000000000000", "[=1e+20]"),
        ("v:-0", "v:-0", "[=-0]"),
        (
            "v:9007199254740993",
            "v:9007199254740992",
            "[=9.007199254740992e+15]",
        ),
        (
            "v:123456789012345678901234567890",
            "v:1.2345678901234568e+29",
            "[=1.2345678901234568e+29]",
        ),
        (
            r#"v:"<a>&\u2028\u007f\u0001\b""#,
            "v:\"\\u003ca\\u003e\\u0026\\u2028\u{7f}\\u0001\\u0008\"",
            r#"[="<a>&\u2028\x7f\x01\b"]"#,
        ),
        (
            r#"k:{"a<":"<",  "b":2}"#,
            r#"k:{"a<":"\u003c","b":2}"#,
            r#"[a<="<",b=2]"#,
        ),
        (r#"v:{"z<":1,"a":2}"#, r#"v:{"a":2,"z\u003c":1}"#, "[=a=2z<=1]"),
        (r#"k:{"b":1,"a":2}"#, r#"k:{"a":2,"b":1}"#, "[a=2,b=1]"),
        (r#"k:{"a":1,"a":2}"#, r#"k:{"a":1,"a":2}"#, "[a=1,a=2]"),
        ("k:null", "k:{}", "[]"),
        ("v: [1, \"a\" ]", r#"v:[1,"a"]"#, r#"[=[1,"a"]]"#),
        ("v:1 2", "v:1", "[=1]"),
        ("v:1x", "v:1", "[=1]"),
        ("v:truex", "v:true", "[=true]"),
        ("v:-+1", "v:-1", "[=-1]"),
        ("v:1E5", "v:100000", "[=100000]"),
        ("i:+5", "i:5", "[5]"),
        ("i:007", "i:7", "[7]"),
        (
            r#"v:"\ud83d\ude80\ud800""#,
            "v:\"🚀\u{fffd}\"",
            "[=\"🚀\u{fffd}\"]",
        ),
        ("v:\"\\t\nb\"", "v:\"\\t\\nb\"", r#"[="\t\nb"]"#),
    ] {
        let element = PathElement::from_fields_v1_key(key).unwrap();
        assert_eq!(
            (&*element.to_fields_v1_key(), &*element.to_string()),
            (written, shown),
            "{key}"
        );
    }
}

#[test]
fn what_is_no_path_element_is_refused() {
    for key in [
        "",
        "f",
        "no-colon",
        "fx",
        "i:index is not a number",
        "i:1.23",
        "i:",
        "i:99999999999999999999",
        "v:invalid json",
        "v:",
        "v:01",
        "v:1.",
        "v:-",
        "v:.5",
        "v:1e999",
        "v:tru",
        "v:\"a",
        "v:1+",
        "v:-01",
        "v:1.5.2",
        "v:[1,]",
        "v:{\"a\":1,}",
        "v:{null:1}",
        "v:[\"a\" \"b\"]",
        "v:[nulx]",
        "v:\"a\nb\"",
        r#"v:{"some":" \x41"}"#,
        "k:invalid json",
        "k:{\"name\":invalid}",
        "k:{\"a\":1",
        "k:[]",
        "k:{\"a\" 1}",
    ] {
        assert!(PathElement::from_fields_v1_key(key).is_err(), "{key}");
    }
    assert_eq!(
        PathElement::from_fields_v1_key("r:Hello"),
        Err(ElementError::UnknownType)
    );
}

#[test]
fn fields_v1_is_written_in_the_order_of_path_elements() {
    for text in [
        r#"{"f:aaa":{},"f:aab":{},"k:{\"name\":\"first\"}":{},"k:{\"port\":443,\"protocol\":\"tcp\"}":{},"k:{\"port\":443,\"protocol\":\"udp\"}":{},"v:1":{},"v:2":{},"v:\"aa\"":{},"v:true":{},"i:1":{},"i:2":{}}"#,
        r#"{"f:aaa":{"k:{\"name\":\"second\"}":{"v:3":{"f:aab":{}}},"v:3":{},"v:true":{}},"i:1":{"i:1":{},"i:3":{"v:true":{}}}}"#,
        r#"{"f:spec":{".":{},"f:apps":{".":{},"k:{\"name\":\" app-💻\"}":{".":{},"f:image":{}}}}}"#,
    ] {
        let read = Set::from_fields_v1(text).unwrap();
        assert_eq!(read.to_fields_v1(), text);
        assert_eq!(
            Set::from_fields_v1_value(&serde_json::from_str(text).unwrap()),
            Ok(read)
        );
    }
}

/// Each was read and written by the Go library.
#[test]
fn fields_v1_that_is_not_as_go_writes_it_is_read_as_go_reads_it() {
    for (text, written) in [
        ("null", "{}"),
        (
            r#"{"f:b": {}, "f:a":{ } , "v: 3":{}}"#,
            r#"{"f:a":{},"f:b":{},"v:3":{}}"#,
        ),
        (r#"{"f:a":null}"#, r#"{"f:a":{}}"#),
        (r#"{"f:a":{".":{}}}"#, r#"{"f:a":{}}"#),
        (r#"{"f:aaa":{},"r:aab":{}}"#, r#"{"f:aaa":{}}"#),
        (r#"{"f:a":{"r:x":{}}}"#, r#"{"f:a":{}}"#),
        (r#"{"f:a":{},"f:a":{"f:b":{}}}"#, r#"{"f:a":{".":{},"f:b":{}}}"#),
        (r#"{"f:a":{"f:b":{}},"f:a":{"f:c":{}}}"#, r#"{"f:a":{"f:c":{}}}"#),
        (
            r#"{"f:b":{"f:x":{}},"f:a":{},"f:b":{"f:y":{}}}"#,
            r#"{"f:a":{},"f:b":{"f:y":{}}}"#,
        ),
        (r#"{".":7,"f:a":{".":[1]}}"#, r#"{"f:a":{}}"#),
        ("{} x", "{}"),
        (r#"{"f:a\"\n\u0001<":{}}"#, r#"{"f:a\"\n\u0001<":{}}"#),
        (
            r#"{"v:\"<\"":{},"k:{\"<\":\"<\"}":{}}"#,
            r#"{"k:{\"<\":\"\\u003c\"}":{},"v:\"\\u003c\"":{}}"#,
        ),
    ] {
        assert_eq!(
            Set::from_fields_v1(text).unwrap().to_fields_v1(),
            written,
            "{text}"
        );
    }
    for text in [
        "",
        "[]",
        r#"{"f:a":1}"#,
        r#"{"f:a":{}"#,
        r#"{"f:a":{},}"#,
        r#"{"f:a":{"x":{}}}"#,
        r#"{"i:x":{}}"#,
    ] {
        assert!(Set::from_fields_v1(text).is_err(), "{text}");
    }
}

#[test]
fn numbers_of_objects_are_written_as_they_are() {
    let fields = set([
        at![
            "n",
            k([
                ("p", json!(9_007_199_254_740_993_i64)),
                ("q", json!(1.5)),
                ("r", json!(80.0))
            ])
        ],
        at!["m", v(json!({"b<": ["&", 3], "a": null}))],
    ]);
    assert_eq!(
        fields.to_fields_v1(),
        r#"{"f:m":{"v:{\"a\":null,\"b\\u003c\":[\"\\u0026\",3]}":{}},"f:n":{"k:{\"p\":9007199254740993,\"q\":1.5,\"r\":80}":{}}}"#
    );
}

#[test]
fn depth_has_a_limit() {
    let nested = |levels: usize| format!("{}{}", r#"{"f:a":"#.repeat(levels) + "{}", "}".repeat(levels));
    let deepest = Set::from_fields_v1(&nested(MAX_DEPTH)).unwrap();
    assert_eq!(deepest.paths()[0].len(), MAX_DEPTH);
    assert_eq!(Set::from_fields_v1(&deepest.to_fields_v1()).unwrap(), deepest);
    assert!(matches!(
        Set::from_fields_v1(&nested(MAX_DEPTH + 1)),
        Err(FieldsV1Error::Json(_))
    ));
    assert!(Set::from_fields_v1(&nested(1_000_000)).is_err());
    assert!(PathElement::from_fields_v1_key(&format!("v:{}", "[".repeat(1_000_000))).is_err());
    let mut longer = deepest.paths().remove(0);
    longer.push("b".into());
    assert!(Set::new().insert(&longer).is_err());
    assert!(Set::new().insert(&Path::default()).is_ok());
}

#[test]
fn many_fields_in_the_wrong_order_are_read_in_time() {
    let keys: Vec<String> = (0..100_000)
        .rev()
        .map(|number| format!(r#""f:{number:06}":{{}}"#))
        .collect();
    let read = Set::from_fields_v1(&format!("{{{}}}", keys.join(","))).unwrap();
    assert_eq!(read.len(), 100_000);
}
