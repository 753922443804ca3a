//! Patches and edits of Widgets, and what is behind their names: `/status` and `/scale` (KEP-2590, `kubectl --subresource`).

use serde_json::json;
use tokio::process::Command;

use super::super::{Failure, ensure};
use super::user::User;

/// A patch without a type is a strategic merge patch; an editor's change is one too.
pub(super) async fn patch_and_edit(user: &User<'_>) -> Result<(), Failure> {
    let patch = r#"{"spec":{"ports":[{"name":"metrics","port":9090}],"features":["b"]}}"#;
    let patched = "widget.peer.example.com/one patched\n";
    user.says(&format!("patch widget one -p {patch}"), patched)
        .await?;
    user.field("one", "{.spec.ports[*].name}", "metrics web").await?;
    user.field("one", "{.spec.features}", r#"["b","a"]"#).await?;
    let less = r#"{"spec":{"ports":[{"name":"metrics","$patch":"delete"}]}}"#;
    user.says(&format!("patch widget one -p {less}"), patched).await?;
    user.field("one", "{.spec.ports[*].name}", "web").await?;
    edit(user, "edit widget one", "s/green/white/").await?;
    user.field("one", "{.spec.color}", "white").await
}

/// kubectl edit, with sed for an editor.
async fn edit(user: &User<'_>, line: &str, script: &str) -> Result<(), Failure> {
    let words: Vec<&str> = ["-n", user.namespace]
        .into_iter()
        .chain(line.split(' '))
        .collect();
    let mut command: Command = user.world.tools.kubectl_command(&words);
    let output = command
        .env("KUBE_EDITOR", format!("sed -i {script}"))
        .output()
        .await?;
    let (said, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure(said == "widget.peer.example.com/one edited\n", || {
        format!("`kubectl {line}` says: {said}{error}")
    })
}

/// `kubectl scale` takes the replicas from who applied them.
pub(super) async fn scale(user: &User<'_>) -> Result<(), Failure> {
    let scaled = "widget.peer.example.com/one scaled\n";
    user.says("scale widget one --replicas=3 --current-replicas=2", scaled)
        .await?;
    user.field("one", "{.spec.replicas}", "3").await?;
    let line = format!(
        "-n {} scale widget one --replicas=9 --current-replicas=2",
        user.namespace
    );
    let refused = user.world.kubectl_fails(&line).await?;
    ensure(refused.contains("Expected replicas to be 2, was 3"), || {
        refused.clone()
    })?;
    user.shows(
        "get widget one --subresource=scale",
        "NAME DESIRED AVAILABLE one 3 0",
    )
    .await?;
    let found = user.managed_by("one", "kubectl Update scale").await?;
    let replicas = json!({"f:spec": {"f:replicas": {}}});
    ensure(found == replicas, || {
        format!("who scaled manages {found} instead of {replicas}")
    })?;
    let others = user.managed_by("one", "kubectl Apply").await?;
    ensure(others["f:spec"].get("f:replicas").is_none(), || {
        format!("who applied still manages the replicas: {others}")
    })
}

/// What is written at `/status` changes nothing else, and is waited for.
pub(super) async fn status(user: &User<'_>) -> Result<(), Failure> {
    let patched = "widget.peer.example.com/one patched\n";
    let patch = r#"{"spec":{"replicas":9},"status":{"replicas":2,"selector":"app=one"}}"#;
    let line = format!("patch widget one --subresource=status --type=merge -p {patch}");
    user.says(&line, patched).await?;
    user.field(
        "one",
        "{.spec.replicas}{.metadata.generation}{.status.replicas}",
        "372",
    )
    .await?;
    user.shows(
        "get widget one --subresource=status",
        "NAME DESIRED CURRENT READY AGE one 3 2",
    )
    .await?;
    user.shows("get widget one --subresource=scale", "one 3 2")
        .await?;
    let ignored = r#"{"status":{"replicas":7}}"#;
    let unchanged = "widget.peer.example.com/one patched (no change)\n";
    user.says(&format!("patch widget one --type=merge -p {ignored}"), unchanged)
        .await?;
    user.field("one", "{.status.replicas}", "2").await?;
    // Somebody waits while the condition comes.
    let met = "widget.peer.example.com/one condition met\n";
    let (ready, replicas, written) = tokio::join!(
        user.says("wait widget/one --for=condition=Ready --timeout=60s", met),
        user.says(
            "wait widget/one --for=jsonpath={.status.replicas}=3 --timeout=60s",
            met
        ),
        conditions(user),
    );
    written?;
    ready?;
    replicas?;
    edit(user, "edit widget one --subresource=status", "s/app=one/app=two/").await?;
    user.field("one", "{.status.selector}", "app=two").await?;
    user.shows("get peers", "one 3 3 True").await?;
    user.kubectl("delete widgets --all").await.map(|_| ())
}

/// Two strategic merge patches, the second of which keeps the condition of the first.
async fn conditions(user: &User<'_>) -> Result<(), Failure> {
    let patched = "widget.peer.example.com/one patched\n";
    for (kind, replicas) in [("Ready", 2), ("Seen", 3)] {
        let patch = json!({"status": {"replicas": replicas, "conditions": [{
            "type": kind, "status": "True", "reason": "Patched", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]}});
        let line = format!("patch widget one --subresource=status -p {patch}");
        user.says(&line, patched).await?;
    }
    user.field("one", "{.status.conditions[*].type}", "Seen Ready")
        .await
}
