//! Answers of two servers that are alike, and that are not.

use http::HeaderMap;
use serde_json::json;

use super::*;

fn read(body: &Value, memory: &mut Memory) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    Answer::read(200, &headers, body.to_string().as_bytes(), memory)
}

#[test]
fn what_may_differ_is_the_same_and_what_may_not_is_not() {
    let object = |revision: &str, uid: &str, time: &str, color: &str| {
        json!({"metadata": {"name": "a", "resourceVersion": revision, "uid": uid, "creationTimestamp": time,
            "managedFields": [{"manager": "m", "time": time}]}, "spec": {"color": color}, "message": format!("current: {revision}, {uid} at {time}: x")})
    };
    let one = read(
        &object("5", "u-1", "2026-01-02T03:04:05Z", "red"),
        &mut Memory::default(),
    );
    let same = read(
        &object("77", "u-2", "2026-01-02T03:04:06Z", "red"),
        &mut Memory::default(),
    );
    let other = read(
        &object("5", "u-1", "2026-01-02T03:04:05Z", "blue"),
        &mut Memory::default(),
    );
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[test]
fn what_later_requests_name_is_remembered() {
    let mut memory = Memory::default();
    read(
        &json!({"metadata": {"continue": "t"}, "items": [{"metadata": {"name": "a", "resourceVersion": "5", "uid": "u"}}]}),
        &mut memory,
    );
    assert_eq!(memory.said["rv a"], "5");
    assert_eq!(memory.said["uid a"], "u");
    assert_eq!(memory.said["continue"], "t");
}

#[test]
fn a_write_that_was_none_is_told() {
    let object = |revision: &str| json!({"metadata": {"name": "a", "resourceVersion": revision}});
    let (mut one, mut other) = (Memory::default(), Memory::default());
    assert_eq!(read(&object("5"), &mut one), read(&object("70"), &mut other));
    let unchanged = read(&object("5"), &mut one);
    assert_ne!(unchanged, read(&object("71"), &mut other));
    assert_eq!(unchanged, read(&object("71"), &mut other));
}

/// Go writes what nobody changed where a manager, of the same second as another one before, writes in a later second.
#[test]
fn a_write_of_the_order_of_managers_alone_is_none() {
    let object = |revision: &str, color: &str, managers: [(&str, u8); 2]| {
        let entry = |(manager, second)| json!({"manager": manager, "operation": "Apply", "time": format!("2026-01-02T03:04:0{second}Z")});
        json!({"apiVersion": "v1", "kind": "Paint",
            "metadata": {"name": "a", "resourceVersion": revision, "managedFields": managers.map(entry)},
            "spec": {"color": color}})
    };
    let told = |revision, color, managers| {
        let mut memory = Memory::default();
        read(&object("5", "red", [("three", 1), ("two", 1)]), &mut memory);
        read(&object(revision, color, managers), &mut memory)
    };
    let unchanged = told("5", "red", [("three", 1), ("two", 1)]);
    assert_eq!(unchanged, told("6", "red", [("two", 1), ("three", 2)]));
    // With the order of before there was no reason to write.
    assert_ne!(unchanged, told("6", "red", [("three", 1), ("two", 2)]));
    let written = told("6", "blue", [("three", 1), ("two", 2)]);
    assert_eq!(written, told("6", "blue", [("two", 1), ("three", 2)]));
    assert_ne!(unchanged, written);
}

#[test]
fn managed_fields_are_compared() {
    let object = |manager: &str| json!({"metadata": {"managedFields": [{"manager": manager, "fieldsV1": {"f:a": {}}}]}});
    let of = |manager| read(&object(manager), &mut Memory::default());
    assert_eq!(of("a"), of("a"));
    assert_ne!(of("a"), of("b"));
}

#[test]
fn the_age_of_a_young_object_is_not_compared() {
    let cells = |age: &str| read(&json!({"cells": ["a", age]}), &mut Memory::default());
    assert_eq!(cells("0s"), cells("17s"));
    assert_ne!(cells("0s"), cells("s"));
    assert_ne!(cells("0s"), cells("features"));
}

#[test]
fn an_empty_revision_is_none() {
    let with = read(
        &json!({"metadata": {"resourceVersion": "5"}}),
        &mut Memory::default(),
    );
    let without = read(
        &json!({"metadata": {"resourceVersion": ""}}),
        &mut Memory::default(),
    );
    assert_ne!(with, without);
}

#[test]
fn a_watch_is_compared_line_by_line() {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    let body = b"{\"type\":\"ADDED\"}\n{\"type\":\"DELETED\"}\n";
    assert_eq!(
        Answer::read(200, &headers, body, &mut Memory::default())
            .body
            .len(),
        2
    );
}
