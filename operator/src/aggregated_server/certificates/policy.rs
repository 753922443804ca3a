//! What an AggregatedServer asks of its certificates.

use std::time::Duration;

use annex_crds::{ROTATE_CA_ANNOTATION, ROTATE_LEAF_ANNOTATION, v1alpha1::AggregatedServer};
use kube::ResourceExt as _;

use crate::aggregated_server::names::Names;

/// What the certificates of one server should be like.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Common name of an authority, before what tells one from the next.
    pub subject: String,
    /// The name that the aggregator verifies.
    pub server_name: String,
    /// Every name of the leaf, and exactly what the authority may sign.
    pub dns_names: Vec<String>,
    /// Lifetime of an authority.
    pub ca_duration: Duration,
    /// How long before its end an authority is replaced.
    pub ca_renew_before: Duration,
    /// Lifetime of a leaf.
    pub duration: Duration,
    /// How long before its end a leaf is renewed.
    pub renew_before: Duration,
    /// Value of the annotation that asks for a new authority.
    pub ca_request: Option<String>,
    /// Value of the annotation that asks for a new leaf.
    pub leaf_request: Option<String>,
}

impl Policy {
    /// What `server` asks for.
    #[must_use]
    pub fn new(server: &AggregatedServer, names: &Names) -> Self {
        let source = &server.spec.certificates.self_signed;
        let annotation = |key: &str| server.annotations().get(key).cloned();
        Self {
            subject: format!("annex:{}", names.server),
            server_name: names.server_name(),
            dns_names: names.dns_names(),
            ca_duration: source.ca_duration.as_duration(),
            ca_renew_before: source.ca_renew_before(),
            duration: source.duration.as_duration(),
            renew_before: source.renew_before(),
            ca_request: annotation(ROTATE_CA_ANNOTATION),
            leaf_request: annotation(ROTATE_LEAF_ANNOTATION),
        }
    }
}

/// Whether two lists hold the same names, in whatever order.
pub(super) fn same_names(left: &[String], right: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names
    };
    sorted(left) == sorted(right)
}

/// `duration` before `end`, saturating.
pub(super) fn before(end: jiff::Timestamp, duration: Duration) -> jiff::Timestamp {
    end.checked_sub(duration).unwrap_or(jiff::Timestamp::MIN)
}
