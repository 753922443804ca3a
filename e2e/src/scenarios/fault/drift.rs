//! What hands change: Annex takes back what it applied, and leaves alone what it did not.

use std::time::Instant;

use annex_crds::v1alpha1::Reason;
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Secret},
    },
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{Api, ResourceExt as _};

use super::{
    super::{Failure, World, ensure, test_server::TestServer},
    clean,
    named::{LIMIT, at_once, event, named},
};
use crate::progress;

const NAMESPACE: &str = "fault-drift";
const SECRET: &str = "fault-secret";
const FIXED: &str = "fault-fixed";
const FREE: &str = "fault-free";
/// The field manager of the hand that patches.
const CULPRIT: &str = "careless-hand";

/// Three servers, each with a hand of its own.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.namespace(NAMESPACE).await?;
    tokio::try_join!(serving_secret(world), applied_fields(world), others_fields(world))?;
    clean(world, &[SECRET, FIXED, FREE], NAMESPACE).await
}

/// A serving Secret that no server could use is named, and issued anew.
async fn serving_secret(world: &World) -> Result<(), Failure> {
    let server = TestServer {
        // A new pod has the new Secret at once; a running one waits for its kubelet.
        spec: "certificates: { reload: Restart }",
        ..TestServer::new(SECRET, NAMESPACE)
    };
    world.apply(&server.yaml()).await?;
    world.ready(SECRET).await?;
    let garbled = r#"{"data":{"tls.crt":"Z2FyYmxlZA=="}}"#;
    let line = format!("-n {NAMESPACE} patch secret {SECRET}-serving-cert --type=merge -p {garbled}");
    let deed = world.kubectl(&line);
    named(world, SECRET, Reason::ServingSecretInvalid, deed, at_once()).await?;
    world.ready(SECRET).await?;
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), NAMESPACE);
    let secret = secrets.get(&format!("{SECRET}-serving-cert")).await?;
    let certificate = secret
        .data
        .unwrap_or_default()
        .remove("tls.crt")
        .unwrap_or_default();
    ensure(certificate.0.starts_with(b"-----BEGIN CERTIFICATE-----"), || {
        "Ready with a serving Secret that holds no certificate".to_owned()
    })?;
    world
        .kubectl(&format!("get --raw {}", server.object_path()))
        .await?;
    Ok(())
}

/// The published bundle and a number of replicas that is in the spec are Annex's.
async fn applied_fields(world: &World) -> Result<(), Failure> {
    let server = TestServer {
        workload: "replicas: 1",
        ..TestServer::new(FIXED, NAMESPACE)
    };
    world.apply(&server.yaml()).await?;
    world.ready(FIXED).await?;
    ca_bundle(world, &server).await?;
    let began = Instant::now();
    let line = format!("-n {NAMESPACE} scale deployment {FIXED} --replicas=2");
    world.kubectl(&line).await?;
    let note = event(world, FIXED, "DriftRepaired", "Deployment").await?;
    repaired("Deployment", began, &note)?;
    ensure(note.contains("kubectl"), || {
        format!("the culprit is not named: {note}")
    })?;
    let scaled = deployments(world).get(FIXED).await?;
    ensure(scaled.spec.replicas == Some(1), || {
        format!("{:?} replicas are left", scaled.spec.replicas)
    })?;
    world.ready(FIXED).await
}

async fn ca_bundle(world: &World, server: &TestServer) -> Result<(), Failure> {
    let configs: Api<ConfigMap> = Api::namespaced(world.client.clone(), NAMESPACE);
    let bundle = configs
        .get(&format!("{FIXED}-ca"))
        .await?
        .data
        .unwrap_or_default();
    let bundle = bundle.get("ca.crt").cloned().unwrap_or_default();
    let garbled = r#"{"spec":{"caBundle":"Z2FyYmxlZA=="}}"#;
    let began = Instant::now();
    let line = format!(
        "patch apiservice {} --type=merge --field-manager={CULPRIT} -p {garbled}",
        server.api_service()
    );
    world.kubectl(&line).await?;
    let note = event(world, FIXED, "DriftRepaired", "APIService").await?;
    repaired("APIService", began, &note)?;
    ensure(note.contains(CULPRIT), || {
        format!("the culprit is not named: {note}")
    })?;
    let services: Api<APIService> = Api::all(world.client.clone());
    let published = services
        .get(&server.api_service())
        .await?
        .spec
        .and_then(|spec| spec.ca_bundle);
    ensure(
        published.is_some_and(|published| published.0 == bundle.as_bytes()),
        || "the caBundle is not the published bundle".to_owned(),
    )?;
    world.ready(FIXED).await?;
    world
        .kubectl(&format!("get --raw {}", server.object_path()))
        .await?;
    Ok(())
}

fn repaired(what: &str, began: Instant, note: &str) -> Result<(), Failure> {
    let took = began.elapsed();
    progress::say(format!(
        "    {what} repaired after {:.1} s: {note}",
        took.as_secs_f64()
    ));
    ensure(took <= LIMIT, || {
        format!("{what} was repaired only after {:.1} s", took.as_secs_f64())
    })
}

/// Without `replicas` in the spec, their number is a hand's, or an autoscaler's.
async fn others_fields(world: &World) -> Result<(), Failure> {
    let server = TestServer::new(FREE, NAMESPACE);
    world.apply(&server.yaml()).await?;
    world.ready(FREE).await?;
    let line = format!("-n {NAMESPACE} scale deployment {FREE} --replicas=2");
    world.kubectl(&line).await?;
    // The budget that goes with two pods shows that Annex has seen them.
    world
        .eventually("a PodDisruptionBudget for two pods", async || {
            let line = format!("-n {NAMESPACE} get poddisruptionbudget {FREE}");
            world
                .kubectl(&line)
                .await
                .map(|_| ())
                .map_err(|error| error.to_string())
        })
        .await?;
    world
        .kubectl(&format!(
            "-n {NAMESPACE} rollout status deployment {FREE} --timeout=120s"
        ))
        .await?;
    world.ready(FREE).await?;
    let scaled = deployments(world).get(FREE).await?;
    ensure(scaled.spec.replicas == Some(2), || {
        format!(
            "{} was scaled to {:?} by {:?}",
            FREE,
            scaled.spec.replicas,
            scaled.managed_fields()
        )
    })
}

fn deployments(world: &World) -> Api<Deployment> {
    Api::namespaced(world.client.clone(), NAMESPACE)
}
