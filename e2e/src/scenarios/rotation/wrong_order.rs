//! The checker, checked: an authority that is dropped before the new leaf is served must not go unnoticed.

use std::time::Instant;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::Api;
use kube::api::ListParams;

use super::server::{PATH, Server};
use crate::certs::Authority;
use crate::scenarios::load::{Kind, Load, ask};
use crate::scenarios::{Failure, World, ensure};
use crate::{client, install, progress};

/// The operator's Deployment and its Lease.
const OPERATOR: &str = "annex-operator";
/// Who breaks the order: the operator's Event must say so.
const CULPRIT: &str = "wrong-order";

/// Narrow before Swap, by hand, while the operator is away: the load fails. The operator repairs it and says whose work
/// it was.
pub(super) async fn is_noticed(world: &World, image: &str) -> Result<(), Failure> {
    let server = Server::make(world, "rotation-order", image, 1, "{}").await?;
    let load = Load::start(world, &server.target()).await?;
    let replicas = world
        .kubectl(&format!(
            "-n {} get deployment {OPERATOR} -o jsonpath={{.spec.replicas}}",
            install::NAMESPACE
        ))
        .await?;
    ensure(replicas != "0", || {
        "the operator does not run in the cluster".to_owned()
    })?;
    scale(world, "0").await?;
    let broken = broken(world, &server, &load).await;
    // Whatever came of it, the operator comes back.
    scale(world, &replicas).await?;
    let since = broken?;
    repaired(world, &server).await?;
    let tally = load.stop().await;
    let early = tally.failed.iter().filter(|failed| failed.ended < since).count();
    ensure(early == 0, || format!("{early} failed before anything was wrong"))?;
    ensure(tally.none_failed(&[]).is_err(), || {
        "the checker let it pass".to_owned()
    })?;
    progress::say(format!("    noticed, as it should be: {tally}"));
    server.remove(world).await
}

async fn scale(world: &World, replicas: &str) -> Result<(), Failure> {
    let line = format!(
        "-n {} scale deployment {OPERATOR} --replicas={replicas}",
        install::NAMESPACE
    );
    world.kubectl(&line).await.map(|_| ())
}

/// Publishes an authority that has signed nothing, and waits until both kinds of clients fail. Returns when that began.
async fn broken(world: &World, server: &Server, load: &Load) -> Result<Instant, Failure> {
    operator_away(world).await?;
    let authority = Authority::new("annex-e2e-wrong-order")?.certificate();
    let bundle = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, authority);
    let patch = format!(r#"{{"spec":{{"caBundle":"{bundle}"}}}}"#);
    let since = Instant::now();
    for name in server.api_services() {
        let manager = format!("--field-manager={CULPRIT}");
        let arguments = [
            "patch",
            "apiservice",
            &name,
            "--type=merge",
            &manager,
            "-p",
            &patch,
        ];
        world.tools.kubectl(&arguments).await?;
    }
    world
        .eventually("both kinds of clients to fail", async || {
            let tally = load.tally();
            if tally.failed(Kind::Request) > 0 && tally.failed(Kind::Handshake) > 0 {
                Ok(since)
            } else {
                Err(tally.to_string())
            }
        })
        .await
}

/// No pod of the operator runs, and nobody holds its Lease.
async fn operator_away(world: &World) -> Result<(), Failure> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), install::NAMESPACE);
    let leases: Api<Lease> = Api::namespaced(world.client.clone(), install::NAMESPACE);
    let of_operator = ListParams::default().labels("app.kubernetes.io/component=operator");
    world
        .eventually("the operator to be away", async || {
            let error = |error: kube::Error| error.to_string();
            let running = pods.list(&of_operator).await.map_err(error)?.items.len();
            if running > 0 {
                return Err(format!("{running} pod(s) run"));
            }
            let lease = leases.get_opt(OPERATOR).await.map_err(error)?;
            let holder = lease.and_then(|lease| lease.spec?.holder_identity);
            match holder.filter(|holder| !holder.is_empty()) {
                Some(holder) => Err(format!("{holder} holds the Lease")),
                None => Ok(()),
            }
        })
        .await
}

/// The operator names the culprit, what it publishes is right again, and requests go through.
async fn repaired(world: &World, server: &Server) -> Result<(), Failure> {
    let events: Api<Event> = Api::all(world.client.clone());
    // By uid: an earlier server of this name has left Events, too.
    let uid = world.servers().get(server.name()).await?.metadata.uid;
    let drift = ListParams::default().fields("reason=DriftRepaired");
    world
        .eventually("an Event that names the culprit", async || {
            let found = events.list(&drift).await.map_err(|error| error.to_string())?;
            let notes: Vec<String> = found
                .items
                .into_iter()
                .filter(|event| event.involved_object.uid == uid)
                .filter_map(|event| event.message)
                .collect();
            if notes.iter().any(|note| note.contains(CULPRIT)) {
                Ok(())
            } else {
                Err(format!("{notes:?}"))
            }
        })
        .await?;
    let authority = server.authority(world).await?;
    for (place, authorities) in server.published(world).await? {
        ensure(authorities == [authority.clone()], || {
            format!("{place} was not repaired")
        })?;
    }
    let client = client::connect_without_retries(world.tools.kubeconfig()).await?;
    world
        .eventually("requests to go through again", async || ask(&client, PATH).await)
        .await?;
    world.ready(server.name()).await
}
