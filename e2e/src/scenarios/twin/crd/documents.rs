//! What discovery and OpenAPI say of the kinds.

mod open_api;

use std::time::Duration;

use serde_json::{Map, Value};

use super::side::{GROUP, Side};
use crate::progress;
use crate::scenarios::{Failure, ensure, failure};

/// How long a kube-apiserver may take to tell of a definition in OpenAPI.
const LIMIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);
/// The media type of discovery that is told in one.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A document, and where it is.
struct Document {
    name: &'static str,
    path: &'static str,
    accept: &'static str,
    /// The part of it that is of the group.
    part: fn(Value) -> Value,
    /// What it has once it tells of the kinds.
    has: fn(&Value) -> bool,
}

/// Where a document differs, from a JSON pointer on, and why.
pub(super) struct Difference {
    pub(super) document: &'static str,
    pub(super) pointer: &'static str,
    pub(super) reason: &'static str,
}

/// What docs/crd-differences.md lists.
pub(super) const DECLARED: &[Difference] = &[
    Difference {
        document: "OpenAPI v3 of v1",
        pointer: SCALE,
        reason: OF_SCALE,
    },
    Difference {
        document: "OpenAPI v2",
        pointer: SCALE,
        reason: OF_SCALE,
    },
];

const SCALE: &str = "/paths/~1apis~1twin.example.com~1v1~1namespaces~1{namespace}~1machines~1{name}~1scale/";
const OF_SCALE: &str = "an operation on a Scale says that it is about a Scale, as of Kubernetes' own kinds; of a definition it says the definition's";

const DOCUMENTS: [Document; 7] = [
    Document {
        name: "the group",
        path: "/apis/twin.example.com",
        accept: "application/json",
        part: whole,
        has: |group| group["versions"][1].is_object(),
    },
    Document {
        name: "v1",
        path: "/apis/twin.example.com/v1",
        accept: "application/json",
        part: whole,
        has: |list| list["resources"][3].is_object(),
    },
    Document {
        name: "v1beta1",
        path: "/apis/twin.example.com/v1beta1",
        accept: "application/json",
        part: whole,
        has: |list| list["resources"][1].is_object(),
    },
    Document {
        name: "aggregated discovery",
        path: "/apis",
        accept: AGGREGATED,
        part: |groups| {
            let named = |group: &&Value| group["metadata"]["name"] == GROUP;
            let found = groups["items"].as_array().into_iter().flatten().find(named);
            found.cloned().unwrap_or_default()
        },
        has: |group| group["versions"][1]["resources"][0].is_object(),
    },
    Document {
        name: "OpenAPI v3 of v1",
        path: "/openapi/v3/apis/twin.example.com/v1",
        accept: "application/json",
        part: open_api::part,
        has: |document| has_paths(document, &["machines", "sites", "scale"]),
    },
    Document {
        name: "OpenAPI v3 of v1beta1",
        path: "/openapi/v3/apis/twin.example.com/v1beta1",
        accept: "application/json",
        part: open_api::part,
        has: |document| has_paths(document, &["machines"]),
    },
    Document {
        name: "OpenAPI v2",
        path: "/openapi/v2",
        accept: "application/json",
        part: open_api::part,
        has: |document| has_paths(document, &["machines", "sites", "scale", "v1beta1"]),
    },
];

fn whole(document: Value) -> Value {
    document
}

fn has_paths(document: &Value, words: &[&str]) -> bool {
    let paths = document["paths"].as_object();
    let has = |word: &&str| paths.is_some_and(|paths| paths.keys().any(|path| path.contains(word)));
    words.iter().all(has)
}

/// Compares the documents of two sides.
///
/// # Errors
/// What differs and is not declared, or is declared and does not differ.
pub(super) async fn compare(definition: &Side, ours: &Side) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    let mut seen = vec![false; DECLARED.len()];
    for document in &DOCUMENTS {
        let (definition, ours) = futures::join!(read(definition, document), read(ours, document));
        let mut found = Vec::new();
        differences(&definition?, &ours?, String::new(), &mut found);
        for (pointer, one, other) in found {
            let mut of_it = DECLARED.iter().zip(&mut seen);
            let declared = of_it.find(|(difference, _)| {
                difference.document == document.name && pointer.starts_with(difference.pointer)
            });
            match declared {
                Some((_, seen)) => *seen = true,
                None => wrong.push(format!(
                    "  {} at {pointer:?}:\n    Go:   {}\n    ours: {}",
                    document.name,
                    shown(&one),
                    shown(&other)
                )),
            }
        }
    }
    let unseen = DECLARED.iter().zip(seen).filter(|(_, seen)| !seen);
    wrong.extend(unseen.map(|(difference, _)| {
        format!(
            "  {} is declared to differ at {:?}, and does not",
            difference.document, difference.pointer
        )
    }));
    ensure(wrong.is_empty(), || wrong.join("\n"))?;
    progress::say(format!("    {} documents; declared to differ:", DOCUMENTS.len()));
    for Difference {
        document,
        pointer,
        reason,
    } in DECLARED
    {
        progress::say(format!("      {document} at {pointer}: {reason}"));
    }
    Ok(())
}

/// A document, once it tells of the kinds.
async fn read(side: &Side, document: &Document) -> Result<Value, Failure> {
    let end = tokio::time::Instant::now() + LIMIT;
    loop {
        let request = http::Request::get(document.path)
            .header("accept", document.accept)
            .body(Vec::new())?;
        let found = (document.part)(side.client.request::<Value>(request).await.unwrap_or_default());
        if (document.has)(&found) {
            return Ok(found);
        }
        if tokio::time::Instant::now() > end {
            return Err(failure(format!(
                "{} does not tell of the kinds: {}",
                document.name,
                shown(&found)
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Where two values differ, with what is there.
fn differences(one: &Value, other: &Value, at: String, found: &mut Vec<(String, Value, Value)>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let added = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(added) {
                let of = |fields: &Map<String, Value>| fields.get(key).cloned().unwrap_or_default();
                let key = key.replace('~', "~0").replace('/', "~1");
                differences(&of(one), &of(other), format!("{at}/{key}"), found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (place, (one, other)) in one.iter().zip(other).enumerate() {
                differences(one, other, format!("{at}/{place}"), found);
            }
        }
        _ if one == other => {}
        _ => found.push((at, one.clone(), other.clone())),
    }
}

/// The beginning of a value.
fn shown(value: &Value) -> String {
    value.to_string().chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_part_that_differs_is_found_where_it_is() {
        let one = json!({ "a": [1, { "b/c": 2 }], "d": 3 });
        let other = json!({ "a": [1, { "b/c": 4 }], "e": [] });
        let mut found = Vec::new();
        differences(&one, &other, String::new(), &mut found);
        let pointers: Vec<&str> = found.iter().map(|(pointer, ..)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/a/1/b~1c", "/d", "/e"]);
    }

    #[test]
    fn every_declared_difference_stands_in_the_docs() {
        const PAGE: &str = include_str!("../../../../../docs/crd-differences.md");
        for Difference {
            document,
            pointer,
            reason,
        } in DECLARED
        {
            let row = format!("| {document} | `{pointer}` | {reason} |");
            assert!(PAGE.contains(&row), "the page of differences lacks: {row}");
            assert!(
                DOCUMENTS.iter().any(|known| known.name == *document),
                "{document}"
            );
        }
    }
}
