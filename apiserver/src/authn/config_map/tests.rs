//! The ConfigMap as it changes.

use futures::channel::mpsc;
use serde_json::{Value, json};

use super::*;
use crate::authn::testing::Authority;
use crate::authn::trust::Trust;
use crate::kubernetes::testing::{Answer, FakeCluster, eventually};

const BOTH: Wanted = Wanted {
    clients: true,
    front_proxy: true,
};

fn store() -> Arc<TrustStore> {
    Arc::new(TrustStore::new(Trust::default()))
}

fn data(clients: &str, proxies: &str) -> Value {
    json!({
        "client-ca-file": clients,
        "requestheader-client-ca-file": proxies,
        "requestheader-username-headers": r#"["X-Remote-User"]"#,
        "requestheader-group-headers": r#"["X-Remote-Group"]"#,
        "requestheader-extra-headers-prefix": r#"["X-Remote-Extra-"]"#,
        "requestheader-allowed-names": r#"["front-proxy-client"]"#,
    })
}

fn config_map(data: &Value, version: u64) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
           "metadata": {"name": NAME, "namespace": NAMESPACE, "resourceVersion": version.to_string()}})
}

fn parsed(data: &Value) -> ConfigMap {
    serde_json::from_value(config_map(data, 1)).unwrap()
}

#[test]
fn what_the_cluster_says_is_taken_over_as_far_as_it_is_wanted() {
    let (clients, proxies) = (Authority::new("clients"), Authority::new("proxies"));
    let found = parsed(&data(&clients.pem(), &proxies.pem()));
    let all = store();
    apply(&found, &all, BOTH).unwrap();
    let current = all.current();
    assert!(current.trust.clients.is_some());
    let proxy = &current.trust.front_proxy;
    assert!(proxy.authorities.is_some());
    assert_eq!(proxy.allowed_names, ["front-proxy-client"]);
    assert_eq!(all.hints().borrow().len(), 2);

    let half = store();
    let wanted = Wanted {
        clients: true,
        front_proxy: false,
    };
    apply(&found, &half, wanted).unwrap();
    assert!(half.current().trust.clients.is_some());
    assert_eq!(half.current().trust.front_proxy, Default::default());
}

#[test]
fn what_is_wrong_changes_nothing_and_the_rest_is_taken_over() {
    let (clients, proxies) = (Authority::new("clients"), Authority::new("proxies"));
    let store = store();
    let good = data(&clients.pem(), &proxies.pem());
    apply(&parsed(&good), &store, BOTH).unwrap();
    let before = store.current().trust.clone();

    let broken = format!(
        "{}-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
        clients.pem()
    );
    for bad in ["", "no PEM at all", &broken] {
        apply(&parsed(&data(bad, bad)), &store, BOTH).unwrap();
        assert_eq!(store.current().trust, before, "{bad}");
    }
    apply(
        &ConfigMap::default(),
        &store,
        Wanted {
            clients: true,
            front_proxy: false,
        },
    )
    .unwrap();
    assert_eq!(store.current().trust, before);

    let mut bad = data(&proxies.pem(), &clients.pem());
    bad["requestheader-allowed-names"] = json!("no list");
    let error = apply(&parsed(&bad), &store, BOTH).unwrap_err();
    assert!(
        error.to_string().contains("requestheader-allowed-names"),
        "{error}"
    );
    let after = store.current().trust.clone();
    assert_ne!(after.clients, before.clients);
    assert_ne!(after.front_proxy.authorities, before.front_proxy.authorities);
    assert_eq!(after.front_proxy.headers, before.front_proxy.headers);
    assert_eq!(after.front_proxy.allowed_names, before.front_proxy.allowed_names);
}

#[tokio::test]
async fn a_first_read_tolerates_that_it_is_not_there_and_nothing_else() {
    let missing = FakeCluster::new(|_| Answer::status(404, "NotFound", "not found"));
    read(&missing.client, &store(), BOTH).await.unwrap();
    let refused = FakeCluster::new(|_| Answer::status(403, "Forbidden", "may not get configmaps"));
    let error = read(&refused.client, &store(), BOTH).await.unwrap_err();
    assert!(matches!(error, LookupError::Get { forbidden: true, .. }));
    assert!(error.to_string().ends_with("may not get configmaps"), "{error}");
}

#[tokio::test]
async fn later_changes_are_followed_and_a_deletion_is_not() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let listed = config_map(&data(&first.pem(), &first.pem()), 1);
    let (send, receive) = mpsc::unbounded();
    let stream = std::sync::Mutex::new(Some(receive));
    let cluster = FakeCluster::new(move |request| {
        assert!(
            request
                .path
                .ends_with("/api/v1/namespaces/kube-system/configmaps")
        );
        assert!(
            request
                .query
                .contains("metadata.name%3Dextension-apiserver-authentication")
        );
        if request.is_watch() {
            return stream
                .lock()
                .unwrap()
                .take()
                .map_or(Answer::Never, Answer::Stream);
        }
        Answer::ok(
            json!({"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"resourceVersion": "1"},
                          "items": [listed]}),
        )
    });
    let store = store();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(follow(cluster.client.clone(), Arc::clone(&store), BOTH));
    eventually("the list counts", || store.current().trust.clients.is_some()).await;
    let before = store.current().generation;

    let changed = config_map(&data(&second.pem(), &second.pem()), 2);
    send.unbounded_send(json!({"type": "MODIFIED", "object": changed}))
        .unwrap();
    eventually("the change counts", || store.current().generation >= before + 2).await;
    let trust = store.current().trust.clone();
    let expected = Authorities::parse(second.pem().as_bytes()).unwrap();
    assert_eq!(trust.clients.as_deref(), Some(&expected));

    let gone = config_map(&data("", ""), 3);
    send.unbounded_send(json!({"type": "DELETED", "object": gone}))
        .unwrap();
    let again = config_map(&data(&first.pem(), &second.pem()), 4);
    send.unbounded_send(json!({"type": "ADDED", "object": again}))
        .unwrap();
    eventually("it goes on", || store.current().trust.clients != trust.clients).await;
    assert_eq!(store.current().trust.front_proxy, trust.front_proxy);
}
