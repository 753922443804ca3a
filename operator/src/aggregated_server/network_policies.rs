//! The NetworkPolicies of a namespace, listed when an endpoint in it does not answer in time, and never before.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::{Api, Client, api::ListParams};
use tokio::time::Instant;

use super::diagnose::network_policies::IngressPolicy;

/// How long a list is good for.
const FRESH: Duration = Duration::from_secs(60);
/// How long it may take; what it adds to a message is worth no more.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);
/// How many of a namespace are looked at.
const MAX_POLICIES: u32 = 500;

/// A list, and when it was asked for.
type Listed = (Instant, Arc<Vec<IngressPolicy>>);

/// What was listed lately, by namespace.
#[derive(Default)]
pub struct NetworkPolicies {
    listed: Mutex<HashMap<String, Listed>>,
}

impl NetworkPolicies {
    /// The policies on what comes in, of at most 500 in `namespace`; none where they cannot be listed.
    pub async fn of(&self, client: &Client, namespace: &str) -> Arc<Vec<IngressPolicy>> {
        let now = Instant::now();
        let known = self.change(|listed| {
            listed.retain(|_, (at, _)| now.saturating_duration_since(*at) < FRESH);
            listed.get(namespace).map(|(_, policies)| Arc::clone(policies))
        });
        if let Some(known) = known {
            return known;
        }
        let api: Api<NetworkPolicy> = Api::namespaced(client.clone(), namespace);
        let page = ListParams::default().limit(MAX_POLICIES);
        let list = tokio::time::timeout(LIST_TIMEOUT, api.list(&page)).await;
        // Without the right to list them, nothing is known for as long.
        let policies = list.ok().and_then(Result::ok).map(|list| list.items);
        let policies = policies.into_iter().flatten().filter_map(IngressPolicy::of);
        let policies = Arc::new(policies.collect());
        self.change(|listed| listed.insert(namespace.to_owned(), (now, Arc::clone(&policies))));
        policies
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<String, Listed>) -> T) -> T {
        change(&mut self.listed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use serde_json::json;

    use super::*;
    use crate::fake_client::{Answer, fake_client};

    #[tokio::test(start_paused = true)]
    async fn they_are_listed_once_a_minute_in_each_namespace() {
        let lists = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&lists);
        let client = fake_client(move |request| {
            assert_eq!(request.method, "GET");
            assert!(
                request.path.starts_with("/apis/networking.k8s.io/v1/namespaces/"),
                "{}",
                request.path
            );
            count.fetch_add(1, Ordering::Relaxed);
            let policy = json!({ "metadata": { "name": "p" }, "spec": { "podSelector": {} } });
            Answer::ok(json!({ "metadata": {}, "items": [policy] }))
        });
        let policies = NetworkPolicies::default();
        for namespace in ["a", "b", "a", "b"] {
            assert_eq!(policies.of(&client, namespace).await.len(), 1);
        }
        assert_eq!(lists.load(Ordering::Relaxed), 2);
        tokio::time::sleep(FRESH).await;
        policies.of(&client, "a").await;
        assert_eq!(lists.load(Ordering::Relaxed), 3);
        assert_eq!(
            policies.change(|listed| listed.len()),
            1,
            "what is old is not kept"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn without_the_right_to_list_them_none_is_known_for_a_minute() {
        let lists = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&lists);
        let client = fake_client(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Answer::status(403, "Forbidden")
        });
        let policies = NetworkPolicies::default();
        for _ in 0..3 {
            assert!(policies.of(&client, "a").await.is_empty());
        }
        assert_eq!(lists.load(Ordering::Relaxed), 1);
        let silent = fake_client(|_| Answer::Never);
        assert!(policies.of(&silent, "b").await.is_empty());
    }
}
