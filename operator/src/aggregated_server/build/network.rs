//! The Service in front of a workload.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{metadata, pod::PORT_NAME};
use crate::aggregated_server::{names::Names, validate::SERVICE_PORT};

/// A ClusterIP Service: the only form that the aggregator can call in both of its ways to resolve a Service. The
/// port's name goes into the EndpointSlices, where the aggregator looks for it. Each pod's own port is found by its name, so that
/// pods from before a change of `workload.port` are reached until they are replaced.
#[must_use]
pub fn service(names: &Names) -> Service {
    Service {
        metadata: metadata(&names.service, Some(&names.namespace), names),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            selector: Some(names.selector()),
            ports: Some(vec![ServicePort {
                name: Some("https".into()),
                port: SERVICE_PORT,
                protocol: Some("TCP".into()),
                target_port: Some(IntOrString::String(PORT_NAME.into())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
