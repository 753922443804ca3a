use http::{Method, Request, StatusCode};
use kube::Client;
use serde_json::{Value, json};

use super::testing::{Definitions, SERVER, definition, version};
use super::*;
use crate::config::{Backend, Config};
use crate::kubernetes::testing::eventually;
use crate::request::GroupResource;
use crate::server::{Builder, Running, Server, StartError};
use crate::storage::embedded;

mod deletion;

const LAMPS: &str = "/apis/example.com/v1/namespaces/default/lamps";

/// A server of definitions that runs, and a client of it that may do everything.
struct World {
    running: Running,
    client: Client,
}

impl World {
    /// One that stores its objects in a directory.
    async fn start(definitions: &Definitions, data: &std::path::Path) -> Self {
        Self::start_as(Server::builder("test"), definitions, data).await
    }

    /// One that this builder says.
    async fn start_as(builder: Builder, definitions: &Definitions, data: &std::path::Path) -> Self {
        let source = ClusterDefinitions::of(SERVER).client(definitions.cluster.client.clone());
        let builder = builder.definitions(source);
        let loopback = builder.loopback();
        let mut config = Config::for_tests(data);
        config.storage.backend = Backend::Embedded(embedded::Options::new(data.join("store")));
        let running = builder.build().start(config).await.unwrap();
        let client = loopback.client().await.unwrap();
        let world = Self { running, client };
        world
            .until("it is ready", async || world.code("/readyz").await == 200)
            .await;
        world
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let patches = method == Method::PATCH;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(
                "content-type",
                if patches {
                    "application/merge-patch+json"
                } else {
                    "application/json"
                },
            )
            .body(if body.is_null() {
                Vec::new()
            } else {
                body.to_string().into_bytes()
            });
        let answer = self.client.send(request.unwrap().map(Into::into)).await.unwrap();
        let code = answer.status().as_u16();
        let body = http_body_util::BodyExt::collect(answer.into_body())
            .await
            .unwrap()
            .to_bytes();
        (code, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn code(&self, path: &str) -> u16 {
        self.ask(Method::GET, path, Value::Null).await.0
    }

    async fn create(&self, name: &str, finalizers: &[&str]) -> (u16, Value) {
        let lamp = json!({
            "apiVersion": "example.com/v1", "kind": "Klamps",
            "metadata": {"name": name, "finalizers": finalizers}, "color": "red",
        });
        self.ask(Method::POST, LAMPS, lamp).await
    }

    async fn names(&self) -> Vec<String> {
        let (_, list) = self.ask(Method::GET, LAMPS, Value::Null).await;
        let items = list["items"].as_array().into_iter().flatten();
        items
            .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What is reported of a definition.
    async fn item(&self, name: &str) -> Value {
        let (code, report) = self.ask(Method::GET, REPORT_PATH, Value::Null).await;
        assert_eq!(code, StatusCode::OK);
        assert_eq!(
            (&report["apiVersion"], &report["kind"]),
            (&json!("annex.dev/v1alpha1"), &json!("DefinitionReport"))
        );
        let items = report["items"].as_array().unwrap();
        let found = items.iter().find(|item| item["name"] == name);
        found.cloned().unwrap_or_default()
    }

    /// Waits until it reports this of a definition.
    async fn reports(&self, name: &str, field: &str, value: Value) -> Value {
        self.until(&format!("{name} has {field}: {value}"), async || {
            self.item(name).await[field] == value
        })
        .await;
        self.item(name).await
    }

    async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        for _ in 0..3_000 {
            if condition().await {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("never: {what}");
    }
}

#[tokio::test]
async fn definitions_of_the_cluster_are_served_as_they_change_and_reported() {
    let data = tempfile::tempdir().unwrap();
    let definitions = Definitions::new([]);
    let world = World::start(&definitions, data.path()).await;
    assert_eq!(world.code(LAMPS).await, 404);
    definitions.apply(definition("lamps", "color"));
    let lamps = world.reports("lamps.example.com", "served", true.into()).await;
    assert_eq!(
        lamps,
        json!({
            "name": "lamps.example.com", "uid": "uid-lamps", "generation": 1, "served": true, "storedVersions": ["v1"],
        })
    );
    assert_eq!(world.code(LAMPS).await, 200);
    definitions.change_spec("lamps.example.com", |spec| {
        spec["versions"] = json!([version("v1", "hue", true)])
    });
    world.reports("lamps.example.com", "generation", 2.into()).await;
    let (_, created) = world.create("a", &[]).await;
    assert_eq!(created["color"], Value::Null, "the field is not known any more");
    // Others' are nobody's here.
    let mut others = definition("chairs", "legs");
    others["spec"]["server"] = "others".into();
    definitions.apply(others);
    definitions.apply(definition("tables", "legs"));
    world.reports("tables.example.com", "served", true.into()).await;
    assert_eq!(world.item("chairs.example.com").await, Value::Null);
    world.running.shutdown().await;
}

#[tokio::test]
async fn what_becomes_wrong_is_served_as_it_was_after_a_restart_too() {
    let data = tempfile::tempdir().unwrap();
    let definitions = Definitions::new([definition("lamps", "color")]);
    let world = World::start(&definitions, data.path()).await;
    world.create("a", &[]).await;
    definitions.change_spec("lamps.example.com", |spec| {
        spec["versions"][0]["schema"]["openAPIV3Schema"]["type"] = "text".into();
    });
    definitions.apply(definition("chairs", "legs"));
    world.reports("chairs.example.com", "served", true.into()).await;
    let is_as_it_was = async |world: &World| {
        let lamps = world.item("lamps.example.com").await;
        assert_eq!(
            (&lamps["served"], &lamps["generation"]),
            (&true.into(), &1.into()),
            "{lamps}"
        );
        let error = lamps["error"].as_str().unwrap();
        assert!(error.starts_with("spec.validation.openAPIV3Schema"), "{error}");
        assert_eq!(world.names().await, ["a"]);
    };
    is_as_it_was(&world).await;
    world.running.shutdown().await;
    let world = World::start(&definitions, data.path()).await;
    is_as_it_was(&world).await;
    // What is wrong from the start is told, and nothing served of it.
    let mut wrong = definition("tables", "legs");
    wrong["spec"]["versions"][0]["schema"] = Value::Null;
    definitions.apply(wrong);
    let tables = world.reports("tables.example.com", "served", false.into()).await;
    assert!(
        tables["error"].is_string() && tables["generation"].is_null(),
        "{tables}"
    );
    assert_eq!(world.code("/apis/example.com/v1/tables").await, 503);
    world.running.shutdown().await;
}

#[tokio::test]
async fn what_is_about_to_be_served_is_503_and_what_nobody_defines_404() {
    let data = tempfile::tempdir().unwrap();
    let definitions = Definitions::new([definition("lamps", "color")]);
    let world = World::start(&definitions, data.path()).await;
    world.reports("lamps.example.com", "served", true.into()).await;
    let path =
        |plural: &str, version: &str| format!("/apis/example.com/{version}/namespaces/default/{plural}/x");
    let mut chairs = definition("chairs", "legs");
    chairs["spec"]["versions"][0]["name"] = "v2".into();
    definitions.add_unheard(chairs);
    let mut others = definition("others", "legs");
    others["spec"]["server"] = "others".into();
    definitions.add_unheard(others);
    for (plural, version, code) in [
        ("chairs", "v2", 503),
        ("chairs", "v1", 404),
        ("others", "v1", 404),
        ("tables", "v1", 404),
        ("no..name", "v1", 404),
        ("lamps", "v2", 404),
    ] {
        assert_eq!(
            world.code(&path(plural, version)).await,
            code,
            "{plural} {version}"
        );
    }
    let (_, page) = world.ask(Method::GET, &path("tables", "v1"), Value::Null).await;
    assert_eq!(
        page,
        Value::Null,
        "a page and no Status, as of definitions on a kube-apiserver"
    );
    definitions.is_away(true);
    assert_eq!(world.code(&path("stools", "v1")).await, 503);
    assert_eq!(
        world.code(&path("lamps", "v1")).await,
        404,
        "an object of a kind that is served"
    );
    assert_eq!(world.code(LAMPS).await, 200);
    let asked = definitions.asked_for("stools.example.com");
    assert_eq!(world.code(&path("stools", "v1")).await, 503);
    assert_eq!(
        definitions.asked_for("stools.example.com"),
        asked,
        "an answer is kept"
    );
    world.running.shutdown().await;
}

#[tokio::test]
async fn objects_go_with_their_definition_by_the_operators_word_alone() {
    let data = tempfile::tempdir().unwrap();
    let definitions = Definitions::new([definition("lamps", "color")]);
    let world = World::start(&definitions, data.path()).await;
    assert_eq!(world.create("a", &[]).await.0, 201);
    assert_eq!(world.create("b", &["example.com/mine"]).await.0, 201);
    let name = "lamps.example.com";
    let resource = GroupResource::new("example.com", "lamps");
    let registry = || {
        world
            .running
            .core()
            .served
            .load()
            .endpoints
            .registry(&resource)
            .unwrap()
    };
    let before = registry();
    definitions.change(name, |lamps| {
        lamps["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z".into();
        lamps["metadata"]["finalizers"] = json!(["annex.dev/objects"]);
        lamps["metadata"]["generation"] = 2.into();
    });
    let lamps = world.reports(name, "terminating", true.into()).await;
    assert_eq!((&lamps["objects"], &lamps["served"]), (&2.into(), &true.into()));
    assert_eq!(lamps["generation"], 2);
    assert!(
        Arc::ptr_eq(&before, &registry()),
        "it is described as before: no watch ends"
    );
    drop(before);
    let (code, refused) = world.create("c", &[]).await;
    assert_eq!(code, 403);
    assert_eq!(
        refused["message"],
        "lamps.example.com \"c\" is forbidden: create not allowed while custom resource definition is terminating"
    );
    assert_eq!(world.names().await, ["a", "b"]);
    definitions.change(name, |lamps| {
        lamps["metadata"]["annotations"] = json!({"annex.dev/delete-objects": "uid-lamps"});
    });
    world.reports(name, "objects", 1.into()).await;
    assert_eq!(world.names().await, ["b"]);
    let free = json!({"metadata": {"finalizers": null}});
    assert_eq!(world.ask(Method::PATCH, &format!("{LAMPS}/b"), free).await.0, 200);
    world.reports(name, "objects", 0.into()).await;
    definitions.remove(name);
    world
        .until("it is not served any more", async || {
            world.code(LAMPS).await == 404
        })
        .await;
    // One of the same name begins anew, and may have another scope.
    let mut scoped = definition("lamps", "color");
    scoped["metadata"]["uid"] = "uid-other".into();
    scoped["spec"]["scope"] = "Cluster".into();
    definitions.apply(scoped);
    world.reports(name, "served", true.into()).await;
    world.running.shutdown().await;
}

#[tokio::test]
async fn a_list_that_comes_back_empty_deletes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let definitions = Definitions::new([definition("lamps", "color")]);
    let world = World::start(&definitions, data.path()).await;
    world.create("a", &[]).await;
    definitions.relists_as([]);
    world
        .until("it is not served any more", async || {
            world.code(LAMPS).await != 200
        })
        .await;
    // What is stored is not absent: garbage collection would take what it owns.
    let is_stored = async |world: &World| {
        assert_eq!(world.code(&format!("{LAMPS}/a")).await, 503);
        assert_eq!(
            world.code(&LAMPS.replace("/v1/", "/v2/")).await,
            404,
            "its version"
        );
        assert_eq!(world.code(&LAMPS.replace("lamps", "chairs")).await, 404);
    };
    is_stored(&world).await;
    world.running.shutdown().await;
    let world = World::start(&definitions, data.path()).await;
    is_stored(&world).await;
    let mut again = definition("lamps", "color");
    again["metadata"]["uid"] = "uid-again".into();
    // What its objects are stored by stands, though it is another one.
    let mut scoped = again.clone();
    scoped["spec"]["scope"] = "Cluster".into();
    scoped["metadata"]["resourceVersion"] = "1000".into();
    definitions.apply(scoped.clone());
    let lamps = world.reports("lamps.example.com", "served", false.into()).await;
    assert_eq!(
        lamps["error"],
        "spec.scope: Invalid value: \"Cluster\": field is immutable"
    );
    // Nothing of this one was ever served: with it nothing goes. Nor does with one that was deleted before it was seen.
    let mut unseen = again.clone();
    unseen["metadata"]["uid"] = "uid-unseen".into();
    for (deleted, uid) in [(&mut scoped, "uid-again"), (&mut unseen, "uid-unseen")] {
        deleted["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z".into();
        deleted["metadata"]["finalizers"] = json!(["annex.dev/objects"]);
        deleted["metadata"]["annotations"] = json!({"annex.dev/delete-objects": uid});
        definitions.apply(deleted.clone());
        world.reports("lamps.example.com", "uid", uid.into()).await;
        let lamps = world.reports("lamps.example.com", "objects", 0.into()).await;
        assert_eq!(
            (&lamps["served"], &lamps["terminating"]),
            (&false.into(), &true.into())
        );
    }
    definitions.remove("lamps.example.com");
    again["metadata"]["uid"] = "uid-at-last".into();
    definitions.apply(again);
    world.reports("lamps.example.com", "served", true.into()).await;
    assert_eq!(world.names().await, ["a"]);
    world.running.shutdown().await;
}

#[tokio::test]
async fn a_version_is_dropped_when_objects_were_written_again() {
    let data = tempfile::tempdir().unwrap();
    let definitions = Definitions::new([definition("lamps", "color")]);
    let world = World::start(&definitions, data.path()).await;
    world.create("a", &[]).await;
    let name = "lamps.example.com";
    definitions.change_spec(name, |spec| {
        spec["versions"] = json!([version("v2", "color", true)])
    });
    world
        .until("it is refused", async || {
            world.item(name).await["error"].is_string()
        })
        .await;
    let lamps = world.item(name).await;
    let error = lamps["error"].as_str().unwrap();
    assert!(
        error.starts_with("objects of lamps.example.com are stored as v1"),
        "{error}"
    );
    assert_eq!(
        (&lamps["generation"], &lamps["served"]),
        (&1.into(), &true.into())
    );
    definitions.change_spec(name, |spec| {
        spec["versions"] = json!([version("v1", "color", false), version("v2", "color", true)]);
    });
    world.reports(name, "generation", 3.into()).await;
    world.reports(name, "storedVersions", json!(["v2"])).await;
    definitions.change_spec(name, |spec| {
        spec["versions"] = json!([version("v2", "color", true)])
    });
    world.reports(name, "generation", 4.into()).await;
    let (_, lamp) = world
        .ask(
            Method::GET,
            &format!("{LAMPS}/a").replace("/v1/", "/v2/"),
            Value::Null,
        )
        .await;
    assert_eq!(
        (&lamp["apiVersion"], &lamp["color"]),
        (&"example.com/v2".into(), &"red".into())
    );
    world.running.shutdown().await;
}

#[tokio::test]
async fn names_that_are_not_accepted_are_not_served() {
    let data = tempfile::tempdir().unwrap();
    let definitions = Definitions::new([definition("lamps", "color")]);
    let world = World::start(&definitions, data.path()).await;
    let name = "lamps.example.com";
    let condition =
        |name: &str, status: &str| json!({"type": name, "status": status, "message": "lamps is taken"});
    let status =
        |conditions: Value| move |lamps: &mut Value| lamps["status"] = json!({"conditions": conditions});
    definitions.change(name, status(json!([condition("NamesAccepted", "False")])));
    let lamps = world.reports(name, "served", false.into()).await;
    assert_eq!(lamps["error"], "its names are not accepted: lamps is taken");
    assert_eq!(world.code(LAMPS).await, 503);
    definitions.change(
        name,
        status(json!([
            condition("NamesAccepted", "True"),
            condition("Established", "True")
        ])),
    );
    world.reports(name, "served", true.into()).await;
    // What clients know goes on.
    definitions.change_spec(name, |spec| spec["names"]["shortNames"] = json!(["la"]));
    world.reports(name, "generation", 2.into()).await;
    let refused = [
        condition("NamesAccepted", "False"),
        condition("Established", "True"),
    ];
    definitions.change(name, |lamps| {
        lamps["metadata"]["generation"] = 3.into();
        lamps["status"] = json!({"conditions": refused});
    });
    world
        .until("it is told", async || world.item(name).await["error"].is_string())
        .await;
    let lamps = world.item(name).await;
    assert_eq!(
        (&lamps["served"], &lamps["generation"]),
        (&true.into(), &2.into())
    );
    world.running.shutdown().await;
}

#[tokio::test]
async fn a_server_waits_for_definitions_before_it_is_ready() {
    let data = tempfile::tempdir().unwrap();
    let definitions = Definitions::new([definition("lamps", "color")]);
    definitions.is_away(true);
    let source = ClusterDefinitions::of(SERVER).client(definitions.cluster.client.clone());
    let builder = Server::builder("test").definitions(source);
    let loopback = builder.loopback();
    let running = builder
        .build()
        .start(Config::for_tests(data.path()))
        .await
        .unwrap();
    let world = World {
        client: loopback.client().await.unwrap(),
        running,
    };
    eventually("it asks", || definitions.cluster.count("definitions") > 0).await;
    assert_eq!(world.code("/readyz").await, 500);
    assert_eq!(world.code("/readyz/poststarthook/definitions-sync").await, 500);
    for path in [LAMPS, "/apis/example.com/v1", REPORT_PATH] {
        assert_eq!(world.code(path).await, 503, "{path}");
    }
    definitions.is_away(false);
    world
        .until("it is ready", async || world.code("/readyz").await == 200)
        .await;
    assert_eq!(world.code(LAMPS).await, 200);
    world.running.shutdown().await;
}

#[tokio::test]
async fn a_server_without_a_cluster_has_no_definitions_of_one() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::builder("test")
        .definitions(ClusterDefinitions::of("a"))
        .build();
    let refused = server.start(Config::for_tests(data.path())).await.unwrap_err();
    assert!(matches!(refused, StartError::NoCluster(_)), "{refused}");
}
