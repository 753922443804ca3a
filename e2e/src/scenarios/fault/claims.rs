//! Who owns a group-version, and in which namespace a server may run.

use annex_crds::v1alpha1::Reason;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::{Api, ResourceExt as _};

use super::{
    super::{Failure, World, ensure, test_server::TestServer},
    clean,
    named::{at_once, named},
};
use crate::install;

const NAMESPACE: &str = "fault-claims";
const FOREIGN: &str = "fault-foreign";
const SHADOW: &str = "fault-shadow";
const SHADOWED: &str = "fault-shadowed";
const FIRST: &str = "fault-first";
const SECOND: &str = "fault-second";
const MISSING: &str = "fault-missing";
const REFUSED: &str = "fault-refused";

/// Claims of what somebody else has.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.namespace(NAMESPACE).await?;
    tokio::try_join!(
        foreign(world),
        shadow(world),
        shadowed_later(world),
        rivals(world)
    )?;
    clean(world, &[FOREIGN, SHADOW, SHADOWED, FIRST, SECOND], NAMESPACE).await
}

/// An APIService that a helm release owns stays as it is.
async fn foreign(world: &World) -> Result<(), Failure> {
    let server = TestServer::new(FOREIGN, NAMESPACE);
    let name = server.api_service();
    let group = &server.group;
    world
        .apply(&format!(
            "
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata:
  name: {name}
  annotations: {{ meta.helm.sh/release-name: adapter, meta.helm.sh/release-namespace: elsewhere }}
spec:
  group: {group}
  version: v1
  groupPriorityMinimum: 1000
  versionPriority: 1
  insecureSkipTLSVerify: true
  service: {{ namespace: {NAMESPACE}, name: {FOREIGN} }}
"
        ))
        .await?;
    let services: Api<APIService> = Api::all(world.client.clone());
    let before = services.get(&name).await?;
    let yaml = server.yaml();
    let message = named(world, FOREIGN, Reason::Conflict, world.apply(&yaml), at_once()).await?;
    ensure(message.contains("helm release elsewhere/adapter"), || {
        format!("the message does not name the owner: {message}")
    })?;
    // What else belongs to the server is made all the same; then a write would have come, too.
    world
        .kubectl(&format!(
            "-n {NAMESPACE} rollout status deployment {FOREIGN} --timeout=120s"
        ))
        .await?;
    let after = services.get(&name).await?;
    ensure(
        after.spec == before.spec
            && after.annotations() == before.annotations()
            && after.labels() == before.labels()
            && after.owner_references() == before.owner_references(),
        || format!("somebody else's APIService was changed: {after:?}"),
    )?;
    world.delete("apiservice", &name).await?;
    world.ready(FOREIGN).await
}

/// A CustomResourceDefinition with the same group-version is shadowed only where that is meant, and comes back.
async fn shadow(world: &World) -> Result<(), Failure> {
    let refused = TestServer::new(SHADOW, NAMESPACE);
    let group = &refused.group;
    let crd = define(world, group).await?;
    let kept = format!("/apis/{group}/v1/echoes/kept");
    let object = format!("apiVersion: {group}/v1\nkind: Echo\nmetadata: {{ name: kept }}\n");
    world
        .eventually("an object of the CustomResourceDefinition", async || {
            world.apply(&object).await.map_err(|error| error.to_string())
        })
        .await?;
    let yaml = refused.yaml();
    let message = named(world, SHADOW, Reason::CrdShadowed, world.apply(&yaml), at_once()).await?;
    ensure(message.contains(&crd), || {
        format!("the message does not name the CustomResourceDefinition: {message}")
    })?;
    world.kubectl(&format!("get --raw {kept}")).await?;

    let allowed = TestServer {
        claim: "crdShadow: Allow",
        ..refused.clone()
    };
    world.apply(&allowed.yaml()).await?;
    world.ready(SHADOW).await?;
    world
        .kubectl(&format!("get --raw {}", allowed.object_path()))
        .await?;
    world.kubectl_fails(&format!("get --raw {kept}")).await?;

    world.delete("aggregatedserver", SHADOW).await?;
    world
        .eventually("the CustomResourceDefinition's object again", async || {
            let line = format!("get --raw {kept}");
            world.kubectl(&line).await.map_err(|error| error.to_string())
        })
        .await?;
    world.delete("crd", &crd).await
}

