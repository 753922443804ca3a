use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::GzDecoder;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, EXPIRES, IF_NONE_MATCH,
    LOCATION,
};
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::resource::{ScalePaths, typed};
use crate::response::{Body, Response};

/// A lamp.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Lamp {
    metadata: ObjectMeta,
    /// How much it takes.
    watts: Option<i32>,
    #[serde(default)]
    default: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Plant {
    metadata: ObjectMeta,
}

crate::kind!(Lamp: "light.example.com", "v1", "lamps", Namespaced);
crate::kind!(Plant: "power.example.com", "v1beta1", "plants", Cluster);

const LAMPS: &str = "apis/light.example.com/v1";
const GO_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";

fn info() -> Info {
    Info {
        title: "Light".into(),
        version: "0.1".into(),
    }
}

fn documents() -> Documents {
    let paths = ScalePaths {
        spec_replicas: ".spec.replicas".into(),
        status_replicas: ".status.replicas".into(),
        label_selector: None,
    };
    let resources = [
        typed::resource::<Lamp>().build().unwrap(),
        typed::resource::<Plant>().status().scale(paths).build().unwrap(),
    ];
    Documents::new(&info(), &resources.map(Arc::new))
}

fn parsed(document: &Document) -> Value {
    serde_json::from_slice(&document.bytes).unwrap()
}

fn ask(path: &str, query: Option<&str>, headers: &[(HeaderName, &str)]) -> Response {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.clone(), value.parse().unwrap()))
        .collect();
    documents()
        .answer(path, query, &headers, Timestamp::UNIX_EPOCH)
        .unwrap()
}

