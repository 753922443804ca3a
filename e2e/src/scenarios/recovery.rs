//! What somebody spoils, or an operator that is restarted in the middle, is made good without a failed request.

use annex_crds::v1alpha1::{Reason, RotationStep};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::{Api, ResourceExt as _};

use super::{Failure, Lane, Scenario, World, ensure, operator, stage, traffic::Traffic};
use crate::install::NAMESPACE;

/// What the traffic asks for.
const FLUNDERS: &str = "/apis/wardle.example.com/v1alpha1/flunders";

/// They share nothing but the sample.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "recovery/status-and-secrets",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(status_and_secrets(world)),
    },
    Scenario {
        name: "recovery/restart-in-rotation",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(restart_in_rotation(world)),
    },
];

async fn status_and_secrets(world: &World) -> Result<(), Failure> {
    let name = "recovery";
    stage::sample(world, name).await?;
    let traffic = Traffic::begin(world, FLUNDERS).await?;
    status_cleared(world, name).await?;
    serving_secret_deleted(world, name).await?;
    authority_deleted(world, name).await?;
    traffic.end().await?;
    stage::cleared(world, name).await
}

/// Status is a report: nothing follows from it.
async fn status_cleared(world: &World, name: &str) -> Result<(), Failure> {
    let before = Snapshot::take(world, name).await?;
    let status = world.servers().get(name).await?.status;
    let patch = r#"[{"op":"remove","path":"/status"}]"#;
    let line = [
        "patch",
        "aggregatedserver",
        name,
        "--subresource=status",
        "--type=json",
        "-p",
        patch,
    ];
    world.tools.kubectl(&line).await?;
    world.ready(name).await?;
    let rewritten = world.servers().get(name).await?.status;
    let told = |status: Option<annex_crds::v1alpha1::AggregatedServerStatus>| {
        status.map(|status| (status.children, status.certificates, status.group_versions))
    };
    ensure(told(rewritten.clone()) == told(status.clone()), || {
        format!("status was {status:?} and is written anew as {rewritten:?}")
    })?;
    let after = Snapshot::take(world, name).await?;
    ensure(before == after, || {
        format!("a cleared status changed more than itself: {before:?} became {after:?}")
    })
}

/// What must not change.
#[derive(Debug, PartialEq)]
struct Snapshot {
    authority: Option<String>,
    serving: Option<String>,
    bundle: Option<String>,
    deployment: Option<i64>,
    api_service: (Option<String>, Option<Vec<u8>>),
}

impl Snapshot {
    async fn take(world: &World, name: &str) -> Result<Self, Failure> {
        let client = || world.client.clone();
        let service = Api::<APIService>::all(client())
            .get("v1alpha1.wardle.example.com")
            .await?;
        let config_maps = Api::<ConfigMap>::namespaced(client(), name);
        let deployments = Api::<Deployment>::namespaced(client(), name);
        let bundle = config_maps.get(&format!("{name}-ca")).await?;
        Ok(Self {
            authority: authority(world, name).await?.resource_version(),
            serving: serving(world, name).await?.resource_version(),
            bundle: bundle.resource_version(),
            deployment: deployments.get(name).await?.metadata.generation,
            api_service: (
                service.uid(),
                service.spec.and_then(|spec| spec.ca_bundle).map(|pem| pem.0),
            ),
        })
    }
}

async fn authority(world: &World, name: &str) -> Result<Secret, Failure> {
    let secrets = Api::<Secret>::namespaced(world.client.clone(), NAMESPACE);
    Ok(secrets.get(&format!("{name}-ca")).await?)
}

async fn serving(world: &World, name: &str) -> Result<Secret, Failure> {
    let secrets = Api::<Secret>::namespaced(world.client.clone(), name);
    Ok(secrets.get(&format!("{name}-serving-cert")).await?)
}

fn entry<'a>(secret: &'a Secret, key: &str) -> &'a [u8] {
    let data = secret.data.as_ref();
    data.and_then(|data| data.get(key))
        .map_or(&[], |bytes| bytes.0.as_slice())
}

/// Waits until a Secret of this name is there that is not the one with `uid`.
async fn another(world: &World, namespace: &str, name: &str, uid: Option<String>) -> Result<Secret, Failure> {
    let secrets = Api::<Secret>::namespaced(world.client.clone(), namespace);
    world
        .eventually(
            &format!("Secret {namespace}/{name} to be made anew"),
            async || {
                let found = secrets.get_opt(name).await.map_err(|error| error.to_string())?;
                let found = found.ok_or("there is none")?;
                if found.uid() == uid {
                    return Err("the old one is there".to_owned());
                }
                Ok(found)
            },
        )
        .await
}

