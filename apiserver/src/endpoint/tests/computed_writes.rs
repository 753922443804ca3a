//! Resources whose author keeps the objects: every verb, over a store of the test's own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::{StreamExt as _, stream};
use http::Method;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::admission::{Admission, Attributes, Operation};
use crate::endpoint::testing::{AdmitAll, TestServer, next_frames};
use crate::request::GroupResource;
use crate::resource::Resource;
use crate::resource::typed::{self, DescriptionError, Verbs};
use crate::rest::{Deletion, List, WatchEvent};
use crate::status::{ApiError, FieldError};

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq)]
struct Valve {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
struct Spec {
    #[serde(default)]
    opening: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    color: Option<String>,
}

crate::kind!(Valve: "example.com", "v1", "valves", Namespaced);

const VALVES: &str = "/apis/example.com/v1/namespaces/a/valves";

/// What keeps the valves: a plant far away.
#[derive(Clone)]
struct Plant(Arc<Mutex<State>>);

struct State {
    valves: BTreeMap<(String, String), Valve>,
    revision: u64,
    events: broadcast::Sender<WatchEvent<Valve>>,
    /// How many updates fail from now on, since somebody else was faster.
    conflicts: usize,
    /// Whether events say what an object was.
    tells_previous: bool,
}

fn key(valve: &Valve) -> (String, String) {
    let of = |text: &Option<String>| text.clone().unwrap_or_default();
    (of(&valve.metadata.namespace), of(&valve.metadata.name))
}

impl Plant {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            valves: BTreeMap::new(),
            revision: 0,
            events: broadcast::channel(100).0,
            conflicts: 0,
            tells_previous: false,
        })))
    }

    fn put(&self, mut valve: Valve, dry_run: bool) -> Valve {
        let mut state = self.0.lock().unwrap();
        let is_new = !state.valves.contains_key(&key(&valve));
        if is_new {
            valve.metadata.uid = Some(format!("uid-{}", key(&valve).1));
        }
        if dry_run {
            return valve;
        }
        state.revision += 1;
        valve.metadata.resource_version = Some(state.revision.to_string());
        let previous = state.valves.insert(key(&valve), valve.clone());
        let event = match previous {
            None => WatchEvent::Added(valve.clone()),
            Some(previous) => WatchEvent::Modified {
                object: valve.clone(),
                previous: state.tells_previous.then_some(previous),
            },
        };
        let _ = state.events.send(event);
        valve
    }

    fn resource(&self) -> Resource {
        let [get, list, watch, create, update, delete] = std::array::from_fn(|_| self.clone());
        let verbs = Verbs::new()
            .get(move |context| {
                let state = get.0.lock().unwrap();
                std::future::ready(Ok(state.valves.get(&(context.namespace, context.name)).cloned()))
            })
            .list(move |_, _| {
                let state = list.0.lock().unwrap();
                std::future::ready(Ok(List {
                    items: state.valves.values().cloned().collect(),
                    resource_version: state.revision.to_string(),
                }))
            })
            .watch(move |_, options| {
                let state = watch.0.lock().unwrap();
                let there = match options.resource_version.as_str() {
                    "" => state.valves.values().cloned().collect(),
                    _ => Vec::new(),
                };
                let bookmark = WatchEvent::Bookmark {
                    resource_version: state.revision.to_string(),
                    initial_events_end: options.send_initial_events == Some(true),
                };
                let there = there.into_iter().map(WatchEvent::Added).chain([bookmark]);
                let since = stream::unfold(state.events.subscribe(), |mut events| async {
                    let event = events.recv().await.ok()?;
                    Some((event, events))
                });
                std::future::ready(Ok(stream::iter(there).chain(since).map(Ok)))
            })
            .create(move |_, valve: Valve, options| {
                std::future::ready(Ok(create.put(valve, options.dry_run)))
            })
            .update(move |_, valve: Valve, old: Valve, options| {
                let mut state = update.0.lock().unwrap();
                if state.conflicts > 0 {
                    state.conflicts -= 1;
                    return std::future::ready(Err(ApiError::Conflict {
                        resource: GroupResource::new("example.com", "valves"),
                        name: key(&old).1,
                        message: "somebody else was faster".into(),
                    }));
                }
                drop(state);
                assert_eq!(valve.metadata.resource_version, old.metadata.resource_version);
                std::future::ready(Ok(update.put(valve, options.dry_run)))
            })
            .delete(move |context, valve: Valve, options| {
                assert_eq!((context.namespace, context.name), key(&valve));
                let mut state = delete.0.lock().unwrap();
                if valve.spec.opening > 0 {
                    return std::future::ready(Ok(Deletion::Pending(valve)));
                }
                if !options.dry_run {
                    state.valves.remove(&key(&valve));
                    let _ = state.events.send(WatchEvent::Deleted(valve));
                }
                std::future::ready(Ok(Deletion::Gone))
            })
            .delete_collection();
        typed::resource::<Valve>()
            .validate(|valve| match valve.spec.opening {
                101.. => vec![FieldError::invalid(
                    "spec.opening",
                    valve.spec.opening,
                    "it bursts",
                )],
                _ => vec![],
            })
            .selectable_fields::<Valve>([".spec.color"])
            .computed(verbs)
            .build()
            .unwrap()
    }

    fn server(&self) -> TestServer {
        TestServer::computed(self.resource(), AdmitAll)
    }
}

