//! The bodies: each makes work of one kind, which grows with the square of its length where it is done carelessly.

use hyper::body::Bytes;
use serde_json::json;

use super::Write;
use crate::attack::{GROUP, VERSION};

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";
const MERGE: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// What a list for JSON Patch has, and how often something in it moves.
const LIST: usize = 500_000;
const MOVES: usize = 2_000;

/// Objects to be created.
pub(super) fn creates() -> Vec<Write> {
    vec![
        json("invalid finalizers", object(&finalizers(40_000), "")),
        tried("finalizers", object(&valid_finalizers(60_000), "")),
        tried("labels", object(&labels(90_000), "")),
        tried("owner references", object(&owners(9_500), "")),
        tried("equal owner references", object(&equal_owners(9_000), "")),
        json("null fields", object("", &null_fields(40_000, 80_000))),
        json("unknown fields", object("", &unknown_fields(60_000))),
        json("invalid labels", object(&invalid_labels(20_000), "")),
        json(
            "deep lists",
            object(
                "",
                &format!(r#","x":{}{}"#, "[".repeat(400_000), "]".repeat(400_000)),
            ),
        ),
        json(
            "deep objects",
            object(
                "",
                &format!(r#","x":{}1{}"#, r#"{"a":"#.repeat(150_000), "}".repeat(150_000)),
            ),
        ),
        yaml("duplicate keys in YAML", duplicates(10_000)),
        yaml("deep lists in YAML", format!("x: {}", "[".repeat(200_000))),
        yaml("anchors in YAML", anchors()),
    ]
}

/// Patches of an object that is there.
pub(super) fn patches() -> Vec<Write> {
    vec![
        patch("a long key over many elements", MERGE, long_key(300_000, 150_000)),
        patch(
            "null fields",
            MERGE,
            format!(r#"{{"a":0{}}}"#, null_fields(20_000, 40_000)),
        ),
        patch(
            "deep objects",
            MERGE,
            format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000)),
        ),
        patch(
            "duplicate keys",
            MERGE,
            format!(r#"{{"a":0{}}}"#, r#","a":0"#.repeat(100_000)),
        ),
        patch(
            "invalid finalizers",
            MERGE,
            format!("{{\"metadata\":{{{}}}}}", &finalizers(30_000)[1..]),
        ),
        patch(
            "many small objects",
            MERGE,
            format!(r#"{{"a":{}}}"#, small_objects()),
        ),
        patch(
            "many small objects to be added",
            JSON_PATCH,
            format!(r#"[{{"op":"add","path":"/spec/a","value":{}}}]"#, small_objects()),
        ),
        patch(
            "moves in a long list",
            JSON_PATCH,
            operations(
                MOVES,
                |_| json!({ "op": "move", "from": "/spec/list/0", "path": format!("/spec/list/{}", LIST - 1) }),
            ),
        ),
        patch(
            "insertions before a long list",
            JSON_PATCH,
            operations(
                MOVES + 1,
                |_| json!({ "op": "add", "path": "/spec/list/0", "value": 0 }),
            ),
        ),
        patch(
            "removals before a long list",
            JSON_PATCH,
            operations(MOVES + 2, |_| json!({ "op": "remove", "path": "/spec/list/0" })),
        ),
        patch(
            "copies of a long list",
            JSON_PATCH,
            operations(
                200,
                |number| json!({ "op": "copy", "from": "/spec/list", "path": format!("/spec/copy-{number}") }),
            ),
        ),
        patch("aliases in an apply", APPLY, {
            let more = (1..60).map(|number| format!(", a{number}: &a{number} [*a{0}, *a{0}]", number - 1));
            format!("{{a0: &a0 [x, x]{}}}", more.collect::<String>())
        }),
        // Of JSON all of it would be one string.
        patch(
            "YAML's quotes in an apply",
            APPLY,
            format!(r#"{{'"': [{}]}}"#, listed(150_000, |_| "{a: 0}".to_owned())),
        ),
        patch(
            "a long pointer",
            JSON_PATCH,
            json!([{
                "op": "test", "path": "/a".repeat(150_000), "value": 1
            }])
            .to_string(),
        ),
    ]
}

fn json(what: &'static str, body: String) -> Write {
    patch(what, JSON, body)
}

/// The garbage collector of the cluster is nobody's target: it would look for each of the owners.
fn tried(what: &'static str, body: String) -> Write {
    Write {
        stored: false,
        ..json(what, body)
    }
}

fn yaml(what: &'static str, more: String) -> Write {
    let head =
        format!("apiVersion: {GROUP}/{VERSION}\nkind: Flunder\nmetadata: {{ generateName: hostile- }}\n");
    patch(what, YAML, head + &more)
}

fn patch(what: &'static str, media: &'static str, body: String) -> Write {
    Write {
        what,
        media,
        body: Bytes::from(body),
        stored: true,
    }
}

/// A flunder with more in its metadata and at its top; both begin with a comma.
fn object(metadata: &str, top: &str) -> String {
    format!(
        r#"{{"apiVersion":"{GROUP}/{VERSION}","kind":"Flunder","metadata":{{"generateName":"hostile-"{metadata}}}{top}}}"#
    )
}

fn listed(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().join(",")
}

/// Each of them is an error of its own.
fn finalizers(count: usize) -> String {
    format!(
        r#","finalizers":[{}]"#,
        listed(count, |number| format!(r#""{number:x}""#))
    )
}

/// They differ in their last field.
fn owners(count: usize) -> String {
    let one = |number| format!(r#"{{"apiVersion":"v1","kind":"A","name":"b","uid":"{number:05}"}}"#);
    format!(r#","ownerReferences":[{}]"#, listed(count, one))
}

/// Each stands twice.
fn equal_owners(count: usize) -> String {
    let one = |number: usize| {
        format!(
            r#"{{"apiVersion":"v1","kind":"A","name":"b","uid":"{:05}"}}"#,
            number / 2
        )
    };
    format!(r#","ownerReferences":[{}]"#, listed(count, one))
}

/// Fields of the type that are null, then others of which it does not know one.
fn null_fields(nulls: usize, unknown: usize) -> String {
    r#","spec":null"#.repeat(nulls) + &r#","a":0"#.repeat(unknown)
}

fn unknown_fields(count: usize) -> String {
    (0..count).map(|number| format!(r#","u{number:05}":0"#)).collect()
}

fn invalid_labels(count: usize) -> String {
    format!(
        r#","labels":{{{}}}"#,
        listed(count, |number| format!(r#""-{number:05}":"/""#))
    )
}

/// Whoever manages them has as many fields.
fn valid_finalizers(count: usize) -> String {
    format!(
        r#","finalizers":[{}]"#,
        listed(count, |number| format!(r#""a.example/{number:x}""#))
    )
}

/// As many fields again.
fn labels(count: usize) -> String {
    format!(
        r#","labels":{{{}}}"#,
        listed(count, |number| format!(r#""l{number:05}":"""#))
    )
}

fn duplicates(count: usize) -> String {
    let keys: String = (0..count).map(|number| format!("k{number:05}: x\n")).collect();
    keys.clone() + &keys
}

/// Nothing takes more memory for its length: nodes of a tree for eleven fields, of which each has one.
fn small_objects() -> String {
    format!("[{}]", listed(400_000, |_| r#"{"":0}"#.to_owned()))
}

/// Each anchor is twice the one before: a billion laughs.
fn anchors() -> String {
    let mut text = "a0: &a0 [x, x]\n".to_owned();
    for number in 1..60 {
        let before = number - 1;
        text.push_str(&format!("a{number}: &a{number} [*a{before}, *a{before}]\n"));
    }
    text
}

/// Wherever a path is written for each element, the key is copied so often.
fn long_key(length: usize, elements: usize) -> String {
    format!(
        r#"{{"{}":[{}]}}"#,
        "k".repeat(length),
        listed(elements, |_| "0".to_owned())
    )
}

/// A long list, and then these operations.
fn operations(count: usize, one: impl Fn(usize) -> serde_json::Value) -> String {
    let list = "0,".repeat(LIST - 1);
    let add = format!(r#"{{"op":"add","path":"/spec/list","value":[{list}0]}}"#);
    format!("[{add},{}]", listed(count, |number| one(number).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server reads of a body before it refuses it unread.
    const MOST: usize = 3 * 1024 * 1024;

    #[test]
    fn no_body_is_refused_for_its_length_alone() {
        for write in creates().into_iter().chain(patches()) {
            assert!(write.body.len() < MOST, "{}: {}", write.what, write.body.len());
        }
    }

    #[test]
    fn bodies_are_told_from_each_other_by_their_length() {
        for mut writes in [creates(), patches()] {
            let count = writes.len();
            writes.sort_by_key(|write| write.body.len());
            writes.dedup_by_key(|write| write.body.len());
            assert_eq!(writes.len(), count);
        }
    }
}
