//! The certificate authority of a test server: its Secret, and the places in which it is published.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::{Api, api::PostParams};

use super::load::handshake::fingerprint;
use super::test_server::TestServer;
use super::{Failure, World, stage};
use crate::install;

/// The kubelet is hurried once in so many looks.
const HURRY_EVERY: u32 = 10;

/// The Secret with certificate and key. They are nobody's to print.
pub(super) async fn secret(world: &World, server: &TestServer) -> Result<Secret, Failure> {
    Ok(secrets(world).get(&name(server)).await?)
}

/// Puts the Secret back to what it was, as a backup that is restored over it does: the object is the live one, its content the older one's.
pub(super) async fn put_back(world: &World, server: &TestServer, older: &Secret) -> Result<(), Failure> {
    let mut restored = older.clone();
    restored.metadata.resource_version = None;
    restored.metadata.managed_fields = None;
    secrets(world)
        .replace(&name(server), &PostParams::default(), &restored)
        .await?;
    Ok(())
}

/// Waits until no rotation is under way, the server is Ready, and one authority is published everywhere: that of the Secret. The kubelet is hurried
/// meanwhile.
pub(super) async fn settled(world: &World, server: &TestServer) -> Result<(), Failure> {
    let mut looks = 0;
    world
        .eventually(&format!("one authority of {}", server.name), async || {
            if looks % HURRY_EVERY == 0 {
                stage::hurry_kubelet(world, server.namespace, &looks.to_string())
                    .await
                    .map_err(|error| error.to_string())?;
            }
            looks += 1;
            one(world, server).await.map_err(|error| error.to_string())?
        })
        .await?;
    world.ready(server.name).await
}

/// Whether there is one, or what there is instead.
///
/// # Errors
/// Something is not there to be looked at.
async fn one(world: &World, server: &TestServer) -> Result<Result<(), String>, Failure> {
    let status = world.servers().get(server.name).await?.status.unwrap_or_default();
    if let Some(rotation) = status.certificates.rotation {
        return Ok(Err(format!("a rotation is under way: {rotation:?}")));
    }
    let authority = secret(world, server).await?;
    let current = fingerprints(&entry(&authority, "tls.crt"))?;
    let earlier = fingerprints(&entry(&authority, "previous.crt"))?;
    let published = published(world, server).await?;
    let one = current.len() == 1
        && earlier.is_empty()
        && published.iter().all(|(_, authorities)| *authorities == current);
    Ok(if one {
        Ok(())
    } else {
        Err(format!(
            "the authority is {current:?}, follows {earlier:?}, and is published so: {published:?}"
        ))
    })
}

/// What each place publishes.
async fn published(world: &World, server: &TestServer) -> Result<[(&'static str, Vec<String>); 3], Failure> {
    let client = || world.client.clone();
    let api_services: Api<APIService> = Api::all(client());
    let api_service = api_services.get(&server.api_service()).await?.spec;
    let maps: Api<ConfigMap> = Api::namespaced(client(), server.namespace);
    let map = maps.get(&format!("{}-ca", server.name)).await?.data;
    let serving: Api<Secret> = Api::namespaced(client(), server.namespace);
    let serving = serving.get(&format!("{}-serving-cert", server.name)).await?;
    let bundle = api_service
        .and_then(|spec| spec.ca_bundle)
        .map_or_else(Vec::new, |bundle| bundle.0);
    let text = map.unwrap_or_default().remove("ca.crt").unwrap_or_default();
    Ok([
        ("APIService", fingerprints(&bundle)?),
        ("ConfigMap", fingerprints(text.as_bytes())?),
        ("serving Secret", fingerprints(&entry(&serving, "ca.crt"))?),
    ])
}

fn secrets(world: &World) -> Api<Secret> {
    Api::namespaced(world.client.clone(), install::NAMESPACE)
}

fn name(server: &TestServer) -> String {
    format!("{}-ca", server.name)
}

fn entry(secret: &Secret, key: &str) -> Vec<u8> {
    let data = secret.data.as_ref().and_then(|data| data.get(key));
    data.map_or_else(Vec::new, |ByteString(bytes)| bytes.clone())
}

fn fingerprints(pem: &[u8]) -> Result<Vec<String>, Failure> {
    let blocks = pem::parse_many(pem)?;
    Ok(blocks.iter().map(|block| fingerprint(block.contents())).collect())
}
