//! kubectl and helm, as a person runs them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::programs::{self, Program};

/// No command of a person takes longer.
const LIMIT: Duration = Duration::from_secs(300);

/// A command that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program could not be had.
    #[error(transparent)]
    Program(#[from] programs::Error),
    /// It could not be run.
    #[error("failed to run `{line}`")]
    Run {
        /// The command line.
        line: String,
        /// Why.
        source: std::io::Error,
    },
    /// It took too long.
    #[error("`{line}` has not ended within {} s", LIMIT.as_secs())]
    TimedOut {
        /// The command line.
        line: String,
    },
    /// It failed.
    #[error("`{line}` failed:\n{output}")]
    Failed {
        /// The command line.
        line: String,
        /// What it wrote, both streams.
        output: String,
    },
}

/// What a command wrote, and whether it succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Exit code 0.
    pub success: bool,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// kubectl and helm for one cluster.
#[derive(Clone, Debug)]
pub struct Tools {
    kubectl: PathBuf,
    helm: PathBuf,
    kubeconfig: PathBuf,
    registry: String,
    cache: Option<PathBuf>,
}

/// Where the images are that the harness makes: a name that no registry answers to.
pub const LOCAL_REGISTRY: &str = "localhost";

impl Tools {
    /// The programs of the harness, for the cluster of `kubeconfig`, whose images come from `registry`.
    ///
    /// # Errors
    /// They could not be built.
    pub async fn new(kubeconfig: &Path, registry: &str) -> Result<Self, Error> {
        Ok(Self {
            kubectl: programs::path(Program::Kubectl).await?,
            helm: programs::path(Program::Helm).await?,
            kubeconfig: kubeconfig.to_owned(),
            registry: registry.trim_end_matches('/').to_owned(),
            cache: None,
        })
    }

    /// The same tools, which keep what they learn of the API in this directory. What one run has learnt, another takes for granted
    /// for hours: runs beside each other need a place each.
    #[must_use]
    pub fn with_cache(self, directory: &Path) -> Self {
        Self {
            cache: Some(directory.to_owned()),
            ..self
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("KUBECONFIG", &self.kubeconfig).kill_on_drop(true);
        if let Some(cache) = &self.cache {
            command.env("KUBECACHEDIR", cache);
        }
        command
    }

    /// The kubeconfig that they use.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// `text` with its images taken from the registry.
    #[must_use]
    pub fn placed(&self, text: &str) -> String {
        text.replace(&format!("{LOCAL_REGISTRY}/"), &format!("{}/", self.registry))
    }

    /// A command of kubectl, for callers that run it beside others.
    #[must_use]
    pub fn kubectl_command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = self.command(&self.kubectl);
        command.args(arguments);
        command
    }

    /// Runs kubectl and returns its standard output.
    ///
    /// # Errors
    /// It failed, or took too long.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        succeed(
            line("kubectl", arguments),
            run(self.kubectl_command(arguments), line("kubectl", arguments), "").await?,
        )
    }

    /// Runs kubectl with `input` on its standard input.
    ///
    /// # Errors
    /// It failed, or took too long.
    pub async fn kubectl_with(&self, arguments: &[&str], input: &str) -> Result<String, Error> {
        let line = line("kubectl", arguments);
        succeed(
            line.clone(),
            run(self.kubectl_command(arguments), line, &self.placed(input)).await?,
        )
    }

    /// Runs kubectl, which may fail.
    ///
    /// # Errors
    /// It could not be run, or took too long.
    pub async fn try_kubectl(&self, arguments: &[&str], input: &str) -> Result<Output, Error> {
        let input = self.placed(input);
        run(
            self.kubectl_command(arguments),
            line("kubectl", arguments),
            &input,
        )
        .await
    }

    /// Runs helm and returns its standard output.
    ///
    /// # Errors
    /// It failed, or took too long.
    pub async fn helm(&self, arguments: &[&str]) -> Result<String, Error> {
        succeed(line("helm", arguments), self.try_helm(arguments).await?)
    }

    /// Runs helm, which may fail.
    ///
    /// # Errors
    /// It could not be run, or took too long.
    pub async fn try_helm(&self, arguments: &[&str]) -> Result<Output, Error> {
        let mut command = self.command(&self.helm);
        command.args(arguments.iter().map(|argument| self.placed(argument)));
        run(command, line("helm", arguments), "").await
    }
}

fn line(program: &str, arguments: &[&str]) -> String {
    let quoted = |word: &&str| {
        let plain = !word.is_empty() && !word.contains([' ', '{', '"', '\'', '$', '|', '*']);
        if plain {
            (*word).to_owned()
        } else {
            format!("'{word}'")
        }
    };
    let words = arguments.iter().map(quoted).collect::<Vec<_>>();
    format!("{program} {}", words.join(" "))
}

/// The command line as a person would type it.
#[must_use]
pub fn typed(program: &str, arguments: &[&str]) -> String {
    line(program, arguments)
}

fn succeed(line: String, output: Output) -> Result<String, Error> {
    if output.success {
        return Ok(output.stdout);
    }
    Err(Error::Failed {
        line,
        output: format!("{}{}", output.stdout, output.stderr).trim().to_owned(),
    })
}

async fn run(mut command: Command, line: String, input: &str) -> Result<Output, Error> {
    let failed = |source| Error::Run {
        line: line.clone(),
        source,
    };
    let stdin = if input.is_empty() {
        Stdio::null()
    } else {
        Stdio::piped()
    };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input to the end says why itself.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let waited = tokio::time::timeout(LIMIT, child.wait_with_output()).await;
    let output = waited
        .map_err(|_| Error::TimedOut { line: line.clone() })?
        .map_err(failed)?;
    Ok(Output {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
