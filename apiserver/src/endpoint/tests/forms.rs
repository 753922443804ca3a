use serde_json::{Value, json};

use super::super::testing::{FISCHERS, FLUNDERS, TestServer, next_frames};

const TABLE: (&str, &str) = (
    "accept",
    "application/json;as=Table;g=meta.k8s.io;v=v1,application/json",
);
const PARTIAL: (&str, &str) = (
    "accept",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
);
const PARTIAL_LIST: (&str, &str) = (
    "accept",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
);

#[tokio::test]
async fn a_table_has_go_s_default_columns_and_metadata_beside_its_rows() {
    let server = TestServer::new();
    let a = server.create("a").await;
    let table = server.send("GET", FLUNDERS, &[TABLE], "").await.json();
    assert_eq!(
        (&table["kind"], &table["apiVersion"]),
        (&json!("Table"), &json!("meta.k8s.io/v1"))
    );
    assert_eq!(
        table["metadata"],
        json!({"resourceVersion": a["metadata"]["resourceVersion"]})
    );
    let columns = table["columnDefinitions"].as_array().unwrap();
    assert_eq!(columns[0]["name"], "Name");
    assert_eq!(
        (&columns[1]["name"], &columns[1]["priority"]),
        (&json!("Created At"), &json!(0))
    );
    assert_eq!(
        table["rows"],
        json!([{
            "cells": ["a", a["metadata"]["creationTimestamp"]],
            "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": a["metadata"]},
        }])
    );
    let one = server
        .send("GET", &format!("{FLUNDERS}/a?includeObject=Object"), &[TABLE], "")
        .await
        .json();
    assert_eq!(one["metadata"], table["metadata"]);
    assert_eq!(one["rows"][0]["object"], a);
    let none = server
        .send(
            "GET",
            &format!("{FLUNDERS}?includeObject=None&limit=1"),
            &[TABLE],
            "",
        )
        .await
        .json();
    assert_eq!(none["rows"][0]["object"], Value::Null);
    let reply = server
        .send("GET", &format!("{FLUNDERS}?includeObject=x"), &[TABLE], "")
        .await;
    assert_eq!(reply.code, 400);
    let empty = server
        .send(
            "GET",
            "/apis/wardle.example.com/v1alpha1/namespaces/other/flunders",
            &[TABLE],
            "",
        )
        .await
        .json();
    assert_eq!(empty["rows"], Value::Null);
}

#[tokio::test]
async fn printed_columns_are_read_from_the_object() {
    let server = TestServer::new();
    let empty = server.send("GET", FISCHERS, &[TABLE], "").await.json();
    assert_eq!(empty["rows"], json!([]));
    let fischer = json!({"metadata": {"name": "a"}, "spec": {"size": 7}});
    assert_eq!(server.post(FISCHERS, &fischer).await.code, 201);
    let table = server.send("GET", FISCHERS, &[TABLE], "").await.json();
    assert_eq!(table["columnDefinitions"][1]["name"], "Size");
    assert_eq!(table["columnDefinitions"][1]["priority"], 1);
    assert_eq!(table["rows"][0]["cells"], json!(["a", 7]));
}

