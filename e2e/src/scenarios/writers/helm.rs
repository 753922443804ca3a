//! helm 4, which writes by server-side apply: a chart with a Widget is installed, upgraded, rolled back and uninstalled.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::super::{Failure, ensure, failure};
use super::user::User;
use crate::programs::{self, Program};

const RELEASE: &str = "chart";

pub(super) async fn releases(user: &User<'_>) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    write_chart(directory.path())?;
    let chart = directory.path().display().to_string();
    let color = async |wanted: &str| user.field(RELEASE, "{.spec.color}", wanted).await;

    helm(user, &["install", RELEASE, &chart]).await?;
    color("red").await?;
    user.managers(RELEASE, &["helm Apply"]).await?;
    // What others write stays theirs.
    user.kubectl(&format!("label widget {RELEASE} kept=yes")).await?;
    helm(user, &["upgrade", RELEASE, &chart, "--set", "color=blue"]).await?;
    color("blue").await?;
    user.field(RELEASE, "{.metadata.labels.kept}", "yes").await?;
    let green = r#"patch widget chart --type=merge -p {"spec":{"color":"green"}}"#;
    user.kubectl(green).await?;
    let upgrade = ["upgrade", RELEASE, &chart, "--set", "color=white"];
    let refused = tried(user, &upgrade).await?;
    ensure(
        refused
            .as_ref()
            .is_err_and(|error| error.contains("conflict with \"kubectl-patch\"")),
        || format!("helm met no conflict: {refused:?}"),
    )?;
    color("green").await?;
    helm(user, &[&upgrade[..], &["--force-conflicts"]].concat()).await?;
    color("white").await?;
    helm(user, &["rollback", RELEASE, "1"]).await?;
    color("red").await?;
    user.field(RELEASE, "{.metadata.labels.kept}", "yes").await?;
    helm(user, &["uninstall", RELEASE]).await?;
    let line = format!("-n {} get widget {RELEASE}", user.namespace);
    let gone = user.world.kubectl_fails(&line).await?;
    ensure(gone.contains("not found"), || gone.clone())
}

fn write_chart(directory: &Path) -> std::io::Result<()> {
    std::fs::write(
        directory.join("Chart.yaml"),
        "apiVersion: v2\nname: widgets\nversion: 0.1.0\n",
    )?;
    std::fs::write(directory.join("values.yaml"), "color: red\n")?;
    let templates = directory.join("templates");
    std::fs::create_dir(&templates)?;
    std::fs::write(
        templates.join("widget.yaml"),
        "apiVersion: peer.example.com/v1
kind: Widget
metadata: { name: {{ .Release.Name }} }
spec: { color: {{ .Values.color }}, replicas: 2, ports: [{ name: web, port: 80 }] }
",
    )
}

async fn helm(user: &User<'_>, arguments: &[&str]) -> Result<(), Failure> {
    let ran = tried(user, arguments).await?;
    ran.map_err(|error| failure(format!("helm {}: {error}", arguments.join(" "))))
}

/// What helm complains of, if it fails.
async fn tried(user: &User<'_>, arguments: &[&str]) -> Result<Result<(), String>, Failure> {
    let output = Command::new(programs::path(Program::Helm4).await?)
        .args(arguments)
        .args(["--namespace", user.namespace])
        .env("KUBECONFIG", user.world.tools.kubeconfig())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    if output.status.success() {
        return Ok(Ok(()));
    }
    Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned()))
}
