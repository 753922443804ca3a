//! What is written of an object that others change again and again, and what is told of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt as _;
use kube::Client;
use kube::api::PropagationPolicy;
use kube::client::Body;

use super::super::{Applied, Applier, Because, Cache, Known, Outcome};
use super::*;

/// A server with one object, which somebody changes before each read.
#[derive(Clone)]
struct Server {
    live: Arc<Mutex<Option<Value>>>,
    rival: Rival,
    writes: Arc<Mutex<usize>>,
}

#[derive(Clone, Copy)]
enum Rival {
    /// Nobody.
    None,
    /// Takes a field before each read.
    Updates,
    /// Removes our annotations before each read.
    Strips,
    /// Deletes the object before each read.
    Deletes,
    /// Changes what is applied, at admission.
    Admission,
}

impl Cache for Server {
    fn known(&self, _: &ApiResource, _: &str, _: &str) -> Option<Arc<Known>> {
        None
    }

    fn answered(&self, _: &ApiResource, _: &Value) {}

    fn deleted(&self, _: &ApiResource, _: &str, _: &str, _: &str) {}
}

impl Server {
    fn with(rival: Rival) -> Self {
        Self {
            live: Arc::new(Mutex::new(Some(whole(&config_map())))),
            rival,
            writes: Arc::default(),
        }
    }

    fn applier(&self) -> Applier {
        let server = self.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let server = server.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.expect("a body").to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let (code, answer) = server.answer(parts.method.as_str(), &body);
                let response = http::Response::builder().status(code);
                let body = Body::from(answer.to_string().into_bytes());
                Ok::<_, std::convert::Infallible>(response.body(body).expect("a response"))
            }
        });
        Applier::new(Client::new(service, "default"), Arc::new(self.clone()))
    }

    fn answer(&self, method: &str, body: &Value) -> (u16, Value) {
        let mut live = self.live.lock().expect("no panic");
        match method {
            "GET" => {
                self.interfere(&mut live);
                let missing = json!({ "kind": "Status", "code": 404, "reason": "NotFound" });
                live.clone().map_or((404, missing), |live| (200, live))
            }
            "DELETE" => (200, live.take().expect("an object")),
            _ if body["data"].is_null() => (200, live.clone().expect("an object")),
            _ => {
                *self.writes.lock().expect("no panic") += 1;
                let mut applied = whole(&config_map());
                if matches!(self.rival, Rival::Admission) {
                    applied["data"]["ca.crt"] = "another".into();
                }
                *live = Some(applied.clone());
                (200, applied)
            }
        }
    }

    fn interfere(&self, live: &mut Option<Value>) {
        let Some(object) = live else { return };
        match self.rival {
            Rival::None | Rival::Admission => {}
            Rival::Deletes => *live = None,
            Rival::Strips => {
                object["metadata"]["annotations"] = Value::Null;
            }
            Rival::Updates => {
                let fields = json!({ "f:data": { "f:ca.crt": {} } });
                object["metadata"]["managedFields"] = json!([
                    entry(&config_map(), json!({})),
                    foreign_entry("rival", "", &fields)
                ]);
            }
        }
    }

    fn writes(&self) -> usize {
        std::mem::take(&mut self.writes.lock().expect("no panic"))
    }
}

fn whole(desired: &Desired) -> Value {
    live(desired, [entry(desired, json!({ "f:data": { "f:ca.crt": {} } }))])
}

/// Applies once a second for so long.
async fn apply_for(applier: &Applier, seconds: u64) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for _ in 0..seconds {
        outcomes.push(applier.apply(&config_map()).await.expect("an apply").outcome);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    outcomes
}

#[tokio::test(start_paused = true)]
async fn what_somebody_takes_again_and_again_is_not_written_in_a_hot_loop() {
    let server = Server::with(Rival::Updates);
    let applier = server.applier();
    let outcomes = apply_for(&applier, 600).await;
    assert_eq!(server.writes(), 7, "0, 1, 2, 32, 92, 212 and 452 s");
    assert!(matches!(&outcomes[2], Outcome::Updated(Because::Drift(_))));
    assert_eq!(outcomes[3], Outcome::Waits);
    let told = ["ConfigMap default/wardle-ca: data.ca.crt is changed again and again by rival (Update)"];
    assert_eq!(applier.contested(OWNER), told);
    assert!(applier.is_contested(&config_map(), &Because::Changed));
    assert_eq!(applier.contested("another"), Vec::<String>::new());
    applier.forget(OWNER);
    assert_eq!(applier.contested(OWNER), Vec::<String>::new());
}

/// As a PodDisruptionBudget of a server that has one replica now.
#[tokio::test(start_paused = true)]
async fn what_is_wanted_no_more_is_contested_no_longer() {
    let server = Server::with(Rival::Updates);
    let applier = server.applier();
    apply_for(&applier, 100).await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(applier.contested(OWNER).len(), 1, "a pass may be late");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(applier.contested(OWNER), Vec::<String>::new());
}

