use annex_crds::v1alpha1::{AggregatedServer, ServingFlags};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::*;
use crate::aggregated_server::{
    build::{deployment::deployment, pod::pod_template, stateful_set::stateful_set},
    storage::StorageBackend,
    testing::{embedded_server, etcd_server, names, server},
};

/// The `spec` of the workloads of [`servers`] as Annex made them before there were revisions.
const FIRST: &str = include_str!("revision-1.json");

fn chosen(defaults: &'static Defaults, workload: &Workload) -> Chosen {
    Chosen {
        defaults,
        image: None,
        digest: digest(workload, None),
    }
}

/// The `spec` of `server`'s workload.
fn built(server: &AggregatedServer, defaults: &'static Defaults) -> Value {
    let store = StorageBackend::of(server, None).unwrap_or(StorageBackend::Unmanaged);
    let workload = server.spec.workload.as_ref().unwrap();
    let template = pod_template(server, workload, &names(), &store, Some("leaf"), defaults).unwrap();
    let chosen = chosen(defaults, workload);
    let mut built = match store.embedded() {
        Some(embedded) => json!(stateful_set(
            &names(),
            embedded,
            &embedded.size,
            &chosen,
            template
        )),
        None => json!(deployment(&names(), workload, &chosen, template)),
    };
    built["spec"].take()
}

fn with_template(template: Value) -> AggregatedServer {
    let mut server = server();
    server.spec.workload.as_mut().unwrap().template = Some(template);
    server
}

fn servers() -> Vec<AggregatedServer> {
    let mut templated = with_template(json!({
        "metadata": { "annotations": { "a": "b" } },
        "spec": {
            "terminationGracePeriodSeconds": 3,
            "containers": [
                { "name": "server", "resources": { "limits": { "memory": "64Mi" } } },
                { "name": "side", "image": "registry.example.com/side:1" },
            ],
        },
    }));
    let workload = templated.spec.workload.as_mut().unwrap();
    workload.command = vec!["/wardle".into()];
    workload.args = vec!["--v=2".into()];
    workload.replicas = Some(2);
    let mut foreign = server();
    foreign.spec.workload.as_mut().unwrap().serving_flags = ServingFlags::None;
    vec![server(), templated, foreign, embedded_server(), etcd_server()]
}

/// An upgrade of Annex restarts no pod that an older one made.
#[test]
fn the_first_revision_is_what_there_was_before_revisions() {
    let all: Vec<Value> = servers().iter().map(|server| built(server, OLDEST)).collect();
    assert_eq!(serde_json::to_string_pretty(&all).unwrap(), FIRST.trim_end());
}

