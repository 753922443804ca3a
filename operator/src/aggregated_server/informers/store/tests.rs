use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::json;

use super::*;
use crate::{
    aggregated_server::informers::{Informers, server_index},
    applier::Cache as _,
    decode::{Guarded, ObjectMetadata},
};

type Pods = Store<Guarded<Pod>>;

fn pods() -> Pods {
    Informers::default().pods
}

fn pod(name: &str, server: &str, version: &str) -> Managed<Guarded<Pod>> {
    let pod = json!({
        "metadata": {
            "name": name, "namespace": "n", "uid": format!("u-{name}"), "resourceVersion": version,
            "labels": { annex_crds::SERVER_LABEL: server },
        },
    });
    serde_json::from_value(pod).unwrap()
}

fn names(pods: &Pods, server: &str) -> Vec<String> {
    let pods = pods.indexed(&server_index(server));
    pods.iter()
        .map(|pod| format!("{} {}", pod.name, pod.known.resource_version))
        .collect()
}

fn touched(touched: &[Touched]) -> Vec<String> {
    touched
        .iter()
        .map(|touched| format!("{}: {}", touched.name, touched.indexes.join(", ")))
        .collect()
}

#[test]
fn a_list_counts_once_it_is_whole_and_whatever_was_known_before() {
    let pods = pods();
    pods.observe(watcher::Event::Apply(pod("old", "a", "9")));
    pods.observe(watcher::Event::Apply(pod("gone", "a", "9")));
    pods.observe(watcher::Event::Init);
    // Of an etcd that was restored from a backup.
    pods.observe(watcher::Event::InitApply(pod("old", "a", "3")));
    assert!(!pods.listing().borrow().has("n"));
    let gone = pods.observe(watcher::Event::InitDone);
    assert!(pods.listing().borrow().has("n"));
    assert_eq!(touched(&gone), ["gone: server a"]);
    assert_eq!(names(&pods, "a"), ["old 3"]);
    assert!(
        pods.get("n", "old").is_some() && pods.get("n", "gone").is_none() && pods.get("", "old").is_none()
    );
}

#[test]
fn what_has_not_changed_wakes_nobody_and_a_label_that_moves_wakes_both() {
    let pods = pods();
    assert_eq!(
        touched(&pods.observe(watcher::Event::Apply(pod("p", "a", "1")))),
        ["p: server a"]
    );
    assert!(
        pods.observe(watcher::Event::InitApply(pod("p", "a", "1")))
            .is_empty()
    );
    let moved = pods.observe(watcher::Event::Apply(pod("p", "b", "2")));
    assert_eq!(touched(&moved), ["p: server a, server b"]);
    assert!(names(&pods, "a").is_empty());
    assert_eq!(names(&pods, "b"), ["p 2"]);
    let gone = pods.observe(watcher::Event::Delete(pod("p", "b", "3")));
    assert_eq!(touched(&gone), ["p: server b"]);
    assert!(names(&pods, "b").is_empty());
}

#[test]
fn events_that_come_late_take_nothing_back() {
    let pods = pods();
    pods.observe(watcher::Event::Apply(pod("p", "a", "10")));
    assert!(pods.observe(watcher::Event::Apply(pod("p", "a", "9"))).is_empty());
    assert!(
        pods.observe(watcher::Event::Delete(pod("p", "a", "9")))
            .is_empty()
    );
    assert_eq!(names(&pods, "a"), ["p 10"]);
    assert_eq!(pods.observe(watcher::Event::Delete(pod("p", "a", "11"))).len(), 1);
}

/// A config map as the API server answers a write of it.
fn answer(version: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "c", "namespace": "n", "uid": "u", "resourceVersion": version,
            "labels": { annex_crds::SERVER_LABEL: "a" },
        },
        "data": { "ca.crt": "PEM" },
    })
}

fn arrived(version: &str) -> Managed<ObjectMetadata> {
    serde_json::from_value(answer(version)).unwrap()
}

#[test]
fn what_was_written_is_known_at_once_and_what_the_watch_has_passed_is_not_brought_back() {
    let informers = Informers::empty();
    let resource = kube::core::ApiResource::erase::<ConfigMap>(&());
    let known = || {
        let known = informers.known(&resource, "n", "c")?;
        Some(known.resource_version.to_string())
    };
    informers.answered(&resource, &answer("5"));
    assert_eq!(known().as_deref(), Some("5"));
    // Its own event is no news, and an earlier one does not count.
    let maps = &informers.config_maps;
    assert!(maps.observe(watcher::Event::Apply(arrived("4"))).is_empty());
    assert!(maps.observe(watcher::Event::Apply(arrived("5"))).is_empty());
    // An answer that comes after a later event.
    maps.observe(watcher::Event::Apply(arrived("8")));
    informers.answered(&resource, &answer("7"));
    assert_eq!(known().as_deref(), Some("8"));
    // An answer that comes after the end of the object.
    maps.observe(watcher::Event::Delete(arrived("12")));
    informers.answered(&resource, &answer("11"));
    assert_eq!(known(), None);
    informers.answered(&resource, &answer("13"));
    assert_eq!(known().as_deref(), Some("13"));
    informers.deleted(&resource, "n", "c", "another");
    assert!(known().is_some());
    informers.deleted(&resource, "n", "c", "u");
    assert_eq!(known(), None);
}

#[test]
fn nothing_is_known_before_everything_was_listed() {
    let informers = Informers::default();
    let resource = kube::core::ApiResource::erase::<ConfigMap>(&());
    informers.answered(&resource, &answer("5"));
    assert!(informers.known(&resource, "n", "c").is_none());
    informers.config_maps.observe(watcher::Event::Init);
    informers.config_maps.observe(watcher::Event::InitDone);
    // What a list does not have is asked for again.
    assert!(informers.known(&resource, "n", "c").is_none());
}

/// Of an operator that has rights in two namespaces alone: each is listed by itself.
#[test]
fn what_one_watch_lists_says_nothing_of_another_namespace() {
    let store = pods();
    let pod = |namespace: &str, name: &str, version: &str| {
        let mut pod = pod(name, "server", version);
        pod.meta_mut().namespace = Some(namespace.to_owned());
        pod
    };
    store.observe_in("a", watcher::Event::Init);
    store.observe_in("a", watcher::Event::InitApply(pod("a", "one", "3")));
    store.observe_in("a", watcher::Event::InitDone);
    let is_listed = |namespace: &str| store.listing().borrow().has(namespace);
    assert!(is_listed("a") && !is_listed("b") && !is_listed(""));
    assert!(Children::known(&store, "a", "one").is_some());
    store.observe_in("b", watcher::Event::Init);
    store.observe_in("b", watcher::Event::InitApply(pod("b", "two", "5")));
    store.observe_in("b", watcher::Event::InitDone);
    assert!(is_listed("a") && is_listed("b"));
    assert!(store.get("a", "one").is_some() && store.get("b", "two").is_some());
    store.observe_in("a", watcher::Event::Init);
    let gone = store.observe_in("a", watcher::Event::InitDone);
    assert_eq!(gone.len(), 1);
    assert!(store.get("a", "one").is_none() && store.get("b", "two").is_some());
}
