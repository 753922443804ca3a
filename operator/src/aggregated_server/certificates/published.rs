//! What clients trust: the bundles of the registered APIServices.

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;

use crate::pki::{Certificate, bundle, parse_bundle};

/// The authorities that `api_services` publish, each once. No others are believed: the copies in the hosting namespace are
/// written by whoever may write there, and what is believed here is published to all clients.
#[must_use]
pub fn authorities(api_services: &[&APIService]) -> Vec<Certificate> {
    let bundles: Vec<Vec<Certificate>> = api_services.iter().filter_map(|service| of(service)).collect();
    let slices: Vec<&[Certificate]> = bundles.iter().map(Vec::as_slice).collect();
    let mut all = bundle::union(&slices);
    all.retain(|certificate| certificate.is_ca);
    all
}

/// Whether `service` publishes every certificate of `wanted`.
#[must_use]
pub fn publishes(service: &APIService, wanted: &[Certificate]) -> bool {
    of(service).is_some_and(|published| bundle::contains_all(&published, wanted))
}

fn of(service: &APIService) -> Option<Vec<Certificate>> {
    let pem = service.spec.as_ref()?.ca_bundle.as_ref()?;
    parse_bundle(&pem.0).ok()
}
