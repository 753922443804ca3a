//! What goes with what: children with their server, APIServices with their namespace, everything with the charts.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::{Api, ResourceExt as _, api::ListParams};
use serde_json::Value;

use super::{Failure, Scenario, World, ensure, failure, operator, stage};
use crate::{client, install, progress};

/// What is in `docs/runbook.md` and what is tested are the same words.
const RUNBOOK: &str = include_str!("../../../docs/runbook.md");
/// A namespace that nothing keeps ends in seconds; its controller looks again only once in a while.
const NAMESPACE_LIMIT: Duration = Duration::from_secs(120);
const FLUNDERS: usize = 50;

/// The last one takes Annex away and brings it back.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "deletion/server",
        long: false,
        needs_node: false,
        run: |world| Box::pin(server(world)),
    },
    Scenario {
        name: "deletion/hosting-namespace",
        long: false,
        needs_node: false,
        run: |world| Box::pin(hosting_namespace(world)),
    },
    Scenario {
        name: "deletion/runbook",
        long: false,
        needs_node: false,
        run: |world| Box::pin(runbook(world)),
    },
    Scenario {
        name: "deletion/uninstall",
        long: false,
        needs_node: false,
        run: |world| Box::pin(uninstall(world)),
    },
];

/// A namespace with many objects, a claim, and in the end the server itself, with no operator there.
async fn server(world: &World) -> Result<(), Failure> {
    let name = "deletion";
    stage::sample(world, name).await?;
    full_namespace(world).await?;
    one_claim(world, name).await?;
    operator::without(world, stage::retire(world, name)).await?;
    world.delete("namespace", name).await
}

async fn full_namespace(world: &World) -> Result<(), Failure> {
    let namespace = "deletion-flunders";
    world.delete("namespace", namespace).await?;
    world.namespace(namespace).await?;
    let one = |number: usize| {
        format!(
            "---\napiVersion: wardle.example.com/v1alpha1\nkind: Flunder\nmetadata: {{ name: f{number}, namespace: {namespace} }}\n"
        )
    };
    world.apply(&(0..FLUNDERS).map(one).collect::<String>()).await?;
    let list = format!("get flunders -n {namespace} -o name");
    let made = world.kubectl(&list).await?.lines().count();
    ensure(made == FLUNDERS, || format!("{made} flunders were made"))?;
    delete_namespace(world, namespace).await?;
    namespace_gone(world, namespace).await?;
    let left = world.kubectl(&list).await?;
    ensure(left.is_empty(), || format!("outlived their namespace: {left}"))
}

/// What is no longer claimed goes, and nothing else is touched.
async fn one_claim(world: &World, name: &str) -> Result<(), Failure> {
    let services = Api::<APIService>::all(world.client.clone());
    let before = services.get("v1alpha1.wardle.example.com").await?;
    let remove = r#"[{"op":"remove","path":"/spec/apis/1"}]"#;
    world
        .tools
        .kubectl(&["patch", "aggregatedserver", name, "--type=json", "-p", remove])
        .await?;
    world
        .eventually(
            "the APIService of the removed claim to go",
            async || match services.get_opt("v1beta1.wardle.example.com").await {
                Ok(None) => Ok(()),
                Ok(Some(_)) => Err("it is there".to_owned()),
                Err(error) => Err(error.to_string()),
            },
        )
        .await?;
    world.ready(name).await?;
    let after = services.get("v1alpha1.wardle.example.com").await?;
    // Its place among the versions may have changed with their number.
    let behind = |service: &APIService| {
        let spec = service.spec.clone().unwrap_or_default();
        (service.uid(), spec.ca_bundle, spec.service)
    };
    ensure(behind(&before) == behind(&after), || {
        "the other claim's APIService was changed".to_owned()
    })?;
    world
        .kubectl("get flunders.v1alpha1.wardle.example.com -A")
        .await?;
    Ok(())
}

