//! The admission policy: the operator works under it, and its ServiceAccount can write nothing else than children of an
//! AggregatedServer, though RBAC would let it.

use super::super::{Failure, World, ensure, stage};
use super::process::ready_pods;
use crate::install::{self, NAMESPACE};

/// Server and namespace.
const NAME: &str = "policy";
/// What the policy says.
const REFUSAL: &str = "may create, change and delete children of an AggregatedServer alone";
/// A reference to an AggregatedServer, in JSON without a space.
const OWNER: &str =
    r#"[{"apiVersion":"annex.dev/v1alpha1","kind":"AggregatedServer","name":"policy","uid":"none"}]"#;

/// Installs the policy, looks at it with the operator at work, and takes it away.
pub(super) async fn limits_the_operator(world: &World) -> Result<(), Failure> {
    ready_pods(world).await?;
    upgrade(world, &["--set=admissionPolicy.enabled=true"]).await?;
    let seen = looked_at(world).await;
    upgrade(world, &[]).await?;
    seen
}

async fn upgrade(world: &World, more: &[&str]) -> Result<(), Failure> {
    let arguments = install::operator_arguments(more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    world.tools.helm(&arguments).await?;
    Ok(())
}

async fn looked_at(world: &World) -> Result<(), Failure> {
    let create = as_operator("-n default create configmap not-a-child --dry-run=server");
    world
        .eventually("the policy to be enforced", async || {
            match world.kubectl(&create).await {
                Ok(created) => Err(created),
                Err(error) if error.to_string().contains(REFUSAL) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await?;
    // Every kind of child is made, one is repaired, both Secrets are replaced.
    stage::sample(world, NAME).await?;
    world.kubectl(&format!("-n {NAME} delete service {NAME}")).await?;
    world.ready(NAME).await?;
    world
        .kubectl(&format!(
            "annotate --overwrite aggregatedserver {NAME} annex.dev/rotate-ca=policy"
        ))
        .await?;
    stage::rotated(world, NAME, 1).await?;
    world.ready(NAME).await?;
    refused(world).await?;
    // The garbage collector is another user.
    stage::cleared(world, NAME).await
}

/// What RBAC admits and the policy does not.
async fn refused(world: &World) -> Result<(), Failure> {
    let owned = format!(r#"{{"metadata":{{"ownerReferences":{OWNER}}}}}"#);
    let foreign = format!("-n {NAME} patch configmap kube-root-ca.crt --type=merge");
    for line in [
        // Somebody else's: changed, taken, deleted.
        format!(r#"{foreign} -p {{"metadata":{{"labels":{{"a":"b"}}}}}}"#),
        format!("{foreign} -p {owned}"),
        format!("-n {NAME} delete configmap kube-root-ca.crt"),
        // A child that would be none any more.
        format!(
            r#"-n {NAME} patch configmap {NAME}-ca --type=merge -p {{"metadata":{{"ownerReferences":null}}}}"#
        ),
        // A grant to somebody.
        "create clusterrolebinding not-a-child --clusterrole=system:auth-delegator --user=mallory".to_owned(),
    ] {
        let line = format!("{} --dry-run=server", as_operator(&line));
        let answer = world.kubectl_fails(&line).await?;
        ensure(answer.contains(REFUSAL), || {
            format!("`kubectl {line}` is refused with other words: {answer}")
        })?;
    }
    Ok(())
}

fn as_operator(line: &str) -> String {
    format!("{line} --as=system:serviceaccount:{NAMESPACE}:annex-operator")
}
