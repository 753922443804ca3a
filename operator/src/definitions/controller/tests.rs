//! What one look writes.

use std::sync::{Arc, Mutex};

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::*;
use crate::{
    aggregated_server::{informers::Informers, testing::context},
    decode::{Guarded, Managed},
    definitions::reports::{Item, Report},
    fake_client::{Answer, Request, fake_client},
};

const DEFINITION: &str = "/apis/annex.dev/v1alpha1/aggregatedresourcedefinitions/lamps.example.com";
const STATUS: &str = "/apis/annex.dev/v1alpha1/aggregatedresourcedefinitions/lamps.example.com/status";
const CRD: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/aggregatedresourcedefinitions.annex.dev";

/// A definition that names the server of the fake cluster.
fn lamps(metadata: Value, status: Value) -> DynamicObject {
    let mut object = json!({
        "apiVersion": "annex.dev/v1alpha1",
        "kind": "AggregatedResourceDefinition",
        "metadata": { "name": "lamps.example.com", "uid": "u", "generation": 1, "resourceVersion": "7" },
        "spec": {
            "server": "wardle", "group": "example.com", "scope": "Namespaced",
            "names": { "plural": "lamps", "kind": "Lamp" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": { "type": "object" } } }],
        },
        "status": status,
    });
    for (name, value) in metadata.as_object().unwrap() {
        object["metadata"][name] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn established() -> Value {
    json!({
        "acceptedNames": { "plural": "lamps", "kind": "Lamp" },
        "conditions": [{ "type": "Established", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" }],
    })
}

/// What a look at `object` asks for, where the definitions' own CustomResourceDefinition is being deleted or not.
async fn writes_for(object: DynamicObject, is_going: bool) -> Vec<Request> {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let client = fake_client(move |request| {
        seen.lock().unwrap().push(request.clone());
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", CRD) => {
                let mut metadata = json!({ "name": "aggregatedresourcedefinitions.annex.dev" });
                if is_going {
                    metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
                }
                Answer::ok(json!({
                    "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata,
                }))
            }
            ("GET", "/apis/annex.dev/v1alpha1/aggregatedservers/gone") => Answer::status(404, "NotFound"),
            ("GET", "/apis/annex.dev/v1alpha1/aggregatedservers/late") => Answer::ok(json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": { "name": "late" },
            })),
            ("PATCH", DEFINITION) => Answer::ok(json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": { "name": "lamps.example.com" },
            })),
            ("PUT", STATUS) => Answer::ok(request.body),
            ("POST", path) if path.ends_with("/events") => Answer::ok(request.body),
            (method, path) => panic!("{method} {path}"),
        }
    });
    let ctx = context(client);
    ctx.servers.observe(&watcher::Event::InitDone);
    let mut controller = Controller::new(Arc::new(ctx));
    controller.take(watched(&object));
    controller.are_listed = true;
    let pause = controller.look().await;
    assert_eq!(pause, HURRY, "{:?}", controller.failures);
    let requests = requests.lock().unwrap().clone();
    let is_write = |request: &Request| matches!(request.method.as_str(), "PATCH" | "PUT");
    requests.into_iter().filter(is_write).collect()
}

#[tokio::test]
async fn a_definition_gets_its_finalizer_before_anything_is_said_of_it() {
    let writes = writes_for(lamps(json!({}), Value::Null), false).await;
    assert_eq!(writes.len(), 1);
    assert_eq!(
        writes[0].body["metadata"],
        json!({ "name": "lamps.example.com", "uid": "u", "resourceVersion": "7", "finalizers": ["annex.dev/objects"] })
    );
    let kept = lamps(json!({ "finalizers": ["annex.dev/objects"] }), Value::Null);
    let writes = writes_for(kept, false).await;
    assert_eq!((writes.len(), writes[0].path.as_str()), (1, STATUS));
    let status = &writes[0].body["status"];
    assert_eq!(status["acceptedNames"]["listKind"], "LampList");
    assert_eq!(status["conditions"][0]["reason"], "NoConflicts");
    assert_eq!(status["conditions"][1]["reason"], "Installing");
    assert_eq!(
        status["conditions"][2]["reason"], "Installing",
        "no pass has said which replicas there are"
    );
}

