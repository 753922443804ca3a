use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kube::{Resource, runtime::watcher};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::{
    admin::watch_name,
    aggregated_server::{
        build::api_service,
        informers::{
            kept::Reduce,
            store::{Listed, Store},
        },
        registration::{RegistrationState, decide},
        testing::{names, server, surroundings},
        validate::plan_apis,
    },
    decode::Managed,
    fake_client::{Answer, fake_client},
};

const API_SERVICE: &str = "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.wardle.example.com";
const CONFIG_MAP: &str = "/api/v1/namespaces/wardle/configmaps/wardle-ca";
const AUTHORITY: &str = "/api/v1/namespaces/annex-system/secrets/wardle-ca";
const PODS: &str = "/api/v1/namespaces/wardle/pods";

/// What is asked for, in order, by a reading of `informers` in a cluster with nothing in it that answers all but `silent`.
async fn asked(
    source: Source,
    informers: &Informers,
    silent: &'static str,
) -> (Vec<String>, Option<Surroundings>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let client = fake_client(move |request| {
        seen.lock().unwrap().push(request.path.clone());
        match request.path.as_str() {
            path if path == silent => Answer::Never,
            path if path.ends_with('s') => {
                Answer::ok(json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": [] }))
            }
            _ => Answer::status(404, "NotFound"),
        }
    });
    let (server, names) = (server(), names());
    let reader = Reader {
        client: &client,
        informers,
        server: &server,
        names: &names,
    };
    let read = tokio::time::timeout(
        Duration::from_secs(3600),
        reader.read(source, ServingSecret::Unknown, Vec::new()),
    )
    .await;
    let asked = asked.lock().unwrap();
    (asked.clone(), read.ok().map(Result::unwrap))
}

/// Has a store hear of an object, as a watch does.
fn tell<T>(store: &Store<T>, object: Value)
where
    T: Reduce + Resource + DeserializeOwned,
{
    store.observe(watcher::Event::Apply(
        serde_json::from_value::<Managed<T>>(object).unwrap(),
    ));
}

fn api_service_of(group: &str, owner: &str, uid: &str) -> Value {
    json!({
        "metadata": {
            "name": format!("v1.{group}"), "resourceVersion": "1",
            "ownerReferences": [names::owner_reference(owner, uid)],
        },
        "spec": {
            "group": group, "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1, "caBundle": "UEVN",
        },
    })
}

#[tokio::test(start_paused = true)]
async fn what_is_published_is_read_before_what_it_derives_from() {
    let has = |asked: &[String], path: &str| asked.iter().any(|asked| asked == path);
    let informers = Informers::empty();
    let (all, _) = asked(Source::Live, &informers, "nothing").await;
    for path in [API_SERVICE, CONFIG_MAP, AUTHORITY] {
        assert!(has(&all, path), "{path} in {all:?}");
    }
    for (source, published) in [
        (Source::Live, API_SERVICE),
        (Source::Live, CONFIG_MAP),
        (Source::Stored, CONFIG_MAP),
    ] {
        let (asked, _) = asked(source, &informers, published).await;
        assert!(has(&asked, published) && !has(&asked, AUTHORITY), "{asked:?}");
    }
}

/// What was not listed, or whose watch fails, is read live; the one after a while in which it may still come.
#[tokio::test(start_paused = true)]
async fn nothing_is_read_from_what_was_not_listed_or_may_be_late() {
    let source = async |informers: &Informers| {
        let client = fake_client(|request| {
            let path = request.path.rsplit('/').next().unwrap_or_default();
            let is_list = matches!(
                path,
                "apiservices" | "customresourcedefinitions" | "endpointslices" | "pods"
            );
            if is_list {
                return Answer::ok(json!({ "metadata": {}, "items": [] }));
            }
            Answer::status(404, "NotFound")
        });
        let (server, names) = (server(), names());
        let reader = Reader {
            client: &client,
            informers,
            server: &server,
            names: &names,
        };
        let read = reader
            .read(Source::Stored, ServingSecret::Unknown, Vec::new())
            .await;
        read.unwrap().source
    };
    let informers = Informers::empty();
    assert_eq!(source(&informers).await, Source::Stored);
    informers.watches.begin("Pod");
    informers.watches.failed("Pod");
    assert_eq!(source(&informers).await, Source::Stored);
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(source(&informers).await, Source::Live);
    // Of a quiet kind nothing comes when its watch follows again.
    tokio::time::advance(Duration::from_secs(120)).await;
    assert_eq!(source(&informers).await, Source::Stored);
    informers.watches.failed("Pod");
    assert_eq!(source(&informers).await, Source::Live);
    informers.watches.succeeded("Pod", true);
    assert_eq!(source(&informers).await, Source::Stored);

    let informers = Informers::empty();
    informers.pods.listing().send_replace(Listed::default());
    let begun = tokio::time::Instant::now();
    assert_eq!(source(&informers).await, Source::Live);
    assert!(begun.elapsed() >= Duration::from_secs(30));
    assert_eq!(source(&informers).await, Source::Live);
    assert!(begun.elapsed() < Duration::from_secs(31), "only once");

    // Another namespace of `--namespaces`, in which the operator has lost its rights.
    let informers = Informers::empty();
    informers.pods.listing().send_replace(Listed::default());
    informers.pods.observe_in("wardle", watcher::Event::InitDone);
    let lost = watch_name("Pod", Some("lost"));
    for _ in 0..31 {
        informers.watches.failed(&lost);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(source(&informers).await, Source::Stored);
    assert!(!informers.are_late("wardle") && informers.are_late("lost"));
}

#[tokio::test]
async fn api_services_of_a_former_server_are_read_with_the_claimed_ones() {
    let informers = Informers::empty();
    for (group, owner, uid) in [
        ("a.example.com", "wardle", "dead"),
        ("b.example.com", "other", "dead"),
        ("c.example.com", "wardle", "0b9c"),
        ("wardle.example.com", "other", "dead"),
    ] {
        tell(&informers.api_services, api_service_of(group, owner, uid));
    }
    let (_, read) = asked(Source::Stored, &informers, "nothing").await;
    let read = read.unwrap();
    let names: Vec<_> = read.api_services.keys().collect();
    assert_eq!(
        names,
        ["v1.a.example.com", "v1.c.example.com", "v1.wardle.example.com"]
    );
    assert!(
        read.api_services
            .values()
            .all(|service| service.spec.as_ref().unwrap().ca_bundle.is_some())
    );
    assert_eq!(read.known_api_services.len(), 3);
}

/// A copy says whose an APIService is, in the words of a live read.
#[tokio::test]
async fn whose_an_api_service_is_is_known_without_asking() {
    let managers = json!([
        { "manager": "kubectl-create", "operation": "Update", "apiVersion": "v1", "fieldsV1": { "f:spec": {} } },
        { "manager": "kube-apiserver", "operation": "Update", "apiVersion": "v1", "subresource": "status", "fieldsV1": {} },
    ]);
    let helm = json!({
        "meta.helm.sh/release-name": "adapter", "meta.helm.sh/release-namespace": "elsewhere", "more": "x",
    });
    for (annotations, owner) in [
        (helm, "helm release elsewhere/adapter"),
        (json!({}), "field manager kubectl-create"),
    ] {
        let mut service = api_service_of("wardle.example.com", "none", "none");
        service["metadata"]["name"] = "v1alpha1.wardle.example.com".into();
        service["metadata"]["ownerReferences"] = Value::Null;
        service["metadata"]["annotations"] = annotations;
        service["metadata"]["managedFields"] = managers.clone();
        let informers = Informers::empty();
        tell(&informers.api_services, service.clone());
        let client = fake_client(move |request| match request.path.as_str() {
            API_SERVICE => Answer::ok(service.clone()),
            path if path.ends_with('s') => Answer::ok(json!({ "metadata": {}, "items": [] })),
            _ => Answer::status(404, "NotFound"),
        });
        let (server, names) = (server(), names());
        let reader = Reader {
            client: &client,
            informers: &informers,
            server: &server,
            names: &names,
        };
        for source in [Source::Stored, Source::Live] {
            let read = reader
                .read(source, ServingSecret::Unknown, Vec::new())
                .await
                .unwrap();
            let service = &read.api_services["v1alpha1.wardle.example.com"];
            assert_eq!(
                decide::standing(Some(service), &names),
                RegistrationState::Foreign {
                    owner: owner.to_owned()
                },
                "{source:?}"
            );
        }
    }
}

/// Of a server that has nothing, nothing is asked for but what it may publish already: an authority that stands there is followed.
#[tokio::test]
async fn of_a_new_server_only_what_it_may_publish_is_read() {
    let informers = Informers::empty();
    let namespace = json!({ "metadata": { "name": "wardle", "uid": "n", "resourceVersion": "1" } });
    tell(&informers.namespaces, namespace);
    let (asked_for, read) = asked(Source::New, &informers, "nothing").await;
    assert_eq!(read.unwrap().source, Source::New);
    assert!(
        asked_for.len() == 2 && asked_for.iter().all(|path| path.contains("/apiservices/")),
        "{asked_for:?}"
    );
    // What is left of an earlier server of its name, or was restored.
    running(&informers);
    let (_, read) = asked(Source::New, &informers, "nothing").await;
    assert_eq!(read.unwrap().source, Source::Live);
}

/// What there is of a server that runs.
fn running(informers: &Informers) {
    let names = names();
    let meta = |name: &str, more: Value| {
        let mut metadata = json!({
            "name": name, "namespace": "wardle", "uid": name, "resourceVersion": "1", "labels": names.labels(),
        });
        for (key, value) in more.as_object().unwrap() {
            metadata[key] = value.clone();
        }
        metadata
    };
    tell(
        &informers.namespaces,
        json!({ "metadata": { "name": "wardle", "uid": "n", "resourceVersion": "1" } }),
    );
    tell(
        &informers.config_maps,
        json!({ "metadata": meta("wardle-ca", json!({})) }),
    );
    tell(
        &informers.services,
        json!({
            "metadata": meta("wardle", json!({})),
            "spec": { "selector": names.selector(), "ports": [{ "name": "https", "port": 443 }] },
        }),
    );
    tell(
        &informers.deployments,
        json!({
            "metadata": meta("wardle", json!({})),
            "spec": { "selector": {}, "template": { "spec": { "containers": [{ "name": "server" }] } } },
        }),
    );
    let mut labels = json!(names.labels());
    labels["kubernetes.io/service-name"] = "wardle".into();
    tell(
        &informers.endpoint_slices,
        json!({
            "metadata": meta("wardle-x", json!({ "labels": labels })),
            "addressType": "IPv4",
            "ports": [{ "name": "https", "port": 8443 }],
            "endpoints": [{ "addresses": ["10.0.0.1"], "targetRef": { "kind": "Pod", "name": "wardle-1" } }],
        }),
    );
}

fn pod(informers: &Informers, namespace: &str) {
    tell(
        &informers.pods,
        json!({
            "metadata": {
                "name": "wardle-1", "namespace": namespace, "uid": "p", "resourceVersion": "1", "labels": names().labels(),
            },
            "spec": { "containers": [{ "name": "server" }], "nodeName": "n", "serviceAccountName": "wardle" },
            "status": { "podIP": "10.0.0.1" },
        }),
    );
}

#[tokio::test]
async fn of_a_server_that_runs_secrets_alone_are_asked_for() {
    let informers = Informers::empty();
    running(&informers);
    pod(&informers, "wardle");
    let (asked, read) = asked(Source::Stored, &informers, "nothing").await;
    assert!(asked.iter().all(|path| path.contains("/secrets/")), "{asked:?}");
    let read = read.unwrap();
    assert_eq!(read.namespace, NamespaceState::Active);
    assert!(read.service.is_some() && read.workload.is_some() && read.config_map.is_some());
    assert_eq!((read.endpoint_slices.len(), read.pods.len()), (1, 1));
    let spec = read.pods[0].spec.as_ref().unwrap();
    assert_eq!(spec.service_account_name.as_deref(), Some("wardle"));
    assert!(spec.containers.is_empty(), "kept without what nobody reads");
}

/// The event of a pod may come after that of its slice: the endpoint is not called somebody else's for that.
#[tokio::test]
async fn pods_are_read_live_before_an_endpoint_is_doubted() {
    let informers = Informers::empty();
    running(&informers);
    let (asked_without, _) = asked(Source::Stored, &informers, "nothing").await;
    assert!(asked_without.iter().any(|path| path == PODS), "{asked_without:?}");
    // A label may stand anywhere.
    pod(&informers, "elsewhere");
    let (asked_elsewhere, read) = asked(Source::Stored, &informers, "nothing").await;
    assert!(
        asked_elsewhere.iter().any(|path| path == PODS),
        "{asked_elsewhere:?}"
    );
    assert!(read.unwrap().pods.is_empty());
}

/// What was made a moment ago, and what has lost our label, is there though no watch brings it.
#[tokio::test]
async fn what_is_missing_is_asked_for() {
    let (asked, read) = asked(Source::Stored, &Informers::empty(), "nothing").await;
    for path in [
        "/api/v1/namespaces/wardle",
        CONFIG_MAP,
        "/api/v1/namespaces/wardle/services/wardle",
        "/apis/apps/v1/namespaces/wardle/deployments/wardle",
    ] {
        assert!(asked.iter().any(|asked| asked == path), "{path} in {asked:?}");
    }
    assert_eq!(read.unwrap().namespace, NamespaceState::Missing);
}

/// One server's object that does not decode fails that server's reading and no other's.
#[tokio::test]
async fn a_slice_that_does_not_decode_fails_the_reading_of_its_server() {
    let informers = Informers::empty();
    running(&informers);
    let (all, _) = asked(Source::Stored, &informers, "nothing").await;
    assert!(!all.is_empty());
    let mut labels = json!(names().labels());
    labels["kubernetes.io/service-name"] = "wardle".into();
    tell(
        &informers.endpoint_slices,
        json!({
            "metadata": { "name": "spoilt", "namespace": "wardle", "resourceVersion": "2", "labels": labels },
            "addressType": 4, "endpoints": [],
        }),
    );
    let client = fake_client(|_| Answer::status(404, "NotFound"));
    let (server, names) = (server(), names());
    let reader = Reader {
        client: &client,
        informers: &informers,
        server: &server,
        names: &names,
    };
    let Err(error) = reader
        .read(Source::Stored, ServingSecret::Unknown, Vec::new())
        .await
    else {
        panic!("read without the slice");
    };
    assert_eq!(error.to_string(), "failed to decode EndpointSlice spoilt");
}

#[tokio::test]
async fn a_definition_is_read_once_for_each_of_its_versions() {
    let informers = Informers::empty();
    let reads = Arc::new(Mutex::new(0));
    let (count, version) = (Arc::clone(&reads), Arc::new(Mutex::new("1")));
    let current = Arc::clone(&version);
    let client = fake_client(move |request| {
        if !request.path.contains("customresourcedefinitions") {
            return Answer::status(404, "NotFound");
        }
        *count.lock().unwrap() += 1;
        Answer::ok(json!({
            "metadata": { "name": "flunders.wardle.example.com", "resourceVersion": *current.lock().unwrap() },
            "spec": {
                "group": "wardle.example.com", "scope": "Cluster", "names": { "kind": "Flunder", "plural": "flunders" },
                "versions": [
                    { "name": "v1alpha1", "served": true, "storage": true },
                    { "name": "v1beta1", "served": false, "storage": false },
                ],
            },
        }))
    });
    let (server, names) = (server(), names());
    let reader = Reader {
        client: &client,
        informers: &informers,
        server: &server,
        names: &names,
    };
    for (resource_version, expected) in [("1", 1), ("1", 1), ("2", 2)] {
        *version.lock().unwrap() = resource_version;
        for name in ["flunders.wardle.example.com", "x.other.example.com"] {
            tell(
                &informers.crds,
                json!({ "metadata": { "name": name, "resourceVersion": resource_version } }),
            );
        }
        let crds = reader.crds().await.unwrap();
        assert_eq!(crds.keys().collect::<Vec<_>>(), ["wardle.example.com/v1alpha1"]);
        assert_eq!(*reads.lock().unwrap(), expected);
    }
}

/// Who has the claim that `owner` (name, uid) registered, where the server and these `rivals` make it.
fn claimant(owner: (&str, &str), rivals: &[Claimant]) -> Option<String> {
    let server = server();
    let plan = plan_apis(&server).remove(0);
    let mut service = api_service::api_service(&names(), &plan, 443, "", Default::default());
    service.metadata.owner_references = Some(vec![names::owner_reference(owner.0, owner.1)]);
    let surroundings = Surroundings {
        api_services: BTreeMap::from([(plan.claim.api_service_name(), service)]),
        rivals: rivals.to_vec(),
        ..surroundings()
    };
    surroundings.earlier_claimant(&server, &plan.claim)
}

#[test]
fn what_a_former_server_registered_is_its_successors() {
    let rival = Claimant {
        name: "rival".into(),
        uid: Some("r1".into()),
        // Older than the server, which has no time at all.
        created: None,
        deleting: false,
        claims: vec![("wardle.example.com".into(), "v1alpha1".into())],
    };
    let rivals = std::slice::from_ref(&rival);
    assert_eq!(claimant(("wardle", "0b9c"), rivals), None);
    assert_eq!(claimant(("wardle", "dead"), rivals), None);
    assert_eq!(claimant(("rival", "r1"), rivals).as_deref(), Some("rival"));
    assert_eq!(claimant(("rival", "dead"), rivals).as_deref(), Some("rival"));
    let younger = Claimant {
        name: "z".into(),
        ..rival
    };
    assert_eq!(claimant(("z", "dead"), &[younger]).as_deref(), Some("z"));
}
