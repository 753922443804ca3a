//! What is served is what was authorized, whatever the path: the same RequestInfo decides both, and nothing reads the path a
//! second time.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::super::testing::{TestServer, authorized, next_frames};
use crate::object::Object;
use crate::request::selector::{FieldSelector, LabelSelector};
use crate::request::{RequestInfo, Verb};
use crate::response::Body;
use crate::storage::{List, Prefix, ReadAt, Storage as _};

const V1: &str = "/apis/wardle.example.com/v1alpha1";

/// Flunders `a` and `b` in `one`, `a` and `c` in `two`; Fischers `a` and `b`. Whatever is called `a` is labelled so.
async fn stocked() -> TestServer {
    let server = TestServer::new();
    for (path, name) in [
        ("namespaces/one/flunders", "a"),
        ("namespaces/one/flunders", "b"),
        ("namespaces/two/flunders", "a"),
        ("namespaces/two/flunders", "c"),
        ("fischers", "a"),
        ("fischers", "b"),
    ] {
        let object = json!({"metadata": {"name": name, "labels": {"called": name}}});
        assert_eq!(server.post(&format!("{V1}/{path}"), &object).await.code, 201);
    }
    server
}

#[tokio::test]
async fn a_watch_of_one_object_is_never_served_as_a_watch_of_all() {
    let server = stocked().await;
    for path in [
        "/apis/wardle.example.com/v1alpha1/watch/namespaces/one/flunders/a",
        "//apis/wardle.example.com/v1alpha1/watch/namespaces/one/flunders/a",
        "///apis/wardle.example.com/v1alpha1/watch/namespaces/one/flunders/a",
        "/%2Fapis/wardle.example.com/v1alpha1/watch/namespaces/one/flunders/a",
    ] {
        let path = format!("{path}?watch=1");
        let request = authorized("GET", &path);
        assert_eq!(
            (request.info().verb, request.info().name.as_str()),
            (Verb::Watch, "a")
        );
        let mut response = server.response("GET", &path, &[], "").await;
        if path.starts_with("/apis") {
            let names: Vec<Value> = next_frames(response.body_mut())
                .await
                .into_iter()
                .map(|event| event["object"]["metadata"]["name"].clone())
                .collect();
            assert_eq!(names, ["a"], "{path}");
        } else {
            assert_eq!(response.status(), 404, "{path}");
        }
    }
}

#[tokio::test]
async fn slashes_are_where_go_s_router_has_them() {
    let server = stocked().await;
    for (path, code) in [
        ("/apis/wardle.example.com/v1alpha1/namespaces/one/flunders/", 200),
        (
            "/apis/wardle.example.com/v1alpha1/namespaces/one/flunders/a/",
            200,
        ),
        (
            "/apis/wardle.example.com/v1alpha1/namespaces/one%2Fflunders/a",
            200,
        ),
        ("//apis/wardle.example.com/v1alpha1/namespaces/one/flunders", 404),
        ("/apis//wardle.example.com/v1alpha1/namespaces/one/flunders", 404),
        ("/apis/wardle.example.com/v1alpha1//namespaces/one/flunders", 404),
        ("/apis/wardle.example.com/v1alpha1/namespaces/one//flunders", 404),
        (
            "/apis/wardle.example.com/v1alpha1/namespaces/one/flunders/a%2Fstatus",
            404,
        ),
    ] {
        assert_eq!(server.get(path).await.code, code, "{path}");
    }
}

/// Paths that are served.
const TEMPLATES: [&str; 10] = [
    "apis/wardle.example.com/v1alpha1/namespaces/one/flunders",
    "apis/wardle.example.com/v1alpha1/namespaces/one/flunders/a",
    "apis/wardle.example.com/v1beta1/namespaces/two/flunders/a",
    "apis/wardle.example.com/v1alpha1/flunders",
    "apis/wardle.example.com/v1alpha1/fischers",
    "apis/wardle.example.com/v1alpha1/fischers/a",
    "apis/wardle.example.com/v1alpha1/watch/flunders",
    "apis/wardle.example.com/v1alpha1/watch/fischers/a",
    "apis/wardle.example.com/v1alpha1/watch/namespaces/one/flunders",
    "apis/wardle.example.com/v1alpha1/watch/namespaces/one/flunders/a",
];

