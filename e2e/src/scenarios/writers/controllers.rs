//! Kubernetes' own controllers: the garbage collector, which reads and deletes by metadata alone, and the horizontal pod
//! autoscaler, which reads and writes `/scale`.

use super::super::{Failure, ensure};
use super::user::{User, widget};

/// Owners and their dependents, of which the owners are deleted; and an autoscaler.
pub(super) async fn begin(user: &User<'_>) -> Result<(), Failure> {
    user.with("create -f -", &widget("scaled", "red", "")).await?;
    user.kubectl("scale widget scaled --replicas=1").await?;
    user.with("create -f -", AUTOSCALER).await?;
    user.kubectl("create configmap owner").await?;
    let owner = owner(user, "v1", "ConfigMap", "owner").await?;
    let owned = widget("owned", "red", "").replace("name: owned }", &format!("name: owned, {owner} }}"));
    user.says_with("create -f -", &owned, "widget.peer.example.com/owned created\n")
        .await?;
    user.with("create -f -", &widget("owner", "red", "")).await?;
    let owner = self::owner(user, "peer.example.com/v1", "Widget", "owner").await?;
    let owned = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: owned, {owner} }}\n");
    user.says_with("create -f -", &owned, "configmap/owned created\n")
        .await?;
    user.kubectl("delete configmap/owner widget/owner")
        .await
        .map(|_| ())
}

/// The dependents have gone, and the autoscaler has scaled.
pub(super) async fn done(user: &User<'_>) -> Result<(), Failure> {
    let world = user.world;
    world
        .eventually("the autoscaler to scale up to its minimum", async || {
            user.field("scaled", "{.spec.replicas}", "3")
                .await
                .map_err(|error| error.to_string())
        })
        .await?;
    let found = user
        .managed_by("scaled", "kube-controller-manager Update scale")
        .await?;
    ensure(found["f:spec"].get("f:replicas").is_some(), || {
        format!("the autoscaler manages {found}")
    })?;
    world
        .eventually("the collector to take the dependents", async || {
            let left = user
                .kubectl("get widget/owned configmap/owned --ignore-not-found -o name")
                .await
                .map_err(|error| error.to_string())?;
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await
}

/// An ownerReference, as a field of `metadata` in YAML's flow style.
async fn owner(user: &User<'_>, version: &str, kind: &str, name: &str) -> Result<String, Failure> {
    let line = format!("get {kind} {name} -o jsonpath={{.metadata.uid}}");
    let uid = user.kubectl(&line).await?;
    Ok(format!(
        "ownerReferences: [{{ apiVersion: {version}, kind: {kind}, name: {name}, uid: {uid} }}]"
    ))
}

const AUTOSCALER: &str = "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: scaled }
spec:
  scaleTargetRef: { apiVersion: peer.example.com/v1, kind: Widget, name: scaled }
  minReplicas: 3
  maxReplicas: 5
";