#[test]
fn the_second_revision_sleeps_spreads_and_quotes_what_was_logged_last() {
    let spec = built(&server(), NEWEST);
    assert_eq!(spec["minReadySeconds"], 5);
    assert_eq!(spec["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    let template = &spec["template"];
    assert_eq!(
        template["metadata"]["annotations"],
        json!({ "annex.dev/defaults-revision": "2", "annex.dev/serving-leaf": "leaf" })
    );
    let container = &template["spec"]["containers"][0];
    assert_eq!(
        container["lifecycle"],
        json!({ "preStop": { "sleep": { "seconds": 5 } } })
    );
    assert_eq!(container["terminationMessagePolicy"], "FallbackToLogsOnError");
    let terms =
        &template["spec"]["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"];
    for (term, key) in [(0, "kubernetes.io/hostname"), (1, "topology.kubernetes.io/zone")] {
        assert_eq!(
            terms[term]["podAffinityTerm"],
            json!({
                "topologyKey": key,
                "labelSelector": { "matchLabels": { "annex.dev/server": "wardle" } },
                "matchLabelKeys": ["pod-template-hash"],
            })
        );
    }
}

#[test]
fn the_only_pod_of_a_volume_neither_sleeps_nor_is_spread() {
    let spec = built(&embedded_server(), NEWEST);
    let pod = &spec["template"]["spec"];
    assert_eq!(spec["minReadySeconds"], Value::Null);
    assert_eq!(pod["affinity"], Value::Null);
    assert_eq!(pod["containers"][0]["lifecycle"], Value::Null);
    assert_eq!(
        pod["containers"][0]["terminationMessagePolicy"],
        "FallbackToLogsOnError"
    );
}

#[test]
fn a_pod_sleeps_for_half_of_its_time_at_most_and_not_where_the_server_waits_itself() {
    let sleep = |server: &AggregatedServer| {
        let spec = built(server, NEWEST);
        spec["template"]["spec"]["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"].clone()
    };
    for (grace, seconds) in [(60, json!(5)), (7, json!(3)), (1, Value::Null), (0, Value::Null)] {
        let server = with_template(json!({ "spec": { "terminationGracePeriodSeconds": grace } }));
        assert_eq!(sleep(&server), seconds, "{grace}");
    }
    let mut server = server();
    server.spec.workload.as_mut().unwrap().args = vec!["--shutdown-delay-duration=8s".into()];
    assert_eq!(sleep(&server), Value::Null);
}

#[test]
fn a_users_own_hook_and_places_stand() {
    let hook = json!({ "preStop": { "exec": { "command": ["/stop"] } } });
    let server = with_template(json!({ "spec": {
        "containers": [{ "name": "server", "lifecycle": hook }],
        "topologySpreadConstraints": [
            { "maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {} },
        ],
    } }));
    let pod = built(&server, NEWEST)["template"]["spec"].take();
    assert_eq!(pod["containers"][0]["lifecycle"], hook);
    assert_eq!(pod["affinity"], Value::Null);
    let apart = json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
        { "topologyKey": "kubernetes.io/hostname" },
    ] } });
    let server = with_template(json!({ "spec": { "affinity": apart } }));
    assert_eq!(built(&server, NEWEST)["template"]["spec"]["affinity"], apart);
}

fn live(annotations: &Value) -> LiveWorkload {
    let deployment: Deployment = serde_json::from_value(json!({
        "metadata": { "annotations": annotations },
        "spec": { "selector": {}, "template": {} },
    }))
    .unwrap();
    LiveWorkload::Deployment(Box::new(deployment))
}

fn revision(workload: &Workload, live: Option<&LiveWorkload>, pods: &[Pod]) -> u32 {
    Chosen::of(workload, Images::default(), live, pods)
        .defaults
        .revision
}

#[test]
fn a_workload_keeps_its_revision_until_its_pods_are_changed() {
    let workload = server().spec.workload.unwrap();
    assert_eq!(revision(&workload, None, &[]), 2);
    assert_eq!(revision(&workload, Some(&live(&json!({}))), &[]), 1);
    let of_first = live(&json!(chosen(OLDEST, &workload).annotations()));
    assert_eq!(revision(&workload, Some(&of_first), &[]), 1);

    // Who scales restarts nothing.
    let mut other = workload.clone();
    other.replicas = Some(3);
    other.strategy = Some(annex_crds::v1alpha1::Strategy::default());
    assert_eq!(revision(&other, Some(&of_first), &[]), 1);
    for change in [
        |workload: &mut Workload| workload.image = Some("other".into()),
        |workload: &mut Workload| workload.args = vec!["--v=9".into()],
        |workload: &mut Workload| workload.template = Some(json!({})),
    ] {
        let mut other = workload.clone();
        change(&mut other);
        assert_eq!(revision(&other, Some(&of_first), &[]), 2, "{other:?}");
    }
}

/// `kubectl annotate deployment wardle annex.dev/defaults-revision-` restarts nothing, and neither does an older number.
#[test]
fn pods_stay_as_their_template_says_they_are_whatever_becomes_of_the_workloads_annotation() {
    let workload = server().spec.workload.unwrap();
    let built = chosen(NEWEST, &workload).annotations();
    let of_template = json!({ "metadata": { "annotations": { REVISION_ANNOTATION: "2" } } });
    for recorded in [None, Some("1")] {
        let mut annotations = json!(built);
        annotations[REVISION_ANNOTATION] = json!(recorded);
        let annotations = annotations.as_object_mut().unwrap();
        annotations.retain(|_, value| !value.is_null());
        let deployment: Deployment = serde_json::from_value(json!({
            "metadata": { "annotations": annotations },
            "spec": { "selector": {}, "template": of_template },
        }))
        .unwrap();
        let live = LiveWorkload::Deployment(Box::new(deployment));
        assert_eq!(revision(&workload, Some(&live), &[]), 2, "{recorded:?}");
    }
}