/// Nothing tells of such a field that it is as it should be, but that nobody makes it good any more.
#[tokio::test(start_paused = true)]
async fn a_field_that_is_made_good_by_another_write_waits_like_an_object() {
    let applier = Server::with(Rival::None).applier();
    let (desired, mut writes) = (config_map(), 0);
    for _ in 0..100 {
        if !applier.field_waits(&desired, "metadata.labels.a") {
            let write = async { Ok::<_, std::convert::Infallible>(()) };
            let done = applier.make_good(&desired, "metadata.labels.a", write).await;
            writes += usize::from(done.expect("a write"));
        }
        // That the rest of the object is well says nothing of it.
        applier.apply(&desired).await.expect("an apply");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(writes, 5, "0, 1, 2, 32 and 92 s");
    let told = ["ConfigMap default/wardle-ca: metadata.labels.a is changed again and again"];
    assert_eq!(applier.contested(OWNER), told);
    apply_for(&applier, 60).await;
    assert_eq!(applier.contested(OWNER), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_now_does_not_wait() {
    let server = Server::with(Rival::Updates);
    let applier = server.applier();
    apply_for(&applier, 10).await;
    assert_eq!(server.writes(), 3);
    let mut other = config_map().object().clone();
    other["data"]["ca.crt"] = "NEWER".into();
    let other = desired::<ConfigMap>(other);
    let applied = applier.apply(&other).await.expect("an apply");
    assert!(matches!(applied.outcome, Outcome::Updated(_)), "{applied:?}");
    assert_eq!(server.writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rival_that_leaves_no_name_is_one_too() {
    let server = Server::with(Rival::Strips);
    let applier = server.applier();
    apply_for(&applier, 60).await;
    // The first time nobody knows that it was applied before.
    assert_eq!(server.writes(), 5);
    let told =
        "ConfigMap default/wardle-ca: metadata.annotations.annex.dev/applied-hash is removed again and again";
    assert_eq!(applier.contested(OWNER), [told]);

    let server = Server::with(Rival::Deletes);
    let applier = server.applier();
    apply_for(&applier, 60).await;
    assert_eq!(server.writes(), 5, "a creation is one write");
    let told = "ConfigMap default/wardle-ca: it is deleted again and again";
    assert_eq!(applier.contested(OWNER), [told]);
}

#[tokio::test(start_paused = true)]
async fn what_admission_changes_is_told_at_once_and_ends_with_it() {
    let mut server = Server::with(Rival::Admission);
    *server.live.lock().expect("no panic") = None;
    let applier = server.applier();
    assert_eq!(apply_for(&applier, 100).await[0], Outcome::Created);
    assert_eq!(server.writes(), 3, "at once, and again after 30 and 90 s");
    let told = ["ConfigMap default/wardle-ca: data.ca.crt is changed at admission"];
    assert_eq!(applier.contested(OWNER), told);
    server.rival = Rival::None;
    let applied = whole(&config_map());
    *server.live.lock().expect("no panic") = Some(applied);
    apply_for(&applier, 150).await;
    assert_eq!((server.writes(), applier.contested(OWNER)), (0, Vec::new()));
}

/// What is known of an object says nothing of its values.
#[tokio::test(start_paused = true)]
async fn what_status_told_before_a_restart_is_looked_at_once() {
    struct Complete;
    impl Cache for Complete {
        fn known(&self, _: &ApiResource, _: &str, _: &str) -> Option<Arc<Known>> {
            let live = whole(&config_map());
            let managed: crate::decode::Managed<crate::decode::ObjectMetadata> =
                serde_json::from_value(live).expect("an object");
            Some(Arc::new(Known::new(
                kube::Resource::meta(&managed.object),
                managed.own,
            )))
        }

        fn answered(&self, _: &ApiResource, _: &Value) {}

        fn deleted(&self, _: &ApiResource, _: &str, _: &str, _: &str) {}
    }
    let server = Server::with(Rival::Admission);
    server.live.lock().expect("no panic").as_mut().expect("an object")["data"]["ca.crt"] = "another".into();
    for (was_contested, told) in [(false, 0), (true, 1)] {
        let applier = Applier {
            cache: Arc::new(Complete),
            ..server.applier()
        };
        applier.recall(OWNER, was_contested);
        assert_eq!(applier.is_recalled(OWNER), was_contested);
        let outcomes = apply_for(&applier, 10).await;
        assert_eq!(outcomes[9], Outcome::Unchanged);
        assert_eq!(applier.contested(OWNER).len(), told);
        assert_eq!(server.writes(), told);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!applier.is_recalled(OWNER));
    }
}

#[tokio::test(start_paused = true)]
async fn what_annex_deletes_itself_is_no_contest() {
    let server = Server::with(Rival::None);
    let applier = server.applier();
    for _ in 0..8 {
        let Applied { outcome, .. } = applier.apply(&config_map()).await.expect("an apply");
        assert_ne!(outcome, Outcome::Waits);
        let live = server.live.lock().expect("no panic").clone().expect("an object");
        let desired = config_map();
        applier
            .delete_owned(
                desired.resource(),
                &live,
                desired.owner(),
                PropagationPolicy::Orphan,
            )
            .await
            .expect("a deletion");
    }
    assert_eq!(applier.contested(OWNER), Vec::<String>::new());
}
