//! Programs that this process starts on loopback, and that end with it: servers beside a cluster, or without one.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

/// How long a program may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

/// How much of a log an error shows.
const LOG_SHOWN: usize = 2000;

/// A program that does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file, a process or a socket.
    #[error("failed to {what}")]
    System {
        /// What was to be done.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended while it was needed.
    #[error("{program} ended ({status}); the last of its log:\n{log}")]
    Ended {
        /// Which.
        program: &'static str,
        /// How.
        status: ExitStatus,
        /// What it said.
        log: String,
    },
    /// It was not ready in time.
    #[error("waited for {program} in vain; the last of its log:\n{log}")]
    NotReady {
        /// Which.
        program: &'static str,
        /// What it said.
        log: String,
    },
}

fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
    let what = what.into();
    move |source| Error::System { what, source }
}

/// A process started here. Dropped, it is killed.
pub(crate) struct Program {
    what: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    child: Child,
    pid: Option<u32>,
    log: PathBuf,
}

impl Program {
    /// Starts `program`, which errors call `what`; all that it writes goes to `log`.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(
        what: &'static str,
        program: &Path,
        arguments: &[String],
        log: &Path,
    ) -> Result<Self, Error> {
        let output = File::create(log).map_err(system("make a log"))?;
        let errors = output.try_clone().map_err(system("make a log"))?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(system(format!("start {}", program.display())))?;
        Ok(Self {
            what,
            program: program.to_owned(),
            arguments: arguments.to_owned(),
            pid: child.id(),
            child,
            log: log.to_owned(),
        })
    }

    /// Another process of the same program.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn again(&self) -> Result<Self, Error> {
        Self::start(self.what, &self.program, &self.arguments, &self.log)
    }

    /// Waits until `look` finds it ready.
    ///
    /// # Errors
    /// It ends, or is not ready in time.
    pub(crate) async fn ready<E>(&mut self, look: impl AsyncFn() -> Result<(), E>) -> Result<(), Error> {
        let deadline = Instant::now() + START_LIMIT;
        while look().await.is_err() {
            let ended = self.child.try_wait();
            if let Some(status) = ended.map_err(system("look after a program"))? {
                return Err(Error::Ended {
                    program: self.what,
                    status,
                    log: self.log_end(),
                });
            }
            if Instant::now() > deadline {
                return Err(Error::NotReady {
                    program: self.what,
                    log: self.log_end(),
                });
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// The last of what it wrote.
    pub(crate) fn log_end(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let from = log.len().saturating_sub(LOG_SHOWN);
        String::from_utf8_lossy(log.get(from..).unwrap_or_default()).into_owned()
    }

    /// A file of `/proc` about it, and its path.
    ///
    /// # Errors
    /// It runs no more.
    pub(crate) fn read(&self, file: &str) -> Result<(PathBuf, String), Error> {
        let pid = self.pid.map_or_else(|| "none".to_owned(), |pid| pid.to_string());
        let path = PathBuf::from(format!("/proc/{pid}/{file}"));
        let text = std::fs::read_to_string(&path).map_err(system(format!("read {}", path.display())))?;
        Ok((path, text))
    }

    /// Kills it, and returns when it is gone.
    ///
    /// # Errors
    /// It cannot be killed.
    pub(crate) async fn end(&mut self) -> Result<(), Error> {
        self.child
            .kill()
            .await
            .map_err(system(format!("end {}", self.what)))
    }
}

/// An etcd of one member with its data and log below `at`, and its URL. It listens when it has a leader. `more`: further arguments.
///
/// # Errors
/// It does not run.
pub(crate) async fn start_etcd(program: &Path, at: &Path, more: &[&str]) -> Result<(Program, String), Error> {
    let (client, peer) = (free_port()?, free_port()?);
    let url = format!("http://127.0.0.1:{client}");
    let peer = format!("http://127.0.0.1:{peer}");
    let mut arguments = vec![
        format!("--data-dir={}", at.join("etcd").display()),
        "--name=alone".to_owned(),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=alone={peer}"),
        "--log-level=error".to_owned(),
    ];
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    let mut etcd = Program::start("etcd", program, &arguments, &at.join("etcd.log"))?;
    etcd.ready(async || {
        tokio::net::TcpStream::connect(("127.0.0.1", client))
            .await
            .map(drop)
    })
    .await?;
    Ok((etcd, url))
}

/// A port that was free a moment ago.
///
/// # Errors
/// There is none.
pub(crate) fn free_port() -> Result<u16, Error> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(address.map_err(system("find a free port"))?.port())
}
