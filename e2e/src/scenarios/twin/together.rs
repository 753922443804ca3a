//! A hundred strategic merge patches of one object at once, which all succeed: a patch that names no resourceVersion is applied anew
//! to what another one left. What Kubernetes' `TestPatchConflicts` asks (test/integration/apiserver/patch_test.go).

use std::collections::BTreeSet;

use futures::future::join_all;
use kube::Client;
use serde_json::{Value, json};

use super::answer::Answer;
use super::pair::Pair;
use super::play::Player;
use super::request::Request;
use crate::scenarios::{Failure, ensure, failure};

/// How many at once.
const PATCHES: usize = 100;

/// Patches one object from many sides, and looks that nothing of it was lost.
///
/// # Errors
/// A patch was refused, or has not done what it says.
pub(super) async fn patches(client: &Client, pair: &Pair) -> Result<(), Failure> {
    let all = format!("/apis/{}/v1/namespaces/{}/gadgets", pair.group, pair.objects);
    let one = format!("{all}/together");
    let owners: Vec<Value> = (0..PATCHES).map(owner).collect();
    let gadget = json!({
        "apiVersion": format!("{}/v1", pair.group), "kind": "Gadget", "spec": { "class": "Small" },
        "metadata": { "name": "together", "ownerReferences": owners },
    });
    let mut player = Player::new(client);
    expect(
        &player
            .ask(&request("POST", &all, "application/json", &gadget))
            .await?,
        201,
    )?;
    let patch = async |number: usize| {
        let patch = json!({ "metadata": {
            "labels": { format!("label-{number}"): "there" },
            "ownerReferences": [{ "$patch": "delete", "uid": format!("uid-{number}") }],
        }});
        let request = request("PATCH", &one, "application/strategic-merge-patch+json", &patch);
        let answer = Player::new(client).ask(&request).await?;
        effective(&answer, number)
    };
    for outcome in join_all((0..PATCHES).map(patch)).await {
        outcome?;
    }
    let left = player
        .ask(&request("GET", &one, "application/json", &Value::Null))
        .await?;
    let metadata = metadata(&left)?;
    let labels: BTreeSet<&str> = metadata["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    ensure(labels.len() == PATCHES, || {
        format!("of {PATCHES} labels {} are there", labels.len())
    })?;
    ensure(metadata["ownerReferences"].is_null(), || {
        format!("owners were left: {metadata}")
    })?;
    expect(
        &player
            .ask(&request("DELETE", &one, "application/json", &Value::Null))
            .await?,
        200,
    )
}

fn owner(number: usize) -> Value {
    json!({ "apiVersion": "example.com/v1", "kind": "Foo", "name": format!("owner-{number}"), "uid": format!("uid-{number}") })
}

fn request(method: &str, path: &str, content_type: &str, body: &Value) -> Request {
    Request {
        title: format!("{method} of what many patch"),
        method: method.to_owned(),
        path: path.to_owned(),
        headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
        body: if body.is_null() {
            String::new()
        } else {
            body.to_string()
        },
        until: None,
    }
}

/// The patch's label is there, and its owner is not.
fn effective(answer: &Answer, number: usize) -> Result<(), Failure> {
    expect(answer, 200)?;
    let metadata = metadata(answer)?;
    let uid = format!("uid-{number}");
    let owners = metadata["ownerReferences"].as_array();
    let owned = owners
        .into_iter()
        .flatten()
        .any(|owner| owner["uid"] == uid.as_str());
    let labelled = metadata["labels"][format!("label-{number}")] == "there";
    ensure(labelled && !owned, || {
        format!("patch {number} was lost: {metadata}")
    })
}

fn metadata(answer: &Answer) -> Result<&Value, Failure> {
    let object = answer.body.first();
    object
        .and_then(|object| object.get("metadata"))
        .ok_or_else(|| failure("an answer has no metadata"))
}

fn expect(answer: &Answer, code: u16) -> Result<(), Failure> {
    ensure(answer.code == code, || {
        format!("{} and not {code}: {:?}", answer.code, answer.body)
    })
}
