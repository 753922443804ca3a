//! The endpoints of a server: where they are, and what each one answers. Pure; `prober` asks them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use k8s_openapi::api::{
    core::v1::{Pod, Service},
    discovery::v1::EndpointSlice,
};

use crate::{
    pki::{Certificate, TrustFault},
    probe::{discovery::Discovery, health::Readyz, tls::HandshakeError},
};

/// One address behind the Service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    /// The pod behind it.
    pub pod: Option<String>,
    /// Whether requests are sent to it.
    pub ready: bool,
    /// Whether it may be connected to.
    pub origin: Origin,
}

/// Whose an endpoint is. EndpointSlices are written by whoever may write them in the namespace; a pod's addresses are
/// written by its kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A pod of the workload has the address, or the server is none that Annex runs.
    Backend,
    /// It names a pod that is not there any more.
    Gone,
    /// Somebody else's.
    Foreign,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.pod {
            Some(pod) => write!(f, "pod {pod} ({})", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// The endpoints of a Service's port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Those of the port; none that is going away.
    pub list: Vec<Endpoint>,
    /// The port's name in the Service, and those that ready endpoints have instead, where none has it.
    pub name_mismatch: Option<(String, Vec<String>)>,
}

/// The endpoints behind `port` of `service`. With `pods`, those of the workload, only their own addresses are to be
/// connected to; they must have been read after the slices. An EndpointSlice's port belongs to the Service's port of the same *name*:
/// kube-aggregator looks it up so too.
#[must_use]
pub fn resolve(
    service: Option<&Service>,
    slices: &[EndpointSlice],
    port: i32,
    pods: Option<&[Pod]>,
) -> Endpoints {
    let ports = service.and_then(|service| service.spec.as_ref()?.ports.as_ref());
    let Some(wanted) = ports.and_then(|ports| ports.iter().find(|candidate| candidate.port == port)) else {
        return Endpoints::default();
    };
    let wanted = wanted.name.clone().unwrap_or_default();
    let mut endpoints = Endpoints::default();
    let mut other_names = Vec::new();
    for slice in slices {
        let named = |port: &&k8s_openapi::api::discovery::v1::EndpointPort| {
            port.name.as_deref().unwrap_or_default() == wanted
        };
        let number = slice
            .ports
            .iter()
            .flatten()
            .find(named)
            .and_then(|port| port.port);
        match number.and_then(|number| u16::try_from(number).ok()) {
            Some(number) => endpoints.list.extend(of_slice(slice, number, pods)),
            None if of_slice(slice, 0, pods).any(|endpoint| endpoint.ready) => {
                let names = slice.ports.iter().flatten();
                other_names.extend(names.map(|port| port.name.clone().unwrap_or_default()));
            }
            None => {}
        }
    }
    // None that is foreign takes a backend's place.
    endpoints
        .list
        .sort_by_key(|endpoint| (endpoint.origin, endpoint.address));
    endpoints.list.dedup();
    if endpoints.list.is_empty() && !other_names.is_empty() {
        endpoints.name_mismatch = Some((wanted, other_names));
    }
    endpoints
}

fn of_slice<'a>(
    slice: &'a EndpointSlice,
    port: u16,
    pods: Option<&'a [Pod]>,
) -> impl Iterator<Item = Endpoint> + 'a {
    slice.endpoints.iter().flatten().flat_map(move |endpoint| {
        let conditions = endpoint.conditions.clone().unwrap_or_default();
        let pod = endpoint
            .target_ref
            .as_ref()
            .filter(|target| target.kind.as_deref() == Some("Pod"));
        let pod = pod.and_then(|target| target.name.clone());
        let terminating = conditions.terminating == Some(true);
        endpoint
            .addresses
            .iter()
            .filter(move |_| !terminating)
            .filter_map(move |address| {
                let ip: IpAddr = address.parse().ok()?;
                Some(Endpoint {
                    address: SocketAddr::new(ip, port),
                    pod: pod.clone(),
                    // "nil should be interpreted as true" (discovery.k8s.io/v1, EndpointConditions).
                    ready: conditions.ready != Some(false),
                    origin: pods.map_or(Origin::Backend, |pods| origin(pods, pod.as_deref(), ip)),
                })
            })
    })
}

