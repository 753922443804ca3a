//! A client-go informer that follows an API while a test goes on, and must stay true to it.

use std::collections::BTreeMap;
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::{Failure, World, ensure, failure};
use crate::programs::{self, Program};

/// A running informer of the flunders in one version.
pub(super) struct Informer {
    _child: Child,
    path: String,
    pipes: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
}

/// What it knows.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    synced: bool,
    objects: BTreeMap<String, String>,
    /// How many objects it was told of as new, and as gone.
    pub(super) added: usize,
    pub(super) deleted: usize,
    /// How often a watch of it failed; it watches again by itself.
    pub(super) errors: usize,
    wrong: Vec<String>,
}

impl Informer {
    /// Starts one, and waits until it has everything.
    ///
    /// # Errors
    /// It did not start, or never synced.
    pub(super) async fn start(world: &World, version: &str) -> Result<Self, Failure> {
        let mut child = Command::new(programs::path(Program::Informer).await?)
            .arg(format!("--kubeconfig={}", world.tools.kubeconfig().display()))
            .args(["--group=wardle.example.com", "--resource=flunders"])
            .arg(format!("--version={version}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (stdin, stdout) = pipes.ok_or_else(|| failure("the informer has no pipes"))?;
        let informer = Self {
            _child: child,
            path: format!("/apis/wardle.example.com/{version}/flunders"),
            pipes: Mutex::new((stdin, BufReader::new(stdout).lines())),
        };
        informer.is_true(world).await?;
        Ok(informer)
    }

    async fn ask(&self) -> Result<Report, Failure> {
        let mut pipes = self.pipes.lock().await;
        pipes.0.write_all(b"\n").await?;
        let line = pipes.1.next_line().await?;
        let line = line.ok_or_else(|| failure("the informer has ended"))?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Waits until it holds what a list of the API holds, revision by revision; what it was told on the way must not
    /// contradict itself.
    ///
    /// # Errors
    /// It never does, or was told what cannot be.
    pub(super) async fn is_true(&self, world: &World) -> Result<Report, Failure> {
        let report = world
            .eventually("the informer to hold what the API holds", async || {
                let listed = self.listed(world).await.map_err(|error| error.to_string())?;
                let report = self.ask().await.map_err(|error| error.to_string())?;
                if report.synced && report.objects == listed {
                    return Ok(report);
                }
                Err(format!("listed {} objects, and: {report:?}", listed.len()))
            })
            .await?;
        ensure(report.wrong.is_empty(), || {
            format!("the informer was told what cannot be: {:?}", report.wrong)
        })?;
        Ok(report)
    }

    async fn listed(&self, world: &World) -> Result<BTreeMap<String, String>, Failure> {
        let text = world.kubectl(&format!("get --raw {}", self.path)).await?;
        let list: List = serde_json::from_str(&text)?;
        let items = list.items.into_iter().map(|item| {
            let metadata = item.metadata;
            (
                format!("{}/{}", metadata.namespace, metadata.name),
                metadata.resource_version,
            )
        });
        Ok(items.collect())
    }
}

#[derive(Deserialize)]
struct List {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    namespace: String,
    name: String,
    resource_version: String,
}
