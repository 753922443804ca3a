//! What is wrong, from what was seen of the workload, its pods and its endpoints. Pure.

mod last_words;
pub mod network_policies;
pub mod workload;

use std::time::Duration;

use annex_crds::v1alpha1::Reason;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;

use super::{
    endpoints::{Endpoints, Report},
    finding::Finding,
};
use crate::{
    pki::TrustFault,
    probe::{discovery::Discovery, health::Readyz, tls::HandshakeError},
    template::SERVER_CONTAINER,
};

/// A container that has run for less is starting, and not yet to be blamed for what it does not answer.
const STARTING: Duration = Duration::from_secs(10);

/// Findings about pods: why their containers do not run.
#[must_use]
pub fn pods(pods: &[Pod]) -> Vec<Finding> {
    pods.iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
        .flat_map(pod_findings)
        .collect()
}

fn pod_findings(pod: &Pod) -> Vec<Finding> {
    let status = pod.status.clone().unwrap_or_default();
    let name = pod.name_any();
    let scheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled");
    let mut findings: Vec<Finding> = scheduled
        .filter(|condition| {
            condition.status == "False" && condition.reason.as_deref() == Some("Unschedulable")
        })
        .map(|condition| {
            let why = condition.message.as_deref().unwrap_or_default();
            Finding::new(Reason::PodUnschedulable, format!("pod {name}: {why}"))
        })
        .into_iter()
        .collect();
    let containers = status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses)
        .flatten();
    findings.extend(containers.filter_map(|container| container_finding(&name, container)));
    findings
}

/// The waiting reasons are the kubelet's (pkg/kubelet/images/types.go, pkg/kubelet/container/sync_result.go).
fn container_finding(pod: &str, container: &ContainerStatus) -> Option<Finding> {
    let told = |reason, why: &str| {
        Some(Finding::new(
            reason,
            format!("pod {pod}, container {}: {why}", container.name),
        ))
    };
    let state = container.state.as_ref()?;
    if let Some(waiting) = &state.waiting {
        let why = waiting.reason.as_deref().unwrap_or_default();
        let message = waiting.message.as_deref().unwrap_or_default();
        let text = format!("{why}: {message}");
        return match why {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed" => told(
                Reason::ImagePullFailed,
                &format!("image {}: {text}", container.image),
            ),
            "CreateContainerConfigError"
                if message.contains("runAsNonRoot") || message.contains("non-root") =>
            {
                told(Reason::ContainerCannotRunAsRoot, &text)
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                told(Reason::ContainerConfigInvalid, &text)
            }
            "CrashLoopBackOff" => told(
                Reason::ContainerCrashing,
                &format!("{text}{}", last_end(container)),
            ),
            _ => None,
        };
    }
    // Between two restarts of a back-off it looks as if it had just ended, or just begun.
    let ended = state.terminated.as_ref().is_some_and(|end| end.exit_code != 0);
    let restarted = container.restart_count > 0 && !container.ready;
    let crashed_before = container
        .last_state
        .as_ref()
        .and_then(|last| last.terminated.as_ref())
        .is_some_and(|end| end.exit_code != 0);
    (ended || (restarted && crashed_before)).then_some(())?;
    told(
        Reason::ContainerCrashing,
        &format!(
            "restarted {} time(s){}",
            container.restart_count,
            last_end(container)
        ),
    )
}

fn last_end(container: &ContainerStatus) -> String {
    let ended =
        |state: &Option<k8s_openapi::api::core::v1::ContainerState>| state.as_ref()?.terminated.clone();
    let Some(end) = ended(&container.state).or_else(|| ended(&container.last_state)) else {
        return String::new();
    };
    let why = end.reason.as_deref().unwrap_or("ended");
    let words = last_words::last_words(end.message.as_deref().unwrap_or_default());
    let words = words.map(|words| format!(": {words}")).unwrap_or_default();
    format!("; {why}, exit code {}{words}", end.exit_code)
}

/// Findings about endpoints: what they do not answer, or answer wrongly.
#[must_use]
pub fn endpoints(endpoints: &Endpoints, reports: &[Report], pods: &[Pod], now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some((wanted, found)) = &endpoints.name_mismatch {
        findings.push(Finding::new(
            Reason::PortNameMismatch,
            format!("the Service's port is named {wanted:?}, its EndpointSlices name theirs {found:?}"),
        ));
    } else if !endpoints.list.iter().any(|endpoint| endpoint.ready) {
        let message = match endpoints.list.len() {
            0 => "the Service has no endpoint".to_owned(),
            some => format!("none of {some} endpoint(s) is ready"),
        };
        findings.push(Finding::new(Reason::NoReadyEndpoints, message));
    }
    let beyond = reports.iter().filter(|report| report.is_beyond()).count();
    if beyond > 0 {
        let all = endpoints.list.len();
        findings.push(Finding::new(
            Reason::TooManyEndpoints,
            format!("the Service has {all} endpoints; {beyond} of them are not asked"),
        ));
    }
    for report in reports {
        if report.endpoint.ready || !starting(report, pods, now) {
            findings.extend(report_findings(report));
        }
    }
    findings
}

/// Whether a container of a pod that has its node is being made, which takes long where a volume's Secret is not there.
#[must_use]
pub fn any_waits_for_files(pods: &[Pod]) -> bool {
    let waits = |container: &ContainerStatus| {
        let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
        waiting.is_some_and(|waiting| waiting.reason.as_deref() == Some("ContainerCreating"))
    };
    let statuses = pods
        .iter()
        .filter_map(|pod| pod.status.as_ref()?.container_statuses.as_ref());
    statuses.flatten().any(waits)
}

