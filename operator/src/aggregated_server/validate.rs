//! AggregatedServer + what was read about its surroundings -> a plan that nothing later has to doubt. Pure.

use annex_crds::v1alpha1::{AggregatedServer, ApiClaim, CrdShadow, DEFAULT_GROUP_PRIORITY, Reason};
use k8s_openapi::api::core::v1::Service;

use super::{
    dereference::{NamespaceState, Surroundings},
    finding::Finding,
    names::Names,
    version_order,
};
use crate::namespaces::Namespaces;

/// One claim with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiPlan {
    /// As claimed.
    pub claim: ApiClaim,
    /// `spec.groupPriorityMinimum` of its APIService.
    pub group_priority: i32,
    /// `spec.versionPriority` of its APIService.
    pub version_priority: i32,
}

/// The port of the Service that the aggregator calls.
pub const SERVICE_PORT: i32 = 443;

/// Every claim with its numbers: those given, or the defaults.
#[must_use]
pub fn plan_apis(server: &AggregatedServer) -> Vec<ApiPlan> {
    let apis = &server.spec.apis;
    let plan = |claim: &ApiClaim| {
        let versions: Vec<&str> = apis
            .iter()
            .filter(|other| other.group == claim.group)
            .map(|other| other.version.as_str())
            .collect();
        // The aggregator takes the highest number of a group's versions, so that one given number is the group's.
        let given = apis
            .iter()
            .filter(|other| other.group == claim.group)
            .find_map(|other| other.group_priority_minimum);
        ApiPlan {
            group_priority: given.unwrap_or(DEFAULT_GROUP_PRIORITY),
            version_priority: claim
                .version_priority
                .unwrap_or_else(|| version_order::default_priority(&claim.version, &versions)),
            claim: claim.clone(),
        }
    };
    apis.iter().map(plan).collect()
}

/// What keeps this operator from a server altogether: it runs where the operator has no rights.
#[must_use]
pub fn refuse_reach(names: &Names, namespaces: &Namespaces) -> Option<Finding> {
    let namespace = &names.namespace;
    (!namespaces.contain(namespace)).then(|| {
        Finding::new(
            Reason::NamespaceRefused,
            format!("namespace {namespace} is none of those that the operator has rights in (--namespaces): {namespaces}"),
        )
    })
}

/// What keeps the server from being set up at all: the namespace.
#[must_use]
pub fn refuse_namespace(names: &Names, state: NamespaceState) -> Option<Finding> {
    let namespace = &names.namespace;
    if *namespace == names.operator_namespace {
        return Some(Finding::new(
            Reason::NamespaceRefused,
            format!(
                "namespace {namespace} is the operator's own, where the keys of all authorities lie; use another one"
            ),
        ));
    }
    match state {
        NamespaceState::Active => None,
        NamespaceState::Missing => Some(Finding::new(
            Reason::NamespaceNotFound,
            format!(
                "namespace {namespace} does not exist; make it with: kubectl create namespace {namespace}"
            ),
        )),
        NamespaceState::Terminating => Some(Finding::new(
            Reason::NamespaceTerminating,
            format!("namespace {namespace} is being deleted; the APIServices were taken back first"),
        )),
    }
}

/// What keeps one claim from being registered.
#[must_use]
pub fn refuse_claim(
    claim: &ApiClaim,
    server: &AggregatedServer,
    surroundings: &Surroundings,
) -> Option<Finding> {
    let group_version = claim.group_version();
    if surroundings.served_by_kubernetes(&claim.group) {
        return Some(Finding::about(
            Reason::GroupRefused,
            &group_version,
            format!("the kube-apiserver serves group {} itself", claim.group),
        ));
    }
    if let Some(first) = surroundings.earlier_claimant(server, claim) {
        return Some(Finding::about(
            Reason::Conflict,
            &group_version,
            format!(
                "{group_version} belongs to AggregatedServer {first}; this one stands by and takes over when it goes"
            ),
        ));
    }
    let crd = surroundings
        .crds
        .get(&group_version)
        .filter(|_| claim.crd_shadow == CrdShadow::Refuse);
    crd.map(|crd| {
        Finding::about(
            Reason::CrdShadowed,
            &group_version,
            format!(
                "CustomResourceDefinition {crd} serves {group_version}; its objects would be hidden. Set crdShadow: Allow on \
                 this API if that is meant"
            ),
        )
    })
}

/// What makes a Service unusable for the aggregator, in both of its ways to resolve one
/// (k8s.io/apiserver/pkg/util/proxy: ResolveCluster refuses headless Services, ResolveEndpoint refuses ExternalName).
#[must_use]
pub fn refuse_service(service: Option<&Service>, names: &Names, port: i32) -> Option<Finding> {
    let unusable = |why: String| Some(Finding::new(Reason::ServiceUnusable, why));
    let called = format!("Service {}/{}", names.namespace, names.service);
    let Some(spec) = service.and_then(|service| service.spec.as_ref()) else {
        return unusable(format!("{called} does not exist"));
    };
    match spec.type_.as_deref() {
        Some("ExternalName") => {
            return unusable(format!("{called} is an ExternalName; it needs a cluster IP"));
        }
        _ if spec.cluster_ip.as_deref() == Some("None") => {
            return unusable(format!("{called} is headless; it needs a cluster IP"));
        }
        _ => {}
    }
    let ports: Vec<i32> = spec.ports.iter().flatten().map(|port| port.port).collect();
    if ports.contains(&port) {
        return None;
    }
    unusable(format!("{called} has no port {port}, only {ports:?}"))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};

    use super::*;
    use crate::aggregated_server::testing::{names, server};

    #[test]
    fn a_given_group_priority_is_the_whole_groups() {
        let mut server = server();
        server.spec.apis[1].group_priority_minimum = Some(2000);
        let priorities: Vec<i32> = plan_apis(&server).iter().map(|api| api.group_priority).collect();
        assert_eq!(priorities, [2000, 2000]);
    }

    #[test]
    fn version_priorities_follow_the_version_order() {
        let plans = plan_apis(&server());
        assert_eq!(plans[0].claim.version, "v1alpha1");
        assert!(plans[0].version_priority < plans[1].version_priority);
    }

    #[test]
    fn the_operators_own_namespace_is_refused() {
        let mut names = names();
        names.namespace = names.operator_namespace.clone();
        let finding = refuse_namespace(&names, NamespaceState::Active).unwrap();
        assert_eq!(finding.reason, Reason::NamespaceRefused);
    }

    fn service(type_: &str, cluster_ip: &str, port: i32) -> Service {
        Service {
            spec: Some(ServiceSpec {
                type_: Some(type_.into()),
                cluster_ip: Some(cluster_ip.into()),
                ports: Some(vec![ServicePort {
                    port,
                    ..ServicePort::default()
                }]),
                ..ServiceSpec::default()
            }),
            ..Service::default()
        }
    }

    #[test]
    fn only_a_service_with_a_cluster_ip_and_the_port_is_usable() {
        let names = names();
        assert_eq!(
            refuse_service(Some(&service("ClusterIP", "10.0.0.1", 443)), &names, 443),
            None
        );
        for unusable in [
            None,
            Some(service("ExternalName", "", 443)),
            Some(service("ClusterIP", "None", 443)),
            Some(service("ClusterIP", "10.0.0.1", 8443)),
        ] {
            let finding = refuse_service(unusable.as_ref(), &names, 443).unwrap();
            assert_eq!(finding.reason, Reason::ServiceUnusable);
        }
    }
}