/// A sequence of numbers that looks random, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.roll(choices.len())]
    }

    fn path(&mut self) -> String {
        let template = self.pick(&TEMPLATES);
        let mut segments: Vec<String> = template.split('/').map(str::to_owned).collect();
        for _ in 0..self.roll(3) {
            let at = self.roll(segments.len());
            let other = self
                .pick(&[
                    "",
                    "watch",
                    "proxy",
                    "namespaces",
                    "one",
                    "two",
                    "flunders",
                    "fischers",
                    "a",
                    "c",
                    "status",
                    "new",
                    ".",
                    "..",
                    "a%2Fb",
                    "%2F",
                    "%61",
                    "apis",
                ])
                .to_owned();
            match self.roll(3) {
                0 => segments.insert(at, other),
                1 => segments[at] = other,
                _ => {
                    segments.remove(at);
                }
            }
        }
        let slashes = self.pick(&["/", "/", "/", "/", "//", "///"]);
        let end = self.pick(&["", "", "", "/", "//"]);
        format!("{slashes}{}{end}", segments.join("/"))
    }

    fn query(&mut self) -> String {
        let pairs: Vec<&str> = (0..self.roll(3))
            .map(|_| {
                self.pick(&[
                    "watch=1",
                    "watch=true",
                    "watch",
                    "watch=0",
                    "wat%63h=1",
                    "watch=1;watch=0",
                    "fieldSelector=metadata.name%3Da",
                    "fieldSelector=metadata.name%3Db",
                    "fieldSelector=metadata.name!%3Da",
                    "fieldSelector=metadata.namespace%3Dtwo",
                    "fieldSelector=metadata.name%3Da,metadata.name%3Db",
                    "fieldSelector=",
                    "field%53elector=metadata.name%3Dc",
                    "labelSelector=called%3Da",
                    "labelSelector=called%21%3Da",
                    "limit=1",
                    "resourceVersion=0",
                    "dryRun=All",
                ])
            })
            .collect();
        pairs.join("&")
    }
}

/// Every object in the store, by its key, with its revision.
async fn stored(server: &TestServer) -> BTreeMap<String, (u64, Value)> {
    let mut all = BTreeMap::new();
    for resource in ["flunders", "fischers"] {
        let list = List {
            prefix: Prefix::resource("wardle.example.com", resource).unwrap(),
            after: None,
            limit: None,
            at: ReadAt::Latest,
        };
        for entry in server.store.list(&list).await.unwrap().entries {
            let value = serde_json::from_slice(entry.value()).unwrap();
            all.insert(entry.key().as_str().to_owned(), (entry.revision().get(), value));
        }
    }
    all
}

/// Whether an object, of the kind that its resource has, is one that was authorized.
fn is_authorized(info: &RequestInfo, object: &Value) -> bool {
    let object = Object(object.as_object().cloned().unwrap_or_default());
    let kind = match info.resource.as_str() {
        "flunders" => "Flunder",
        "fischers" => "Fischer",
        other => panic!("{other} is not served"),
    };
    let field = |field: &str| match field {
        "metadata.name" => object.name().to_owned().into(),
        "metadata.namespace" => object.namespace().to_owned().into(),
        other => panic!("{other}"),
    };
    object.kind() == kind
        && (info.namespace.is_empty() || object.namespace() == info.namespace)
        && (info.name.is_empty() || object.name() == info.name)
        && LabelSelector::parse(&info.label_selector)
            .unwrap()
            .matches(&object.labels())
        && FieldSelector::parse(&info.field_selector).unwrap().matches(field)
}

async fn whole(body: Body) -> Value {
    serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap_or_default()
}

