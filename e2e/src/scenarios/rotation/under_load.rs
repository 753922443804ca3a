//! Leaf and authority are rotated under load, once with the kube-apiserver restarted on the way.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use annex_crds::v1alpha1::RotationStep;
use annex_crds::v1alpha1::RotationStep::{Narrow, Probe, Swap, Widen};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt as _};

use super::server::{PATH, ROTATION_LIMIT, Server};
use super::steps::Steps;
use crate::components::Component;
use crate::layout::Layout;
use crate::scenarios::load::handshake::fingerprint;
use crate::scenarios::load::{Downtime, Load, Tally, ask};
use crate::scenarios::{Failure, World, ensure};
use crate::{client, cluster, progress};

/// The endpoints of the servers here.
pub(super) const REPLICAS: u8 = 2;
/// The steps of a rotation of the authority.
pub(super) const ALL_STEPS: [RotationStep; 4] = [Widen, Swap, Probe, Narrow];
/// How long the kube-apiserver may be down.
const DOWN_LIMIT: Duration = Duration::from_secs(60);

/// A leaf that renews itself, one on demand, and a new authority, one after the other under the same load.
pub(super) async fn leaf_and_authority(world: &World, image: &str) -> Result<(), Failure> {
    let short = "{ selfSigned: { duration: 1h, renewBefore: 20m } }";
    let server = Server::make(world, "rotation", image, REPLICAS, short).await?;
    let load = Load::start(world, &server.target()).await?;
    let leaves = one_after_the_other(world, &server).await;
    let tally = load.stop().await;
    progress::say(format!("    {tally}"));
    // What clients met says more than where the rotation stopped.
    tally.none_failed(&[])?;
    saw(&tally, &leaves?)?;
    server.remove(world).await
}

/// A new authority alone, under the same load.
pub(super) async fn authority(world: &World, image: &str) -> Result<(), Failure> {
    let server = Server::make(world, "rotation", image, REPLICAS, "{}").await?;
    let load = Load::start(world, &server.target()).await?;
    let steps = Steps::follow(world.servers(), server.name());
    let leaf = server.leaf(world).await?;
    let authority = server.authority(world).await?;
    server.annotate(world, "annex.dev/rotate-ca=now").await?;
    let rotated = server.rotated(&steps, &ALL_STEPS).await;
    let tally = load.stop().await;
    progress::say(format!("    {tally}"));
    tally.none_failed(&[])?;
    progress::say(format!("    authority: {}", rotated?));
    let new = changed(world, &server, &leaf).await?;
    only_new_authority(world, &server, &authority).await?;
    saw(&tally, &[leaf, new])?;
    server.remove(world).await
}

/// Returns the leaves in their order.
async fn one_after_the_other(world: &World, server: &Server) -> Result<[Vec<u8>; 4], Failure> {
    let steps = Steps::follow(world.servers(), server.name());
    let first = server.leaf(world).await?;
    let due_soon = r#"{"selfSigned":{"renewBefore":"59m"}}"#;
    server.patch_certificates(world, due_soon).await?;
    renewed_by_itself(world, server).await?;
    // It would be due again and again.
    let due_later = r#"{"selfSigned":{"renewBefore":"20m"}}"#;
    server.patch_certificates(world, due_later).await?;
    let rotation = server.rotated(&steps, &[Swap, Probe]).await?;
    progress::say(format!("    renewal before expiry: {rotation}"));
    let second = changed(world, server, &first).await?;

    steps.forget();
    server.annotate(world, "annex.dev/rotate-leaf=now").await?;
    let rotation = server.rotated(&steps, &[Swap, Probe]).await?;
    progress::say(format!("    leaf on demand: {rotation}"));
    let third = changed(world, server, &second).await?;

    steps.forget();
    let authority = server.authority(world).await?;
    server.annotate(world, "annex.dev/rotate-ca=now").await?;
    let rotation = server.rotated(&steps, &ALL_STEPS).await?;
    progress::say(format!("    authority: {rotation}"));
    let fourth = changed(world, server, &third).await?;
    only_new_authority(world, server, &authority).await?;
    Ok([first, second, third, fourth])
}

/// Waits until the Secret holds a leaf that nobody asked for.
async fn renewed_by_itself(world: &World, server: &Server) -> Result<(), Failure> {
    let api: Api<Secret> = Api::namespaced(world.client.clone(), server.namespace());
    let name = format!("{}-serving-cert", server.name());
    let what = "the leaf to be renewed by itself";
    Ok(client::eventually(what, ROTATION_LIMIT, async || {
        let secret = api.get(&name).await.map_err(|error| error.to_string())?;
        match secret.annotations().get("annex.dev/issued-because") {
            Some(cause) if cause == "Renewal" => Ok(()),
            cause => Err(format!("the leaf was issued because of {cause:?}")),
        }
    })
    .await?)
}