#[test]
fn a_revision_that_only_a_newer_annex_knows_gives_way_to_the_newest_known() {
    let workload = server().spec.workload.unwrap();
    for recorded in ["3", "", "x"] {
        let live = live(&json!({ REVISION_ANNOTATION: recorded }));
        assert_eq!(revision(&workload, Some(&live), &[]), 2);
    }
}

/// Where a volume grows, the StatefulSet is made again around its pod, which stays.
#[test]
fn pods_that_stay_without_their_workload_keep_their_revision() {
    let workload = server().spec.workload.unwrap();
    let pod = |metadata: Value| -> Pod { serde_json::from_value(json!({ "metadata": metadata })).unwrap() };
    let first = pod(json!({}));
    let second = pod(json!({ "annotations": { REVISION_ANNOTATION: "2" } }));
    let going = pod(json!({ "deletionTimestamp": "2026-11-22T18:10:00Z" }));
    assert_eq!(revision(&workload, None, &[going.clone(), first]), 1);
    assert_eq!(revision(&workload, None, &[second]), 2);
    assert_eq!(revision(&workload, None, &[going]), 2);
}

/// A digest that changes with Annex would bring newer defaults to every server at its upgrade.
#[test]
fn the_digest_of_the_same_words_is_the_same_for_ever() {
    let mut templated = servers().swap_remove(1).spec.workload.unwrap();
    let of_plain = digest(&server().spec.workload.unwrap(), None);
    let of_templated = digest(&templated, None);
    assert_eq!(
        [&*of_plain, &*of_templated],
        [
            "dfaa651eafc90126d58e427f5b1b7135",
            "c10f15271e921cad525b8970418a8590"
        ]
    );
    templated.replicas = None;
    assert_eq!(digest(&templated, None), of_templated);
}

/// An upgrade of Annex restarts nothing; a change of the pods, or somebody who asks for it, takes the newest image.
#[test]
fn the_image_of_annexs_own_program_is_the_one_that_is_recorded() {
    let mut workload = server().spec.workload.unwrap();
    workload.image = None;
    let image = |workload: &Workload, newest, update, live: Option<&LiveWorkload>| {
        Chosen::of(workload, Images { newest, update }, live, &[])
    };
    let first = image(&workload, "annex-apiserver:1", None, None);
    assert_eq!(first.image.as_deref(), Some("annex-apiserver:1"));
    let live = LiveWorkload::Deployment(Box::new(Deployment {
        metadata: ObjectMeta {
            annotations: Some(first.annotations()),
            ..ObjectMeta::default()
        },
        ..Deployment::default()
    }));
    let newer = Images {
        newest: "annex-apiserver:2",
        update: None,
    };
    assert_eq!(first.newer_image(newer), Some("annex-apiserver:2"));
    let own = image(&server().spec.workload.unwrap(), "annex-apiserver:2", None, None);
    assert_eq!(own.newer_image(newer), None);
    let later = |workload: &Workload, update| image(workload, "annex-apiserver:2", update, Some(&live)).image;
    assert_eq!(later(&workload, None).as_deref(), Some("annex-apiserver:1"));
    assert_eq!(later(&workload, Some("x")).as_deref(), Some("annex-apiserver:2"));
    let mut changed = workload.clone();
    changed.args = vec!["--v=9".into()];
    assert_eq!(later(&changed, None).as_deref(), Some("annex-apiserver:2"));
    workload.image = Some("registry.example.com/own:1".into());
    assert_eq!(later(&workload, Some("x")), None);
}
