//! AggregatedServers as earlier schemas stored them are read by the types of now, and nothing of them is lost: an upgrade of the
//! CustomResourceDefinition rewrites no object. A schema that changes adds a file here.

#![allow(clippy::expect_used, reason = "a test may end at the first surprise")]

use annex_crds::v1alpha1::AggregatedServer;
use serde_json::Value;

const STORED: [&str; 5] = [
    include_str!("stored/1-first.yaml"),
    include_str!("stored/2-no-default-of-crd-shadow.yaml"),
    include_str!("stored/3-storage.yaml"),
    include_str!("stored/4-bounds.yaml"),
    include_str!("stored/5-hot-or-restart.yaml"),
];

/// What `stored` has and `read` lacks, by path. A default that is not written again is the same.
fn lost(stored: &Value, read: &Value, path: &str) -> Vec<String> {
    match (stored, read) {
        (Value::Object(stored), Value::Object(read)) => stored
            .iter()
            .flat_map(|(field, value)| {
                let path = format!("{path}.{field}");
                match read.get(field) {
                    Some(read) => lost(value, read, &path),
                    None if field == "crdShadow" && value == "Refuse" => Vec::new(),
                    None => vec![path],
                }
            })
            .collect(),
        (Value::Array(stored), Value::Array(read)) if stored.len() == read.len() => {
            let both = stored.iter().zip(read).enumerate();
            both.flat_map(|(index, (stored, read))| lost(stored, read, &format!("{path}[{index}]")))
                .collect()
        }
        _ if stored == read => Vec::new(),
        _ => vec![format!("{path}: {stored} became {read}")],
    }
}

#[test]
fn what_earlier_schemas_stored_is_read_and_kept() {
    let documents = STORED.iter().flat_map(|file| file.split("\n---\n"));
    let mut count = 0;
    for document in documents {
        let stored: Value = serde_saphyr::from_str(document).expect("YAML");
        let server: AggregatedServer = serde_json::from_value(stored.clone()).expect(document);
        let read = serde_json::to_value(&server).expect("JSON");
        assert_eq!(lost(&stored, &read, ""), Vec::<String>::new(), "{document}");
        // What was read is read again.
        let again: AggregatedServer = serde_json::from_value(read).expect("what was written");
        assert_eq!(again.spec, server.spec);
        count += 1;
    }
    assert_eq!(count, 7);
}

#[test]
fn what_is_lost_is_seen() {
    let stored = serde_json::json!({ "a": [{ "b": 1, "c": 2 }], "d": 1 });
    let read = serde_json::json!({ "a": [{ "b": 2 }], "d": 1 });
    assert_eq!(lost(&stored, &read, ""), [".a[0].b: 1 became 2", ".a[0].c"]);
}
