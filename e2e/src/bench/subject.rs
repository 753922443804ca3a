//! The servers that are measured: started on loopback with a store of their own, ended with it.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http::Method;
use hyper::body::Bytes;

use super::Error;
use super::figures;
use super::wire::{self, Target};
use crate::certs::Authority;
use crate::loopback::{self, Program};

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
            let (program, url) = loopback::start_etcd(&self.etcd, at, &[]).await?;
            (Some(program), vec![format!("--etcd-servers={url}")])
        };
        let port = loopback::free_port()?;
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
}

impl Running {
    /// The processor time that server and store used so far.
    pub(super) fn usage(&self) -> Result<Usage, Error> {
        let store = self.store.as_ref().map(cpu_time).transpose()?;
        Ok(Usage {
            server: cpu_time(&self.server)?,
            store: store.unwrap_or_default(),
        })
    }

    /// The server's resident memory in bytes, and the store's.
    pub(super) fn memory(&self) -> Result<(u64, u64), Error> {
        let store = self.store.as_ref().map(resident).transpose()?;
        Ok((resident(&self.server)?, store.unwrap_or_default()))
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
            Some(store) => Ok(store.end().await?),
            None => Ok(()),
        }
    }
}

/// What of a file of `/proc` about a process is told.
fn told<T>(program: &Program, file: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
    let (path, text) = program.read(file)?;
    parse(&text).ok_or_else(|| Error::Wrong(format!("{} makes no sense: {text}", path.display())))
}

fn cpu_time(program: &Program) -> Result<Duration, Error> {
    told(program, "stat", figures::cpu_time)
}

fn resident(program: &Program) -> Result<u64, Error> {
    told(program, "status", figures::resident)
}
