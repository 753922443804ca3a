//! Whether a bundle is known everywhere: in every APIService, in every kube-apiserver's watch cache, and in its proxy.

use std::time::Duration;

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::ResourceExt as _;
use tokio::time::Instant;

use super::published;
use crate::pki::Certificate;

/// From an APIService in a kube-apiserver's watch cache to its proxy's transport it is one more event; nothing tells
/// when that was handled. It takes milliseconds.
pub const PROXY_DELAY: Duration = Duration::from_secs(5);

/// A bundle that every kube-apiserver has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    bundle: String,
    since: Instant,
}

impl Seen {
    /// `bundle`, of which every kube-apiserver told at `since` that it has seen it.
    #[must_use]
    pub fn new(bundle: &[Certificate], since: Instant) -> Self {
        Self {
            bundle: identity(bundle),
            since,
        }
    }
}

/// How far a bundle has got.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Widening<'a> {
    /// It is known everywhere.
    Known,
    /// This APIService does not publish it.
    Unpublished(&'a APIService),
    /// Every kube-apiserver is to be asked whether it has seen this APIService, the newest, with the bundle in it.
    Ask(&'a APIService),
    /// Every kube-apiserver has seen it; its proxy has [`PROXY_DELAY`].
    Proxies,
}

/// How far `wanted` has got. `api_services` are the registered ones, as read a moment ago; with none there is nobody to wait
/// for. `seen` is what the last answer led to.
#[must_use]
pub fn decide<'a>(
    api_services: &[&'a APIService],
    wanted: &[Certificate],
    seen: Option<&Seen>,
    now: Instant,
) -> Widening<'a> {
    let behind = |service: &&&APIService| !published::publishes(service, wanted);
    if let Some(behind) = api_services.iter().find(behind) {
        return Widening::Unpublished(behind);
    }
    // A watch cache is a prefix of history: one that has the newest write has them all.
    let Some(newest) = api_services.iter().max_by_key(|service| revision(service)) else {
        return Widening::Known;
    };
    match seen {
        Some(seen) if seen.bundle != identity(wanted) => Widening::Ask(newest),
        Some(seen) if now.saturating_duration_since(seen.since) < PROXY_DELAY => Widening::Proxies,
        Some(_) => Widening::Known,
        None => Widening::Ask(newest),
    }
}

fn identity(bundle: &[Certificate]) -> String {
    let fingerprints = bundle.iter().map(|certificate| certificate.fingerprint.as_str());
    fingerprints.collect::<Vec<_>>().join(",")
}

fn revision(service: &APIService) -> Option<u64> {
    service.resource_version()?.parse().ok()
}
