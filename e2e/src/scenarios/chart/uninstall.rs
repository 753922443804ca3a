//! `helm uninstall annex` stops the operator only, and annex-crds cannot be uninstalled under a server.

use serde_json::Value;

use super::super::{Failure, World, ensure, failure, sample};
use super::process::ready_pods;
use crate::install::{self, CRDS_RELEASE, NAMESPACE, RELEASE};

/// In a namespace that enforces the `restricted` Pod Security Standard, so that the new pods and the check's Job have to
/// pass it.
pub(super) async fn operator_only(world: &World) -> Result<(), Failure> {
    enforce_restricted(world).await?;
    sample::start(world).await?;
    let before = server(world).await?;
    uninstall_operator(world).await?;
    goes_on_working(world).await?;
    types_stay(world).await?;
    reinstall(world).await?;
    ensure(server(world).await? == before, || {
        format!("the server was replaced or got other certificates: {before}")
    })?;
    sample::stop(world).await?;
    world
        .kubectl(&format!(
            "label namespace {NAMESPACE} pod-security.kubernetes.io/enforce-"
        ))
        .await?;
    Ok(())
}

async fn enforce_restricted(world: &World) -> Result<(), Failure> {
    world
        .kubectl(&format!(
            "label --overwrite namespace {NAMESPACE} pod-security.kubernetes.io/enforce=restricted"
        ))
        .await?;
    let refusal = world
        .kubectl_fails(&format!(
            "-n {NAMESPACE} run any --image=localhost/none --dry-run=server"
        ))
        .await?;
    ensure(refusal.contains(r#"violates PodSecurity "restricted"#), || {
        format!("a pod with every right is answered with: {refusal}")
    })
}

/// Pods and certificates of the server, by what changes when they are replaced.
async fn server(world: &World) -> Result<Value, Failure> {
    let line = "-n wardle get pods,secrets,services -l annex.dev/server=wardle -o json";
    let list: Value = serde_json::from_str(&world.kubectl(line).await?)?;
    let parts: Vec<Value> = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| {
            serde_json::json!([
                item["kind"],
                item["metadata"]["uid"],
                item["data"],
                item["status"]["containerStatuses"][0]["restartCount"]
            ])
        })
        .collect();
    ensure(parts.len() == 3, || {
        format!("a pod, a Secret and a Service were expected, not {}", parts.len())
    })?;
    Ok(parts.into())
}

async fn uninstall_operator(world: &World) -> Result<(), Failure> {
    let arguments = [
        "uninstall",
        RELEASE,
        "-n",
        NAMESPACE,
        "--wait",
        "--timeout",
        "180s",
    ];
    world.tools.helm(&arguments).await?;
    let line = format!("-n {NAMESPACE} get pods -o name");
    world
        .eventually("the operator's pods to go", async || {
            let left = world.kubectl(&line).await.map_err(|error| error.to_string())?;
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await
}

/// The server, its API and its grants are there without an operator.
async fn goes_on_working(world: &World) -> Result<(), Failure> {
    let arguments = ["create", "-f", "-"];
    world.tools.kubectl_with(&arguments, FLUNDER).await?;
    world.kubectl("delete flunder one").await?;
    // A pod that is made now gets its grants as well: they live in the other chart.
    world
        .kubectl("-n wardle rollout status deployment/wardle --timeout=60s")
        .await?;
    let bound = world
        .kubectl("auth can-i list flowschemas.flowcontrol.apiserver.k8s.io --as=system:serviceaccount:wardle:wardle")
        .await?;
    ensure(bound.trim() == "yes", || format!("the server's grants: {bound}"))?;
    let available = "get apiservices v1alpha1.wardle.example.com v1beta1.wardle.example.com -o jsonpath={.items[*].status.conditions[0].status}";
    let status = world.kubectl(available).await?;
    ensure(status == "True True", || {
        format!("the APIServices are available: {status}")
    })
}

/// The types are not removed under a server: who tries is told its name, and can mend the release.
async fn types_stay(world: &World) -> Result<(), Failure> {
    let before = revision(world, "deployed").await?;
    let output = world
        .tools
        .try_helm(&["uninstall", CRDS_RELEASE, "-n", NAMESPACE, "--timeout", "120s"])
        .await?;
    let said = format!("{}{}", output.stdout, output.stderr);
    ensure(!output.success, || {
        format!("{CRDS_RELEASE} was uninstalled: {said}")
    })?;
    ensure(said.contains("1 AggregatedServer exists: wardle"), || {
        format!("the refusal does not name the server: {said}")
    })?;
    world.kubectl("get aggregatedserver wardle").await?;
    revision(world, "uninstalling").await?;
    world
        .tools
        .helm(&["rollback", CRDS_RELEASE, &before, "-n", NAMESPACE, "--wait"])
        .await?;
    revision(world, "deployed").await?;
    let left = world
        .kubectl(&format!("-n {NAMESPACE} get jobs,pods -o name"))
        .await?;
    ensure(left.is_empty(), || format!("the check left behind: {left}"))
}

/// The revision of the types' release, which has this status.
async fn revision(world: &World, status: &str) -> Result<String, Failure> {
    let arguments = ["status", CRDS_RELEASE, "-n", NAMESPACE, "-o", "json"];
    let release: Value = serde_json::from_str(&world.tools.helm(&arguments).await?)?;
    ensure(release["info"]["status"] == status, || {
        format!(
            "release {CRDS_RELEASE} is {}, not {status}",
            release["info"]["status"]
        )
    })?;
    release["version"]
        .as_i64()
        .map(|version| version.to_string())
        .ok_or_else(|| failure("helm status names no revision"))
}

/// The operator comes back, and takes up what it finds.
async fn reinstall(world: &World) -> Result<(), Failure> {
    let line = "-n wardle get configmap wardle-ca --ignore-not-found -o name";
    world.kubectl("-n wardle delete configmap wardle-ca").await?;
    let arguments = install::operator_arguments(&[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    world.tools.helm(&arguments).await?;
    ready_pods(world).await?;
    world
        .eventually("the operator to repair the server's ConfigMap", async || {
            let found = world.kubectl(line).await.map_err(|error| error.to_string())?;
            if found.is_empty() {
                Err("there is none".to_owned())
            } else {
                Ok(())
            }
        })
        .await?;
    world.ready(sample::NAME).await
}

const FLUNDER: &str = "
apiVersion: wardle.example.com/v1beta1
kind: Flunder
metadata: { name: one }
";