fn header(response: &Response, name: HeaderName) -> &str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn bytes(response: Response) -> Vec<u8> {
    match response.into_body() {
        Body::Ready(pieces) => pieces.iter().flat_map(|piece| piece.to_vec()).collect(),
        _ => panic!("a document is ready"),
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                assert_eq!(map.len(), 1, "something stands beside the reference in {value}");
                found.insert(reference.clone());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn documents_of_version_3_are_complete_in_themselves() {
    let documents = documents();
    let paths: Vec<&str> = documents.v3.keys().map(String::as_str).collect();
    let expected = [
        "apis",
        "apis/light.example.com",
        LAMPS,
        "apis/power.example.com",
        "apis/power.example.com/v1beta1",
        "version",
    ];
    assert_eq!(paths, expected);
    for (path, document) in &documents.v3 {
        let document = parsed(document);
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(!found.is_empty(), "{path}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference} in {path}");
        }
    }
}

#[test]
fn a_computed_resource_has_the_operations_that_it_offers() {
    let verbs = typed::Verbs::new().create(|_, lamp: Lamp, _| std::future::ready(Ok(lamp)));
    let lamps = typed::resource::<Lamp>().computed(verbs).build().unwrap();
    let documents = Documents::new(&info(), &[Arc::new(lamps)]);
    let paths = parsed(&documents.v3[LAMPS])["paths"].clone();
    let of = |path: &str| {
        let operations = paths[format!("/{LAMPS}/{path}")].as_object();
        let methods = operations.into_iter().flat_map(|operations| operations.keys());
        methods
            .filter(|key| *key != "parameters")
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(of("namespaces/{namespace}/lamps"), "post");
    assert_eq!(paths.get(format!("/{LAMPS}/lamps")), None);
    assert_eq!(
        paths.get(format!("/{LAMPS}/namespaces/{{namespace}}/lamps/{{name}}")),
        None
    );
}

#[test]
fn the_document_of_version_2_is_complete_in_itself() {
    let document = parsed(&documents().v2);
    let text = document.to_string();
    for (at, _) in text.match_indices("#/") {
        let reference = text[at..].split('"').next().unwrap();
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
    assert!(!text.contains("nullable"));
    let lamp = &document["definitions"]["com.example.light.v1.Lamp"];
    assert_eq!(lamp["properties"]["default"]["type"], "string");
    let metadata = &lamp["properties"]["metadata"]["$ref"];
    assert_eq!(
        metadata,
        "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    );
    let patch = &document["paths"]["/apis/light.example.com/v1/namespaces/{namespace}/lamps/{name}"]["patch"];
    assert_eq!(
        patch["consumes"],
        json!([
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
            "application/apply-patch+yaml"
        ])
    );
    assert_eq!(patch["parameters"][0]["in"], "body");
}

#[test]
fn kubectl_finds_what_it_asks_of_a_patch() {
    let document = parsed(&documents().v3[LAMPS]);
    let path = &document["paths"]["/apis/light.example.com/v1/namespaces/{namespace}/lamps/{name}"];
    let patch = &path["patch"];
    let gvk = json!({"group": "light.example.com", "version": "v1", "kind": "Lamp"});
    assert_eq!(patch["x-kubernetes-group-version-kind"], gvk);
    assert_eq!(patch["x-kubernetes-action"], "patch");
    let parameters = patch["parameters"].as_array().unwrap();
    for name in ["fieldValidation", "dryRun"] {
        let found = parameters
            .iter()
            .find(|parameter| parameter["name"] == name)
            .unwrap();
        assert_eq!(found["in"], "query");
    }
    let media: Vec<&String> = patch["requestBody"]["content"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(
        media,
        [
            "application/apply-patch+yaml",
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/strategic-merge-patch+json"
        ]
    );
    let metadata =
        &document["components"]["schemas"]["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]["properties"];
    let declared = |list: &str| {
        let said = |what: &str| metadata[list][format!("x-kubernetes-patch-{what}")].clone();
        (said("strategy"), said("merge-key"))
    };
    assert_eq!(declared("ownerReferences"), (json!("merge"), json!("uid")));
    assert_eq!(declared("finalizers"), (json!("merge"), json!(null)));
    let component = &document["components"]["schemas"]["com.example.light.v1.Lamp"];
    assert_eq!(component["x-kubernetes-group-version-kind"], json!([gvk]));
    assert_eq!(component["description"], "A lamp.");
    assert_eq!(
        component["properties"]["watts"]["description"],
        "How much it takes."
    );
}

#[test]
fn operations_have_the_names_that_kubernetes_gives_them() {
    let mut found = BTreeSet::new();
    for document in documents().v3.values() {
        for path in parsed(document)["paths"].as_object().unwrap().values() {
            for operation in path
                .as_object()
                .unwrap()
                .values()
                .filter(|value| value.is_object())
            {
                let id = operation["operationId"].as_str().unwrap().to_owned();
                assert!(found.insert(id.clone()), "{id} stands twice");
            }
        }
    }
    for id in [
        "getAPIVersions",
        "getCodeVersion",
        "getLightExampleComAPIGroup",
        "getLightExampleComV1APIResources",
        "listLightExampleComV1LampForAllNamespaces",
        "listLightExampleComV1NamespacedLamp",
        "createLightExampleComV1NamespacedLamp",
        "deleteLightExampleComV1CollectionNamespacedLamp",
        "readLightExampleComV1NamespacedLamp",
        "replaceLightExampleComV1NamespacedLamp",
        "patchLightExampleComV1NamespacedLamp",
        "deleteLightExampleComV1NamespacedLamp",
        "listPowerExampleComV1beta1Plant",
        "deletePowerExampleComV1beta1CollectionPlant",
        "readPowerExampleComV1beta1PlantStatus",
        "replacePowerExampleComV1beta1PlantScale",
        "patchPowerExampleComV1beta1PlantScale",
    ] {
        assert!(found.contains(id), "{id} is not in {found:?}");
    }
}

#[test]
fn a_scale_is_described_as_one() {
    let documents = documents();
    let document = parsed(&documents.v3["apis/power.example.com/v1beta1"]);
    let path = &document["paths"]["/apis/power.example.com/v1beta1/plants/{name}/scale"];
    assert_eq!(
        path["put"]["requestBody"]["content"]["*/*"]["schema"]["$ref"],
        "#/components/schemas/io.k8s.api.autoscaling.v1.Scale"
    );
    assert_eq!(
        path["get"]["x-kubernetes-group-version-kind"],
        json!({"group": "autoscaling", "version": "v1", "kind": "Scale"})
    );
    assert_eq!(
        path["patch"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/io.k8s.api.autoscaling.v1.Scale"
    );
    let status = &document["paths"]["/apis/power.example.com/v1beta1/plants/{name}/status"];
    assert_eq!(
        status["patch"]["x-kubernetes-group-version-kind"]["kind"],
        "Plant"
    );
}

#[test]
fn parameters_of_a_path_are_said_in_kubernetes_words() {
    let documents = documents();
    let described = |group: &str, path: &str| -> Vec<Value> {
        let said = &parsed(&documents.v3[group])["paths"][path]["parameters"];
        let of_path = said
            .as_array()
            .unwrap()
            .iter()
            .filter(|said| said["in"] == "path");
        of_path.map(|said| said["description"].clone()).collect()
    };
    let lamp = described(
        LAMPS,
        "/apis/light.example.com/v1/namespaces/{namespace}/lamps/{name}",
    );
    let namespace = "object name and auth scope, such as for teams and projects";
    assert_eq!(lamp, ["name of the Lamp", namespace]);
    let plants = "/apis/power.example.com/v1beta1/plants/{name}";
    assert_eq!(
        described("apis/power.example.com/v1beta1", plants),
        ["name of the Plant"]
    );
    let scale = described("apis/power.example.com/v1beta1", &format!("{plants}/scale"));
    assert_eq!(scale, ["name of the Scale"]);
}

#[test]
fn the_index_leads_to_documents_that_may_be_kept() {
    let index: Value = serde_json::from_slice(&bytes(ask("/openapi/v3", None, &[]))).unwrap();
    let url = index["paths"][LAMPS]["serverRelativeURL"].as_str().unwrap();
    let (path, query) = url.split_once('?').unwrap();
    let response = ask(path, Some(query), &[(ACCEPT, "application/json")]);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, CONTENT_TYPE), "application/json");
    assert_eq!(header(&response, CACHE_CONTROL), "public, immutable");
    assert_eq!(header(&response, EXPIRES), "Fri, 01 Jan 1971 00:00:00 UTC");
    let hash = query.strip_prefix("hash=").unwrap();
    assert_eq!(header(&response, ETAG), format!("\"{hash}\""));
    let digest: String = Sha512::digest(bytes(response))
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    assert_eq!(digest, hash);

    let stale = ask(path, Some("hash=X"), &[]);
    assert_eq!(stale.status(), StatusCode::MOVED_PERMANENTLY);
    assert_eq!(header(&stale, LOCATION), url);
    let plain = ask(path, None, &[]);
    assert_eq!(plain.status(), StatusCode::OK);
    assert_eq!(header(&plain, CACHE_CONTROL), "");
}

#[test]
fn what_a_client_has_is_not_sent_again() {
    for path in [
        "/openapi/v2",
        "/openapi/v3",
        "/openapi/v3/apis/light.example.com/v1",
    ] {
        let etag = header(&ask(path, None, &[]), ETAG).to_owned();
        let response = ask(path, None, &[(IF_NONE_MATCH, &format!("\"x\", {etag}"))]);
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{path}");
        assert_eq!(header(&response, ETAG), etag);
        assert!(bytes(response).is_empty());
        let response = ask(path, None, &[(IF_NONE_MATCH, "\"x\"")]);
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
}

#[test]
fn who_accepts_no_json_gets_nothing() {
    let cases = [
        ("application/json", StatusCode::OK),
        ("text/html, */*;q=0.5", StatusCode::OK),
        ("application/*", StatusCode::OK),
        (GO_PROTOBUF, StatusCode::NOT_ACCEPTABLE),
        ("text/plain", StatusCode::NOT_ACCEPTABLE),
        ("application/json;q=0", StatusCode::NOT_ACCEPTABLE),
    ];
    for (accept, status) in cases {
        for path in [
            "/openapi/v2",
            "/openapi/v3/apis/light.example.com/v1",
            "/openapi/v3/x",
        ] {
            assert_eq!(
                ask(path, None, &[(ACCEPT, accept)]).status(),
                status,
                "{accept} {path}"
            );
        }
        // The index is JSON to everybody.
        assert_eq!(
            ask("/openapi/v3", None, &[(ACCEPT, accept)]).status(),
            StatusCode::OK
        );
    }
    assert!(bytes(ask("/openapi/v3/x", None, &[])).is_empty());
    assert!(
        documents()
            .answer("/openapi", None, &HeaderMap::new(), Timestamp::UNIX_EPOCH)
            .is_none()
    );
}

#[test]
fn version_2_is_compressed_for_who_takes_it() {
    let plain = bytes(ask("/openapi/v2", None, &[(ACCEPT_ENCODING, "gzip;q=0")]));
    let response = ask("/openapi/v2", None, &[(ACCEPT_ENCODING, "deflate, gzip")]);
    assert_eq!(header(&response, CONTENT_ENCODING), "gzip");
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes(response).as_slice())
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain);
}
