//! Against what the Go sample-apiserver answers (`testdata/`).

use http::header::ACCEPT;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::request::media;
use crate::resource::{ScalePaths, typed};

mod v1alpha1 {
    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema)]
    pub(super) struct Flunder {
        pub(super) metadata: ObjectMeta,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    pub(super) struct Fischer {
        metadata: ObjectMeta,
    }

    crate::kind!(Flunder: "wardle.example.com", "v1alpha1", "flunders", Namespaced);
    crate::kind!(Fischer: "wardle.example.com", "v1alpha1", "fischers", Cluster);
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Flunder {
    metadata: ObjectMeta,
}

crate::kind!(Flunder: "wardle.example.com", "v1beta1", "flunders", Namespaced);

impl From<v1alpha1::Flunder> for Flunder {
    fn from(old: v1alpha1::Flunder) -> Self {
        Self {
            metadata: old.metadata,
        }
    }
}

impl From<Flunder> for v1alpha1::Flunder {
    fn from(new: Flunder) -> Self {
        Self {
            metadata: new.metadata,
        }
    }
}

fn wardle() -> Discovery {
    let resources = [
        typed::resource::<v1alpha1::Fischer>().build().unwrap(),
        typed::resource::<v1alpha1::Flunder>()
            .hub::<Flunder>()
            .build()
            .unwrap(),
    ];
    Discovery::new(&resources.map(Arc::new), ":24443")
}

fn found<'a>(discovery: &'a Discovery, path: &str) -> &'a Value {
    match discovery.find(path) {
        Found::Groups(document, _) | Found::One(document) => document.value(),
        other => panic!("{path}: {other:?}"),
    }
}

fn go(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn documents_are_those_of_the_go_server() {
    let discovery = wardle();
    for (path, expected) in [
        ("/apis", include_str!("testdata/apis.json")),
        ("/apis/", include_str!("testdata/apis.json")),
        ("/apis/wardle.example.com", include_str!("testdata/group.json")),
        ("/apis/wardle.example.com/", include_str!("testdata/group.json")),
        (
            "/apis/wardle.example.com/v1alpha1",
            include_str!("testdata/v1alpha1.json"),
        ),
    ] {
        assert_eq!(found(&discovery, path), &go(expected), "{path}");
    }
    let Found::Groups(_, aggregated) = discovery.find("/apis") else {
        panic!("there are groups");
    };
    assert_eq!(aggregated.value(), &go(include_str!("testdata/aggregated.json")));
}

#[tokio::test]
async fn protobuf_is_that_of_the_go_server() {
    use http_body_util::BodyExt as _;

    let discovery = wardle();
    let mut headers = HeaderMap::new();
    let aggregated =
        "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    headers.insert(ACCEPT, aggregated.parse().unwrap());
    let Found::Groups(groups, all) = discovery.find("/apis") else {
        panic!("there are groups");
    };
    let response = all.answer_tagged(&headers);
    assert_eq!(response.headers()["content-type"], aggregated);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, &include_bytes!("testdata/aggregated.pb")[..]);

    headers.insert(ACCEPT, "application/vnd.kubernetes.protobuf,*/*".parse().unwrap());
    let wanted = media::document(&headers, "").unwrap();
    let one = |path: &str| match discovery.find(path) {
        Found::One(document) => document.answer(wanted),
        other => panic!("{path}: {other:?}"),
    };
    for (response, expected) in [
        (groups.answer(wanted), &include_bytes!("testdata/apis.pb")[..]),
        (
            one("/apis/wardle.example.com"),
            &include_bytes!("testdata/group.pb")[..],
        ),
        (
            one("/apis/wardle.example.com/v1alpha1"),
            &include_bytes!("testdata/v1alpha1.pb")[..],
        ),
    ] {
        assert_eq!(response.headers()["content-type"], media::PROTOBUF);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, expected);
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let discovery = wardle();
    assert!(matches!(
        discovery.find("/apis/wardle.example.com/v9"),
        Found::NoVersion
    ));
    for path in [
        "/api",
        "/apis/none",
        "/apis/none/v1",
        "/apis//",
        "//apis",
        "/apis/wardle.example.com/v1alpha1/x",
        "",
    ] {
        assert!(matches!(discovery.find(path), Found::Elsewhere), "{path}");
    }
}

#[test]
fn every_path_is_listed() {
    assert_eq!(
        wardle().paths().collect::<Vec<_>>(),
        [
            "/apis",
            "/apis/wardle.example.com",
            "/apis/wardle.example.com/v1alpha1",
            "/apis/wardle.example.com/v1beta1"
        ]
    );
}

#[test]
fn a_client_gets_everything_at_once_if_it_asks_for_it_first() {
    const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    const V2BETA1: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
    let wants = |accept: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        Discovery::wants_aggregated(&headers)
    };
    for accept in [
        V2.to_owned(),
        format!("{V2},{V2BETA1},application/json"),
        format!("{V2BETA1},{V2},application/json"),
        format!("{V2};profile=nopeer,application/json"),
        format!("application/json;q=0.9,{V2}"),
        format!(
            "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,{V2}"
        ),
    ] {
        assert!(wants(&accept), "{accept}");
    }
    for accept in [
        "",
        "*/*",
        "application/json",
        "application/vnd.kubernetes.protobuf",
        V2BETA1,
        "text/html",
        &format!("application/json,{V2}"),
    ] {
        assert!(!wants(accept), "{accept}");
    }
}

#[test]
fn subresources_are_told_with_their_verbs_and_kinds() {
    let paths = ScalePaths {
        spec_replicas: ".spec.replicas".into(),
        status_replicas: ".status.replicas".into(),
        label_selector: None,
    };
    let flunders = typed::resource::<v1alpha1::Flunder>()
        .status()
        .scale(paths)
        .build()
        .unwrap();
    let discovery = Discovery::new(&[Arc::new(flunders)], ":1");
    let list = found(&discovery, "/apis/wardle.example.com/v1alpha1");
    let told: Vec<_> = list["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| {
            (
                resource["name"].as_str().unwrap(),
                resource["kind"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("flunders", "Flunder"),
            ("flunders/scale", "Scale"),
            ("flunders/status", "Flunder")
        ]
    );
    assert_eq!(list["resources"][1]["group"], "autoscaling");
    assert_eq!(list["resources"][2]["verbs"], json!(["get", "patch", "update"]));
    let Found::Groups(_, aggregated) = discovery.find("/apis") else {
        panic!("no groups");
    };
    assert_eq!(
        aggregated.value()["items"][0]["versions"][0]["resources"][0]["subresources"],
        json!([
            {
                "subresource": "scale",
                "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
                "verbs": ["get", "patch", "update"],
            },
            {
                "subresource": "status",
                "responseKind": {"group": "", "version": "", "kind": "Flunder"},
                "verbs": ["get", "patch", "update"],
            },
        ])
    );
}
