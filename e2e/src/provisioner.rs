//! Volumes for the default StorageClass: a directory of the node for each claim, gone with it.
//!
//! The protocol is that of Kubernetes' external provisioners. The volume controller names the provisioner in an
//! annotation of the claim once it is time; the provisioner makes the volume, bound to the claim; the controller calls
//! it Released when the claim is gone; the provisioner removes it. A claim that asks for more, which the API lets pass
//! where its class allows it, gets it from the external resizer: a directory has as much as its disk, so that it is
//! only said.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::watcher;
use kube::{Client, ResourceExt as _};
use serde_json::json;

use crate::client;

/// The name by which the StorageClass calls us.
const PROVISIONER: &str = "e2e.annex.dev/directory";

/// On a claim: whose turn it is.
const CLAIM_PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";

/// On a volume: who made it, and so has to remove it.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

/// How long until what failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// A volume that could not be made or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API cannot be reached.
    #[error(transparent)]
    Connect(#[from] client::Error),
    /// The claim is not one that the API would let pass.
    #[error("the claim has no {0}")]
    Incomplete(&'static str),
    /// The volume's directory.
    #[error("failed to make the directory {}", path.display())]
    MakeDirectory {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The volume's data.
    #[error("failed to remove the directory {}", path.display())]
    RemoveDirectory {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The volume could not be described.
    #[error("failed to describe a volume")]
    Describe(#[source] serde_json::Error),
    /// The volume could not be written.
    #[error("failed to create the volume {name}")]
    Create {
        /// Its name.
        name: String,
        /// Why.
        source: kube::Error,
    },
    /// The volume could not be made larger.
    #[error("failed to let the volume {name} grow")]
    Grow {
        /// Its name.
        name: String,
        /// Why.
        source: kube::Error,
    },
    /// The volume could not be removed.
    #[error("failed to delete the volume {name}")]
    Delete {
        /// Its name.
        name: String,
        /// Why.
        source: kube::Error,
    },
}

struct Context {
    client: Client,
    volumes: Api<PersistentVolume>,
    directory: PathBuf,
    node: String,
}

/// Makes and removes volumes until it is told to end.
///
/// # Errors
/// When the kubeconfig is unusable; everything later is tried again.
pub async fn run(kubeconfig: &Path, directory: &Path, node: &str) -> Result<(), Error> {
    let client = client::connect(kubeconfig).await?;
    let volumes = Api::all(client.clone());
    let context = Arc::new(Context {
        client: client.clone(),
        volumes: volumes.clone(),
        directory: directory.to_owned(),
        node: node.to_owned(),
    });
    let provision = controller::<PersistentVolumeClaim>(client)
        .run(provision, retry, context.clone())
        .for_each(|_| async {});
    let reclaim = Controller::new(volumes, watcher::Config::default())
        .shutdown_on_signal()
        .run(reclaim, retry, context)
        .for_each(|_| async {});
    futures::join!(provision, reclaim);
    Ok(())
}

fn controller<K>(client: Client) -> Controller<K>
where
    K: kube::Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    Controller::new(Api::<K>::all(client), watcher::Config::default()).shutdown_on_signal()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that a controller asks for"
)]
fn retry<K: kube::Resource<DynamicType = ()>>(object: Arc<K>, error: &Error, _: Arc<Context>) -> Action {
    tracing::warn!(object = object.name_any(), %error, source = ?std::error::Error::source(error), "will try again");
    Action::requeue(RETRY)
}

async fn provision(claim: Arc<PersistentVolumeClaim>, context: Arc<Context>) -> Result<Action, Error> {
    if let Some(size) = is_ours_to_grow(&claim) {
        grow(&claim, size, &context).await?;
        return Ok(Action::await_change());
    }
    if !is_ours_to_make(&claim) {
        return Ok(Action::await_change());
    }
    let uid = claim.uid().ok_or(Error::Incomplete("uid"))?;
    let path = context.directory.join(format!("pvc-{uid}"));
    std::fs::create_dir_all(&path).map_err(|source| Error::MakeDirectory {
        path: path.clone(),
        source,
    })?;
    let volume = volume(&claim, &uid, &path, &context.node)?;
    let name = volume.name_any();
    match context.volumes.create(&PostParams::default(), &volume).await {
        Ok(_) => tracing::info!(volume = name, "created"),
        // Made by an earlier turn, whose result has not come back by the watch.
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(source) => return Err(Error::Create { name, source }),
    }
    Ok(Action::await_change())
}

/// The volume first, as a resizer does it; where the kubelet has told the claim already, nothing changes.
async fn grow(claim: &PersistentVolumeClaim, size: &Quantity, context: &Context) -> Result<(), Error> {
    let name = claim
        .spec
        .as_ref()
        .and_then(|spec| spec.volume_name.clone())
        .ok_or(Error::Incomplete("volume"))?;
    let failed = |source| Error::Grow {
        name: name.clone(),
        source,
    };
    let params = PatchParams::default();
    let capacity = json!({ "capacity": { "storage": size } });
    let volume = Patch::Merge(json!({ "spec": capacity }));
    context
        .volumes
        .patch(&name, &params, &volume)
        .await
        .map_err(failed)?;
    let namespace = claim.namespace().ok_or(Error::Incomplete("namespace"))?;
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), &namespace);
    let told = Patch::Merge(json!({ "status": capacity }));
    claims
        .patch_status(&claim.name_any(), &params, &told)
        .await
        .map_err(failed)?;
    tracing::info!(volume = name, size = size.0, "grown");
    Ok(())
}

