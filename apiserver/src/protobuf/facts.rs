//! What k8s.io/apimachinery writes, object by object: `testdata/facts.jsonl`, which `e2e/go/protobuf` makes.
//! `ANNEX_PROTOBUF_FACTS` names a file of more of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::envelope;
use super::list::{ListMeta, PartialList};
use super::object_meta::ObjectMeta;
use super::{delete_options, status, watch_event};
use crate::request::media::MetaVersion;
use crate::request::options::DeleteOptions;

#[derive(Deserialize)]
struct Fact {
    form: String,
    object: Value,
    protobuf: String,
}

impl Fact {
    fn bytes(&self) -> Vec<u8> {
        STANDARD.decode(&self.protobuf).unwrap()
    }

    fn kind(&self) -> &str {
        self.object["kind"].as_str().unwrap()
    }
}

fn facts() -> Vec<Fact> {
    let text = match std::env::var("ANNEX_PROTOBUF_FACTS") {
        Ok(file) => std::fs::read_to_string(file).unwrap(),
        Err(_) => include_str!("testdata/facts.jsonl").to_owned(),
    };
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn version(object: &Value) -> MetaVersion {
    match object["apiVersion"].as_str().unwrap() {
        "meta.k8s.io/v1" => MetaVersion::V1,
        "meta.k8s.io/v1beta1" => MetaVersion::V1beta1,
        other => panic!("{other}"),
    }
}

fn meta(object: &Value) -> ObjectMeta {
    ObjectMeta::from_json(object["metadata"].to_string().as_bytes()).unwrap()
}

fn list(object: &Value) -> Vec<u8> {
    let metadata = &object["metadata"];
    let text = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
    let list = PartialList::new(
        version(object),
        ListMeta {
            self_link: String::new(),
            resource_version: text("resourceVersion"),
            continue_token: text("continue"),
            remaining_item_count: metadata["remainingItemCount"].as_i64(),
        },
    );
    let items: Vec<ObjectMeta> = object["items"]
        .as_array()
        .map_or(Vec::new(), |items| items.iter().map(meta).collect());
    let mut of_items = Vec::new();
    for item in &items {
        let before = of_items.len();
        list.push_item(item, &mut of_items);
        assert_eq!(of_items.len() - before, PartialList::item_length(item));
    }
    [list.head(of_items.len()), of_items, list.tail()].concat()
}

/// The object in its envelope, as this library writes it.
fn object(object: &Value) -> Option<Vec<u8>> {
    match object["kind"].as_str()? {
        "PartialObjectMetadata" => {
            let mut out = Vec::new();
            meta(object).push_object(version(object).api_version(), &mut out);
            Some(out)
        }
        "PartialObjectMetadataList" => Some(list(object)),
        "Status" => {
            // Go leaves out what is empty.
            let mut whole = json!({"status": "", "metadata": {}});
            whole
                .as_object_mut()
                .unwrap()
                .extend(object.as_object().unwrap().clone());
            Some(status::encode(&serde_json::from_value(whole).unwrap()))
        }
        _ => None,
    }
}

#[test]
fn objects_and_events_have_the_bytes_that_go_gives_them() {
    let mut counts = [0; 2];
    for fact in facts() {
        let Some(object) = object(&fact.object) else {
            assert_eq!(fact.kind(), "DeleteOptions");
            continue;
        };
        let is_event = fact.form != "object";
        let ours = if is_event {
            let mut out = Vec::new();
            watch_event::push_frame(&fact.form, &object, &mut out);
            out
        } else {
            object
        };
        assert_eq!(ours, fact.bytes(), "{} {}", fact.form, fact.object);
        counts[usize::from(is_event)] += 1;
    }
    assert!(counts.iter().all(|count| *count >= 30), "{counts:?}");
}

#[test]
fn delete_options_are_read_as_their_json_is() {
    let mut count = 0;
    for fact in facts().iter().filter(|fact| fact.kind() == "DeleteOptions") {
        let read = delete_options::to_json(&fact.bytes()).unwrap();
        assert_eq!(
            (&read["kind"], &read["apiVersion"]),
            (&fact.object["kind"], &fact.object["apiVersion"])
        );
        let said = |options| DeleteOptions::from_body(options).map_err(|error| error.status().message);
        assert_eq!(said(read), said(fact.object.clone()));
        count += 1;
    }
    assert!(count >= 3);
}

#[test]
fn what_is_no_object_is_told_from_what_is_one_of_another_kind() {
    let message = |body: &[u8]| delete_options::to_json(body).unwrap_err().to_string();
    let no_prefix = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";
    assert_eq!(message(b"x"), no_prefix);
    assert_eq!(message(b"k8s\0"), "empty body");
    for broken in [
        &b"k8s\0\xff\xff"[..],
        b"k8s\0\x0a\x05\x0a\x03",
        b"k8s\0\x12\x02\x12\xff",
    ] {
        assert!(message(broken).starts_with("proto: "), "{}", message(broken));
    }
    let other = envelope::enveloped("v1", "Status", &ListMeta::default());
    let error = DeleteOptions::from_body(delete_options::to_json(&other).unwrap()).unwrap_err();
    assert_eq!(error.status().code, 400);
    let without_type = [&b"k8s\0\x12\x02\x08\x1e"[..]].concat();
    let options = DeleteOptions::from_body(delete_options::to_json(&without_type).unwrap()).unwrap();
    assert_eq!(options.grace_period_seconds, Some(30));
}

#[test]
fn a_null_is_what_is_absent() {
    let nulls = r#"{"name":null,"creationTimestamp":null,"labels":{"a":null},"annotations":null,"finalizers":[null],
        "ownerReferences":[null],"managedFields":[{"time":null,"fieldsV1":null}],"deletionTimestamp":null,"unknown":1}"#;
    let plain = r#"{"labels":{"a":""},"finalizers":[""],"ownerReferences":[{}],"managedFields":[{}]}"#;
    let read = |text: &str| ObjectMeta::from_json(text.as_bytes()).unwrap();
    assert_eq!(read(nulls), read(plain));
    assert_eq!(
        read(r#"{"creationTimestamp":"0001-01-01T00:00:00Z"}"#),
        ObjectMeta::default()
    );
}