/// Asks, and looks at what is shown and what is done: nothing but what was authorized. Answers with the verb of what was served,
/// `None` where nothing was.
async fn served(method: &str, uri: &str) -> Option<Verb> {
    let Ok(info) = RequestInfo::parse(&method.parse().unwrap(), &uri.parse().unwrap()) else {
        return None;
    };
    if !info.is_resource {
        return None;
    }
    let server = stocked().await;
    let before = stored(&server).await;
    let (headers, body) = match method {
        "PATCH" => (
            vec![("content-type", "application/merge-patch+json")],
            json!({"spec": {"size": 9}}).to_string(),
        ),
        "PUT" => {
            let name = info.name.as_str();
            let old = before
                .values()
                .find(|(_, object)| object["metadata"]["name"] == name);
            let revision = old.map(|(revision, _)| revision.to_string()).unwrap_or_default();
            let metadata = json!({"name": name, "resourceVersion": revision});
            (
                vec![],
                json!({"metadata": metadata, "spec": {"size": 9}}).to_string(),
            )
        }
        "POST" => (
            vec![],
            json!({"metadata": {"name": "new", "labels": {"called": "a"}}}).to_string(),
        ),
        _ => (vec![], String::new()),
    };
    let mut response = server.response(method, uri, &headers, body).await;
    if !response.status().is_success() {
        return None;
    }
    let case = format!("{method} {uri}: {info:?}");
    assert!(info.subresource.is_empty(), "{case}");
    // What an answer shows.
    let shown: Vec<Value> = match info.verb {
        Verb::Watch => response
            .body_mut()
            .frame()
            .now_or_never()
            .flatten()
            .map(|frame| frame.unwrap().into_data().unwrap())
            .unwrap_or_default()
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice::<Value>(line).unwrap()["object"].clone())
            .collect(),
        Verb::List | Verb::DeleteCollection => {
            let list = whole(response.into_body()).await;
            assert!(list["kind"].as_str().unwrap().ends_with("List"), "{case}: {list}");
            list["items"].as_array().unwrap().clone()
        }
        Verb::Delete => Vec::new(),
        Verb::Get | Verb::Create | Verb::Update | Verb::Patch => {
            let object = whole(response.into_body()).await;
            assert!(
                matches!(object["kind"].as_str(), Some("Flunder" | "Fischer")),
                "{case}: {object}"
            );
            vec![object]
        }
        Verb::Other => panic!("{case}"),
    };
    for object in &shown {
        assert!(is_authorized(&info, object), "{case}: {object}");
    }
    // What it did.
    let after = stored(&server).await;
    let changed = before
        .iter()
        .chain(&after)
        .filter(|(key, object)| before.get(*key) != Some(object) || after.get(*key) != Some(object));
    for (key, (_, object)) in changed {
        assert!(is_authorized(&info, object), "{case}: {object}");
        let fits = match (before.contains_key(key), after.contains_key(key)) {
            (false, true) => info.verb == Verb::Create,
            (true, true) => matches!(info.verb, Verb::Update | Verb::Patch),
            (true, false) => matches!(info.verb, Verb::Delete | Verb::DeleteCollection),
            (false, false) => false,
        };
        assert!(fits, "{case}: {key}");
    }
    Some(info.verb)
}

#[tokio::test]
async fn what_is_served_is_what_was_authorized() {
    let mut dice = Dice(7);
    let mut verbs: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..6000 {
        let method = dice.pick(&[
            "GET", "GET", "GET", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS",
        ]);
        let uri = format!("{}?{}", dice.path(), dice.query());
        if let Some(verb) = served(method, &uri).await {
            *verbs.entry(verb.as_str()).or_default() += 1;
        }
    }
    for verb in [
        "get",
        "list",
        "watch",
        "create",
        "update",
        "patch",
        "delete",
        "deletecollection",
    ] {
        assert!(
            verbs.get(verb).is_some_and(|count| *count >= 10),
            "{verb}: {verbs:?}"
        );
    }
}

/// An empty segment at each place of each path: RequestInfo counts it, so the router may not pass over it.
#[tokio::test]
async fn an_empty_segment_is_authorized_and_served_as_one() {
    for template in TEMPLATES {
        let segments: Vec<&str> = template.split('/').collect();
        for place in 0..=segments.len() {
            for slashes in [1, 2] {
                let mut segments = segments.clone();
                segments.splice(place..place, std::iter::repeat_n("", slashes));
                let path = format!("/{}", segments.join("/"));
                for (method, query) in [
                    ("GET", ""),
                    ("GET", "watch=1"),
                    ("GET", "watch=1&fieldSelector=metadata.name%3Da"),
                    ("DELETE", ""),
                    ("POST", ""),
                ] {
                    let uri = format!("{path}?{query}");
                    let served = served(method, &uri).await;
                    // As in Go, before, in and behind the group and the version nothing is routed.
                    assert!(place > 3 || served.is_none(), "{method} {uri}: {served:?}");
                }
            }
        }
    }
}
