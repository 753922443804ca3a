//! The servers that are measured: started on loopback with a store of their own, ended with it.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use http::Method;
use hyper::body::Bytes;
use tokio::process::{Child, Command};

use super::Error;
use super::figures;
use super::wire::{self, Target};
use crate::certs::Authority;

/// How long a program may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

/// How much of a log an error shows.
const LOG_SHOWN: usize = 2000;

/// A server and the store behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The Go sample-apiserver, on etcd.
    Go,
    /// Annex's wardle on etcd.
    Etcd,
    /// Annex's wardle on its embedded store.
    Embedded,
}

impl Subject {
    /// In the order in which each round takes them.
    pub(super) const ALL: [Self; 3] = [Self::Go, Self::Etcd, Self::Embedded];

    /// What the table calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Go => "Go",
            Self::Etcd => "Annex, etcd",
            Self::Embedded => "Annex, embedded",
        }
    }

    /// The store behind it.
    pub(super) fn store(self) -> &'static str {
        match self {
            Self::Go | Self::Etcd => "etcd",
            Self::Embedded => "embedded",
        }
    }
}

/// What all of them need.
pub(super) struct Bench {
    pub(super) sample_apiserver: PathBuf,
    pub(super) wardle: PathBuf,
    pub(super) etcd: PathBuf,
    pub(super) kubeconfig: PathBuf,
    pub(super) authority: Authority,
    pub(super) token: String,
    /// Where the stores lie: on a disk, since writes are synced.
    pub(super) scratch: PathBuf,
}

/// A server that runs. Dropped, it is killed, and its store with it.
pub(super) struct Running {
    server: Program,
    store: Option<Program>,
    pub(super) target: Target,
    /// From its start to the first ok of its `/readyz`.
    pub(super) ready_after: Duration,
    _directory: tempfile::TempDir,
}

/// What the processes used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub(super) server: Duration,
    pub(super) store: Duration,
}

impl Bench {
    /// Starts a server with an empty store, and returns when it is ready.
    pub(super) async fn start(&self, subject: Subject) -> Result<Running, Error> {
        let directory = tempfile::Builder::new()
            .prefix("server")
            .tempdir_in(&self.scratch)
            .map_err(Error::system("make a directory for the server"))?;
        let at = directory.path();
        let (store, mut arguments) = if subject == Subject::Embedded {
            (None, vec![format!("--data-dir={}", at.join("data").display())])
        } else {
            let (program, url) = self.start_etcd(at).await?;
            (Some(program), vec![format!("--etcd-servers={url}")])
        };
        let port = free_port()?;
        arguments.extend(self.flags(at, port)?);
        let program = if subject == Subject::Go {
            &self.sample_apiserver
        } else {
            &self.wardle
        };
        let target = Target::new(port, &self.token, &self.authority.certificate())?;
        let begin = Instant::now();
        let mut server = Program::start("the server", program, &arguments, &at.join("server.log"))?;
        server
            .ready(async || target.connect().await?.text("/readyz").await.map(drop))
            .await?;
        Ok(Running {
            server,
            store,
            target,
            ready_after: begin.elapsed(),
            _directory: directory,
        })
    }

    fn flags(&self, at: &Path, port: u16) -> Result<Vec<String>, Error> {
        let identity = self
            .authority
            .server(wire::SERVER, &[wire::SERVER], &[Ipv4Addr::LOCALHOST])?;
        let (certificate, key) = (at.join("tls.crt"), at.join("tls.key"));
        for (path, text) in [(&certificate, &identity.certificate), (&key, &identity.key)] {
            std::fs::write(path, text).map_err(Error::system("write the server's certificate"))?;
        }
        let kubeconfig = self.kubeconfig.display();
        Ok(vec![
            format!("--kubeconfig={kubeconfig}"),
            format!("--authentication-kubeconfig={kubeconfig}"),
            format!("--authorization-kubeconfig={kubeconfig}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={port}"),
            format!("--tls-cert-file={}", certificate.display()),
            format!("--tls-private-key-file={}", key.display()),
        ])
    }