#[tokio::test]
async fn objects_are_deleted_on_its_own_deletion_alone() {
    let deleting = || {
        let finalizers = json!(["example.com/other", "annex.dev/objects"]);
        let metadata = json!({ "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": finalizers });
        lamps(metadata, established())
    };
    let writes = writes_for(deleting(), false).await;
    assert_eq!(writes.len(), 1);
    assert_eq!(
        writes[0].body["metadata"]["annotations"],
        json!({ "annex.dev/delete-objects": "u" })
    );
    let writes = writes_for(deleting(), true).await;
    assert_eq!(writes.len(), 1);
    let metadata = &writes[0].body["metadata"];
    assert_eq!(metadata["finalizers"], json!(["example.com/other"]));
    assert!(metadata["annotations"].is_null(), "{metadata}");
}

/// The watch of servers may be late: one that was just made again has the objects.
#[tokio::test]
async fn a_definition_is_let_go_where_its_server_is_gone_by_a_read_of_now() {
    let of = |server: &str| {
        let finalizers = json!(["annex.dev/objects"]);
        let metadata = json!({ "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": finalizers });
        let mut object = lamps(metadata, established());
        object.data["spec"]["server"] = server.into();
        object
    };
    assert_eq!(writes_for(of("late"), false).await.len(), 0);
    let writes = writes_for(of("gone"), false).await;
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].body["metadata"]["finalizers"], json!([]));
}

/// The API server may refuse a write of one definition for ever.
#[tokio::test]
async fn a_definition_that_cannot_be_written_stops_no_other() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let client = fake_client(move |request| {
        seen.lock().unwrap().push(request.path.clone());
        match request.path.as_str() {
            CRD => Answer::status(500, "InternalError"),
            DEFINITION => Answer::status(500, "InternalError"),
            path => Answer::ok(json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": { "name": path },
            })),
        }
    });
    let ctx = Arc::new(context(client));
    ctx.servers.observe(&watcher::Event::InitDone);
    let mut controller = Controller::new(Arc::clone(&ctx));
    let mut chairs = lamps(json!({ "name": "zchairs.example.com", "uid": "c" }), Value::Null);
    chairs.data["spec"]["names"] = json!({ "plural": "zchairs", "kind": "Chair" });
    let finalizers = json!(["annex.dev/objects"]);
    let mut deleted = lamps(
        json!({ "name": "zz.example.com", "uid": "z", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": finalizers }),
        established(),
    );
    deleted.data["spec"]["names"] = json!({ "plural": "zz", "kind": "Z" });
    for object in [lamps(json!({}), Value::Null), chairs, deleted] {
        controller.take(watched(&object));
    }
    controller.are_listed = true;
    assert_eq!(controller.look().await, HURRY);
    let asked = std::mem::take(&mut *requests.lock().unwrap());
    assert!(
        asked.iter().any(|path| path.ends_with("/zchairs.example.com")),
        "{asked:?}"
    );
    assert!(
        !asked.iter().any(|path| path.ends_with("/zz.example.com")),
        "whether objects may go is not known: {asked:?}"
    );
    assert!(ctx.definitions.are_known(), "claims are told");
    let failed: Vec<&str> = controller.failures.keys().map(String::as_str).collect();
    assert_eq!(failed, [PLURAL, "lamps.example.com"]);
}

/// Whether a name is free is not known where a CustomResourceDefinition of the group cannot be read.
#[tokio::test]
async fn names_that_cannot_be_read_hold_up_their_group_alone() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let client = fake_client(move |request| {
        seen.lock().unwrap().push(request.path.clone());
        match request.path.as_str() {
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/bulbs.example.com" => {
                Answer::status(500, "InternalError")
            }
            path => Answer::ok(json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": { "name": path },
            })),
        }
    });
    let ctx = Arc::new(context(client));
    ctx.servers.observe(&watcher::Event::InitDone);
    let server = ctx.servers.get("wardle").unwrap();
    let owner = owner_reference("wardle", &server.uid().unwrap());
    let metadata = json!({ "ownerReferences": [owner], "resourceVersion": "1" });
    ctx.informers.api_services.observe(lamps_service(metadata));
    let bulbs = json!({ "metadata": { "name": "bulbs.example.com", "uid": "b", "resourceVersion": "1" } });
    let bulbs = serde_json::from_str(&bulbs.to_string()).unwrap();
    ctx.informers.crds.observe(watcher::Event::Apply(bulbs));
    let mut controller = Controller::new(Arc::clone(&ctx));
    let mut elsewhere = lamps(json!({ "name": "lamps.example.org", "uid": "o" }), Value::Null);
    elsewhere.data["spec"]["group"] = "example.org".into();
    for object in [lamps(json!({}), Value::Null), elsewhere] {
        controller.take(watched(&object));
    }
    controller.are_listed = true;
    assert_eq!(controller.look().await, HURRY);
    let asked = std::mem::take(&mut *requests.lock().unwrap());
    let asked_of = |name: &str| asked.iter().any(|path| path.contains(&format!("/{name}")));
    assert!(
        asked_of("lamps.example.org") && !asked_of("lamps.example.com"),
        "{asked:?}"
    );
    let failed: Vec<&str> = controller.failures.keys().map(String::as_str).collect();
    assert_eq!(failed, ["bulbs.example.com"]);
    let claims = ctx.definitions.claims().unwrap();
    assert_eq!(
        claims["wardle"],
        [claim("example.com", None)],
        "what is registered stays"
    );
}

