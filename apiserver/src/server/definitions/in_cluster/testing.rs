//! A cluster of tests with definitions: it answers lists, watches and gets of them as the test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::channel::mpsc::{UnboundedSender, unbounded};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::seen::Seen;
use crate::kubernetes::testing::{Answer, FakeCluster, Request};

/// The server of tests.
pub(super) const SERVER: &str = "test";

/// A definition of this plural, in which the field `name` is a text.
pub(super) fn definition(plural: &str, name: &str) -> Value {
    json!({
        "apiVersion": "annex.dev/v1alpha1",
        "kind": "AggregatedResourceDefinition",
        "metadata": {
            "name": format!("{plural}.example.com"), "uid": format!("uid-{plural}"), "generation": 1, "resourceVersion": "1",
        },
        "spec": {
            "server": SERVER,
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": format!("K{plural}")},
            "versions": [version("v1", name, true)],
        },
    })
}

/// A version of it that is served.
pub(super) fn version(version: &str, field: &str, storage: bool) -> Value {
    json!({
        "name": version, "served": true, "storage": storage,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {field: {"type": "string"}}}},
    })
}

/// What a server makes of it.
pub(super) fn seen(definition: &Value) -> Seen {
    let object = serde_json::from_value::<DynamicObject>(definition.clone()).unwrap();
    Seen::of(object, SERVER).unwrap()
}

/// The cluster.
pub(super) struct Definitions {
    pub(super) cluster: FakeCluster,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    revision: u64,
    watchers: Vec<UnboundedSender<Value>>,
    is_away: bool,
}

impl Definitions {
    pub(super) fn new(definitions: impl IntoIterator<Item = Value>) -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let answering = state.clone();
        let made = Self {
            cluster: FakeCluster::new(move |request| answering.lock().unwrap().answer(request)),
            state,
        };
        definitions
            .into_iter()
            .for_each(|definition| made.apply(definition));
        made
    }

    /// Writes a definition, whose watchers hear of it.
    pub(super) fn apply(&self, mut definition: Value) {
        let mut state = self.state.lock().unwrap();
        state.revision += 1;
        definition["metadata"]["resourceVersion"] = state.revision.to_string().into();
        let name = definition["metadata"]["name"].as_str().unwrap().to_owned();
        let is_new = state.objects.insert(name, definition.clone()).is_none();
        state.tell(if is_new { "ADDED" } else { "MODIFIED" }, &definition);
    }

    /// Changes one.
    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut definition = self.state.lock().unwrap().objects[name].clone();
        change(&mut definition);
        self.apply(definition);
    }

    /// Changes the spec of one, which is another generation.
    pub(super) fn change_spec(&self, name: &str, change: impl FnOnce(&mut Value)) {
        self.change(name, |definition| {
            let generation = definition["metadata"]["generation"].as_i64().unwrap();
            definition["metadata"]["generation"] = (generation + 1).into();
            change(&mut definition["spec"]);
        });
    }

    /// Takes one away, whose watchers hear of it.
    pub(super) fn remove(&self, name: &str) {
        let mut state = self.state.lock().unwrap();
        state.revision += 1;
        let gone = state.objects.remove(name).unwrap();
        state.tell("DELETED", &gone);
    }

    /// Whether it answers nothing but 500 from now on.
    pub(super) fn is_away(&self, is_away: bool) {
        self.state.lock().unwrap().is_away = is_away;
    }

    /// Tells watchers of a definition as it is not, or not any more: a watch that is late.
    pub(super) fn tell_late(&self, definition: &Value) {
        self.state.lock().unwrap().tell("MODIFIED", definition);
    }

    /// How often one was asked for by name.
    pub(super) fn asked_for(&self, name: &str) -> usize {
        self.cluster.count(&format!("/{name}"))
    }

    /// Adds one of which no watcher hears.
    pub(super) fn add_unheard(&self, definition: Value) {
        let name = definition["metadata"]["name"].as_str().unwrap().to_owned();
        self.state.lock().unwrap().objects.insert(name, definition);
    }

    /// Ends the watches with 410, and is found so when it is listed again.
    pub(super) fn relists_as(&self, definitions: impl IntoIterator<Item = Value>) {
        let mut state = self.state.lock().unwrap();
        state.objects = definitions
            .into_iter()
            .map(|definition| {
                (
                    definition["metadata"]["name"].as_str().unwrap().to_owned(),
                    definition,
                )
            })
            .collect();
        let expired = json!({"type": "ERROR", "object": {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "too old", "reason": "Expired", "code": 410,
        }});
        for watcher in std::mem::take(&mut state.watchers) {
            let _ = watcher.unbounded_send(expired.clone());
        }
    }
}

impl State {
    fn tell(&mut self, event: &str, definition: &Value) {
        let event = json!({"type": event, "object": definition});
        self.watchers
            .retain(|watcher| watcher.unbounded_send(event.clone()).is_ok());
    }

    fn answer(&mut self, request: &Request) -> Answer {
        const PATH: &str = "/apis/annex.dev/v1alpha1/aggregatedresourcedefinitions";
        if self.is_away {
            return Answer::status(500, "InternalError", "away");
        }
        let Some(name) = request.path.strip_prefix(PATH) else {
            return Answer::status(404, "NotFound", "there is no such path");
        };
        if let Some(name) = name.strip_prefix('/') {
            return match self.objects.get(name) {
                Some(found) => Answer::ok(found.clone()),
                None => Answer::Json(
                    http::StatusCode::NOT_FOUND,
                    json!({
                        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 404,
                        "reason": "NotFound", "message": "not found",
                        "details": {"name": name, "group": "annex.dev", "kind": "aggregatedresourcedefinitions"},
                    }),
                ),
            };
        }
        if request.is_watch() {
            let (sender, receiver) = unbounded();
            // What was written since the list.
            let after = request
                .query
                .split('&')
                .find_map(|pair| pair.strip_prefix("resourceVersion="));
            let after: u64 = after.and_then(|after| after.parse().ok()).unwrap_or_default();
            for definition in self.objects.values() {
                let revision: u64 = definition["metadata"]["resourceVersion"]
                    .as_str()
                    .unwrap()
                    .parse()
                    .unwrap();
                if revision > after {
                    let event = json!({"type": "MODIFIED", "object": definition});
                    sender.unbounded_send(event).unwrap();
                }
            }
            self.watchers.push(sender);
            return Answer::Stream(receiver);
        }
        Answer::ok(json!({
            "apiVersion": "annex.dev/v1alpha1",
            "kind": "AggregatedResourceDefinitionList",
            "metadata": {"resourceVersion": self.revision.to_string()},
            "items": self.objects.values().collect::<Vec<_>>(),
        }))
    }
}