/// It is made anew under the same authority, and the server comes to serve it.
async fn serving_secret_deleted(world: &World, name: &str) -> Result<(), Failure> {
    let old = serving(world, name).await?;
    let secret = format!("{name}-serving-cert");
    world
        .kubectl(&format!("-n {name} delete secret {secret}"))
        .await?;
    stage::hurry_operator(world, name, "serving").await?;
    let new = another(world, name, &secret, old.uid()).await?;
    for key in ["tls.crt", "tls.key"] {
        ensure(
            !entry(&new, key).is_empty() && entry(&new, key) != entry(&old, key),
            || format!("the new Secret {secret} has not got a new {key}"),
        )?;
    }
    ensure(entry(&new, "ca.crt") == entry(&old, "ca.crt"), || {
        "a lost serving Secret changed the authority".to_owned()
    })?;
    // Its count begins anew with it.
    stage::rotated(world, name, 0).await?;
    world.ready(name).await
}

/// A new authority is brought in by the protocol; the old one, whose key is lost, is trusted until nobody serves it.
async fn authority_deleted(world: &World, name: &str) -> Result<(), Failure> {
    let old = authority(world, name).await?;
    let secret = format!("{name}-ca");
    let mut followed = world.follow(name).await?;
    world
        .kubectl(&format!("-n {NAMESPACE} delete secret {secret}"))
        .await?;
    stage::hurry_operator(world, name, "authority").await?;
    followed.told(Reason::CaSecretInvalid).await?;
    let new = another(world, NAMESPACE, &secret, old.uid()).await?;
    ensure(entry(&new, "previous.crt") == entry(&old, "tls.crt"), || {
        "the new authority does not remember the one that is in use".to_owned()
    })?;
    stage::rotated(world, name, 1).await?;
    world.ready(name).await?;
    narrowed(world, name, &old).await?;
    let line =
        format!("get events --field-selector involvedObject.name={name},reason=CASecretInvalid -o name");
    let events = world.kubectl(&line).await?;
    ensure(!events.is_empty(), || "no Event tells CASecretInvalid".to_owned())
}

/// One authority alone is trusted, and it is not the old one.
async fn narrowed(world: &World, name: &str, old: &Secret) -> Result<(), Failure> {
    let current = authority(world, name).await?;
    let certificate = entry(&current, "tls.crt");
    ensure(certificate != entry(old, "tls.crt"), || {
        "the authority is the old one".to_owned()
    })?;
    let service = Api::<APIService>::all(world.client.clone())
        .get("v1alpha1.wardle.example.com")
        .await?;
    let published = service.spec.and_then(|spec| spec.ca_bundle).map(|pem| pem.0);
    let trusted = [
        ("the APIService", published.unwrap_or_default()),
        (
            "the serving Secret",
            entry(&serving(world, name).await?, "ca.crt").to_vec(),
        ),
    ];
    for (place, pem) in trusted {
        ensure(pem.trim_ascii() == certificate.trim_ascii(), || {
            format!("{place} trusts another authority than the current one alone")
        })?;
    }
    Ok(())
}

/// Every step follows from what is there: another process goes on where the last one was.
async fn restart_in_rotation(world: &World) -> Result<(), Failure> {
    let name = "recovery-restart";
    stage::sample(world, name).await?;
    let old = authority(world, name).await?;
    let traffic = Traffic::begin(world, FLUNDERS).await?;
    let mut followed = world.follow(name).await?;
    world
        .kubectl(&format!(
            "annotate aggregatedserver {name} annex.dev/rotate-ca=restart"
        ))
        .await?;
    for step in [RotationStep::Widen, RotationStep::Probe] {
        followed.at_step(step).await?;
        operator::restart(world).await?;
    }
    stage::rotated(world, name, 1).await?;
    world.ready(name).await?;
    traffic.end().await?;
    narrowed(world, name, &old).await?;
    let count = world.servers().get(name).await?.status.unwrap_or_default();
    ensure(count.certificates.rotation_count == 1, || {
        format!(
            "one rotation made {} certificates",
            count.certificates.rotation_count
        )
    })?;
    operator::settled(world, operator::replicas(world).await?).await?;
    stage::cleared(world, name).await
}
