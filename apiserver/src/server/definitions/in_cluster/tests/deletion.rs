//! Deletions that meet a watch which is late, and creates that are under way.

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::super::testing::{Definitions, definition, version};
use super::World;
use crate::admission::{Admission, Attributes};
use crate::object::Object;
use crate::server::Server;
use crate::status::ApiError;

const NAME: &str = "lamps.example.com";

fn delete(lamps: &mut Value) {
    lamps["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z".into();
    lamps["metadata"]["finalizers"] = json!(["annex.dev/objects"]);
}

/// The definition as it is being deleted, with the operator's word.
fn deleted() -> Value {
    let mut lamps = definition("lamps", "color");
    delete(&mut lamps);
    lamps["metadata"]["annotations"] = json!({"annex.dev/delete-objects": "uid-lamps"});
    lamps["metadata"]["resourceVersion"] = "1000".into();
    lamps
}

/// Tells late of the deletion until the server has asked the cluster twice more: whatever it made of the first answer is done.
async fn is_asked(world: &World, definitions: &Definitions) {
    let asked = definitions.asked_for(NAME);
    world
        .until("the cluster is asked", async || {
            // A change each time, so that it looks at once.
            let mut lamps = deleted();
            lamps["metadata"]["annotations"]["example.com/told"] =
                definitions.cluster.seen().len().to_string().into();
            definitions.tell_late(&lamps);
            definitions.asked_for(NAME) >= asked + 2
        })
        .await;
}

#[tokio::test]
async fn a_watch_that_is_late_deletes_nothing_of_the_next_definition() {
    let data = tempfile::tempdir().unwrap();
    let definitions = Definitions::new([definition("lamps", "color")]);
    let world = World::start(&definitions, data.path()).await;
    assert_eq!(world.create("a", &[]).await.0, 201);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut lamps = deleted();
        change(&mut lamps);
        lamps
    };
    let others: [&dyn Fn(&mut Value); 4] = [
        &|lamps| lamps["metadata"] = json!({"name": NAME, "uid": "uid-next", "resourceVersion": "1"}),
        &|lamps| lamps["metadata"]["uid"] = "uid-next".into(),
        &|lamps| lamps["metadata"]["annotations"]["annex.dev/keep-objects"] = "true".into(),
        &|lamps| lamps["spec"]["server"] = "others".into(),
    ];
    for (number, change) in others.into_iter().enumerate() {
        definitions.add_unheard(with(change));
        is_asked(&world, &definitions).await;
        let lamps = world.item(NAME).await;
        assert_eq!(
            (&lamps["terminating"], &lamps["objects"]),
            (&true.into(), &1.into()),
            "{number}"
        );
    }
    definitions.is_away(true);
    definitions.add_unheard(deleted());
    is_asked(&world, &definitions).await;
    assert_eq!(world.item(NAME).await["objects"], 1, "nobody says that it may");
    definitions.is_away(false);
    world.reports(NAME, "objects", 0.into()).await;
    world.running.shutdown().await;
}

/// Keeps what is called `slow` waiting until it is let go.
struct Slow {
    waits: watch::Sender<bool>,
    is_let_go: watch::Receiver<bool>,
}

#[async_trait]
impl Admission for Slow {
    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        if attributes
            .object()
            .is_some_and(|object: &Object| object.name() == "slow")
        {
            self.waits.send_replace(true);
            let _ = self.is_let_go.clone().wait_for(|is_let_go| *is_let_go).await;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_deletion_waits_for_creates_that_are_under_way() {
    let data = tempfile::tempdir().unwrap();
    let definitions = Definitions::new([definition("lamps", "color")]);
    let ((waits, mut waiting), (let_go, is_let_go)) = (watch::channel(false), watch::channel(false));
    let builder = Server::builder("test").admission("Slow", Slow { waits, is_let_go });
    let world = World::start_as(builder, &definitions, data.path()).await;
    let creating = world.create("slow", &[]);
    let deleting = async {
        waiting.wait_for(|waits| *waits).await.unwrap();
        // Another description of it has creates of its own.
        definitions.change_spec(NAME, |spec| {
            spec["versions"] = json!([version("v1", "color", true), version("v2", "color", false)]);
        });
        world.reports(NAME, "generation", 2.into()).await;
        definitions.change(NAME, delete);
        world
            .until("creates are refused", async || {
                world.create("late", &[]).await.0 == 403
            })
            .await;
        let lamps = world.item(NAME).await;
        assert_eq!(
            (&lamps["terminating"], &lamps["objects"]),
            (&Value::Null, &Value::Null)
        );
        let_go.send_replace(true);
    };
    let ((code, _), ()) = futures::join!(creating, deleting);
    assert_eq!(code, 201);
    let lamps = world.reports(NAME, "terminating", true.into()).await;
    let names = world.names().await;
    assert_eq!(lamps["objects"], names.len());
    assert!(names.contains(&"slow".to_owned()));
    world.running.shutdown().await;
}

#[tokio::test]
async fn a_definition_of_more_values_than_a_server_reads_is_told() {
    let data = tempfile::tempdir().unwrap();
    let definitions = Definitions::new([definition("lamps", "color")]);
    let world = World::start(&definitions, data.path()).await;
    definitions.change_spec(NAME, |spec| {
        let many = vec![0; super::super::size::MOST_VALUES];
        spec["versions"][0]["schema"]["openAPIV3Schema"]["default"] = json!({"color": many});
    });
    world
        .until("it is told", async || world.item(NAME).await["error"].is_string())
        .await;
    let lamps = world.item(NAME).await;
    assert_eq!(lamps["error"], "it has more than 200000 values");
    assert_eq!(
        (&lamps["served"], &lamps["generation"]),
        (&true.into(), &1.into())
    );
    world.running.shutdown().await;
}