async fn reclaim(volume: Arc<PersistentVolume>, context: Arc<Context>) -> Result<Action, Error> {
    if !is_ours_to_remove(&volume) {
        return Ok(Action::await_change());
    }
    let name = volume.name_any();
    let path = context.directory.join(&name);
    match std::fs::remove_dir_all(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(Error::RemoveDirectory { path, source });
        }
        _ => {}
    }
    match context.volumes.delete(&name, &DeleteParams::default()).await {
        Ok(_) => tracing::info!(volume = name, "removed"),
        Err(kube::Error::Api(status)) if status.is_not_found() => {}
        Err(source) => return Err(Error::Delete { name, source }),
    }
    Ok(Action::await_change())
}

fn is_ours_to_make(claim: &PersistentVolumeClaim) -> bool {
    let unbound = claim.spec.as_ref().is_some_and(|spec| spec.volume_name.is_none());
    unbound
        && claim.metadata.deletion_timestamp.is_none()
        && claim
            .annotations()
            .get(CLAIM_PROVISIONER)
            .is_some_and(|name| name == PROVISIONER)
}

/// The size that a claim with a volume of ours asks for, where that is not what it has.
fn is_ours_to_grow(claim: &PersistentVolumeClaim) -> Option<&Quantity> {
    let ours = claim
        .annotations()
        .get(CLAIM_PROVISIONER)
        .is_some_and(|name| name == PROVISIONER);
    let status = claim
        .status
        .as_ref()
        .filter(|status| ours && status.phase.as_deref() == Some("Bound"))?;
    let resources = claim.spec.as_ref()?.resources.as_ref()?;
    let asked = resources.requests.as_ref()?.get("storage")?;
    let has = status.capacity.as_ref()?.get("storage")?;
    (asked != has).then_some(asked)
}

fn is_ours_to_remove(volume: &PersistentVolume) -> bool {
    let released = volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Released");
    let reclaimed = volume
        .spec
        .as_ref()
        .and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref());
    released
        && reclaimed == Some("Delete")
        && volume.metadata.deletion_timestamp.is_none()
        && volume
            .annotations()
            .get(PROVISIONED_BY)
            .is_some_and(|name| name == PROVISIONER)
}

