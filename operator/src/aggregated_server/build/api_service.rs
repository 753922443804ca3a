//! The APIService of a claim.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{
    ByteString,
    kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceSpec, ServiceReference},
};

use super::metadata;
use crate::aggregated_server::{names::Names, validate::ApiPlan};

/// What an APIService says beside its spec.
#[derive(Clone, Debug, Default)]
pub struct Annotations {
    /// When a first registration began that has not been available yet.
    pub trial: Option<Timestamp>,
    /// A digest of what is served of its group, where definitions have it: when it changes the aggregator reads discovery at once.
    pub definitions: Option<String>,
}

/// The APIService of `plan`, with the published bundle.
#[must_use]
pub fn api_service(
    names: &Names,
    plan: &ApiPlan,
    port: i32,
    bundle_pem: &str,
    annotations: Annotations,
) -> APIService {
    let mut metadata = metadata(plan.claim.api_service_name(), None, names);
    let trial = annotations
        .trial
        .map(|since| (annex_crds::TRIAL_ANNOTATION.to_owned(), since.to_string()));
    let definitions = annotations
        .definitions
        .map(|digest| (annex_crds::DEFINITIONS_ANNOTATION.to_owned(), digest));
    let annotations: BTreeMap<String, String> = trial.into_iter().chain(definitions).collect();
    metadata.annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
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
