//! The definitions of a server, as its cluster had them a moment ago.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt as _;
use kube::Api;
use kube::core::DynamicObject;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch_objects};

use super::InCluster;
use super::seen::{Seen, api_resource};

/// How many definitions a server has at most: the operator can read a report of so many. A cluster with 2,000 has many.
pub(super) const MOST: usize = 4_000;
/// Definitions that are listed at once: one may have a megabyte, which takes thirty where it is parsed.
const PAGE: u32 = 4;

/// What the cluster has.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Whether all were listed once.
    pub(super) is_listed: bool,
    pub(super) definitions: BTreeMap<String, Arc<Seen>>,
}

/// Follows the cluster, for ever.
pub(super) async fn follow(definitions: Arc<InCluster>) {
    let server = &definitions.server;
    let api: Api<DynamicObject> = Api::all_with(definitions.client.clone(), &api_resource());
    let config = watcher::Config::default()
        .fields(&format!("spec.server={server}"))
        .page_size(PAGE);
    let mut events = watch_objects(api, config).default_backoff().boxed();
    let mut listed = BTreeMap::new();
    let mut failing = false;
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                failing &= !matches!(event, Event::InitDone);
                apply(&definitions, event, &mut listed);
            }
            Err(error) => {
                // The watcher tries again on its own, with growing pauses; what was known is known still.
                if !failing {
                    tracing::warn!(%error, "definitions cannot be watched");
                }
                failing = true;
            }
        }
    }
}

/// Takes one event in; `listed` gathers a list until it is whole.
fn apply(definitions: &InCluster, event: Event<DynamicObject>, listed: &mut BTreeMap<String, Arc<Seen>>) {
    let server = &definitions.server;
    match event {
        Event::Init => listed.clear(),
        Event::InitApply(object) => {
            if let Some(seen) = Seen::of(object, server) {
                insert(listed, seen);
            }
        }
        Event::InitDone => {
            let found = std::mem::take(listed);
            definitions.known.send_if_modified(|known| {
                let is_new = !known.is_listed || known.definitions != found;
                known.is_listed = true;
                known.definitions = found;
                is_new
            });
        }
        Event::Apply(object) => {
            let name = object.metadata.name.clone().unwrap_or_default();
            let seen = Seen::of(object, server);
            definitions.known.send_if_modified(|known| match seen {
                Some(seen) if known.definitions.get(&name).map(|known| &**known) == Some(&seen) => false,
                Some(seen) => {
                    insert(&mut known.definitions, seen);
                    true
                }
                None => known.definitions.remove(&name).is_some(),
            });
        }
        Event::Delete(object) => {
            let name = object.metadata.name.unwrap_or_default();
            definitions
                .known
                .send_if_modified(|known| known.definitions.remove(&name).is_some());
        }
    }
}

fn insert(known: &mut BTreeMap<String, Arc<Seen>>, seen: Seen) {
    if known.len() >= MOST && !known.contains_key(&seen.name) {
        tracing::error!(
            definition = seen.name,
            "a definition is not served: there are more than {MOST} of this server"
        );
        return;
    }
    known.insert(seen.name.clone(), Arc::new(seen));
}