/// Whether the container that serves runs in the pod behind the endpoint; in a pod that Annex did not make, any container.
#[must_use]
pub fn runs(pods: &[Pod], report: &Report) -> bool {
    let pod = pods.iter().find(|pod| pod.metadata.name == report.endpoint.pod);
    let statuses = pod
        .and_then(|pod| pod.status.as_ref()?.container_statuses.as_deref())
        .unwrap_or_default();
    let running = |container: &ContainerStatus| {
        container
            .state
            .as_ref()
            .is_some_and(|state| state.running.is_some())
    };
    match statuses
        .iter()
        .find(|container| container.name == SERVER_CONTAINER)
    {
        Some(server) => running(server),
        None => statuses.iter().any(running),
    }
}

/// Whether the pod behind the endpoint has a container that began a moment ago, or has never begun: it may have an
/// address long before its image is there.
fn starting(report: &Report, pods: &[Pod], now: Timestamp) -> bool {
    let Some(pod) = pods.iter().find(|pod| pod.metadata.name == report.endpoint.pod) else {
        return false;
    };
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_ref());
    let starts = |container: &ContainerStatus| {
        let state = container.state.as_ref();
        let began = state.and_then(|state| state.running.as_ref()?.started_at.as_ref());
        let waits = state.is_none_or(|state| state.waiting.is_some());
        began.is_some_and(|began| now.duration_since(began.0).unsigned_abs() < STARTING)
            || (waits && container.restart_count == 0 && container.name == SERVER_CONTAINER)
    };
    statuses.into_iter().flatten().any(starts)
}

fn report_findings(report: &Report) -> Vec<Finding> {
    let endpoint = &report.endpoint;
    let presented = match &report.handshake {
        Ok(presented) => presented,
        Err(error) => {
            let told = handshake_reason(error);
            let finding = |reason| Finding::new(reason, format!("{endpoint}: {error}"));
            return told.map(finding).into_iter().collect();
        }
    };
    if let Err(fault) = &presented.trust {
        return vec![Finding::new(trust_reason(fault), format!("{endpoint}: {fault}"))];
    }
    let mut findings: Vec<Finding> = report
        .readyz
        .iter()
        .filter_map(|readyz| readiness(report, readyz))
        .collect();
    for (group_version, answer) in &report.discovery {
        findings.extend(discovery_finding(report, group_version, answer));
    }
    findings
}

/// `None` where there is nothing to be told of the endpoint.
fn handshake_reason(error: &HandshakeError) -> Option<Reason> {
    match error {
        // Its EndpointSlice is about to say so too.
        HandshakeError::PodGone => None,
        // What an earlier pass told of it stands, see `pending`.
        HandshakeError::NoAnswerYet => None,
        // Told of all of them at once.
        HandshakeError::TooMany => None,
        HandshakeError::ConnectionRefused => Some(Reason::ConnectionRefused),
        HandshakeError::ConnectTimeout | HandshakeError::Unreachable | HandshakeError::ConnectFailed(_) => {
            Some(Reason::ConnectionTimeout)
        }
        HandshakeError::ForeignAddress => Some(Reason::ForeignEndpoint),
        HandshakeError::NotTls
        | HandshakeError::HandshakeFailed(_)
        | HandshakeError::TlsTimeout
        | HandshakeError::ChainTooLarge(_)
        | HandshakeError::UnreadableCertificate
        | HandshakeError::InvalidServerName(_) => Some(Reason::TlsFailed),
    }
}

fn trust_reason(fault: &TrustFault) -> Reason {
    match fault {
        TrustFault::Expired { .. } | TrustFault::NotYetValid { .. } => Reason::CertificateExpired,
        TrustFault::SanMismatch { .. } | TrustFault::NameConstraint => Reason::SanMismatch,
        TrustFault::Untrusted | TrustFault::Other(_) => Reason::CaNotTrusted,
    }
}

/// A check of a storage backend, by the names that k8s.io/apiserver gives: `etcd`, `etcd-readiness`,
/// `poststarthook/storage-readiness`.
fn is_storage(check: &str) -> bool {
    check.starts_with("etcd") || check.contains("storage")
}

fn readiness(report: &Report, readyz: &Readyz) -> Option<Finding> {
    let endpoint = &report.endpoint;
    match readyz {
        Readyz::Ok => None,
        Readyz::Failing { checks } => {
            let storage = checks.iter().any(|check| is_storage(check));
            let reason = if storage {
                Reason::StorageUnavailable
            } else {
                Reason::ReadinessFailed
            };
            let named = checks.join(", ");
            Some(Finding::new(
                reason,
                format!("{endpoint}: /readyz?verbose says that these checks fail: {named}"),
            ))
        }
        Readyz::Unexpected(code) => Some(Finding::new(
            Reason::ReadinessFailed,
            format!("{endpoint}: /readyz answers {code}"),
        )),
    }
}

fn discovery_finding(report: &Report, group_version: &str, answer: &Discovery) -> Option<Finding> {
    let (reason, message) = match answer {
        Discovery::Served | Discovery::Unauthorized | Discovery::Forbidden => return None,
        Discovery::NotServed { found } => (Reason::GroupVersionNotServed, format!("answers {found}")),
        Discovery::TooSlow => (Reason::DiscoveryTooSlow, "does not answer in time".to_owned()),
        Discovery::ServerError { code, text } | Discovery::Unexpected { code, text } => {
            (Reason::DiscoveryFailed, format!("answers {code}: {text}"))
        }
        Discovery::Failed(error) => (Reason::DiscoveryFailed, error.to_string()),
    };
    Some(Finding::about(
        reason,
        group_version,
        format!("{}: discovery of {group_version} {message}", report.endpoint),
    ))
}

#[cfg(test)]
mod tests;