/// The volume for a claim. A `local` one, whose directory the kubelet gives to the pod's group, as it would a disk.
fn volume(
    claim: &PersistentVolumeClaim,
    uid: &str,
    path: &Path,
    node: &str,
) -> Result<PersistentVolume, Error> {
    let spec = claim.spec.as_ref().ok_or(Error::Incomplete("spec"))?;
    let requests: Option<&BTreeMap<_, _>> = spec
        .resources
        .as_ref()
        .and_then(|resources| resources.requests.as_ref());
    let size = requests
        .and_then(|requests| requests.get("storage"))
        .ok_or(Error::Incomplete("size"))?;
    serde_json::from_value(json!({
        "metadata": { "name": format!("pvc-{uid}"), "annotations": { PROVISIONED_BY: PROVISIONER } },
        "spec": {
            "accessModes": spec.access_modes,
            "capacity": { "storage": size },
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": claim.namespace(),
                "name": claim.name_any(),
                "uid": uid,
            },
            "local": { "path": path },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                { "key": "kubernetes.io/hostname", "operator": "In", "values": [node] },
            ] }] } },
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": spec.storage_class_name,
            "volumeMode": spec.volume_mode,
        },
    }))
    .map_err(Error::Describe)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::{is_ours_to_grow, is_ours_to_make, is_ours_to_remove, volume};

    fn claim(annotations: &Value, volume: Option<&str>) -> k8s_openapi::api::core::v1::PersistentVolumeClaim {
        let claim = json!({
            "metadata": { "name": "data", "namespace": "default", "annotations": annotations },
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": { "requests": { "storage": "1Gi" } },
                "storageClassName": "standard",
                "volumeName": volume,
            },
        });
        serde_json::from_value(claim).unwrap()
    }

    #[test]
    fn waits_for_its_turn_and_makes_one_volume_for_a_claim() {
        let ours = json!({ "volume.kubernetes.io/storage-provisioner": "e2e.annex.dev/directory" });
        let others = json!({ "volume.kubernetes.io/storage-provisioner": "csi.example.com" });
        assert!(is_ours_to_make(&claim(&ours, None)));
        assert!(!is_ours_to_make(&claim(&ours, Some("pvc-1"))));
        assert!(!is_ours_to_make(&claim(&others, None)));
        assert!(!is_ours_to_make(&claim(&json!({}), None)));
    }

    #[test]
    fn grows_what_it_made_and_what_asks_for_more() {
        let ours = json!({ "volume.kubernetes.io/storage-provisioner": "e2e.annex.dev/directory" });
        let with = |annotations: &Value, phase: &str, capacity: &str| {
            let mut claim = claim(annotations, Some("pvc-1"));
            let status = json!({ "phase": phase, "capacity": { "storage": capacity } });
            claim.status = serde_json::from_value(status).unwrap();
            claim
        };
        let grows = |claim| is_ours_to_grow(&claim).map(|size| size.0.clone());
        assert_eq!(grows(with(&ours, "Bound", "512Mi")).as_deref(), Some("1Gi"));
        assert_eq!(grows(with(&ours, "Bound", "1Gi")), None);
        assert_eq!(grows(with(&ours, "Lost", "512Mi")), None);
        assert_eq!(grows(with(&json!({}), "Bound", "512Mi")), None);
        assert_eq!(grows(claim(&ours, None)), None);
    }

    #[test]
    fn removes_what_it_made_once_the_claim_is_gone() {
        let made = volume(&claim(&json!({}), None), "1", Path::new("/volumes/pvc-1"), "node").unwrap();
        let in_phase = |phase: &str, policy: &str| {
            let mut object = serde_json::to_value(&made).unwrap();
            object["status"] = json!({ "phase": phase });
            object["spec"]["persistentVolumeReclaimPolicy"] = json!(policy);
            serde_json::from_value(object).unwrap()
        };
        assert!(is_ours_to_remove(&in_phase("Released", "Delete")));
        assert!(!is_ours_to_remove(&in_phase("Bound", "Delete")));
        assert!(!is_ours_to_remove(&in_phase("Released", "Retain")));
    }
}
