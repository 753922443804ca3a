//! Faults of the workload: what keeps its pods from running, and what keeps Annex from making them.

use annex_crds::v1alpha1::Reason;
use k8s_openapi::api::core::v1::Pod;

use super::{
    super::{Failure, World, ensure, test_server::TestServer},
    clean,
    named::{at_once, named, pod, runs, waits},
};

const NAMESPACE: &str = "fault-pods";
const IMAGE: &str = "fault-image";
const ROOT: &str = "fault-root";
const CRASH: &str = "fault-crash";
const PORT_FLAG: &str = "fault-port-flag";
const PORT: &str = "fault-port";
const TEMPLATE: &str = "fault-template";

/// They befall servers that have nothing to do with each other, all at the same time.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.namespace(NAMESPACE).await?;
    tokio::try_join!(
        image(world),
        root(world),
        crash(world),
        port_flag(world),
        port(world),
        template(world),
    )?;
    clean(world, &[IMAGE, ROOT, CRASH, PORT_FLAG, PORT, TEMPLATE], NAMESPACE).await
}

/// The broken server gets this name for its fault, and is Ready with the cure. Returns the fault's message.
async fn suffer(
    world: &World,
    broken: &TestServer,
    reason: Reason,
    symptom: impl Future<Output = Result<(), Failure>>,
    cured: &TestServer,
) -> Result<String, Failure> {
    let yaml = broken.yaml();
    let message = named(world, broken.name, reason, world.apply(&yaml), symptom).await?;
    world.apply(&cured.yaml()).await?;
    world.ready(cured.name).await?;
    Ok(message)
}

/// Nothing listens at this registry's address: the pull fails at once.
async fn image(world: &World) -> Result<(), Failure> {
    let cured = TestServer::new(IMAGE, NAMESPACE);
    let broken = TestServer {
        image: "127.0.0.1:1/annex/missing:v1",
        ..cured.clone()
    };
    let symptom = pod(world, &broken, |pod| {
        waits(pod, &["ErrImagePull", "ImagePullBackOff"])
    });
    let message = suffer(world, &broken, Reason::ImagePullFailed, symptom, &cured).await?;
    ensure(message.contains(broken.image), || {
        format!("the message does not name the image: {message}")
    })
}

/// etcd's image sets no user.
async fn root(world: &World) -> Result<(), Failure> {
    let cured = TestServer::new(ROOT, NAMESPACE);
    let broken = TestServer {
        image: "localhost/etcd:v3.6.16",
        pod: "securityContext: { runAsNonRoot: true }",
        ..cured.clone()
    };
    let symptom = pod(world, &broken, |pod| waits(pod, &["CreateContainerConfigError"]));
    suffer(world, &broken, Reason::ContainerCannotRunAsRoot, symptom, &cured)
        .await
        .map(|_| ())
}

async fn crash(world: &World) -> Result<(), Failure> {
    let cured = TestServer::new(CRASH, NAMESPACE);
    let broken = cured.clone().args(&["--mode=crash", "--delay-seconds=0"]);
    let ended = |pod: &Pod| {
        let status = pod.status.as_ref();
        let containers = status.and_then(|status| status.container_statuses.as_ref());
        containers.into_iter().flatten().any(|container| {
            let state = container.state.as_ref();
            container.restart_count > 0 || state.is_some_and(|state| state.terminated.is_some())
        })
    };
    let symptom = pod(world, &broken, ended);
    let message = suffer(world, &broken, Reason::ContainerCrashing, symptom, &cured).await?;
    // The last line of its log, by the kubelet: Annex has no right on logs.
    let words = "exit code 1: error: crashed, as mode crash demands";
    ensure(message.contains(words), || {
        format!("the message does not say how it ended: {message}")
    })
}

/// The arguments contradict the field.
async fn port_flag(world: &World) -> Result<(), Failure> {
    let cured = TestServer::new(PORT_FLAG, NAMESPACE);
    let broken = cured.clone().args(&["--secure-port=9443"]);
    let message = suffer(world, &broken, Reason::PortFlagMismatch, at_once(), &cured).await?;
    ensure(message.contains("9443") && message.contains("8443"), || {
        format!("the message does not name both ports: {message}")
    })
}

/// The server listens elsewhere, and no argument tells: only its port does. Where it runs and has had time to listen, a refused
/// connection is a symptom.
async fn port(world: &World) -> Result<(), Failure> {
    let cured = TestServer {
        workload: "servingFlags: None, port: 8443",
        ..TestServer::new(PORT, NAMESPACE).args(&[
            "--tls-cert-file=/var/run/annex/serving-cert/tls.crt",
            "--tls-private-key-file=/var/run/annex/serving-cert/tls.key",
        ])
    };
    let broken = TestServer {
        workload: "servingFlags: None, port: 7443",
        ..cured.clone()
    };
    let symptom = pod(world, &broken, runs);
    suffer(world, &broken, Reason::ConnectionRefused, symptom, &cured)
        .await
        .map(|_| ())
}

/// A template that cannot be used changes nothing of what runs.
async fn template(world: &World) -> Result<(), Failure> {
    let good = TestServer::new(TEMPLATE, NAMESPACE);
    world.apply(&good.yaml()).await?;
    world.ready(TEMPLATE).await?;
    for (pod, path) in [
        (
            "containers: [{ name: server, args: [--mode=crash] }]",
            "spec.containers[0].args",
        ),
        ("contaners: []", "contaners"),
        ("priorityClassName: missing-altogether, hostPID: maybe", "hostPID"),
    ] {
        let broken = TestServer { pod, ..good.clone() };
        let yaml = broken.yaml();
        let deed = world.apply(&yaml);
        let message = named(world, TEMPLATE, Reason::TemplateInvalid, deed, at_once()).await?;
        ensure(message.contains(path), || {
            format!("the message does not name {path}: {message}")
        })?;
        world.condition(TEMPLATE, "Available", "True", None).await?;
        world
            .kubectl(&format!("get --raw {}", good.object_path()))
            .await?;
        world.apply(&good.yaml()).await?;
        world.ready(TEMPLATE).await?;
    }
    Ok(())
}