/// A server that serves lamps everywhere, with discovery showing them; the rest is changed by tests.
struct World {
    item: Item,
    registered: HashMap<String, Vec<Registration>>,
    claims: BTreeMap<String, Vec<Claim>>,
    changed: HashMap<String, Instant>,
}

impl World {
    fn new() -> Self {
        let registration = Registration {
            group: "example.com".into(),
            version: "v1".into(),
            digest: "d".into(),
            is_ours: true,
            is_available: true,
        };
        Self {
            item: Item {
                name: "lamps.example.com".into(),
                uid: "u".into(),
                served: true,
                generation: Some(1),
                ..Item::default()
            },
            registered: HashMap::from([("wardle".to_owned(), vec![registration])]),
            claims: BTreeMap::from([("wardle".to_owned(), vec![claim("example.com", Some("d"))])]),
            changed: HashMap::new(),
        }
    }

    fn registration(&mut self) -> &mut Registration {
        &mut self.registered.get_mut("wardle").unwrap()[0]
    }

    /// What lamps wait for, and whether they are established.
    async fn look(&self) -> (Option<&'static str>, bool) {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let client = fake_client(move |request| {
            seen.lock().unwrap().push(request.clone());
            Answer::ok(request.body)
        });
        let ctx = context(client);
        let kept = json!({ "finalizers": ["annex.dev/objects"] });
        let declared = Declared::of(watched(&lamps(kept, Value::Null)), None);
        let report = [self.item.clone()].into_iter().collect::<Report>();
        let replicas = Replicas {
            reports: vec![Arc::new(report)],
            ..Replicas::default()
        };
        let crds = HashMap::new();
        let decisions = names::decide(
            &[&declared],
            &Others {
                kubernetes: &|_| false,
                holder: &|_, _, _| None,
                crds: &crds,
            },
        );
        let looked = Looked {
            ctx: &ctx,
            decisions: &decisions,
            replicas: &HashMap::from([("wardle".to_owned(), replicas)]),
            claims: &self.claims,
            registered: &self.registered,
            changed: &self.changed,
            shown: Shown::from([("example.com".into(), "v1".into(), "lamps".into())]),
            going: None,
        };
        let waits = looked.at(&declared).await.unwrap();
        let status = requests.lock().unwrap()[0].body["status"].clone();
        (waits, status["conditions"][1]["status"] == "True")
    }
}

fn claim(group: &str, digest: Option<&str>) -> Claim {
    Claim {
        group: group.into(),
        version: "v1".into(),
        digest: digest.map(str::to_owned),
    }
}

fn watched(object: &DynamicObject) -> Watched {
    serde_json::from_str(&json!(object).to_string()).unwrap()
}

/// Discovery is read of one kube-apiserver, which may show what another server of the group-version serves.
#[tokio::test]
async fn it_is_established_once_the_aggregator_sends_requests_to_its_server() {
    let mut world = World::new();
    assert!(world.look().await.1);
    world.claims = BTreeMap::from([("wardle".to_owned(), vec![claim("example.com", None)])]);
    assert!(world.look().await.1, "as it was");
    for change in [
        |it: &mut Registration| it.is_ours = false,
        |it: &mut Registration| it.is_available = false,
        |it: &mut Registration| it.digest = "before".into(),
        |it: &mut Registration| it.version = "v2".into(),
    ] {
        let mut world = World::new();
        change(world.registration());
        assert_eq!(world.look().await, (Some("discovery"), false));
    }
}