/// A CustomResourceDefinition of `echoes` of the group, established; returns its name.
pub(super) async fn define(world: &World, group: &str) -> Result<String, Failure> {
    let crd = format!("echoes.{group}");
    world
        .apply(&format!(
            "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{ name: {crd} }}
spec:
  group: {group}
  scope: Cluster
  names: {{ plural: echoes, singular: echo, kind: Echo }}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {{ openAPIV3Schema: {{ type: object, x-kubernetes-preserve-unknown-fields: true }} }}
"
        ))
        .await?;
    world
        .kubectl(&format!(
            "wait --for=condition=Established --timeout=60s crd/{crd}"
        ))
        .await?;
    Ok(crd)
}

/// A CustomResourceDefinition that comes after the server takes nothing from it, is told, and holds up no rotation.
async fn shadowed_later(world: &World) -> Result<(), Failure> {
    let server = TestServer::new(SHADOWED, NAMESPACE);
    world.apply(&server.yaml()).await?;
    world.ready(SHADOWED).await?;
    let mut followed = world.follow(SHADOWED).await?;
    let crd = define(world, &server.group).await?;
    let (_, message) = followed.told(Reason::CrdShadowed).await?;
    ensure(message.contains(&crd), || {
        format!("the message does not name the CustomResourceDefinition: {message}")
    })?;
    let object = format!("get --raw {}", server.object_path());
    world.kubectl(&object).await?;
    let ask = format!("annotate aggregatedserver {SHADOWED} annex.dev/rotate-ca=1");
    world.kubectl(&ask).await?;
    let servers = world.servers();
    world
        .eventually("the end of its rotation", async || {
            let server = servers.get(SHADOWED).await.map_err(|error| error.to_string())?;
            let certificates = server.status.unwrap_or_default().certificates;
            match certificates.rotation {
                None if certificates.rotation_count > 0 => Ok(()),
                rotation => Err(format!("{rotation:?}")),
            }
        })
        .await?;
    world.kubectl(&object).await?;
    world.delete("crd", &crd).await?;
    world.ready(SHADOWED).await
}

/// The second of two claimants stands by, and takes over.
async fn rivals(world: &World) -> Result<(), Failure> {
    let first = TestServer::new(FIRST, NAMESPACE);
    let second = TestServer {
        group: first.group.clone(),
        ..TestServer::new(SECOND, NAMESPACE)
    };
    world.apply(&first.yaml()).await?;
    world.ready(FIRST).await?;
    let yaml = second.yaml();
    let message = named(world, SECOND, Reason::Conflict, world.apply(&yaml), at_once()).await?;
    ensure(message.contains(FIRST), || {
        format!("the message does not name the first claimant: {message}")
    })?;
    world.condition(FIRST, "Ready", "True", None).await?;
    world.delete("aggregatedserver", FIRST).await?;
    world.ready(SECOND).await?;
    world
        .kubectl(&format!("get --raw {}", second.object_path()))
        .await?;
    Ok(())
}

/// A namespace that is not there, and the one where nobody else may run.
pub(super) async fn namespaces(world: &World) -> Result<(), Failure> {
    let missing = TestServer::new(MISSING, MISSING);
    let refused = TestServer::new(REFUSED, install::NAMESPACE);
    let (missing, refused) = (missing.yaml(), refused.yaml());
    let (missing, refused) = (world.apply(&missing), world.apply(&refused));
    tokio::try_join!(
        named(world, MISSING, Reason::NamespaceNotFound, missing, at_once()),
        named(world, REFUSED, Reason::NamespaceRefused, refused, at_once()),
    )?;
    let made = world
        .kubectl(&format!(
            "-n {} get all,secrets,configmaps -l annex.dev/server={REFUSED} -o name",
            install::NAMESPACE
        ))
        .await?;
    ensure(made.is_empty(), || {
        format!("in the operator's own namespace, this was made: {made}")
    })?;
    world.delete("aggregatedserver", REFUSED).await?;
    world.namespace(MISSING).await?;
    world.ready(MISSING).await?;
    clean(world, &[MISSING], MISSING).await
}
