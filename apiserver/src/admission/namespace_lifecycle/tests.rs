//! Writes into namespaces that come and go.

use std::sync::Mutex;

use futures::FutureExt as _;
use futures::channel::mpsc::{self, UnboundedSender};
use serde_json::{Value, json};

use super::*;
use crate::admission::Chain;
use crate::kubernetes::testing::{Answer, FakeCluster, eventually};
use crate::object::Object;
use crate::request::{RequestInfo, User, Verb};
use crate::resource::{ConversionError, Hub, Names, Policy, Resource, Scope, Strategy};

struct Plain;

impl Strategy for Plain {
    fn normalize(&self, _: &str, object: Object) -> Result<Object, ConversionError> {
        Ok(object)
    }

    fn default_fields(&self, _: &str, _: &mut Object) {}

    fn convert(&self, object: Object, _: &str) -> Result<Object, ConversionError> {
        Ok(object)
    }
}

fn flunders() -> Resource {
    Resource {
        group: "wardle.example.com".into(),
        names: Names {
            plural: "flunders".into(),
            ..Names::default()
        },
        scope: Scope::Namespaced,
        versions: Vec::new(),
        unserved: Vec::new(),
        storage_version: "v1alpha1".into(),
        hub: Hub::Version("v1alpha1".into()),
        strategy: Arc::new(Plain),
        policy: Policy::default(),
        rest: crate::rest::Rest::Stored,
        subresources: Vec::new(),
    }
}

fn namespace(name: &str, phase: &str, version: u64) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "status": {"phase": phase},
           "metadata": {"name": name, "resourceVersion": version.to_string()}})
}

/// A cluster whose list and watch say one thing, and whose answers for one namespace another.
struct Fixture {
    plugin: Arc<NamespaceLifecycle>,
    cluster: FakeCluster,
    events: UnboundedSender<Value>,
    resource: Resource,
}

impl Fixture {
    fn new(listed: Option<Vec<Value>>, live: Vec<Value>) -> Self {
        let (events, receive) = mpsc::unbounded();
        let stream = Mutex::new(Some(receive));
        let cluster = FakeCluster::new(move |request| {
            if let Some(name) = request.path.strip_prefix("/api/v1/namespaces/") {
                let found = live.iter().find(|found| found["metadata"]["name"] == name);
                return found.map_or_else(
                    || Answer::status(404, "NotFound", &format!("namespaces {name:?} not found")),
                    |found| Answer::ok(found.clone()),
                );
            }
            assert_eq!(request.path, "/api/v1/namespaces");
            if request.is_watch() {
                return stream
                    .lock()
                    .unwrap()
                    .take()
                    .map_or(Answer::Never, Answer::Stream);
            }
            match &listed {
                None => Answer::Never,
                Some(items) => Answer::ok(
                    json!({"apiVersion": "v1", "kind": "NamespaceList", "items": items,
                                                 "metadata": {"resourceVersion": "1"}}),
                ),
            }
        });
        Self {
            plugin: Arc::new(NamespaceLifecycle::new(cluster.client.clone())),
            cluster,
            events,
            resource: flunders(),
        }
    }

    async fn admit(&self, operation: Operation, namespace: &str) -> Result<(), ApiError> {
        self.admit_named(operation, namespace, "x", None).await
    }

    async fn admit_named(
        &self,
        operation: Operation,
        namespace: &str,
        name: &str,
        object: Option<&Object>,
    ) -> Result<(), ApiError> {
        let info = RequestInfo {
            is_resource: true,
            path_verb: None,
            verb: Verb::Create,
            path: String::new(),
            method: "post".into(),
            group: self.resource.group.clone(),
            version: "v1alpha1".into(),
            namespace: namespace.into(),
            resource: "flunders".into(),
            subresource: String::new(),
            subpath: String::new(),
            name: String::new(),
            label_selector: String::new(),
            field_selector: String::new(),
        };
        let user = User::default();
        let mut object = object.cloned();
        let mut attributes = Attributes::new(operation, &self.resource, &info, &user)
            .of_name(namespace, name)
            .of_object(object.as_mut());
        let plugin = Chain::new(vec![self.plugin.clone()]);
        plugin.admit(&mut attributes).await
    }

