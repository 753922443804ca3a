//! The APIService of a claim.

use jiff::Timestamp;
use k8s_openapi::{
    ByteString,
    kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceSpec, ServiceReference},
};

use super::metadata;
use crate::aggregated_server::{names::Names, validate::ApiPlan};

/// The APIService of `plan`, with the published bundle; `trial` is when a first registration began that has not been
/// available yet.
#[must_use]
pub fn api_service(
    names: &Names,
    plan: &ApiPlan,
    port: i32,
    bundle_pem: &str,
    trial: Option<Timestamp>,
) -> APIService {
    let mut metadata = metadata(plan.claim.api_service_name(), None, names);
    metadata.annotations =
        trial.map(|since| [(annex_crds::TRIAL_ANNOTATION.to_owned(), since.to_string())].into());
    APIService {
        metadata,
        spec: Some(APIServiceSpec {
            group: Some(plan.claim.group.clone()),
            version: Some(plan.claim.version.clone()),
            group_priority_minimum: plan.group_priority,
            version_priority: plan.version_priority,
            ca_bundle: Some(ByteString(bundle_pem.as_bytes().to_vec())),
            service: Some(ServiceReference {
                name: Some(names.service.clone()),
                namespace: Some(names.namespace.clone()),
                port: Some(port),
            }),
            ..APIServiceSpec::default()
        }),
        ..APIService::default()
    }
}