fn origin(pods: &[Pod], name: Option<&str>, ip: IpAddr) -> Origin {
    let Some(name) = name else {
        return Origin::Foreign;
    };
    let Some(pod) = pods.iter().find(|pod| pod.metadata.name.as_deref() == Some(name)) else {
        return Origin::Gone;
    };
    let status = pod.status.as_ref();
    let first = status.and_then(|status| status.pod_ip.as_deref());
    let all = status
        .and_then(|status| status.pod_ips.as_deref())
        .unwrap_or_default();
    let mut addresses = all.iter().map(|address| address.ip.as_str()).chain(first);
    if addresses.any(|address| address.parse() == Ok(ip)) {
        Origin::Backend
    } else {
        Origin::Foreign
    }
}

/// What an endpoint presented, and whether the bundle vouches for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Presented {
    /// Its certificate.
    pub leaf: Certificate,
    /// What the aggregator would say to it.
    pub trust: Result<(), TrustFault>,
}

/// What one endpoint answered.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which one.
    pub endpoint: Endpoint,
    /// Its handshake.
    pub handshake: Result<Presented, HandshakeError>,
    /// Discovery by `group/version`, where it was asked.
    pub discovery: BTreeMap<String, Discovery>,
    /// What it says of its own readiness, where it was asked.
    pub readyz: Option<Readyz>,
    /// How long ago the handshake ended.
    pub age: Duration,
    /// How the probe after that failed. One alone changes nothing that is told; but it proves nothing either, see [`Self::proves`].
    pub failed_since: Option<HandshakeError>,
}

impl Report {
    /// Of an endpoint that has not been asked, or has not answered yet.
    #[must_use]
    pub fn unasked(endpoint: Endpoint, why: HandshakeError) -> Self {
        Self {
            endpoint,
            handshake: Err(why),
            discovery: BTreeMap::new(),
            readyz: None,
            age: Duration::ZERO,
            failed_since: None,
        }
    }