/// Every endpoint serves the Secret's leaf, which is another one than before.
pub(super) async fn changed(world: &World, server: &Server, before: &[u8]) -> Result<Vec<u8>, Failure> {
    let leaf = server.serves_its_secret(world, REPLICAS.into()).await?;
    ensure(leaf != before, || {
        "the served certificate has not changed".to_owned()
    })?;
    Ok(leaf)
}

/// Everywhere, one authority is published: the one that signs now, and not `old`.
pub(super) async fn only_new_authority(world: &World, server: &Server, old: &[u8]) -> Result<(), Failure> {
    let new = server.authority(world).await?;
    ensure(new != old, || "the authority has not changed".to_owned())?;
    for (place, authorities) in server.published(world).await? {
        ensure(authorities == [new.clone()], || {
            let found: Vec<String> = authorities.iter().map(|der| fingerprint(der)).collect();
            format!(
                "{place} should hold {} alone; it holds {found:?}",
                fingerprint(&new)
            )
        })?;
    }
    Ok(())
}

/// The clients met each of these leaves at each endpoint, and no other.
pub(super) fn saw(tally: &Tally, leaves: &[Vec<u8>]) -> Result<(), Failure> {
    let expected: BTreeSet<String> = leaves.iter().map(|leaf| fingerprint(leaf)).collect();
    ensure(
        tally.served.len() == usize::from(REPLICAS) && tally.served.values().all(|seen| *seen == expected),
        || {
            format!(
                "each endpoint should have served {expected:?}; seen: {:?}",
                tally.served
            )
        },
    )
}

/// A rotation of the authority, with the kube-apiserver restarted as it begins and again while endpoints are probed.
pub(super) async fn apiserver_restart(world: &World, image: &str) -> Result<(), Failure> {
    let layout = world.node()?;
    let server = Server::make(world, "rotation-restart", image, REPLICAS, "{}").await?;
    let load = Load::start(world, &server.target()).await?;
    let mut downtimes = Vec::new();
    let leaves = restarted_on_the_way(world, layout, &server, &mut downtimes).await;
    let tally = load.stop().await;
    progress::say(format!(
        "    {tally}; requests may fail while the kube-apiserver is down"
    ));
    tally.none_failed(&downtimes)?;
    saw(&tally, &leaves?)?;
    server.remove(world).await
}

/// Returns the leaves in their order.
async fn restarted_on_the_way(
    world: &World,
    layout: &Layout,
    server: &Server,
    downtimes: &mut Vec<Downtime>,
) -> Result<[Vec<u8>; 2], Failure> {
    let steps = Steps::follow(world.servers(), server.name());
    let authority = server.authority(world).await?;
    let first = server.leaf(world).await?;
    server.annotate(world, "annex.dev/rotate-ca=now").await?;
    for step in [Widen, Probe] {
        let what = format!("the step {step:?}");
        let stands = world.eventually(&what, async || match steps.now() {
            Some(now) if now == step => Ok(true),
            // A kubelet in a hurry leaves no time for the second restart.
            now => steps
                .ended()
                .map(|_| false)
                .map_err(|_| format!("it stands at {now:?}")),
        });
        if stands.await? {
            downtimes.push(restart(world, layout).await?);
        }
    }
    let rotation = server.ended(&steps).await?;
    progress::say(format!(
        "    authority, with the kube-apiserver restarted: {rotation}"
    ));
    // A step that began and ended while the kube-apiserver was down was not seen; the order is the same.
    ensure(rotation.names().is_sorted(), || {
        format!("out of order: {rotation}")
    })?;
    let second = changed(world, server, &first).await?;
    only_new_authority(world, server, &authority).await?;
    Ok([first, second])
}

/// Restarts the kube-apiserver. It counts as down from its stop until it is ready and one request went through the
/// aggregator.
async fn restart(world: &World, layout: &Layout) -> Result<Downtime, Failure> {
    let fresh = client::connect_without_retries(world.tools.kubeconfig()).await?;
    let from = Instant::now();
    cluster::stop_component(layout, Component::KubeApiserver).await?;
    let (started, to) = tokio::join!(
        cluster::start_component(layout, Component::KubeApiserver),
        answering(&fresh)
    );
    started?;
    let to = to?;
    let down = to.duration_since(from);
    progress::say(format!("    kube-apiserver down for {:.1} s", down.as_secs_f64()));
    ensure(down <= DOWN_LIMIT, || {
        format!(
            "the kube-apiserver was down for {} s, longer than what is excused",
            down.as_secs()
        )
    })?;
    Ok(Downtime { from, to })
}

async fn answering(client: &Client) -> Result<Instant, Failure> {
    let what = "the kube-apiserver and the API behind it to answer again";
    Ok(client::eventually(what, DOWN_LIMIT, async || {
        client::get(client, "/readyz")
            .await
            .map_err(|error| error.to_string())?;
        ask(client, PATH).await.map(|()| Instant::now())
    })
    .await?)
}
