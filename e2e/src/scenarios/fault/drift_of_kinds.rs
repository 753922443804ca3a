//! A hand edits a child of each kind that is watched: it is repaired, the hand is named, and how long that took is told by the
//! kube-apiserver's audit log.

use std::time::Duration;

use annex_crds::v1alpha1::Child;

use super::{
    super::{
        Failure, World,
        audit::{Audit, Write},
        ensure, failure,
        test_server::TestServer,
    },
    clean,
    named::{LIMIT, event},
};
use crate::progress;

const NAMESPACE: &str = "fault-drift-kinds";
const PODS: &str = "fault-drift-pods";
const SET: &str = "fault-drift-set";
/// What a repair is meant to take at most.
const GOAL: Duration = Duration::from_secs(2);

/// A kind, its resource, and a merge patch of a field that Annex applies.
const EDITS: [(&str, &str, &str); 9] = [
    (
        "ServiceAccount",
        "serviceaccounts",
        r#"{"metadata":{"labels":{"annex.dev/server":"another"}}}"#,
    ),
    ("ConfigMap", "configmaps", r#"{"data":{"ca.crt":"none"}}"#),
    (
        "Service",
        "services",
        r#"{"spec":{"ports":[{"name":"https","port":443,"targetPort":9,"protocol":"TCP"}]}}"#,
    ),
    ("Deployment", "deployments", r#"{"spec":{"replicas":3}}"#),
    (
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        r#"{"spec":{"maxUnavailable":2}}"#,
    ),
    (
        "ClusterRoleBinding",
        "clusterrolebindings",
        r#"{"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"mallory"}]}"#,
    ),
    (
        "RoleBinding",
        "rolebindings",
        r#"{"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"mallory"}]}"#,
    ),
    ("APIService", "apiservices", r#"{"spec":{"versionPriority":7}}"#),
    (
        "StatefulSet",
        "statefulsets",
        r#"{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":9}}}}"#,
    ),
];

/// A server with each kind of child but the StatefulSet, and one with that: it need not run.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.namespace(NAMESPACE).await?;
    let pods = TestServer {
        workload: "replicas: 2",
        ..TestServer::new(PODS, NAMESPACE)
    };
    let set = TestServer {
        spec: "storage: { embedded: { size: 64Mi, onDelete: Delete } }",
        ..TestServer::new(SET, NAMESPACE)
    };
    world.apply(&pods.yaml()).await?;
    world.apply(&set.yaml()).await?;
    world.ready(PODS).await?;
    world.condition(PODS, "Progressing", "False", None).await?;
    let mut slow = Vec::new();
    for (kind, resource, patch) in EDITS {
        let server = if kind == "StatefulSet" { SET } else { PODS };
        let child = child(world, server, kind).await?;
        let took = edited(world, server, &child, resource, patch).await?;
        if took >= GOAL {
            slow.push(format!("{kind} after {:.1} s", took.as_secs_f64()));
        }
    }
    if !slow.is_empty() {
        progress::say(format!(
            "    slower than {} s: {}",
            GOAL.as_secs(),
            slow.join(", ")
        ));
    }
    world.ready(PODS).await?;
    clean(world, &[PODS, SET], NAMESPACE).await
}

/// The child of this kind, once there is one.
async fn child(world: &World, server: &str, kind: &str) -> Result<Child, Failure> {
    let servers = world.servers();
    world
        .eventually(&format!("a {kind} of {server}"), async || {
            let server = servers.get(server).await.map_err(|error| error.to_string())?;
            let children = server.status.unwrap_or_default().children;
            let child = children.iter().find(|child| child.kind == kind).cloned();
            child.ok_or_else(|| format!("{children:?}"))
        })
        .await
}

/// Edits the child, and waits until Annex has repaired it and told of it; says how long the one came after the other.
async fn edited(
    world: &World,
    server: &str,
    child: &Child,
    resource: &str,
    patch: &str,
) -> Result<Duration, Failure> {
    let mut audit = Audit::from_now(world)?;
    let hand = format!("hand-on-{resource}");
    let name = child.name.as_str();
    let namespace = child.namespace.clone().unwrap_or_default();
    let mut line = vec!["patch", resource, name, "--type=merge", "-p", patch];
    let manager = format!("--field-manager={hand}");
    line.push(&manager);
    if !namespace.is_empty() {
        line.extend(["-n", &namespace]);
    }
    world.tools.kubectl(&line).await?;
    let object = (resource.to_owned(), namespace.clone(), child.name.clone());
    let mut writes: Vec<Write> = Vec::new();
    let took = world
        .eventually(&format!("the repair of {} {name}", child.kind), async || {
            let more = audit.timed_writes().map_err(|error| error.to_string())?;
            writes.extend(more.into_iter().filter(|write| write.object == object));
            repaired_after(&writes).ok_or_else(|| format!("{writes:?}"))
        })
        .await?;
    progress::say(format!(
        "    {} repaired after {:.2} s",
        child.kind,
        took.as_secs_f64()
    ));
    ensure(took <= LIMIT, || {
        format!(
            "{} was repaired only after {:.1} s",
            child.kind,
            took.as_secs_f64()
        )
    })?;
    let note = event(world, server, "DriftRepaired", &format!("{hand} (Update)")).await?;
    if note.starts_with(&format!("{} ", child.kind)) {
        Ok(took)
    } else {
        Err(failure(format!("the Event names another child: {note}")))
    }
}

/// How long after somebody's write the operator's came.
fn repaired_after(writes: &[Write]) -> Option<Duration> {
    let deed = writes.iter().find(|write| !write.by_operator)?;
    let repair = writes
        .iter()
        .find(|write| write.by_operator && write.at >= deed.at)?;
    Some(repair.at.duration_since(deed.at).unsigned_abs())
}