fn valve(name: &str, opening: i64) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Valve", "metadata": {"name": name}, "spec": {"opening": opening}})
}

async fn apply(server: &TestServer, query: &str, valve: &Value) -> crate::endpoint::testing::Reply {
    let uri = format!("{VALVES}/{}?{query}", valve["metadata"]["name"].as_str().unwrap());
    let headers = [("content-type", "application/apply-patch+yaml")];
    server.send("PATCH", &uri, &headers, valve.to_string()).await
}

fn managers(object: &Value) -> Vec<(&str, &str)> {
    let managed = object["metadata"]["managedFields"].as_array().unwrap();
    let of = |entry: &'_ Value, key: &str| entry[key].as_str().map(str::to_owned);
    let entries = managed.iter().map(|entry| {
        assert!(of(entry, "time").is_some());
        (
            entry["manager"].as_str().unwrap(),
            entry["operation"].as_str().unwrap(),
        )
    });
    entries.collect()
}

#[tokio::test]
async fn a_computed_object_is_written_by_every_verb() {
    let plant = Plant::new();
    let server = plant.server();
    let created = server
        .post(&format!("{VALVES}?fieldManager=me"), &valve("x", 1))
        .await;
    assert_eq!(created.code, 201);
    let created = created.json();
    assert_eq!(managers(&created), [("me", "Update")]);
    assert_eq!(created["metadata"]["resourceVersion"], "1");

    let mut new = created.clone();
    new["spec"]["opening"] = json!(2);
    let updated = server.put(&format!("{VALVES}/x"), &new).await;
    assert_eq!(
        (updated.code, &updated.json()["spec"]["opening"]),
        (200, &json!(2))
    );
    let stale = server.put(&format!("{VALVES}/x"), &new).await;
    assert_eq!(stale.code, 409);
    new["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    new["metadata"]["uid"] = json!("another");
    let other = server.put(&format!("{VALVES}/x"), &new).await.error();
    assert_eq!(other.0, 409);
    assert!(
        other
            .1
            .contains("Precondition failed: UID in precondition: another"),
        "{other:?}"
    );

    let merged = server
        .merge(&format!("{VALVES}/x"), &json!({"spec": {"opening": 3}}))
        .await;
    assert_eq!((merged.code, &merged.json()["spec"]["opening"]), (200, &json!(3)));
    let patch = json!([{"op": "replace", "path": "/spec/opening", "value": 4}]);
    let patched = server.json_patch(&format!("{VALVES}/x"), &patch).await;
    assert_eq!(
        (patched.code, &patched.json()["spec"]["opening"]),
        (200, &json!(4))
    );
    let dry = server
        .merge(
            &format!("{VALVES}/x?dryRun=All"),
            &json!({"spec": {"opening": 9}}),
        )
        .await;
    assert_eq!((dry.code, &dry.json()["spec"]["opening"]), (200, &json!(9)));
    let bursts = server
        .merge(&format!("{VALVES}/x"), &json!({"spec": {"opening": 900}}))
        .await
        .error();
    assert_eq!(bursts.0, 422);
    assert!(
        bursts.1.contains("spec.opening: Invalid value: 900: it bursts"),
        "{bursts:?}"
    );
    assert_eq!(
        server.get(&format!("{VALVES}/x")).await.json()["spec"]["opening"],
        4
    );
    for reply in [
        server.put(&format!("{VALVES}/y"), &valve("y", 1)).await,
        server.merge(&format!("{VALVES}/y"), &json!({})).await,
        server.delete(&format!("{VALVES}/y")).await,
    ] {
        assert_eq!(
            reply.error(),
            (404, r#"valves.example.com "y" not found"#.to_owned())
        );
    }
}

#[tokio::test]
async fn a_computed_object_is_applied_and_says_who_manages_what() {
    let plant = Plant::new();
    let server = plant.server();
    let applied = apply(&server, "fieldManager=one", &valve("x", 1)).await;
    assert_eq!(
        (applied.code, managers(&applied.json())),
        (201, vec![("one", "Apply")])
    );
    let same = apply(&server, "fieldManager=one", &valve("x", 1)).await;
    assert_eq!(same.code, 200);
    let conflict = apply(&server, "fieldManager=two", &valve("x", 2)).await;
    let (code, message) = conflict.error();
    assert_eq!(code, 409);
    assert_eq!(
        message,
        r#"Apply failed with 1 conflict: conflict with "one": .spec.opening"#
    );
    let forced = apply(&server, "fieldManager=two&force=true", &valve("x", 2)).await;
    assert_eq!((forced.code, &forced.json()["spec"]["opening"]), (200, &json!(2)));
}

#[tokio::test]
async fn a_change_is_made_anew_where_somebody_else_was_faster() {
    let plant = Plant::new();
    let server = plant.server();
    let created = server.post(VALVES, &valve("x", 1)).await.json();
    plant.0.lock().unwrap().conflicts = 4;
    assert_eq!(
        server
            .merge(&format!("{VALVES}/x"), &json!({"spec": {"opening": 2}}))
            .await
            .code,
        200
    );
    plant.0.lock().unwrap().conflicts = 100;
    assert_eq!(
        server
            .merge(&format!("{VALVES}/x"), &json!({"spec": {"opening": 3}}))
            .await
            .code,
        409
    );
    assert_eq!(plant.0.lock().unwrap().conflicts, 95);
    // Who says which one it changes is told at once.
    let current = server.get(&format!("{VALVES}/x")).await.json();
    assert_eq!(server.put(&format!("{VALVES}/x"), &current).await.code, 409);
    assert_eq!(plant.0.lock().unwrap().conflicts, 94);
    assert_ne!(
        created["metadata"]["resourceVersion"],
        current["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn a_computed_object_is_deleted_alone_and_with_all() {
    let plant = Plant::new();
    let server = plant.server();
    for (name, opening) in [("x", 0), ("y", 0), ("z", 7)] {
        server.post(VALVES, &valve(name, opening)).await;
    }
    let other = Method::DELETE.as_str();
    let options = json!({"preconditions": {"uid": "another"}}).to_string();
    let headers = [("content-type", "application/json")];
    let refused = server
        .send(other, &format!("{VALVES}/x"), &headers, options)
        .await;
    assert_eq!(refused.code, 409);
    assert_eq!(server.delete(&format!("{VALVES}/x?dryRun=All")).await.code, 200);
    let deleted = server.delete(&format!("{VALVES}/x")).await.json();
    assert_eq!(
        (&deleted["status"], &deleted["details"]["uid"]),
        (&json!("Success"), &json!("uid-x"))
    );
    let pending = server.delete(&format!("{VALVES}/z")).await.json();
    assert_eq!(pending["kind"], "Valve");
    let all = server.delete(VALVES).await.json();
    let names = |list: &Value| {
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (&all["kind"], names(&all)),
        (&json!("ValveList"), vec!["y".to_owned(), "z".to_owned()])
    );
    let left = server.get(VALVES).await.json();
    assert_eq!(
        (names(&left), &left["metadata"]["resourceVersion"]),
        (vec!["z".to_owned()], &json!("3"))
    );
}

#[tokio::test]
async fn a_computed_resource_is_watched_through_selectors() {
    let plant = Plant::new();
    let server = plant.server();
    server.post(VALVES, &valve("x", 1)).await;
    server
        .post(
            VALVES,
            &json!({"metadata": {"name": "red"}, "spec": {"color": "red"}}),
        )
        .await;
    let query =
        "watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let watch = |selector: &str| {
        let uri = format!("{VALVES}?{query}&{selector}");
        let server = &server;
        async move { server.response("GET", &uri, &[], "").await }
    };
    let mut all = watch("").await.into_body();
    let mut red = watch("fieldSelector=spec.color%3Dred").await.into_body();
    server
        .merge(&format!("{VALVES}/x"), &json!({"spec": {"color": "red"}}))
        .await;
    server
        .merge(&format!("{VALVES}/red"), &json!({"spec": {"color": "blue"}}))
        .await;
    server
        .merge(&format!("{VALVES}/red"), &json!({"spec": {"color": "green"}}))
        .await;
    server
        .merge(&format!("{VALVES}/x"), &json!({"spec": {"opening": 0}}))
        .await;
    server.delete(&format!("{VALVES}/red")).await;
    server.delete(&format!("{VALVES}/x")).await;
    let told = async |body: &mut crate::response::Body, count: usize| {
        let mut told = Vec::new();
        while told.len() < count {
            told.extend(next_frames(body).await);
        }
        let of = |event: &Value| {
            let name = event["object"]["metadata"]["name"].as_str().unwrap_or("-");
            format!("{} {name}", event["type"].as_str().unwrap())
        };
        told.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&mut all, 9).await,
        [
            "ADDED red",
            "ADDED x",
            "BOOKMARK -",
            "MODIFIED x",
            "MODIFIED red",
            "MODIFIED red",
            "MODIFIED x",
            "DELETED red",
            "DELETED x"
        ]
    );
    assert_eq!(
        told(&mut red, 6).await,
        [
            "ADDED red",
            "BOOKMARK -",
            "ADDED x",
            "DELETED red",
            "MODIFIED x",
            "DELETED x"
        ]
    );
}

#[tokio::test]
async fn a_watch_that_goes_on_tells_nothing_of_what_was_not_asked_for() {
    let plant = Plant::new();
    let server = plant.server();
    for (name, color) in [("red", "red"), ("blue", "blue")] {
        server
            .post(
                VALVES,
                &json!({"metadata": {"name": name}, "spec": {"color": color}}),
            )
            .await;
    }
    let bs = VALVES.replace("/a/", "/b/");
    let watch = |uri: String| {
        let server = &server;
        async move { server.response("GET", &uri, &[], "").await.into_body() }
    };
    let from = "watch=true&resourceVersion=2";
    let mut one = watch(format!("{VALVES}?{from}&fieldSelector=metadata.name%3Dred")).await;
    let mut color = watch(format!("{VALVES}?{from}&fieldSelector=spec.color%3Dred")).await;
    let mut label = watch(format!("{VALVES}?{from}&labelSelector=a")).await;
    plant.0.lock().unwrap().tells_previous = true;
    server
        .post(
            &bs,
            &json!({"metadata": {"name": "red", "labels": {"a": "b"}}, "spec": {"color": "red"}}),
        )
        .await;
    server
        .merge(&format!("{VALVES}/blue"), &json!({"spec": {"color": "green"}}))
        .await;
    server.delete(&format!("{VALVES}/blue")).await;
    server
        .merge(
            &format!("{VALVES}/red"),
            &json!({"metadata": {"labels": {"a": "b"}}, "spec": {"color": "pink"}}),
        )
        .await;
    let first = next_frames(&mut one).await.remove(0);
    assert_eq!(
        (&first["type"], &first["object"]["spec"]["color"]),
        (&json!("MODIFIED"), &json!("pink"))
    );
    // It was red before, and the client knows it so: it is told as it was, when it ceased to be so.
    let first = next_frames(&mut color).await.remove(0);
    assert_eq!(
        (&first["type"], &first["object"]["spec"]["color"]),
        (&json!("DELETED"), &json!("red"))
    );
    assert_eq!(first["object"]["metadata"]["resourceVersion"], "5");
    let first = next_frames(&mut label).await.remove(0);
    assert_eq!(
        (&first["type"], &first["object"]["metadata"]["name"]),
        (&json!("ADDED"), &json!("red"))
    );
    assert_eq!(first["object"]["metadata"]["namespace"], "a");
}

#[tokio::test]
async fn what_ceases_to_match_is_told_by_its_name_alone_where_nobody_says_what_it_was() {
    let plant = Plant::new();
    let server = plant.server();
    server
        .post(
            VALVES,
            &json!({"metadata": {"name": "red"}, "spec": {"color": "red"}}),
        )
        .await;
    let uri = format!("{VALVES}?watch=true&fieldSelector=spec.color%3Dred");
    let mut body = server.response("GET", &uri, &[], "").await.into_body();
    server
        .merge(&format!("{VALVES}/red"), &json!({"spec": {"color": "blue"}}))
        .await;
    let mut told = Vec::new();
    while told.len() < 2 {
        told.extend(next_frames(&mut body).await);
    }
    let gone = json!({
        "apiVersion": "example.com/v1", "kind": "Valve",
        "metadata": {"name": "red", "namespace": "a", "uid": "uid-red", "resourceVersion": "2"},
    });
    assert_eq!((&told[1]["type"], &told[1]["object"]), (&json!("DELETED"), &gone));
}

#[tokio::test]
async fn many_events_leave_in_pieces_and_others_have_their_turn() {
    let verbs = Verbs::new().watch(|_, _| {
        let large = |number: u32| Valve {
            metadata: ObjectMeta {
                name: Some(format!("v{number}")),
                namespace: Some("a".into()),
                ..ObjectMeta::default()
            },
            spec: Spec {
                opening: 0,
                color: Some("x".repeat(10_000)),
            },
        };
        let events = (0..1000).map(move |number| Ok(WatchEvent::Added(large(number))));
        std::future::ready(Ok(stream::iter(events)))
    });
    let resource = typed::resource::<Valve>().computed(verbs).build().unwrap();
    let server = TestServer::computed(resource, AdmitAll);
    let uri = format!("{VALVES}?watch=true&fieldSelector=metadata.name%3Dv999");
    let response = server.response("GET", &uri, &[], "").await;
    let turns = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let other = tokio::spawn({
        let turns = turns.clone();
        async move {
            loop {
                turns.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    let told = next_frames(&mut response.into_body()).await;
    assert_eq!(told[0]["object"]["metadata"]["name"], "v999");
    assert!(turns.load(std::sync::atomic::Ordering::Relaxed) > 0);
    other.abort();
    let mut all = server
        .response("GET", &format!("{VALVES}?watch=true"), &[], "")
        .await
        .into_body();
    assert!(next_frames(&mut all).await.len() < 20);
}

#[tokio::test]
async fn a_new_computed_object_is_as_valid_as_a_stored_one() {
    let plant = Plant::new();
    let server = plant.server();
    let named = |metadata: Value| json!({"metadata": metadata});
    for (metadata, message) in [
        (json!({"name": "../x"}), "metadata.name"),
        (json!({"name": "x", "labels": {"a b": "c"}}), "metadata.labels"),
    ] {
        let refused = server.post(VALVES, &named(metadata)).await.error();
        assert!(refused.0 == 422 && refused.1.contains(message), "{refused:?}");
    }
    let made = server
        .post(VALVES, &named(json!({"generateName": "v-"})))
        .await
        .json();
    assert!(
        made["metadata"]["name"].as_str().unwrap().starts_with("v-"),
        "{made}"
    );
    assert_eq!(made["metadata"]["generation"], 1);
    // Who does not say which one is changed may overwrite what somebody else has written.
    let name = made["metadata"]["name"].as_str().unwrap().to_owned();
    let unsaid = server
        .put(&format!("{VALVES}/{name}"), &valve(&name, 1))
        .await
        .error();
    assert!(
        unsaid.0 == 422 && unsaid.1.contains("must be specified for an update"),
        "{unsaid:?}"
    );
    for name in ["a", "b"] {
        server.post(VALVES, &valve(name, 0)).await;
    }
    let deleted = server.delete(&format!("{VALVES}?limit=1")).await.json();
    assert_eq!(deleted["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        server.get(VALVES).await.json()["items"].as_array().unwrap().len(),
        2
    );
}

#[tokio::test]
async fn plugins_are_asked_about_every_write_of_a_computed_object() {
    struct Told(Arc<Mutex<Vec<(Operation, String)>>>);

    #[async_trait::async_trait]
    impl Admission for Told {
        async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
            let mut told = self.0.lock().unwrap();
            told.push((attributes.operation(), attributes.name().to_owned()));
            assert_eq!(
                attributes.old().is_some(),
                attributes.operation() != Operation::Create
            );
            Ok(())
        }
    }

    let told = Arc::<Mutex<Vec<_>>>::default();
    let server = TestServer::computed(Plant::new().resource(), Told(told.clone()));
    server.post(VALVES, &valve("x", 0)).await;
    server
        .merge(&format!("{VALVES}/x"), &json!({"spec": {"color": "red"}}))
        .await;
    server.delete(VALVES).await;
    let name = |name: &str| name.to_owned();
    assert_eq!(
        *told.lock().unwrap(),
        [
            (Operation::Create, name("x")),
            (Operation::Update, name("x")),
            (Operation::Delete, name(""))
        ]
    );
}

#[test]
fn verbs_need_the_reads_that_they_stand_on() {
    let update = Verbs::new().update(|_, valve: Valve, _, _| std::future::ready(Ok(valve)));
    let built = typed::resource::<Valve>().computed(update).build();
    assert_eq!(
        built.unwrap_err(),
        DescriptionError::NoGetter("example.com/v1 valves".into())
    );
    let collection = Verbs::<Valve>::new()
        .get(|_| std::future::ready(Ok(None)))
        .delete_collection();
    let built = typed::resource::<Valve>().computed(collection).build();
    assert_eq!(
        built.unwrap_err(),
        DescriptionError::NoCollection("example.com/v1 valves".into())
    );
}