/// Nobody hurries where nothing comes of it.
#[tokio::test]
async fn what_changes_only_by_a_change_is_not_under_way() {
    let mut world = World::new();
    let others = (0..claims::MOST).map(|number| claim(&format!("g{number}.example.com"), None));
    world.claims = BTreeMap::from([("wardle".to_owned(), others.collect())]);
    assert_eq!(world.look().await.0, None, "it has no place");
    let mut world = World::new();
    world.item.served = false;
    assert_eq!(world.look().await.0, Some("replicas"));
    world.item.error = Some("no".into());
    assert_eq!(world.look().await.0, None);
    // What a replica says may be of the generation before.
    world.changed.insert("lamps.example.com".into(), Instant::now());
    assert_eq!(world.look().await.0, Some("replicas"));
}

fn lamps_service(metadata: Value) -> watcher::Event<Managed<Guarded<APIService>>> {
    let mut service = json!({
        "metadata": { "name": "v1.example.com", "annotations": { "annex.dev/definitions": "d" } },
        "spec": { "group": "example.com", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1 },
        "status": { "conditions": [{ "type": "Available", "status": "True" }] },
    });
    for (name, value) in metadata.as_object().unwrap() {
        service["metadata"][name] = value.clone();
    }
    watcher::Event::Apply(serde_json::from_str(&service.to_string()).unwrap())
}

#[test]
fn a_registration_is_of_one_server_by_its_uid() {
    let informers = Informers::empty();
    let owner = json!({ "apiVersion": "annex.dev/v1alpha1", "kind": "AggregatedServer", "name": "light", "uid": "s" });
    let metadata = json!({ "ownerReferences": [owner], "resourceVersion": "1" });
    informers.api_services.observe(lamps_service(metadata));
    let [ours] = &registration::of(&informers, "light", Some("s"))[..] else {
        panic!("there is one");
    };
    assert!(ours.is_ours && ours.is_available);
    assert_eq!((ours.group.as_str(), ours.digest.as_str()), ("example.com", "d"));
    assert!(!registration::of(&informers, "light", Some("other"))[0].is_ours);
    assert!(registration::of(&informers, "dark", Some("s")).is_empty());
}

/// Without an APIService their objects, which stay stored, are unknown to the garbage collector.
#[tokio::test]
async fn what_is_registered_stays_where_definitions_go_by_accident() {
    let claims_after = async |crd: Answer, are_known: bool| {
        let client = fake_client(move |request| match request.path.as_str() {
            CRD => crd.clone(),
            path => panic!("{path}"),
        });
        let ctx = Arc::new(context(client));
        ctx.servers.observe(&watcher::Event::InitDone);
        let server = ctx.servers.get("wardle").unwrap();
        let owner = owner_reference("wardle", &server.uid().unwrap());
        let metadata = json!({ "ownerReferences": [owner], "resourceVersion": "1" });
        ctx.informers.api_services.observe(lamps_service(metadata));
        if are_known {
            let claims = [("wardle".to_owned(), vec![claim("example.com", Some("d"))])];
            ctx.definitions.set_claims(claims.into());
        }
        let mut controller = Controller::new(Arc::clone(&ctx));
        controller.are_listed = true;
        controller.look().await;
        let claims = ctx.definitions.claims().unwrap();
        claims.values().map(Vec::len).sum::<usize>()
    };
    let there = |deletion: Value| {
        let metadata =
            json!({ "name": "aggregatedresourcedefinitions.annex.dev", "deletionTimestamp": deletion });
        Answer::ok(
            json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata }),
        )
    };
    for are_known in [false, true] {
        let stays = there("2026-01-01T00:00:00Z".into());
        assert_eq!(claims_after(stays, are_known).await, 1);
        assert_eq!(claims_after(Answer::status(404, "NotFound"), are_known).await, 1);
        assert_eq!(
            claims_after(Answer::status(500, "InternalError"), are_known).await,
            1
        );
        assert_eq!(claims_after(there(Value::Null), are_known).await, 0);
    }
}
