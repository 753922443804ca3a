//! What a server serves: resources, what is told of them, and what is asked and counted of their storage. Go: the `crdHandler` of
//! apiextensions' `customresource_handler.go` swaps a map of storages so; an installed `APIGroupInfo` of `server/genericapiserver.go`
//! is there for good.
//!
//! It is one value, made whole and swapped whole, so that no request finds a resource in discovery that is not routed, and no check
//! waits for one that is gone.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::documents::Documents;
use super::health::Check;
use super::metrics::Subject;
use super::routes::Route;
use crate::background::BackgroundTask;
use crate::endpoint::{Endpoint, Endpoints};
use crate::request::{GroupResource, RequestInfo};
use crate::storage::cache::{Cache, Stats};

/// What is served.
pub(super) struct Served {
    pub(super) endpoints: Endpoints,
    pub(super) documents: Arc<Documents>,
    /// Of the stored resources. Whoever looks at them does not keep the storage open.
    pub(super) caches: Vec<(GroupResource, Weak<Cache>)>,
}

/// What is served now, for who must not keep it.
pub(super) type Now = Weak<ArcSwap<Served>>;

impl Served {
    /// Nothing any more, of the same server.
    pub(super) fn closed(&self) -> Self {
        Self {
            endpoints: self.endpoints.replaced([] as [Endpoint; 0], false),
            documents: self.documents.clone(),
            caches: self.caches.clone(),
        }
    }

    /// What a request is counted as. Names that only a client knows are not kept.
    pub(super) fn subject<'a>(&self, info: &'a RequestInfo) -> Subject<'a> {
        if !info.is_resource {
            return Subject::of_path(info, Route::of(&info.path).label());
        }
        if self.documents.serves(info) {
            Subject::of_resource(info, self.endpoints.connects(info))
        } else {
            Subject::of_path(info, "")
        }
    }

    /// The tasks that fill the caches.
    pub(super) fn background(&self) -> Vec<BackgroundTask> {
        let caches = self.caches.iter().filter_map(|(_, cache)| cache.upgrade());
        caches.map(|cache| cache.background().clone()).collect()
    }

    /// The resources of which no list can be answered yet.
    fn unready(&self) -> Vec<String> {
        let unready = self
            .caches
            .iter()
            .filter(|(_, cache)| !cache.upgrade().is_some_and(|cache| cache.ready()));
        unready.map(|(resource, _)| resource.to_string()).collect()
    }
}

/// Ready means serving: the first LIST would be answered.
pub(super) fn check(now: Now) -> Check {
    Check::of_readiness("poststarthook/storage-readiness", move || {
        let unready = now.upgrade().map(|served| served.load().unready());
        async move {
            match unready {
                Some(unready) if unready.is_empty() => Ok(()),
                Some(unready) => Err(format!("caches are not filled yet: {}", unready.join(", "))),
                None => Err("nothing is served".to_owned()),
            }
        }
    })
}

type Number = fn(&Stats) -> u64;

/// The numbers of the caches of what is served, read when somebody asks.
#[derive(Debug)]
pub(super) struct CacheNumbers(pub(super) Now);

impl Collector for CacheNumbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(served) = self.0.upgrade() else {
            return Ok(());
        };
        let served = served.load();
        let stats: Vec<(&GroupResource, Stats)> = served
            .caches
            .iter()
            .filter_map(|(resource, cache)| Some((resource, cache.upgrade()?.stats())))
            .collect();
        let metrics: [(&str, &str, Number); 4] = [
            ("apiserver_storage_objects", "Objects that are stored", |stats| {
                stats.objects as u64
            }),
            (
                "apiserver_watch_cache_events",
                "Changes in the history of the cache",
                |stats| stats.history as u64,
            ),
            (
                "apiserver_registered_watchers",
                "Watches that are open",
                |stats| stats.watchers as u64,
            ),
            (
                "apiserver_watch_cache_resource_version",
                "The revision that the cache has reached",
                |stats| stats.revision.get(),
            ),
        ];
        for (name, help, number) in metrics {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (resource, stats) in &stats {
                let labels = [
                    ("group", resource.group.as_str()),
                    ("resource", resource.resource.as_str()),
                ];
                let gauge = ConstGauge::new(number(stats));
                gauge.encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::Value;

    use super::super::server_state::ServerState;
    use super::super::{Server, routes};
    use super::*;
    use crate::config::Config;
    use crate::endpoint::testing::{FLUNDERS, authorized, fischers, flunders};
    use crate::resource::Policy;

    async fn text(core: &ServerState, served: &Served, path: &str) -> String {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.uri = path.parse().unwrap();
        let answer = routes::serve(core, served, &authorized("GET", path), &parts).await;
        let body = answer.unwrap().into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn what_is_served_is_swapped_as_one() {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::builder("test")
            .resource(flunders(Policy::default()))
            .build();
        let running = server.start(Config::for_tests(directory.path())).await.unwrap();
        running.ready().await;
        let core = running.core();
        let before = core.served.load_full();
        assert_eq!(text(core, &before, "/readyz").await, "ok");
        assert!(
            text(core, &before, "/metrics")
                .await
                .contains(r#"resource="flunders""#)
        );

        let fischers = Arc::new(fischers());
        let resources = [fischers.clone()];
        let info = crate::openapi::Info {
            title: "test".into(),
            version: "1".into(),
        };
        let after = Served {
            endpoints: before.endpoints.replaced([] as [Endpoint; 0], true),
            documents: Arc::new(Documents::new(&resources, &info, &[], "")),
            caches: vec![(fischers.group_resource(), Weak::new())],
        };
        core.served.store(Arc::new(after));
        let after = core.served.load_full();
        let discovered: Value =
            serde_json::from_str(&text(core, &after, "/apis/wardle.example.com/v1alpha1").await).unwrap();
        assert_eq!(discovered["resources"][0]["name"], "fischers");
        let ready = text(core, &after, "/readyz/poststarthook/storage-readiness").await;
        assert!(ready.contains("fischers.wardle.example.com"), "{ready}");
        assert!(
            !text(core, &after, "/metrics")
                .await
                .contains(r#"resource="flunders""#)
        );
        let flunder = authorized("GET", FLUNDERS);
        assert!(after.endpoints.registry_of(flunder.info()).is_none());
        assert!(!after.documents.serves(flunder.info()));
        // A request that began before goes on with what there was.
        assert!(before.endpoints.registry_of(flunder.info()).is_some());
        assert!(before.documents.serves(flunder.info()));
        running.shutdown().await;
    }
}
