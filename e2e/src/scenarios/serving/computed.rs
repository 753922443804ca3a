//! Resources that are not stored, of the library's example `computed`: a metrics API that `kubectl top` reads, a review, and objects
//! that the cluster's ConfigMaps are; and machines, whose subresources connect.

use std::pin::pin;

use futures::StreamExt as _;
use kube::api::{ApiResource, DynamicObject, WatchEvent, WatchParams};
use kube::{Api, ResourceExt as _};

use super::super::describe::words;
use super::super::{Failure, World, ensure, failure, stage};
use super::connect;

const NAME: &str = "serving-computed";

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    stage::made(world, NAME, SERVER).await?;
    discovered(world).await?;
    top(world).await?;
    reviewed(world).await?;
    greetings(world).await?;
    connect::connected(world, NAME).await?;
    stage::cleared(world, NAME).await?;
    world.delete("clusterrolebinding", GREETINGS).await?;
    world.delete("clusterrole", GREETINGS).await
}

async fn discovered(world: &World) -> Result<(), Failure> {
    for (group, wanted) in [
        (
            "metrics.k8s.io",
            "nodes metrics.k8s.io/v1beta1 false NodeMetrics get,list pods metrics.k8s.io/v1beta1 true PodMetrics get,list",
        ),
        (
            "computed.example.com",
            "greetings hi computed.example.com/v1 true Greeting \
             create,delete,deletecollection,get,list,patch,update,watch \
             machines computed.example.com/v1 true Machine get \
             namereviews computed.example.com/v1 false NameReview create",
        ),
    ] {
        let line = format!("api-resources --api-group={group} -o wide --no-headers");
        shows(world, &line, wanted).await?;
    }
    Ok(())
}

/// The server measures every few seconds.
async fn top(world: &World) -> Result<(), Failure> {
    let node = world.kubectl("get nodes -o name").await?;
    let node = node.lines().next().and_then(|line| line.strip_prefix("node/"));
    let node = node.ok_or_else(|| failure("the cluster has no node"))?;
    shows(world, "top nodes --no-headers", node).await?;
    shows(
        world,
        &format!("-n {NAME} top pods --no-headers"),
        &format!("{NAME}-"),
    )
    .await?;
    shows(
        world,
        &format!("-n {NAME} top pods --containers --no-headers"),
        " server ",
    )
    .await
}

