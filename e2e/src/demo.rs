//! The main job, shown: install, apply, Ready, kubectl, rotation, describe. What it does can be typed by a person, and is
//! printed as such.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::install;
use crate::product::workspace;
use crate::progress;
use crate::tools::{Error as ToolsError, Tools, typed};

/// How long the server may take to become ready. It takes seconds; a busy machine may need longer.
const READY_LIMIT: &str = "--timeout=300s";

/// The demo did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A command failed.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// An example is not there.
    #[error("failed to read {path}")]
    Example {
        /// Which one.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A certificate was not rotated in time.
    #[error("the served certificate has not changed within {} s", ROTATION_LIMIT.as_secs())]
    NotRotated,
}

/// A kubelet brings a changed Secret to its pods within about two minutes.
const ROTATION_LIMIT: Duration = Duration::from_secs(300);

/// Shows the main job on the cluster of `kubeconfig`, whose images come from `registry`; everything stays.
///
/// # Errors
/// The first command that failed, with what it said.
pub async fn run(kubeconfig: &Path, registry: &str) -> Result<(), Error> {
    let shown = Shown {
        tools: Tools::new(kubeconfig, registry).await?,
    };
    shown.section("Install Annex: the types, then the operator");
    for arguments in [install::crds_arguments(), install::operator_arguments(&[])] {
        shown
            .helm(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
            .await?;
    }
    shown
        .kubectl(&["-n", install::NAMESPACE, "get", "deployments,pods"])
        .await?;

    shown.section("Run Annex's wardle, the sample API, with a volume of its own");
    shown
        .kubectl(&["create", "namespace", "wardle"])
        .await
        .or_else(ignore_existing)?;
    let applied = Instant::now();
    shown.apply("wardle.yaml").await?;
    shown
        .kubectl(&[
            "wait",
            "--for=condition=Ready",
            READY_LIMIT,
            "aggregatedserver/wardle",
        ])
        .await?;
    println!(
        "# from kubectl apply to Ready: {:.1} s",
        applied.elapsed().as_secs_f64()
    );
    shown.kubectl(&["get", "aggregatedservers", "-o", "wide"]).await?;

    shown.section("The API is there, for every user of the cluster");
    shown
        .kubectl(&["api-resources", "--api-group=wardle.example.com"])
        .await?;
    shown.kubectl(&["apply", "-f", &example("flunder.yaml")]).await?;
    shown.kubectl(&["get", "flunders", "--show-labels"]).await?;

    shown.section("Rotate its certificate authority, without a failed request");
    let before = shown.count().await?;
    let stamp = format!("annex.dev/rotate-ca=demo-{}", std::process::id());
    shown
        .kubectl(&["annotate", "--overwrite", "aggregatedserver/wardle", &stamp])
        .await?;
    shown.wait_for_rotation(&before).await?;
    shown.kubectl(&["get", "flunders"]).await?;

    shown.section("What Annex knows");
    shown.kubectl(&["describe", "aggregatedserver", "wardle"]).await?;
    Ok(())
}

fn ignore_existing(error: ToolsError) -> Result<(), ToolsError> {
    match &error {
        ToolsError::Failed { output, .. } if output.contains("AlreadyExists") => Ok(()),
        _ => Err(error),
    }
}

fn example(name: &str) -> String {
    let path: PathBuf = workspace().join("docs/examples").join(name);
    path.canonicalize().unwrap_or(path).display().to_string()
}

/// Commands that are printed as typed, with what they answer.
struct Shown {
    tools: Tools,
}

impl Shown {
    fn section(&self, title: &str) {
        println!("\n### {title}");
    }

    async fn kubectl(&self, arguments: &[&str]) -> Result<(), ToolsError> {
        println!("\n$ {}", typed("kubectl", arguments));
        print!("{}", self.tools.kubectl(arguments).await?);
        Ok(())
    }

    /// Applies an example as it is in the repository, or with its images taken from another registry.
    async fn apply(&self, name: &str) -> Result<(), Error> {
        let path = example(name);
        let text = std::fs::read_to_string(&path).map_err(|source| Error::Example {
            path: path.clone(),
            source,
        })?;
        if self.tools.placed(&text) == text {
            return Ok(self.kubectl(&["apply", "-f", &path]).await?);
        }
        println!("\n$ kubectl apply -f -    # {path}, with other images");
        print!("{}", self.tools.kubectl_with(&["apply", "-f", "-"], &text).await?);
        Ok(())
    }

    async fn helm(&self, arguments: &[&str]) -> Result<(), ToolsError> {
        println!("\n$ {}", typed("helm", arguments));
        print!("{}", self.tools.helm(arguments).await?);
        Ok(())
    }

    /// How many certificates there were, and whether one is on its way.
    async fn count(&self) -> Result<String, ToolsError> {
        let path = "-o=jsonpath={.status.certificates.rotationCount} {.status.certificates.rotation.step}";
        self.tools
            .kubectl(&["get", "aggregatedserver", "wardle", path])
            .await
    }

    async fn wait_for_rotation(&self, before: &str) -> Result<(), Error> {
        let started = Instant::now();
        let mut last = String::new();
        while started.elapsed() < ROTATION_LIMIT {
            let now = self.count().await?;
            if now != last {
                let step = now
                    .split_once(' ')
                    .map(|(_, step)| step)
                    .filter(|step| !step.is_empty());
                progress::say(format!(
                    "    {:>5.1} s  {}",
                    started.elapsed().as_secs_f64(),
                    step.unwrap_or("-")
                ));
            }
            // Done: another certificate than before, and no step left.
            if now.trim() != before.trim() && now.ends_with(' ') {
                println!("# rotated in {:.1} s", started.elapsed().as_secs_f64());
                return Ok(());
            }
            last = now;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Err(Error::NotRotated)
    }
}