    /// How often one namespace was asked for.
    fn lookups(&self) -> usize {
        let asked = self.cluster.seen();
        asked
            .iter()
            .filter(|request| request.path != "/api/v1/namespaces")
            .count()
    }

    fn send(&self, type_: &str, object: Value) {
        let event = json!({"type": type_, "object": object});
        self.events.unbounded_send(event).unwrap();
    }
}

fn text(result: Result<(), ApiError>) -> (u16, String) {
    let status = result.unwrap_err().status();
    (status.code, status.message)
}

#[tokio::test]
async fn what_is_in_a_known_namespace_may_be_made_and_nothing_is_asked() {
    let fixture = Fixture::new(Some(vec![namespace("ns", "Active", 1)]), Vec::new());
    for operation in [Operation::Create, Operation::Update, Operation::Delete] {
        fixture.admit(operation, "ns").await.unwrap();
    }
    assert_eq!(fixture.lookups(), 0);
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_not_found() {
    let fixture = Fixture::new(Some(Vec::new()), Vec::new());
    for operation in [Operation::Create, Operation::Update] {
        let status = fixture.admit(operation, "gone").await.unwrap_err().status();
        assert_eq!(
            (status.code, status.message.as_str()),
            (404, r#"namespaces "gone" not found"#)
        );
        assert_eq!(status.details.unwrap().kind, "namespaces");
    }
    assert_eq!(fixture.lookups(), 2);
    fixture.admit(Operation::Delete, "gone").await.unwrap();
    fixture.admit(Operation::Create, "").await.unwrap();
    assert_eq!(fixture.lookups(), 2);
}

#[tokio::test]
async fn a_namespace_that_the_watch_does_not_know_yet_is_asked_for() {
    let fixture = Fixture::new(Some(Vec::new()), vec![namespace("new", "Active", 5)]);
    fixture.admit(Operation::Create, "new").await.unwrap();
    assert_eq!(fixture.lookups(), 1);
}

#[tokio::test]
async fn nothing_is_made_in_a_namespace_that_goes_away_and_the_rest_goes_on() {
    let fixture = Fixture::new(Some(vec![namespace("ns", "Terminating", 1)]), Vec::new());
    let status = fixture.admit(Operation::Create, "ns").await.unwrap_err().status();
    assert_eq!(
        (status.code, status.message.as_str()),
        (
            403,
            r#"flunders.wardle.example.com "x" is forbidden: unable to create new content in namespace ns because it is being terminated"#
        )
    );
    let cause = &status.details.unwrap().causes[0];
    assert_eq!(
        (
            cause.reason.as_str(),
            cause.message.as_str(),
            cause.field.as_str()
        ),
        (
            "NamespaceTerminating",
            "namespace ns is being terminated",
            "metadata.namespace"
        )
    );
    fixture.admit(Operation::Update, "ns").await.unwrap();
    fixture.admit(Operation::Delete, "ns").await.unwrap();
}

#[tokio::test]
async fn an_object_without_a_name_is_called_by_what_it_begins_with() {
    let fixture = Fixture::new(Some(vec![namespace("ns", "Terminating", 1)]), Vec::new());
    let mut object = Object::default();
    let (_, message) = text(
        fixture
            .admit_named(Operation::Create, "ns", "", Some(&object))
            .await,
    );
    assert!(
        message.starts_with(r#"flunders.wardle.example.com "Unknown" is"#),
        "{message}"
    );
    object.set_meta("generateName", "my-");
    let (_, message) = text(
        fixture
            .admit_named(Operation::Create, "ns", "", Some(&object))
            .await,
    );
    assert!(
        message.starts_with(r#"flunders.wardle.example.com "my-" is"#),
        "{message}"
    );
}

#[tokio::test]
async fn the_watch_is_followed_and_what_it_takes_back_is_doubted() {
    let live = vec![namespace("ns", "Terminating", 9)];
    let fixture = Fixture::new(Some(vec![namespace("ns", "Active", 1)]), live);
    let phase = || fixture.plugin.namespaces.phase("ns");
    fixture.admit(Operation::Create, "ns").await.unwrap();
    fixture.send("MODIFIED", namespace("ns", "Terminating", 2));
    eventually("it goes away", || phase() == Some(Phase::Terminating)).await;
    assert_eq!(text(fixture.admit(Operation::Create, "ns").await).0, 403);
    assert_eq!(fixture.lookups(), 0);
    fixture.send("DELETED", namespace("ns", "Terminating", 3));
    eventually("it is gone", || phase().is_none()).await;
    fixture.send("ADDED", namespace("ns", "Active", 4));
    eventually("it is there again", || phase() == Some(Phase::Active)).await;
    assert_eq!(
        text(fixture.admit(Operation::Create, "ns").await).0,
        403,
        "the cluster itself has the word"
    );
    assert_eq!(fixture.lookups(), 1);
}

#[tokio::test(start_paused = true)]
async fn before_the_namespaces_are_listed_writes_wait_and_then_fail() {
    let fixture = Fixture::new(None, Vec::new());
    assert!(!fixture.plugin.is_ready().await);
    let begun = tokio::time::Instant::now();
    let (code, message) = text(fixture.admit(Operation::Update, "ns").await);
    assert_eq!(begun.elapsed(), PATIENCE);
    assert_eq!(code, 403);
    assert_eq!(
        message,
        r#"flunders.wardle.example.com "x" is forbidden: not yet ready to handle request"#
    );
    fixture.admit(Operation::Delete, "ns").await.unwrap();
}

#[tokio::test]
async fn a_failing_cluster_is_an_internal_error() {
    let cluster = FakeCluster::new(|request| {
        if request.path == "/api/v1/namespaces" {
            return Answer::ok(json!({"apiVersion": "v1", "kind": "NamespaceList", "items": [],
                                     "metadata": {"resourceVersion": "1"}}));
        }
        Answer::status(403, "Forbidden", "may not get namespaces")
    });
    let plugin = NamespaceLifecycle::new(cluster.client.clone());
    let error = plugin.live("ns", "alice").await.unwrap_err();
    let status = error.status();
    assert_eq!(status.code, 500);
    assert_eq!(status.message, "Internal error occurred: may not get namespaces");
}

#[tokio::test(start_paused = true)]
async fn what_one_user_has_looked_up_leaves_the_lookups_of_others_alone() {
    let cluster = FakeCluster::new(|request| {
        if request.path == "/api/v1/namespaces/there" {
            return Answer::ok(namespace("there", "Active", 1));
        }
        Answer::Never
    });
    let plugin = NamespaceLifecycle::new(cluster.client.clone());
    let made_up: Vec<String> = (0..1_000).map(|number| format!("made-up-{number}")).collect();
    let begun = tokio::time::Instant::now();
    let lookups = made_up.iter().map(|name| plugin.live(name, "mallory"));
    let mut attack = Box::pin(futures::future::join_all(lookups));
    assert!((&mut attack).now_or_never().is_none());
    let found = plugin.live("there", "alice").await;
    assert_eq!((found.unwrap(), begun.elapsed()), (Phase::Active, Duration::ZERO));
    let codes: Vec<u16> = attack
        .await
        .into_iter()
        .map(|found| found.unwrap_err().status().code)
        .collect();
    let refused = codes.iter().filter(|code| **code == 429).count();
    assert_eq!(
        (codes.len(), refused),
        (1_000, 900),
        "the cluster is asked a hundred at once"
    );
}
