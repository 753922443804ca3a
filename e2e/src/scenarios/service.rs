//! A server that somebody else's chart runs: Annex gives it certificates and registers it, and leaves it alone.

use serde_json::Value;

use super::{Failure, Lane, Scenario, World, ensure, failure, sample};
use crate::product::workspace;

/// The scenarios of this file.
pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "service/chart-of-its-own",
    lane: Lane::Wardle,
    long: false,
    needs_node: false,
    run: |world| Box::pin(chart_of_its_own(world)),
}];

/// The release, and the Deployment and Service that it makes.
const RELEASE: &str = "sample";

async fn chart_of_its_own(world: &World) -> Result<(), Failure> {
    world.namespace(sample::NAME).await?;
    install(world).await?;
    let before = theirs(world).await?;
    sample::start_from(world, SERVER).await?;
    only_its_own_children(world).await?;
    works(world).await?;
    untouched(&before, &theirs(world).await?)?;
    world.delete("aggregatedserver", sample::NAME).await?;
    left_alone(world, &before).await?;
    uninstall(world).await?;
    world.delete("namespace", sample::NAME).await
}

/// Its pod waits for the Secret that is named to it, as those of such charts do.
async fn install(world: &World) -> Result<(), Failure> {
    let chart = workspace().join("e2e/charts").join(RELEASE).display().to_string();
    let arguments = ["install", RELEASE, &chart, "-n", sample::NAME, "--set"];
    let secret = "servingCertificate.secretName=sample-tls";
    world.tools.helm(&[&arguments[..], &[secret]].concat()).await?;
    Ok(())
}

async fn uninstall(world: &World) -> Result<(), Failure> {
    let arguments = [
        "uninstall",
        RELEASE,
        "-n",
        sample::NAME,
        "--wait",
        "--timeout",
        "120s",
    ];
    world.tools.helm(&arguments).await?;
    Ok(())
}

fn untouched(before: &Value, after: &Value) -> Result<(), Failure> {
    ensure(before == after, || {
        format!("somebody else's objects were changed:\n    {before}\n    {after}")
    })
}

/// What of the chart's objects only their owner may change: spec, labels, annotations and owners.
async fn theirs(world: &World) -> Result<Value, Failure> {
    let line = "-n wardle get deployment/sample service/sample serviceaccount/sample -o json";
    let list: Value = serde_json::from_str(&world.kubectl(line).await?)?;
    let items = list["items"]
        .as_array()
        .ok_or_else(|| failure("kubectl get -o json wrote no list"))?;
    let parts = items.iter().map(|item| {
        let metadata = &item["metadata"];
        // Written by its controller once the pods are ready, not by Annex.
        let mut annotations = metadata["annotations"].clone();
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.remove("deployment.kubernetes.io/revision");
        }
        serde_json::json!({
            "uid": metadata["uid"], "labels": metadata["labels"], "annotations": annotations,
            "ownerReferences": metadata["ownerReferences"], "spec": item["spec"],
        })
    });
    Ok(parts.collect())
}

async fn only_its_own_children(world: &World) -> Result<(), Failure> {
    let path = "jsonpath={range .status.children[*]}{.kind}/{.name} {end}";
    let children = world
        .tools
        .kubectl(&["get", "aggregatedserver", "wardle", "-o", path])
        .await?;
    let wanted = "APIService/v1alpha1.wardle.example.com APIService/v1beta1.wardle.example.com \
                  ConfigMap/wardle-ca Secret/wardle-ca Secret/sample-tls ";
    ensure(children == wanted, || {
        format!("children are {children}, not {wanted}")
    })?;
    let account = world
        .kubectl("get aggregatedserver wardle -o jsonpath={.status.serviceAccountName}")
        .await?;
    ensure(account.is_empty(), || {
        format!("serviceAccountName is {account:?}, though Annex runs nothing")
    })
}

async fn works(world: &World) -> Result<(), Failure> {
    world.apply(FLUNDER).await?;
    let named = world.kubectl("get flunders -o name").await?;
    ensure(named == "flunder.wardle.example.com/one\n", || {
        format!("`kubectl get flunders` writes {named:?}")
    })?;
    world.kubectl("delete flunder one").await?;
    Ok(())
}

/// The API and the certificates went with the AggregatedServer; the server itself runs on.
async fn left_alone(world: &World, before: &Value) -> Result<(), Failure> {
    let line = "-n wardle get secret/sample-tls configmap/wardle-ca --ignore-not-found -o name";
    world
        .eventually("the certificates to go", async || {
            let left = world.kubectl(line).await.map_err(|error| error.to_string())?;
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await?;
    let services = world
        .kubectl("get apiservices v1alpha1.wardle.example.com v1beta1.wardle.example.com --ignore-not-found -o name")
        .await?;
    ensure(services.is_empty(), || format!("left behind: {services}"))?;
    untouched(before, &theirs(world).await?)?;
    let ready = world
        .kubectl("-n wardle get deployment sample -o jsonpath={.status.readyReplicas}")
        .await?;
    ensure(ready == "1", || {
        format!("{ready:?} pods of the server are ready after the deletion, not 1")
    })
}

const SERVER: &str = "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: { name: wardle }
spec:
  namespace: wardle
  apis:
  - { group: wardle.example.com, version: v1alpha1 }
  - { group: wardle.example.com, version: v1beta1 }
  service: { name: sample }
  certificates: { secretName: sample-tls }
";

const FLUNDER: &str = "
apiVersion: wardle.example.com/v1beta1
kind: Flunder
metadata: { name: one }
";
