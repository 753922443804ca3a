//! How an etcd is reached.

use std::path::PathBuf;
use std::time::Duration;

use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions};

/// As kube-apiserver's client waits for a connection.
const DIAL_TIMEOUT: Duration = Duration::from_secs(20);
/// How often an idle connection is asked whether it lives, and how long it may take to say so.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// How an etcd is reached: the flags `--etcd-servers`, `--etcd-prefix`, `--etcd-cafile`, `--etcd-certfile`,
/// `--etcd-keyfile` and `--etcd-compaction-interval`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `http://` or `https://` URLs of the members.
    pub endpoints: Vec<String>,
    /// What stands before every key, such as `/registry/wardle.example.com`.
    pub prefix: String,
    /// Who vouches for the members' certificates, in PEM.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate, in PEM.
    pub certificate_file: Option<PathBuf>,
    /// Its key, in PEM.
    pub key_file: Option<PathBuf>,
    /// How often history is compacted: twice this long it lives at the most, once at the least. Zero: never by this
    /// server.
    pub compaction_interval: Duration,
}

/// An etcd that cannot be reached as its options say.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No member is named.
    #[error("no etcd server is named")]
    NoEndpoint,
    /// A file cannot be read.
    #[error("failed to read {}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A client certificate without its key, or the other way round.
    #[error("a client certificate and its key must be given together")]
    HalfAnIdentity,
    /// The client library refuses the options.
    #[error("failed to make a client for etcd")]
    Client(#[source] etcd_client::Error),
}

/// The files of a TLS identity, as they were read.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct TlsFiles {
    ca: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Options {
    /// The prefix as it stands before keys: `/a/b`, without a `/` at the end; empty for none.
    pub(super) fn clean_prefix(&self) -> String {
        self.prefix
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| format!("/{segment}"))
            .collect()
    }

    pub(super) async fn read_tls(&self) -> Result<TlsFiles, ConnectError> {
        let ca = match &self.ca_file {
            Some(path) => Some(read(path).await?),
            None => None,
        };
        let identity = match (&self.certificate_file, &self.key_file) {
            (Some(certificate), Some(key)) => Some((read(certificate).await?, read(key).await?)),
            (None, None) => None,
            _ => return Err(ConnectError::HalfAnIdentity),
        };
        Ok(TlsFiles { ca, identity })
    }

    /// A client that connects when it is first used, and again whenever it must.
    pub(super) async fn client(&self, tls: &TlsFiles) -> Result<Client, ConnectError> {
        if self.endpoints.is_empty() {
            return Err(ConnectError::NoEndpoint);
        }
        let mut options = ConnectOptions::new()
            .with_connect_timeout(DIAL_TIMEOUT)
            .with_keep_alive(KEEP_ALIVE.0, KEEP_ALIVE.1)
            .with_keep_alive_while_idle(true)
            .with_require_leader(true);
        // The library takes no TLS options beside `http://`; with `https://` and none, it trusts nobody.
        if self
            .endpoints
            .iter()
            .all(|endpoint| endpoint.starts_with("https://"))
        {
            options = options.with_tls(tls.options());
        }
        Client::connect(&self.endpoints, Some(options))
            .await
            .map_err(ConnectError::Client)
    }
}

impl TlsFiles {
    fn options(&self) -> TlsOptions {
        let mut options = TlsOptions::new();
        if let Some(ca) = &self.ca {
            options = options.ca_certificate(Certificate::from_pem(ca));
        }
        if let Some((certificate, key)) = &self.identity {
            options = options.identity(Identity::from_pem(certificate, key));
        }
        options
    }
}

async fn read(path: &PathBuf) -> Result<Vec<u8>, ConnectError> {
    tokio::fs::read(path).await.map_err(|source| ConnectError::File {
        path: path.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(prefix: &str) -> Options {
        Options {
            endpoints: vec!["http://127.0.0.1:2379".into()],
            prefix: prefix.into(),
            ca_file: None,
            certificate_file: None,
            key_file: None,
            compaction_interval: Duration::ZERO,
        }
    }

    #[test]
    fn a_prefix_is_cleaned_as_go_cleans_paths() {
        for (given, clean) in [
            ("registry/x", "/registry/x"),
            ("/a//b/", "/a/b"),
            ("/", ""),
            ("", ""),
        ] {
            assert_eq!(options(given).clean_prefix(), clean);
        }
    }

    #[tokio::test]
    async fn half_an_identity_and_a_missing_file_are_refused() {
        let mut half = options("/");
        half.certificate_file = Some("/nowhere".into());
        assert!(matches!(
            half.read_tls().await.err(),
            Some(ConnectError::HalfAnIdentity)
        ));
        let mut missing = options("/");
        missing.ca_file = Some("/nowhere".into());
        assert!(matches!(
            missing.read_tls().await.err(),
            Some(ConnectError::File { .. })
        ));
    }
}