    /// Whether nothing is known of it but that it is being asked.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.handshake == Err(HandshakeError::NoAnswerYet)
    }

    /// Whether it is beyond what is asked at all.
    #[must_use]
    pub fn is_beyond(&self) -> bool {
        self.handshake == Err(HandshakeError::TooMany)
    }

    /// Whether it serves a certificate that the bundle vouches for.
    #[must_use]
    pub fn trusted(&self) -> bool {
        matches!(&self.handshake, Ok(presented) if presented.trust.is_ok())
    }

    /// Whether that is what it answered to the last probe: what hangs on a proof takes no earlier answer for it.
    #[must_use]
    pub fn proves(&self) -> bool {
        self.trusted() && self.failed_since.is_none()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Origin, resolve};
    use crate::{
        aggregated_server::{prober::question::Questions, testing::prober},
        probe::tls::HandshakeError,
    };

    fn service(port_name: &str) -> k8s_openapi::api::core::v1::Service {
        let yaml = format!("spec: {{ ports: [{{ name: '{port_name}', port: 443, targetPort: 8443 }}] }}");
        serde_saphyr::from_str(&yaml).unwrap()
    }

    fn slice(port_name: &str) -> k8s_openapi::api::discovery::v1::EndpointSlice {
        let yaml = format!(
            "
addressType: IPv4
ports: [{{ name: '{port_name}', port: 8443 }}]
endpoints:
- {{ addresses: [10.0.0.1], conditions: {{ ready: true }}, targetRef: {{ kind: Pod, name: a }} }}
- {{ addresses: [10.0.0.2], conditions: {{ ready: false }} }}
- {{ addresses: [10.0.0.3], conditions: {{ ready: false, terminating: true }} }}
- {{ addresses: [10.0.0.4] }}
"
        );
        serde_saphyr::from_str(&yaml).unwrap()
    }

    #[test]
    fn endpoints_are_found_by_the_ports_name() {
        let endpoints = resolve(Some(&service("https")), &[slice("https")], 443, None);
        let found: Vec<_> = endpoints
            .list
            .iter()
            .map(|e| (e.address.to_string(), e.ready))
            .collect();
        assert_eq!(
            found,
            [
                ("10.0.0.1:8443".to_owned(), true),
                ("10.0.0.2:8443".to_owned(), false),
                ("10.0.0.4:8443".to_owned(), true)
            ]
        );
        assert_eq!(endpoints.list[0].to_string(), "pod a (10.0.0.1:8443)");
        assert_eq!(endpoints.name_mismatch, None);
    }

    #[test]
    fn another_name_is_a_mismatch() {
        let endpoints = resolve(Some(&service("https")), &[slice("web")], 443, None);
        assert!(endpoints.list.is_empty());
        assert_eq!(
            endpoints.name_mismatch,
            Some(("https".into(), vec!["web".into()]))
        );
    }

    #[test]
    fn an_unnamed_port_matches_an_unnamed_one() {
        assert_eq!(resolve(Some(&service("")), &[slice("")], 443, None).list.len(), 3);
    }

    fn pods() -> Vec<k8s_openapi::api::core::v1::Pod> {
        let pod = |name: &str, ips: &str| {
            serde_saphyr::from_str(&format!(
                "{{ metadata: {{ name: {name} }}, status: {{ podIPs: [{ips}] }} }}"
            ))
            .unwrap()
        };
        vec![
            pod("a", "{ ip: 10.0.0.1 }, { ip: 'fd00::1' }"),
            pod("b", "{ ip: 10.0.0.2 }"),
        ]
    }

    /// Whoever may write EndpointSlices beside a workload does not choose where the operator connects.
    #[tokio::test]
    async fn only_addresses_of_the_workloads_pods_are_connected_to() {
        let target = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = target.local_addr().unwrap().port();
        let slice: k8s_openapi::api::discovery::v1::EndpointSlice = serde_saphyr::from_str(&format!(
            "
addressType: IPv4
ports: [{{ name: https, port: {port} }}]
endpoints:
- {{ addresses: [127.0.0.1] }}
- {{ addresses: [127.0.0.1], targetRef: {{ kind: Pod, name: b }} }}
- {{ addresses: [127.0.0.1], targetRef: {{ kind: Pod, name: gone }} }}
- {{ addresses: [127.0.0.1], targetRef: {{ kind: Service, name: a }} }}
- {{ addresses: [10.0.0.1], conditions: {{ ready: false }}, targetRef: {{ kind: Pod, name: a }} }}
"
        ))
        .unwrap();
        let pods = pods();
        let endpoints = resolve(
            Some(&service("https")),
            std::slice::from_ref(&slice),
            443,
            Some(&pods),
        );
        let origins: Vec<_> = endpoints.list.iter().map(|endpoint| endpoint.origin).collect();
        assert_eq!(
            origins,
            [
                Origin::Backend,
                Origin::Gone,
                Origin::Foreign,
                Origin::Foreign,
                Origin::Foreign
            ]
        );
        let others = &endpoints.list[1..];
        let questions = Questions::new("wardle.wardle.svc", &[], Vec::new(), None);
        let reports = prober()
            .reports("0b9c", "wardle", others, &questions, Timestamp::UNIX_EPOCH)
            .await;
        assert_eq!(reports.len(), others.len());
        for report in &reports {
            let refused = [HandshakeError::PodGone, HandshakeError::ForeignAddress];
            assert!(
                refused.contains(report.handshake.as_ref().unwrap_err()),
                "{report:?}"
            );
            assert!(!report.trusted());
        }
        let connected = tokio::time::timeout(std::time::Duration::from_millis(200), target.accept()).await;
        assert!(connected.is_err(), "somebody connected");
        // What already runs is reached through its EndpointSlices alone.
        let endpoints = resolve(Some(&service("https")), &[slice], 443, None);
        assert!(
            endpoints
                .list
                .iter()
                .all(|endpoint| endpoint.origin == Origin::Backend)
        );
    }
}