async fn delete_namespace(world: &World, name: &str) -> Result<(), Failure> {
    let line = format!("delete namespace {name} --wait=false");
    world.kubectl(&line).await.map(|_| ())
}

async fn namespace_gone(world: &World, name: &str) -> Result<(), Failure> {
    let api = Api::<Namespace>::all(world.client.clone());
    let look = async || match api.get_opt(name).await {
        Ok(None) => Ok(()),
        Ok(Some(namespace)) => Err(why_not_gone(&namespace)),
        Err(error) => Err(error.to_string()),
    };
    client::eventually(&format!("namespace {name} to end"), NAMESPACE_LIMIT, look).await?;
    Ok(())
}

fn why_not_gone(namespace: &Namespace) -> String {
    let status = namespace.status.as_ref();
    let conditions = status
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    let told = conditions.iter().filter(|condition| condition.status == "True");
    let words = told.map(|condition| {
        format!(
            "{}: {}",
            condition.type_,
            condition.message.as_deref().unwrap_or_default()
        )
    });
    words.collect::<Vec<_>>().join("; ")
}

/// The namespace of a Ready server is deleted, and made again.
async fn hosting_namespace(world: &World) -> Result<(), Failure> {
    let (name, bystander) = ("deletion-host", "deletion-bystander");
    stage::sample(world, name).await?;
    world.delete("namespace", bystander).await?;
    world.namespace(bystander).await?;
    let began = std::time::Instant::now();
    delete_namespace(world, name).await?;
    let (first, bystander, told) = tokio::join!(
        api_services_first(world, name),
        async {
            delete_namespace(world, bystander).await?;
            namespace_gone(world, bystander).await
        },
        world.condition(name, "Ready", "False", Some("NamespaceTerminating")),
    );
    first?;
    bystander?;
    told?;
    namespace_gone(world, name).await?;
    progress::say(format!(
        "    the namespace of a Ready server ended in {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    world
        .condition(name, "Ready", "False", Some("NamespaceNotFound"))
        .await?;
    world.namespace(name).await?;
    world.ready(name).await?;
    world.kubectl("get flunders -A").await?;
    stage::cleared(world, name).await
}

/// Whenever the server's Deployment is seen to be gone, so are its APIServices.
async fn api_services_first(world: &World, name: &str) -> Result<(), Failure> {
    let deployments = Api::<Deployment>::namespaced(world.client.clone(), name);
    let services = Api::<APIService>::all(world.client.clone());
    let ours = ListParams::default().labels(&format!("{}={name}", annex_crds::SERVER_LABEL));
    let left = world
        .eventually("the Deployment to go with its namespace", async || {
            let gone = deployments
                .get_opt(name)
                .await
                .map_err(|error| error.to_string())?
                .is_none_or(|deployment| deployment.metadata.deletion_timestamp.is_some());
            if !gone {
                return Err("it is there".to_owned());
            }
            let left = services.list(&ours).await.map_err(|error| error.to_string())?;
            Ok(left
                .items
                .iter()
                .map(kube::ResourceExt::name_any)
                .collect::<Vec<_>>())
        })
        .await?;
    ensure(left.is_empty(), || {
        format!("the server went before its APIServices: {left:?}")
    })
}

/// The operator is gone, the server is dead, and a namespace does not end: the runbook's command.
async fn runbook(world: &World) -> Result<(), Failure> {
    let name = "deletion-runbook";
    stage::sample(world, name).await?;
    operator::without(world, blocked_and_freed(world, name)).await?;
    let line = format!("-n {name} scale deployment {name} --replicas=1");
    world.kubectl(&line).await?;
    world.ready(name).await?;
    stage::cleared(world, name).await
}

async fn blocked_and_freed(world: &World, name: &str) -> Result<(), Failure> {
    let blocked = "deletion-blocked";
    let line = format!("-n {name} scale deployment {name} --replicas=0");
    world.kubectl(&line).await?;
    let line = "wait --for=condition=Available=False --timeout=120s apiservice/v1alpha1.wardle.example.com";
    world.kubectl(line).await?;
    world.delete("namespace", blocked).await?;
    world.namespace(blocked).await?;
    delete_namespace(world, blocked).await?;
    let api = Api::<Namespace>::all(world.client.clone());
    world
        .eventually("the dead server to keep a namespace from ending", async || {
            let namespace = api.get(blocked).await.map_err(|error| error.to_string())?;
            let why = why_not_gone(&namespace);
            if why.contains("NamespaceDeletionDiscoveryFailure") {
                Ok(())
            } else {
                Err(why)
            }
        })
        .await?;
    let command = runbook_command()?.replace("NAME", name);
    let deleted = world.kubectl(&command).await?;
    ensure(deleted.lines().count() == 2, || {
        format!("`kubectl {command}` deleted: {deleted}")
    })?;
    namespace_gone(world, blocked).await
}

/// The runbook's command for a cluster without an operator, without `kubectl`.
fn runbook_command() -> Result<&'static str, Failure> {
    let mut commands = RUNBOOK
        .lines()
        .filter_map(|line| line.trim().strip_prefix("kubectl "));
    commands
        .find(|command| command.starts_with("delete apiservice "))
        .ok_or_else(|| failure("docs/runbook.md has no command that deletes APIServices"))
}

/// After the last AggregatedServer, helm takes everything away.
async fn uninstall(world: &World) -> Result<(), Failure> {
    let servers = world.kubectl("get aggregatedservers -o name").await?;
    ensure(servers.is_empty(), || format!("there are still: {servers}"))?;
    let before = of_annex(world).await?;
    for kind in [
        "CustomResourceDefinition",
        "ClusterRole",
        "Deployment",
        "Lease",
        "RoleBinding",
    ] {
        ensure(before.iter().any(|object| object.starts_with(kind)), || {
            format!("what is of Annex was not found before: {before:?}")
        })?;
    }
    install::uninstall(&world.tools).await?;
    let result = world
        .eventually("helm to leave nothing of Annex", async || {
            match of_annex(world).await {
                Ok(left) if left.is_empty() => Ok(()),
                Ok(left) => Err(left.join(", ")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    install::install(&world.tools, &[]).await?;
    result
}

/// Every object of the cluster that is of Annex: by name, label, release or namespace. The namespace itself is the
/// administrator's, and Events outlive what they tell of.
async fn of_annex(world: &World) -> Result<Vec<String>, Failure> {
    let kinds = world.kubectl("api-resources --verbs=list -o name").await?;
    let kinds: Vec<&str> = kinds.lines().filter(|kind| !kind.starts_with("events")).collect();
    let all = world
        .kubectl(&format!("get {} -A -o json --ignore-not-found", kinds.join(",")))
        .await?;
    let all: Value = serde_json::from_str(&all)?;
    let items = all["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    ensure(!items.is_empty(), || "the cluster holds no objects".to_owned())?;
    Ok(items
        .iter()
        .filter(|object| is_of_annex(object))
        .map(name_of)
        .collect())
}

fn is_of_annex(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&metadata["name"]);
    let namespace = text(&metadata["namespace"]);
    let made_by_kubernetes = ["default", "kube-root-ca.crt"].contains(&name.as_str());
    if namespace == install::NAMESPACE && !made_by_kubernetes {
        return true;
    }
    let release = text(&metadata["annotations"]["meta.helm.sh/release-name"]);
    let named = name.starts_with("annex-") || name.starts_with("annex:") || name.contains("annex.dev");
    text(&metadata["labels"]["app.kubernetes.io/managed-by"]) == annex_crds::MANAGER
        || [install::RELEASE, install::CRDS_RELEASE].contains(&release.as_str())
        || (named && object["kind"] != "Namespace")
}

fn name_of(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    format!(
        "{} {}/{}",
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"])
    )
}
