//! A server that does not read its files again: Annex rolls it, and it stays available.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use annex_crds::v1alpha1::AggregatedServer;
use annex_crds::v1alpha1::RotationStep::{Narrow, Probe, Swap, Widen};
use futures::StreamExt as _;
use kube::Api;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::server::Server;
use super::steps::Steps;
use super::under_load::only_new_authority;
use crate::progress;
use crate::scenarios::load::watches::{self, Task};
use crate::scenarios::{Failure, World, ensure, failure};

/// A name that the server has later.
const NEW_NAME: &str = "flunders.example.com";
/// Its endpoints.
const REPLICAS: u8 = 2;

/// A leaf on demand, then other names, which take a new authority: each time the pods are replaced, one by one.
pub(super) async fn restarted(world: &World, image: &str) -> Result<(), Failure> {
    let server = Server::make(world, "rotation-roll", image, REPLICAS, "{ reload: Restart }").await?;
    let steps = Steps::follow(world.servers(), server.name());
    let availability = Availability::follow(world.servers(), server.name());

    let (leaf, pods) = (server.leaf(world).await?, server.pods(world).await?);
    server.annotate(world, "annex.dev/rotate-leaf=now").await?;
    let rotation = server.rotated(&steps, &[Swap, Probe]).await?;
    progress::say(format!("    leaf by restart: {rotation}"));
    let (leaf, pods) = replaced(world, &server, &leaf, &pods).await?;

    steps.forget();
    let authority = server.authority(world).await?;
    server
        .patch_certificates(world, &format!(r#"{{"dnsNames":["{NEW_NAME}"]}}"#))
        .await?;
    let rotation = server.rotated(&steps, &[Widen, Swap, Probe, Narrow]).await?;
    progress::say(format!("    other names, by restart: {rotation}"));
    let (leaf, _) = replaced(world, &server, &leaf, &pods).await?;
    only_new_authority(world, &server, &authority).await?;
    let names = names(&leaf)?;
    ensure(
        names == BTreeSet::from([NEW_NAME.to_owned(), server.server_name()]),
        || format!("the new certificate has the names {names:?}"),
    )?;
    availability.throughout()?;
    server.remove(world).await
}

/// The rollout has ended, no pod of before is left, and each serves the Secret's new leaf.
async fn replaced(
    world: &World,
    server: &Server,
    old_leaf: &[u8],
    old_pods: &[String],
) -> Result<(Vec<u8>, Vec<String>), Failure> {
    let line = format!(
        "-n {} rollout status deployment {} --timeout=180s",
        server.namespace(),
        server.name()
    );
    world.kubectl(&line).await?;
    let pods = world
        .eventually("the old pods to go", async || {
            let pods = server.pods(world).await.map_err(|error| error.to_string())?;
            if pods.iter().any(|pod| old_pods.contains(pod)) {
                Err(format!("{pods:?}"))
            } else {
                Ok(pods)
            }
        })
        .await?;
    let leaf = server.serves_its_secret(world, REPLICAS.into()).await?;
    ensure(leaf != old_leaf, || {
        "the served certificate has not changed".to_owned()
    })?;
    world.ready(server.name()).await?;
    Ok((leaf, pods))
}

fn names(leaf: &[u8]) -> Result<BTreeSet<String>, Failure> {
    let (_, certificate) = X509Certificate::from_der(leaf)?;
    let extension = certificate
        .subject_alternative_name()?
        .ok_or_else(|| failure("the certificate has no names"))?;
    let names = extension.value.general_names.iter();
    Ok(names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .collect())
}

/// What the condition Available said meanwhile.
struct Availability {
    unavailable: Arc<Mutex<Vec<String>>>,
    _watch: Task,
}

impl Availability {
    fn follow(api: Api<AggregatedServer>, name: &str) -> Self {
        let unavailable = Arc::new(Mutex::new(Vec::new()));
        let stream = watches::object(api, name);
        let log = Arc::clone(&unavailable);
        let watch = Task::spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(server) = stream.next().await {
                let conditions = server.status.unwrap_or_default().conditions;
                let not_available = conditions
                    .into_iter()
                    .filter(|condition| condition.type_ == "Available" && condition.status != "True")
                    .map(|condition| format!("{}: {}", condition.reason, condition.message));
                log.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend(not_available);
            }
        });
        Self {
            unavailable,
            _watch: watch,
        }
    }

    /// Fails if it was ever anything but true.
    fn throughout(&self) -> Result<(), Failure> {
        let unavailable = self.unavailable.lock().unwrap_or_else(PoisonError::into_inner);
        ensure(unavailable.is_empty(), || {
            format!("it was not available throughout: {unavailable:?}")
        })
    }
}