#[tokio::test]
async fn metadata_alone_is_a_partial_object() {
    let server = TestServer::new();
    let empty = server.send("GET", FLUNDERS, &[PARTIAL_LIST], "").await.json();
    assert_eq!(empty["items"], Value::Null);
    let a = server.create("a").await;
    let partial =
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": a["metadata"]});
    for path in [FLUNDERS, super::super::testing::BETA] {
        let one = server
            .send("GET", &format!("{path}/a"), &[PARTIAL], "")
            .await
            .json();
        assert_eq!(one, partial);
        let list = server.send("GET", path, &[PARTIAL_LIST], "").await.json();
        assert_eq!(
            (&list["kind"], &list["apiVersion"]),
            (&json!("PartialObjectMetadataList"), &json!("meta.k8s.io/v1"))
        );
        assert_eq!(list["items"], json!([partial]));
    }
    let created = server
        .send("POST", FLUNDERS, &[PARTIAL], r#"{"metadata":{"name":"b"}}"#)
        .await;
    assert_eq!(
        (created.code, &created.json()["kind"]),
        (201, &json!("PartialObjectMetadata"))
    );
}

#[tokio::test]
async fn an_object_is_no_list_and_a_list_no_object() {
    let server = TestServer::new();
    server.create("a").await;
    let list = server.send("GET", FLUNDERS, &[PARTIAL], "").await;
    assert_eq!(
        list.error(),
        (
            406,
            "you requested PartialObjectMetadata, but the requested object is a list (*wardle.FlunderList)"
                .into()
        )
    );
    let object = server
        .send("GET", &format!("{FLUNDERS}/a"), &[PARTIAL_LIST], "")
        .await;
    let message =
        "you requested PartialObjectMetadataList, but the requested object is not a list (*wardle.Flunder)";
    assert_eq!(object.error(), (406, message.into()));
    let post = server
        .send("POST", FLUNDERS, &[PARTIAL_LIST], r#"{"metadata":{"name":"b"}}"#)
        .await;
    assert_eq!(post.error(), (406, message.into()));
    assert_eq!(
        server.get(&format!("{FLUNDERS}/b")).await.code,
        404,
        "nothing was created"
    );
    let html = server.send("GET", FLUNDERS, &[("accept", "text/html")], "").await;
    assert_eq!(html.error().0, 406);
    assert!(html.body.starts_with(b"{\n  \"kind\""), "raw JSON is indented");
}

#[tokio::test]
async fn people_get_indented_json_and_yaml_is_an_equal() {
    let server = TestServer::new();
    let a = server.create("a").await;
    let path = format!("{FLUNDERS}/a");
    let pretty = server.send("GET", &path, &[("user-agent", "curl/8")], "").await;
    assert!(pretty.body.starts_with(b"{\n  \"kind\": \"Flunder\""));
    assert_eq!(pretty.json(), a);
    let yaml = server
        .send("GET", &path, &[("accept", "application/yaml")], "")
        .await;
    assert_eq!(yaml.header("content-type"), Some("application/yaml"));
    assert_eq!(serde_saphyr::from_slice::<Value>(&yaml.body).unwrap(), a);
    let list = server
        .send("GET", FLUNDERS, &[("accept", "application/yaml")], "")
        .await;
    assert_eq!(
        serde_saphyr::from_slice::<Value>(&list.body).unwrap()["items"],
        json!([a])
    );
    let error = server
        .send(
            "GET",
            &format!("{FLUNDERS}/b"),
            &[("accept", "application/yaml")],
            "",
        )
        .await;
    let status: Value = serde_saphyr::from_slice(&error.body).unwrap();
    assert_eq!((error.code, &status["reason"]), (404, &json!("NotFound")));
}

#[tokio::test]
async fn managed_fields_are_left_out_of_every_answer_where_the_server_hears_it() {
    const DROP: (&str, &str) = (
        "accept",
        "application/json;drop=metadata.unknown+metadata.managedFields",
    );
    let has = |object: &Value| object["metadata"].get("managedFields").is_some();
    let deaf = TestServer::new();
    deaf.create("a").await;
    assert!(has(&deaf
        .send("GET", &format!("{FLUNDERS}/a"), &[DROP], "")
        .await
        .json()));

    let mut server = TestServer::new();
    server.endpoints = server.endpoints.managed_fields_opt_out(true);
    let whole = server.create("a").await;
    let mut without = whole.clone();
    without["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("managedFields")
        .unwrap();
    let path = format!("{FLUNDERS}/a");
    assert_eq!(server.get(&path).await.json(), whole);
    assert_eq!(server.send("GET", &path, &[DROP], "").await.json(), without);
    // In another version, in which it was encoded for the whole answer already.
    let beta = path.replace("v1alpha1", "v1beta1");
    assert!(has(&server.get(&beta).await.json()));
    assert!(!has(&server.send("GET", &beta, &[DROP], "").await.json()));
    let list = server.send("GET", FLUNDERS, &[DROP], "").await;
    assert_eq!(list.headers["content-length"], list.body.len().to_string());
    let item = &list.json()["items"][0];
    assert_eq!(
        (&item["metadata"], &item["spec"]),
        (&without["metadata"], &without["spec"])
    );
    for form in [
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1;drop=metadata.managedFields",
        "application/yaml;drop=metadata.managedFields",
    ] {
        let reply = server.send("GET", &path, &[("accept", form)], "").await;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(
            text.contains("resourceVersion") && !text.contains("managedFields"),
            "{text}"
        );
    }
    let protobuf = |drop: &str| {
        format!("application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1{drop}")
    };
    let sizes = async |drop: &str| {
        let accept = protobuf(drop);
        server
            .send("GET", FLUNDERS, &[("accept", accept.as_str())], "")
            .await
            .body
            .len()
    };
    assert!(sizes(";drop=metadata.managedFields").await < sizes("").await);
    let table = "application/json;as=Table;g=meta.k8s.io;v=v1;drop=metadata.managedFields";
    let table = server
        .send("GET", FLUNDERS, &[("accept", table)], "")
        .await
        .json();
    assert_eq!(table["rows"][0]["object"]["metadata"], without["metadata"]);
    let patch = [DROP, ("content-type", "application/merge-patch+json")];
    let patched = server
        .send("PATCH", &path, &patch, r#"{"metadata":{"labels":{"a":"b"}}}"#)
        .await
        .json();
    assert!(!has(&patched) && patched["metadata"]["labels"]["a"] == "b");
    let dry = server
        .send(
            "PATCH",
            &format!("{path}?dryRun=All"),
            &patch,
            r#"{"metadata":{"labels":{"a":"c"}}}"#,
        )
        .await;
    assert!(!has(&dry.json()));

    let watch = format!("{FLUNDERS}?watch=true");
    let mut without = server.response("GET", &watch, &[DROP], "").await.into_body();
    let mut whole = server.response("GET", &watch, &[], "").await.into_body();
    server
        .merge(&path, &json!({"metadata": {"labels": {"a": "d"}}}))
        .await;
    for (body, expected) in [(&mut without, false), (&mut whole, true)] {
        let mut told = Vec::new();
        while told.len() < 2 {
            told.extend(next_frames(body).await);
        }
        assert_eq!(
            told.iter().map(|event| has(&event["object"])).collect::<Vec<_>>(),
            [expected; 2]
        );
        assert_eq!(told[1]["object"]["metadata"]["labels"]["a"], "d");
    }
}
