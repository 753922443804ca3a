//! The cluster's namespaces, as they were a moment ago.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch_objects};
use kube::{Api, Client};
use tokio::sync::watch;

use crate::lookup::TtlCache;

/// A namespace that was seen going away and is there again may be neither: for so long the cluster is asked.
const DOUBTED: Duration = Duration::from_secs(30);
const MOST_DOUBTED: usize = 1_000;

/// Where a namespace is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Active,
    Terminating,
}

/// A namespace's phase. Empty means active, as everywhere in Kubernetes.
pub(super) fn phase(namespace: &Namespace) -> Phase {
    let phase = namespace
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    if phase == Some("Terminating") {
        Phase::Terminating
    } else {
        Phase::Active
    }
}

/// Names and phases, and nothing else of the objects.
pub(super) struct Namespaces {
    known: RwLock<HashMap<String, Phase>>,
    doubted: TtlCache<String, ()>,
    ready: watch::Sender<bool>,
}

impl Namespaces {
    pub(super) fn new() -> Self {
        Self {
            known: RwLock::default(),
            doubted: TtlCache::new(MOST_DOUBTED),
            ready: watch::channel(false).0,
        }
    }

    /// Whether they were all listed once, or are within `patience`.
    pub(super) async fn ready(&self, patience: Duration) -> bool {
        if *self.ready.borrow() {
            return true;
        }
        let mut ready = self.ready.subscribe();
        let listed = tokio::time::timeout(patience, ready.wait_for(|ready| *ready)).await;
        matches!(listed, Ok(Ok(_)))
    }

    pub(super) fn phase(&self, name: &str) -> Option<Phase> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(name).copied()
    }

    /// Whether it was going away a moment ago.
    pub(super) fn is_doubted(&self, name: &str) -> bool {
        self.doubted.get(name).is_some()
    }

    /// Follows the cluster, for ever.
    pub(super) async fn follow(self: Arc<Self>, client: Client) {
        let api: Api<Namespace> = Api::all(client);
        let events = watch_objects(api, watcher::Config::default());
        let mut events = events.default_backoff().boxed();
        let mut listed = HashMap::new();
        let mut failing = false;
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    failing &= !matches!(event, Event::InitDone);
                    self.apply(event, &mut listed);
                }
                Err(error) => {
                    // The watcher tries again on its own, with growing pauses.
                    if !failing {
                        tracing::warn!(%error, "namespaces cannot be watched");
                    }
                    failing = true;
                }
            }
        }
    }

    /// Takes one event in; `listed` gathers a list until it is whole.
    fn apply(&self, event: Event<Namespace>, listed: &mut HashMap<String, Phase>) {
        let of = |namespace: &Namespace| {
            (
                namespace.metadata.name.clone().unwrap_or_default(),
                phase(namespace),
            )
        };
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(namespace) => {
                let (name, phase) = of(&namespace);
                listed.insert(name, phase);
            }
            Event::InitDone => {
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = std::mem::take(listed);
                self.ready.send_replace(true);
            }
            Event::Apply(namespace) => {
                let (name, phase) = of(&namespace);
                if phase == Phase::Terminating {
                    self.doubted.insert(name.clone(), (), DOUBTED);
                }
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                known.insert(name, phase);
            }
            Event::Delete(namespace) => {
                let (name, _) = of(&namespace);
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                known.remove(&name);
                drop(known);
                self.doubted.insert(name, (), DOUBTED);
            }
        }
    }
}