    async fn start_etcd(&self, at: &Path) -> Result<(Program, String), Error> {
        let (client, peer) = (free_port()?, free_port()?);
        let url = format!("http://127.0.0.1:{client}");
        let peer = format!("http://127.0.0.1:{peer}");
        let arguments = [
            format!("--data-dir={}", at.join("etcd").display()),
            "--name=bench".to_owned(),
            format!("--listen-client-urls={url}"),
            format!("--advertise-client-urls={url}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=bench={peer}"),
            "--log-level=error".to_owned(),
        ];
        let mut etcd = Program::start("etcd", &self.etcd, &arguments, &at.join("etcd.log"))?;
        // It listens when it has a leader.
        etcd.ready(async || {
            tokio::net::TcpStream::connect(("127.0.0.1", client))
                .await
                .map(drop)
                .map_err(Error::system("connect to etcd"))
        })
        .await?;
        Ok((etcd, url))
    }
}

impl Running {
    /// The processor time that server and store used so far.
    pub(super) fn usage(&self) -> Result<Usage, Error> {
        let store = self.store.as_ref().map(Program::cpu_time).transpose()?;
        Ok(Usage {
            server: self.server.cpu_time()?,
            store: store.unwrap_or_default(),
        })
    }

    /// The server's resident memory in bytes, and the store's.
    pub(super) fn memory(&self) -> Result<(u64, u64), Error> {
        let store = self.store.as_ref().map(Program::resident).transpose()?;
        Ok((self.server.resident()?, store.unwrap_or_default()))
    }

    /// Kills the server as `kill -9` does, starts it again on its store, and returns how long it took from there to the
    /// answer to a GET of `path`.
    pub(super) async fn restart(&mut self, path: &str) -> Result<Duration, Error> {
        self.server.end().await?;
        let begin = Instant::now();
        self.server = self.server.again()?;
        let target = &self.target;
        self.server
            .ready(async || {
                let mut connection = target.connect().await?;
                connection
                    .exchange(Method::GET, path, Bytes::new())
                    .await
                    .map(drop)
            })
            .await?;
        Ok(begin.elapsed())
    }

    /// Ends server and store, and returns when they are gone.
    pub(super) async fn end(mut self) -> Result<(), Error> {
        self.server.end().await?;
        match &mut self.store {
            Some(store) => store.end().await,
            None => Ok(()),
        }
    }
}

/// A process started here.
struct Program {
    what: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    child: Child,
    pid: u32,
    log: PathBuf,
}

impl Program {
    fn start(what: &'static str, program: &Path, arguments: &[String], log: &Path) -> Result<Self, Error> {
        let output = File::create(log).map_err(Error::system("make a log"))?;
        let errors = output.try_clone().map_err(Error::system("make a log"))?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::system(format!("start {}", program.display())))?;
        let pid = child
            .id()
            .ok_or_else(|| Error::Wrong(format!("{what} has no process")))?;
        Ok(Self {
            what,
            program: program.to_owned(),
            arguments: arguments.to_owned(),
            child,
            pid,
            log: log.to_owned(),
        })
    }

    /// Another process of the same program.
    fn again(&self) -> Result<Self, Error> {
        Self::start(self.what, &self.program, &self.arguments, &self.log)
    }

    /// Waits until `look` finds it ready.
    async fn ready(&mut self, look: impl AsyncFn() -> Result<(), Error>) -> Result<(), Error> {
        let deadline = Instant::now() + START_LIMIT;
        while look().await.is_err() {
            let ended = self.child.try_wait();
            if let Some(status) = ended.map_err(Error::system("look after a server"))? {
                return Err(Error::Ended {
                    program: self.what,
                    status,
                    log: self.log_end(),
                });
            }
            if Instant::now() > deadline {
                let log = self.log_end();
                return Err(Error::Timeout(format!(
                    "waited for {}; its log:\n{log}\n",
                    self.what
                )));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    fn log_end(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let from = log.len().saturating_sub(LOG_SHOWN);
        String::from_utf8_lossy(log.get(from..).unwrap_or_default()).into_owned()
    }

    fn cpu_time(&self) -> Result<Duration, Error> {
        self.read("stat", figures::cpu_time)
    }

    fn resident(&self) -> Result<u64, Error> {
        self.read("status", figures::resident)
    }

    fn read<T>(&self, file: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
        let path = format!("/proc/{}/{file}", self.pid);
        let text = std::fs::read_to_string(&path).map_err(Error::system(format!("read {path}")))?;
        parse(&text).ok_or_else(|| Error::Wrong(format!("{path} makes no sense: {text}")))
    }

    async fn end(&mut self) -> Result<(), Error> {
        self.child
            .kill()
            .await
            .map_err(Error::system(format!("end {}", self.what)))
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, Error> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(address.map_err(Error::system("find a free port"))?.port())
}