async fn reviewed(world: &World) -> Result<(), Failure> {
    let review = |name: &str| {
        format!("{{apiVersion: computed.example.com/v1, kind: NameReview, spec: {{ name: {name} }}}}")
    };
    let create = ["create", "-o", "jsonpath={.status}", "-f", "-"];
    for (name, wanted) in [("good", r#""allowed":true"#), ("BAD", r#""allowed":false"#)] {
        let output = world.tools.try_kubectl(&create, &review(name)).await?;
        ensure(output.success && output.stdout.contains(wanted), || {
            format!("the review of {name}: {}{}", output.stdout, output.stderr)
        })?;
    }
    // Nothing was stored, and nothing is listed.
    let refused = world
        .kubectl_fails("get namereviews.computed.example.com")
        .await?;
    ensure(refused.contains("MethodNotAllowed"), || refused.clone())
}

async fn greetings(world: &World) -> Result<(), Failure> {
    let on = |line: &str| format!("-n {NAME} {line}");
    world
        .kubectl(&on("create configmap hello --from-literal=text=hi"))
        .await?;
    world
        .kubectl(&on("create configmap other --from-literal=text=no"))
        .await?;
    world.kubectl(&on("label configmap hello greeting=short")).await?;
    shows(
        world,
        &on("get hi -o name"),
        "greeting.computed.example.com/hello",
    )
    .await?;
    let text = world
        .kubectl(&on(
            "get greetings.computed.example.com hello -o jsonpath={.text}",
        ))
        .await?;
    ensure(text == "hi", || format!("the greeting says {text:?}"))?;
    let by_label = world
        .kubectl(&on("get greetings.computed.example.com -l greeting=long -o name"))
        .await?;
    ensure(by_label.is_empty(), || by_label.clone())?;
    let missing = world
        .kubectl_fails(&on("get greetings.computed.example.com other"))
        .await?;
    ensure(
        missing.contains(r#"greetings.computed.example.com "other" not found"#),
        || missing.clone(),
    )?;
    written(world).await
}

/// Stock kubectl writes what ConfigMaps keep: creates, patches, applies beside another manager, waits for what a watch tells, deletes.
async fn written(world: &World) -> Result<(), Failure> {
    let on = |line: &str| format!("-n {NAME} {line}");
    let manifest = |text: &str| {
        format!(
            "{{apiVersion: computed.example.com/v1, kind: Greeting, metadata: {{ name: made, namespace: {NAME} }}, text: {text}}}"
        )
    };
    let kubectl = async |line: &str, input: &str| world.tools.try_kubectl(&words_of(line), input).await;
    let created = kubectl("create -f -", &manifest("one")).await?;
    ensure(created.success, || created.stderr.clone())?;
    let again = kubectl("create -f -", &manifest("one")).await?;
    ensure(
        again
            .stderr
            .contains(r#"greetings.computed.example.com "made" already exists"#),
        || again.stderr.clone(),
    )?;
    let kept = world
        .kubectl(&on("get configmap made -o jsonpath={.data.text}"))
        .await?;
    ensure(kept == "one", || format!("the ConfigMap says {kept:?}"))?;

    let apply = "apply --server-side --field-manager=other -f -";
    let refused = kubectl(apply, &manifest("two")).await?;
    ensure(
        !refused.success
            && refused
                .stderr
                .contains(r#"conflict with "kubectl-create" using computed.example.com/v1: .text"#),
        || {
            format!(
                "an apply of what another manager has written: {}{}",
                refused.stdout, refused.stderr
            )
        },
    )?;
    let forced = kubectl(
        &apply.replace("apply", "apply --force-conflicts"),
        &manifest("two"),
    )
    .await?;
    ensure(forced.success, || forced.stderr.clone())?;
    let managers = "get greetings.computed.example.com made --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}";
    let managers = world.kubectl(&on(managers)).await?;
    ensure(managers == "other", || format!("it is managed by {managers:?}"))?;

    watched(world).await?;
    let strict = world
        .kubectl_fails(&on(
            "patch greetings.computed.example.com made --type=merge -p {\"text\":3}",
        ))
        .await?;
    ensure(strict.contains("text"), || strict.clone())?;

    world
        .kubectl(&on("delete greetings.computed.example.com made --wait=true"))
        .await?;
    let gone = world.kubectl_fails(&on("get configmap made")).await?;
    ensure(gone.contains("NotFound"), || gone.clone())?;
    world
        .kubectl(&on("delete greetings.computed.example.com --all --wait=true"))
        .await?;
    let other = world.kubectl(&on("get configmap other -o name")).await?;
    ensure(other.contains("configmap/other"), || other.clone())?;
    let gone = world.kubectl_fails(&on("get configmap hello")).await?;
    ensure(gone.contains("NotFound"), || gone.clone())
}

/// A watch of one greeting that goes on from what is known of it is told of that one alone.
async fn watched(world: &World) -> Result<(), Failure> {
    let on = |line: &str| format!("-n {NAME} {line}");
    let kind = ApiResource {
        group: "computed.example.com".into(),
        version: "v1".into(),
        api_version: "computed.example.com/v1".into(),
        kind: "Greeting".into(),
        plural: "greetings".into(),
    };
    let greetings: Api<DynamicObject> = Api::namespaced_with(world.client.clone(), NAME, &kind);
    let made = greetings.get("made").await?;
    let known = made.resource_version().unwrap_or_default();
    let one = WatchParams::default().fields("metadata.name=made");
    let events = greetings.watch(&one, &known).await?;
    for line in [
        "patch greetings.computed.example.com hello --type=merge -p {\"text\":\"other\"}",
        "label configmap hello greeting-",
        "label configmap hello greeting=short",
        "patch greetings.computed.example.com made --type=merge -p {\"text\":\"three\"}",
    ] {
        world.kubectl(&on(line)).await?;
    }
    let mut changes = pin!(events.filter(|event| {
        let is_change = !matches!(event, Ok(WatchEvent::Bookmark(_)));
        std::future::ready(is_change)
    }));
    match changes.next().await {
        Some(Ok(WatchEvent::Modified(greeting))) if greeting.data["text"] == "three" => Ok(()),
        other => Err(failure(format!("the watch of one greeting tells {other:?}"))),
    }
}

fn words_of(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// What kubectl writes comes to contain this, runs of blanks counting as one.
pub(super) async fn shows(world: &World, line: &str, wanted: &str) -> Result<(), Failure> {
    world
        .eventually(&format!("`kubectl {line}` to show {wanted:?}"), async || {
            let output = world.kubectl(line).await.map_err(|error| error.to_string())?;
            let words = words(&output);
            if words.contains(wanted.trim()) {
                Ok(())
            } else {
                Err(output)
            }
        })
        .await
}

/// The grant of [`SERVER`], of all namespaces.
const GREETINGS: &str = "serving-computed-greetings";

/// Nothing is stored, so there is no volume. The server may keep ConfigMaps in each namespace: whoever deletes one has it delete its
/// greetings there, and waits for as long as it cannot.
const SERVER: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: serving-computed-greetings }
rules:
- { apiGroups: [''], resources: [configmaps], verbs: [get, list, watch, create, update, delete] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: serving-computed-greetings }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: serving-computed-greetings }
subjects:
- { apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:serviceaccounts:serving-computed' }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader, namespace: serving-computed }
rules:
- { apiGroups: [computed.example.com], resources: [machines/exec, machines/log], verbs: [get] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader, namespace: serving-computed }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects:
- { apiGroup: rbac.authorization.k8s.io, kind: User, name: reader }
---
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: { name: serving-computed }
spec:
  namespace: serving-computed
  apis:
  - { group: metrics.k8s.io, version: v1beta1 }
  - { group: computed.example.com, version: v1 }
  workload:
    image: localhost/computed:0.1.0
    template:
      spec:
        terminationGracePeriodSeconds: 5
        containers:
        - name: server
          env:
          - { name: NODE_NAME, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }
          - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
          - { name: POD_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
";
