//! What sigs.k8s.io/yaml makes of documents, and says of them, against what this crate makes and says. `e2e/go/yaml` makes the data;
//! `FACTS=FILE` takes other data than what is kept here.

use std::collections::BTreeSet;

use annex_yaml::{Document, Limits};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Deserialize)]
struct Fact {
    #[serde(default)]
    topic: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    bytes: String,
    #[serde(default)]
    pieces: Vec<Piece>,
    /// Why it is read otherwise here.
    #[serde(default)]
    differs: String,
    /// Of what is large only that it is taken.
    #[serde(default, deserialize_with = "whatever")]
    json: Option<Value>,
    #[serde(default)]
    error: String,
    /// What is said of duplicates.
    #[serde(default)]
    strict: String,
}

#[derive(Deserialize)]
struct Piece {
    text: String,
    times: usize,
}

/// A null is something.
fn whatever<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(source).map(Some)
}

impl Fact {
    fn body(&self) -> Vec<u8> {
        let pieces = self.pieces.iter().map(|piece| piece.text.repeat(piece.times));
        let mut body = [self.text.clone(), pieces.collect()].concat().into_bytes();
        body.extend(BASE64_STANDARD.decode(&self.bytes).expect("base64"));
        body
    }

    /// What differs from Go, if anything does.
    fn difference(&self) -> Option<String> {
        let body = self.body();
        let ours = annex_yaml::read(&body, &Limits::default());
        let is_equal = match &ours {
            Ok(document) => {
                // Read back: serde_json rounds floats that it reads.
                let ours = serde_json::from_str(&document.value.to_string()).expect("JSON");
                let is_equal = self
                    .json
                    .as_ref()
                    .is_none_or(|json| as_kubernetes_reads(json.clone()) == as_kubernetes_reads(ours));
                self.error.is_empty() && is_equal && is_strict(document, &self.strict)
            }
            Err(error) => error.to_string() == self.error,
        };
        if is_equal {
            return None;
        }
        let shown = String::from_utf8_lossy(&body);
        let shown: String = format!("{shown:?}").chars().take(1500).collect();
        let ours = ours.map(|document| (document.value.to_string(), document.duplicates));
        let mut ours: String = format!("{ours:?}");
        ours.truncate(1500);
        let (json, error, strict) = (&self.json, &self.error, &self.strict);
        let go = json.as_ref().map(ToString::to_string).unwrap_or_default();
        let topic = &self.topic;
        Some(format!(
            "{topic}: {shown}\n  Go: {go} {error} {strict}\nours: {ours}"
        ))
    }
}

/// Whether duplicates are told as Go tells them; of those that are many the first.
fn is_strict(document: &Document, go: &str) -> bool {
    let listed = document.duplicates.listed();
    if listed.is_empty() {
        return go.is_empty();
    }
    let ours = format!("yaml: unmarshal errors:\n  {}", listed.join("\n  "));
    if document.duplicates.has_more() {
        go.starts_with(&format!("{ours}\n"))
    } else {
        go == ours
    }
}

/// JSON's `-0` is the integer 0 to Kubernetes.
fn as_kubernetes_reads(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_f64() == Some(0.0) => 0.into(),
        Value::Array(list) => list.into_iter().map(as_kubernetes_reads).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, as_kubernetes_reads(value)))
            .collect(),
        value => value,
    }
}

fn facts() -> Vec<Fact> {
    let text = match std::env::var("FACTS") {
        Ok(file) => std::fs::read_to_string(file).expect("the file"),
        Err(_) => include_str!("../data/facts.jsonl").to_owned(),
    };
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a fact"))
        .collect()
}

#[test]
fn documents_are_read_and_refused_as_go_does_it() {
    let facts = facts();
    let (mut compared, mut wrong) = (0, Vec::new());
    for fact in facts.iter().filter(|fact| fact.differs.is_empty()) {
        compared += 1;
        wrong.extend(fact.difference());
    }
    let first = wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{first}", wrong.len());
    assert!(compared > 2000, "{compared}");
}

#[test]
fn what_differs_is_what_is_said_to() {
    let facts = facts();
    let mut reasons = BTreeSet::new();
    for fact in facts.iter().filter(|fact| !fact.differs.is_empty()) {
        let body = fact.body();
        let shown = String::from_utf8_lossy(&body);
        let shown: String = shown.chars().take(100).collect();
        assert!(fact.difference().is_some(), "no difference any more: {shown:?}");
        reasons.insert(fact.differs.as_str());
    }
    let readme = include_str!("../../README.md");
    let listed = readme.split_once("## What differs").expect("the list").1;
    let listed = listed.split("\n## ").next().unwrap_or_default();
    let listed: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("- **")?.split_once("**"))
        .map(|(reason, _)| reason)
        .collect();
    assert_eq!(listed, reasons, "the README lists others");
}
