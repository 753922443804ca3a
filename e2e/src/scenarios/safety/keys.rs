//! Who holds which private key.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::{Api, ResourceExt as _, api::ListParams};

use super::super::world::World;
use crate::install::NAMESPACE;
use crate::scenarios::{Failure, ensure};

/// What a server's pods get to see of its certificates.
const SERVED: [&str; 3] = ["ca.crt", "tls.crt", "tls.key"];

/// The authority's key is in its Secret in the operator's namespace and nowhere else, and the server's pods read theirs
/// alone.
pub(super) async fn are_where_they_belong(world: &World, server: &str) -> Result<(), Failure> {
    let key = authority_key(world, server).await?;
    let client = || world.client.clone();
    let serving = Api::<Secret>::namespaced(client(), server)
        .get(&format!("{server}-serving-cert"))
        .await?;
    let data = serving.data.unwrap_or_default();
    let names: Vec<&str> = data.keys().map(String::as_str).collect();
    ensure(names == SERVED, || format!("the serving Secret holds {names:?}"))?;
    ensure(!data.values().any(|bytes| contains(&bytes.0, &key)), || {
        "the serving Secret holds the authority's key".to_owned()
    })?;
    let published = Api::<ConfigMap>::namespaced(client(), server)
        .get(&format!("{server}-ca"))
        .await?;
    let text = format!("{:?}", published.data);
    ensure(!text.contains("PRIVATE KEY"), || {
        "the published bundle holds a private key".to_owned()
    })?;
    no_pod_names(world, &format!("{server}-ca")).await
}

/// The lines of the authority's private key.
async fn authority_key(world: &World, server: &str) -> Result<Vec<u8>, Failure> {
    let secrets = Api::<Secret>::namespaced(world.client.clone(), NAMESPACE);
    let authority = secrets.get(&format!("{server}-ca")).await?;
    let pem = authority.data.unwrap_or_default().remove("tls.key");
    let pem = String::from_utf8(pem.unwrap_or_default().0)?;
    let body: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    ensure(!body.is_empty(), || {
        "the authority's Secret holds no key".to_owned()
    })?;
    // The first line is the same in every P-256 key; what makes a key's own follows.
    Ok(body.last().copied().unwrap_or_default().as_bytes().to_vec())
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// No pod of the operator's namespace reads Secrets as files or variables; a pod elsewhere cannot name one of there.
async fn no_pod_names(world: &World, secret: &str) -> Result<(), Failure> {
    let pods = Api::<Pod>::namespaced(world.client.clone(), NAMESPACE);
    let pods = pods.list(&ListParams::default()).await?;
    for pod in pods {
        let text = serde_json::to_string(&pod.spec)?;
        ensure(!text.contains(&format!("\"{secret}\"")), || {
            format!("pod {} names the authority's Secret", pod.name_any())
        })?;
    }
    Ok(())
}

/// What the process sees below the mount of the serving certificate: three files, and none holds the authority's key.
pub(super) async fn of_process(world: &World, server: &str, pid: i32) -> Result<(), Failure> {
    let key = authority_key(world, server).await?;
    let mount = format!("/proc/{pid}/root/var/run/annex/serving-cert");
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(&mount)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // The kubelet's own, by which it swaps all files at once.
        if name.starts_with("..") {
            continue;
        }
        let content = std::fs::read(entry.path())?;
        ensure(!contains(&content, &key), || {
            format!("the authority's key is in {name}, which the server reads")
        })?;
        files.insert(name);
    }
    ensure(files.iter().eq(SERVED.iter()), || {
        format!("the server reads {files:?}")
    })
}
