//! The pods of a workload.

use std::collections::BTreeMap;

use annex_crds::v1alpha1::{AggregatedServer, Mount, ServingFlags, Workload};
use k8s_openapi::{
    api::core::v1::{
        Capabilities, Container, ContainerPort, HTTPGetAction, KeyToPath, Lifecycle, LifecycleHandler,
        PodSecurityContext, PodSpec, PodTemplateSpec, Probe, SeccompProfile, SecretVolumeSource,
        SecurityContext, SleepAction, TCPSocketAction, Volume, VolumeMount,
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::core::ObjectMeta;

use super::{
    arguments::{self, arguments},
    defaults::Defaults,
    spread, storage,
};
use crate::{
    aggregated_server::{certificates::leaf, names::Names, storage::StorageBackend},
    template::{self, Reserved, ReservedVolume, SERVER_CONTAINER, TemplateError},
};

/// The volume of the serving certificate.
pub const VOLUME: &str = "annex-serving-cert";
/// The serving port's name in the pod.
pub const PORT_NAME: &str = "https";
/// Annotation of the pods where a new leaf rolls them: its fingerprint.
pub const LEAF_ANNOTATION: &str = "annex.dev/serving-leaf";

/// A pod's `terminationGracePeriodSeconds` where nobody sets it (core/v1, DefaultTerminationGracePeriodSeconds).
const GRACE_SECONDS: i64 = 30;

/// The pods of `server`: what Annex needs, with the user's template merged in. `store` is where they keep what they serve;
/// `leaf` is the fingerprint that rolls
/// the pods when it changes; `None` where they read their files again by themselves. `defaults` is what Annex adds to them.
///
/// # Errors
/// The template cannot be merged; see [`TemplateError`].
pub fn pod_template(
    server: &AggregatedServer,
    workload: &Workload,
    names: &Names,
    store: &StorageBackend<'_>,
    leaf: Option<&str>,
    defaults: &Defaults,
) -> Result<PodTemplateSpec, TemplateError> {
    let mount = &server.spec.certificates.mount;
    let rolled_for = leaf.map(|leaf| (LEAF_ANNOTATION.to_owned(), leaf.to_owned()));
    let annotations: BTreeMap<String, String> = defaults.annotation().into_iter().chain(rolled_for).collect();
    // A second pod would be none of a server with a volume.
    let spread =
        defaults.spread && store.embedded().is_none() && !spread::is_given(workload.template.as_ref());
    let generated = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(names.labels()),
            annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            service_account_name: Some(names.server.clone()),
            affinity: spread.then(|| spread::apart(names)),
            containers: vec![container(workload, mount, store, defaults)],
            volumes: Some(
                [volume(names, mount)]
                    .into_iter()
                    .chain(storage::volume(store))
                    .collect(),
            ),
            security_context: store.embedded().map(|_| data_group()),
            ..PodSpec::default()
        }),
    };
    let Some(template) = &workload.template else {
        return Ok(generated);
    };
    let serving = ReservedVolume {
        name: VOLUME.to_owned(),
        mount_path: mount.path.clone(),
    };
    let reserved = Reserved {
        selector_labels: names.labels().into_keys().collect(),
        volumes: [serving].into_iter().chain(storage::reserved(store)).collect(),
        port: workload.port,
        port_name: PORT_NAME.to_owned(),
    };
    template::merge(generated, template, &reserved)
}

/// A program of any user can write to a volume that is its group's; where it is that already, a start is not held up by
/// a walk over all files.
fn data_group() -> PodSecurityContext {
    PodSecurityContext {
        fs_group: Some(storage::DATA_GROUP),
        fs_group_change_policy: Some("OnRootMismatch".into()),
        ..PodSecurityContext::default()
    }
}

