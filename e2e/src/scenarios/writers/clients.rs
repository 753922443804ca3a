//! Programs on Go's libraries (`e2e/go/writers`): each tells what it saw, which is what it would see of a CustomResourceDefinition.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::super::{Failure, ensure, failure};
use super::user::User;
use crate::programs::{self, Program};

/// All of them; those that list the managers of fields before there is a controller, which is one.
pub(super) async fn all(user: &User<'_>) -> Result<(), Failure> {
    for (name, wanted) in facts() {
        saw(user, name, &wanted).await?;
    }
    let controller = writer(user, "controller").await?.stdin(Stdio::piped()).spawn()?;
    let flux = json!({
        "actions": ["created", "unchanged", "configured"], "waited": "", "same": "unchanged",
        "drifted": "configured", "merged": 4, "deleted": "deleted", "gone": "",
    });
    saw(user, "flux", &flux).await?;
    user.kubectl("wait widget/dynamic widget/scale --for=condition=Ready --timeout=60s")
        .await?;
    let status = "{.status.replicas}{.status.observedGeneration}";
    user.field("scale", status, "63").await?;
    user.managers("scale", &["two Update scale", "writers Update status"])
        .await?;
    stopped(controller).await
}

fn facts() -> [(&'static str, Value); 5] {
    let port = |name: &str, port: u16| json!({"name": name, "port": port});
    [
        (
            "controller-runtime",
            json!({
                "conflict": true,
                "message": "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas",
                "spec": {
                    "replicas": 3, "ports": [port("web", 80), port("metrics", 9090)], "features": ["one", "two"],
                    "template": {},
                },
                "replicas": 1,
                "managers": ["one Apply", "three Apply status", "two Apply"],
            }),
        ),
        (
            "dynamic",
            json!({
                "spec": {"args": ["c"], "replicas": 1, "template": {}},
                "managers": ["one Apply", "two Apply status"],
                "generation": 2,
            }),
        ),
        (
            "metadata",
            json!({"listed": 1, "note": "kept", "events": ["MODIFIED metadata kept", "DELETED metadata kept"]}),
        ),
        (
            "scale",
            json!({
                "replicas": [1, 4, 6],
                "conflict": "Operation cannot be fulfilled on widgets.peer.example.com \"scale\": the object has been \
                             modified; please apply your changes to the latest version and try again",
                "managers": ["two Update scale"],
            }),
        ),
        (
            "websocket",
            json!({
                "events": ["ADDED websocket ", "MODIFIED websocket 2", "DELETED websocket 2"],
                "refused": 400,
            }),
        ),
    ]
}

async fn writer(user: &User<'_>, name: &str) -> Result<Command, Failure> {
    let mut command = Command::new(programs::path(Program::Writers).await?);
    command
        .arg(format!(
            "--kubeconfig={}",
            user.world.tools.kubeconfig().display()
        ))
        .arg(format!("--namespace={}", user.namespace))
        .arg(name)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

/// One of them sees this.
pub(super) async fn saw(user: &User<'_>, name: &str, wanted: &Value) -> Result<(), Failure> {
    let output = writer(user, name).await?.stdin(Stdio::null()).output().await?;
    ensure(output.status.success(), || {
        format!(
            "writer {name} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    let found: Value = serde_json::from_slice(&output.stdout)?;
    ensure(found == *wanted, || {
        format!("writer {name} saw {found}\n    instead of {wanted}")
    })
}

/// The controller ends when its standard input does, and has reconciled.
async fn stopped(mut controller: Child) -> Result<(), Failure> {
    drop(controller.stdin.take());
    let output = controller.wait_with_output().await?;
    let found: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| failure(String::from_utf8_lossy(&output.stderr)))?;
    ensure(found == json!({"reconciled": true}), || {
        format!("the controller says {found}")
    })
}
