//! An API server in memory, for tests of whole passes: objects by their paths, versions that grow, and a server-side apply that owns
//! what it is given. It knows no selectors, no defaults, and tells no watch anything.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use kube::Client;
use serde_json::{Map, Value, json};

use crate::fake_client::{Answer, Request, fake_client};

/// The cluster. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct FakeCluster(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    requests: Vec<String>,
}

impl FakeCluster {
    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        let cluster = self.clone();
        fake_client(move |request| cluster.answer(&request))
    }

    /// What it answers.
    pub(crate) fn answer(&self, request: &Request) -> Answer {
        self.0.lock().unwrap().answer(request)
    }

    /// Another one that has the same objects.
    pub(crate) fn copy(&self) -> Self {
        let state = self.0.lock().unwrap();
        let copied = State {
            objects: state.objects.clone(),
            version: state.version,
            requests: Vec::new(),
        };
        Self(Arc::new(Mutex::new(copied)))
    }

    /// The object at `path`.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.0.lock().unwrap().objects.get(path).cloned()
    }

    /// Every object, by its path.
    pub(crate) fn all(&self) -> BTreeMap<String, Value> {
        self.0.lock().unwrap().objects.clone()
    }

    /// Removes the object at `path`, as somebody else.
    pub(crate) fn remove(&self, path: &str) {
        self.0.lock().unwrap().remove(path);
    }

    /// Grows with each change.
    pub(crate) fn version(&self) -> u64 {
        self.0.lock().unwrap().version
    }

    /// Puts an object at `path`, as somebody else.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.0.lock().unwrap().put(path, object);
    }

    /// Changes the object at `path`, as somebody else.
    pub(crate) fn change(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut state = self.0.lock().unwrap();
        let mut object = state.objects[path].clone();
        change(&mut object);
        state.put(path, object);
    }

    /// The objects whose paths contain `part`.
    pub(crate) fn objects(&self, part: &str) -> Vec<Value> {
        let state = self.0.lock().unwrap();
        let objects = state.objects.iter();
        objects
            .filter(|(path, _)| path.contains(part))
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// The same with their paths.
    pub(crate) fn found(&self, part: &str) -> Vec<(String, Value)> {
        let state = self.0.lock().unwrap();
        let objects = state.objects.iter();
        objects
            .filter(|(path, _)| path.contains(part))
            .map(|(path, object)| (path.clone(), object.clone()))
            .collect()
    }

    /// What was asked since the last call: `METHOD path`.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().requests)
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Answer {
        if request.watch {
            return Answer::Never;
        }
        let (method, path) = (request.method.as_str(), request.path.as_str());
        self.requests.push(format!("{method} {path}"));
        if request.dry_run || path.ends_with("/events") {
            return Answer::ok(request.body.clone());
        }
        if path == "/readyz" {
            return Answer::ok(Value::Null);
        }
        if path.ends_with("/token") {
            let status = json!({ "token": "token", "expirationTimestamp": "2100-01-01T00:00:00Z" });
            return Answer::ok(json!({ "metadata": {}, "spec": { "audiences": [] }, "status": status }));
        }
        match method {
            "GET" if is_object(path) => self.found(path),
            "GET" => {
                let objects = self.objects.iter();
                let inside = objects.filter(|(key, _)| key.starts_with(&format!("{path}/")));
                let items: Vec<_> = inside.map(|(_, object)| object.clone()).collect();
                Answer::ok(json!({ "kind": "List", "apiVersion": "v1", "metadata": {}, "items": items }))
            }
            "POST" => {
                let path = format!("{path}/{}", request.body["metadata"]["name"].as_str().unwrap());
                if self.objects.contains_key(&path) {
                    return Answer::status(409, "AlreadyExists");
                }
                let mut object = request.body.clone();
                object["metadata"]["uid"] = format!("uid-{}", self.version).into();
                object["metadata"]["managedFields"] = json!([entry("Update", &request.body)]);
                self.put(&path, object)
            }
            "PUT" | "PATCH" => self.write(method, path, &request.body),
            "DELETE" => match self.remove(path) {
                Some(object) => Answer::ok(object),
                None => Answer::status(404, "NotFound"),
            },
            other => panic!("{other} {path}"),
        }
    }

    fn found(&self, path: &str) -> Answer {
        let found = self.objects.get(path).cloned();
        found.map_or_else(|| Answer::status(404, "NotFound"), Answer::ok)
    }

    fn write(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let (path, is_status) = match path.strip_suffix("/status") {
            Some(path) => (path, true),
            None => (path, false),
        };
        let is_apply = method == "PATCH" && !body["kind"].is_null();
        let Some(live) = self.objects.get(path).cloned() else {
            // An apply makes what is not there, whatever version it carries.
            if !is_apply || is_status {
                return Answer::status(404, "NotFound");
            }
            if !body["metadata"]["uid"].is_null() {
                return Answer::status(409, "Conflict");
            }
            let mut object = body.clone();
            object["metadata"]["uid"] = format!("uid-{}", self.version).into();
            object["metadata"]["managedFields"] = json!([entry("Apply", body)]);
            return self.put(path, object);
        };
        let sent = &body["metadata"];
        for field in ["uid", "resourceVersion"] {
            if !sent[field].is_null() && sent[field] != live["metadata"][field] {
                return Answer::status(409, "Conflict");
            }
        }
        let mut object = live.clone();
        if is_status {
            object["status"] = body["status"].clone();
        } else if method == "PUT" {
            object = body.clone();
        } else {
            // What was applied before and is not any more goes.
            let owned = is_apply
                .then(|| live["metadata"]["managedFields"].as_array())
                .flatten();
            let ours = owned
                .into_iter()
                .flatten()
                .find(|entry| entry["operation"] == "Apply");
            if let Some(ours) = ours {
                drop_unapplied(&mut object, &ours["fieldsV1"], body);
            }
            merge(&mut object, body);
            if is_apply {
                let others = live["metadata"]["managedFields"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let others = others.into_iter().filter(|entry| entry["operation"] != "Apply");
                object["metadata"]["managedFields"] = others.chain([entry("Apply", body)]).collect();
            }
        }
        if object == live {
            return Answer::ok(live);
        }
        self.put(path, object)
    }

    fn remove(&mut self, path: &str) -> Option<Value> {
        let removed = self.objects.remove(path)?;
        self.version += 1;
        Some(removed)
    }

    fn put(&mut self, path: &str, mut object: Value) -> Answer {
        self.version += 1;
        // No object has version 1.
        object["metadata"]["resourceVersion"] = (self.version + 1).to_string().into();
        self.objects.insert(path.to_owned(), object);
        self.found(path)
    }
}

/// Whether `path` ends in an object's name, and not in a collection.
fn is_object(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let below = match parts.as_slice() {
        ["api", _, below @ ..] | ["apis", _, _, below @ ..] => below,
        other => panic!("{other:?}"),
    };
    match below {
        ["namespaces", _, below @ ..] if !below.is_empty() => below.len() == 2,
        other => other.len() == 2,
    }
}

fn drop_unapplied(object: &mut Value, owned: &Value, body: &Value) {
    for (field, below) in owned.as_object().into_iter().flatten() {
        let name = field.strip_prefix("f:").unwrap_or(field);
        match (object.get_mut(name), body.get(name)) {
            (Some(_), None) => {
                object.as_object_mut().unwrap().remove(name);
            }
            (Some(object), Some(body)) => drop_unapplied(object, below, body),
            (None, _) => {}
        }
    }
}

/// RFC 7396.
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    let into = into.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            into.remove(key);
        } else {
            merge(into.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Our entry of managedFields after `body` was written.
pub(crate) fn entry(operation: &str, body: &Value) -> Value {
    let mut fields = fields(body);
    for identity in ["f:apiVersion", "f:kind"] {
        fields.remove(identity);
    }
    if let Some(metadata) = fields.get_mut("f:metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| {
            !matches!(
                field.as_str(),
                "f:name" | "f:namespace" | "f:uid" | "f:resourceVersion"
            )
        });
    }
    json!({
        "manager": annex_crds::MANAGER, "operation": operation, "apiVersion": body["apiVersion"],
        "fieldsType": "FieldsV1", "fieldsV1": fields,
    })
}

/// Lists are owned as wholes here.
fn fields(object: &Value) -> Map<String, Value> {
    let fields = object.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| (format!("f:{name}"), self::fields(value).into()))
        .collect()
}