fn container(
    workload: &Workload,
    mount: &Mount,
    store: &StorageBackend<'_>,
    defaults: &Defaults,
) -> Container {
    let serving = VolumeMount {
        name: VOLUME.into(),
        mount_path: mount.path.clone(),
        read_only: Some(true),
        ..VolumeMount::default()
    };
    Container {
        name: SERVER_CONTAINER.into(),
        image: workload.image.clone(),
        command: (!workload.command.is_empty()).then(|| workload.command.clone()),
        args: Some(arguments(workload, mount, store)).filter(|args| !args.is_empty()),
        ports: Some(vec![ContainerPort {
            name: Some(PORT_NAME.into()),
            container_port: workload.port,
            protocol: Some("TCP".into()),
            ..ContainerPort::default()
        }]),
        lifecycle: sleep_seconds(workload, store, defaults).map(sleep),
        readiness_probe: Some(readiness(workload)),
        security_context: Some(restricted()),
        termination_message_policy: defaults.termination_message_policy.map(str::to_owned),
        volume_mounts: Some([serving].into_iter().chain(storage::mount(store)).collect()),
        ..Container::default()
    }
}

/// How long a pod that is to end serves on: requests come until every node knows that it ends. A server that is told to wait does so
/// itself; the only pod of a server with a volume has nobody who could take its requests meanwhile. At most half of the time that the
/// pod has, of which the server needs the rest.
fn sleep_seconds(workload: &Workload, store: &StorageBackend<'_>, defaults: &Defaults) -> Option<i64> {
    if store.embedded().is_some() || arguments::delays_shutdown(workload) {
        return None;
    }
    let template = workload.template.as_ref();
    let grace = template.and_then(|template| template["spec"]["terminationGracePeriodSeconds"].as_i64());
    let seconds = defaults.sleep_seconds?.min(grace.unwrap_or(GRACE_SECONDS) / 2);
    (seconds > 0).then_some(seconds)
}

fn sleep(seconds: i64) -> Lifecycle {
    Lifecycle {
        pre_stop: Some(LifecycleHandler {
            sleep: Some(SleepAction { seconds }),
            ..LifecycleHandler::default()
        }),
        ..Lifecycle::default()
    }
}

/// A pod that is not ready gets no requests; no liveness probe, since a restart cures no storage that is away.
fn readiness(workload: &Workload) -> Probe {
    let port = IntOrString::Int(workload.port);
    let mut probe = Probe {
        period_seconds: Some(5),
        failure_threshold: Some(3),
        ..Probe::default()
    };
    match workload.serving_flags {
        ServingFlags::Standard => {
            probe.http_get = Some(HTTPGetAction {
                path: Some("/readyz".into()),
                port,
                scheme: Some("HTTPS".into()),
                ..HTTPGetAction::default()
            });
        }
        ServingFlags::None => {
            probe.tcp_socket = Some(TCPSocketAction {
                port,
                ..TCPSocketAction::default()
            })
        }
    }
    probe
}

/// What the `restricted` Pod Security Standard demands, but for the user: images differ in it.
fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".into()]),
            ..Capabilities::default()
        }),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".into(),
            ..SeccompProfile::default()
        }),
        ..SecurityContext::default()
    }
}

/// The Secret's three entries under the file names that the server expects; nothing else of it, so that a key that
/// somebody adds never reaches the pod.
fn volume(names: &Names, mount: &Mount) -> Volume {
    let item = |key: &str, path: &str| KeyToPath {
        key: key.into(),
        path: path.into(),
        ..KeyToPath::default()
    };
    Volume {
        name: VOLUME.into(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(names.serving_secret.clone()),
            items: Some(vec![
                item(leaf::CERTIFICATE_KEY, &mount.certificate_key),
                item(leaf::PRIVATE_KEY_KEY, &mount.private_key_key),
                item(leaf::CA_KEY, &mount.ca_key),
            ]),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// The ServiceAccount that the pods run as: the template's, or the server's own.
#[must_use]
pub fn service_account_name(workload: &Workload, names: &Names) -> String {
    workload
        .template
        .as_ref()
        .and_then(template::service_account_name)
        .unwrap_or(&names.server)
        .to_owned()
}
