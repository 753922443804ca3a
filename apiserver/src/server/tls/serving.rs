//! The TLS configuration of the next handshake.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::sign::CertifiedKey;
use rustls::{DistinguishedName, ServerConfig};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::client_certificates::AnyClientCertificate;
use super::files::{Contents, PairBytes, Sources};
use super::options::Options;
use super::pair::{PairError, pair};
use super::resolver::ByName;
use super::{ciphers, self_signed};
use crate::background::{BackgroundTask, supervise};

/// How often the files are read: they are a few kilobytes, and a change takes the kubelet a minute anyhow.
const POLL: Duration = Duration::from_secs(2);

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A flag makes no sense.
    #[error("{0}")]
    Option(String),
    /// A file cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("failed to write {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A certificate and its key cannot be served.
    #[error("the serving certificate is unusable")]
    Pair(#[source] PairError),
    /// No certificate could be made.
    #[error("failed to make a self-signed certificate: {0}")]
    SelfSigned(String),
    /// The options contradict each other.
    #[error("failed to set up TLS")]
    Configure(#[source] rustls::Error),
}

/// TLS as it is served now. It follows the files of its certificates, and the authorities that clients are told of, for
/// as long as it lives; what is broken changes nothing.
#[derive(Debug)]
pub struct Tls {
    config: Arc<ArcSwap<ServerConfig>>,
    leaf_changes: watch::Sender<u64>,
    authority_pem: Option<String>,
    _follower: JoinSet<()>,
    background: BackgroundTask,
}

/// What follows the files, and what it has seen.
struct Follower {
    maker: Maker,
    served: Contents,
    leaf: Vec<u8>,
    config: Arc<ArcSwap<ServerConfig>>,
    leaf_changes: watch::Sender<u64>,
}

/// What makes a configuration out of files and hints.
struct Maker {
    options: Options,
    sources: Sources,
    /// A pair that is in no file.
    memory: Option<PairBytes>,
    hints: watch::Receiver<Arc<[DistinguishedName]>>,
    /// The hints in the configuration made last.
    told: Arc<[DistinguishedName]>,
}

impl Tls {
    /// Serves what `options` say, and tells clients of `hints`.
    ///
    /// # Errors
    /// A file or an option cannot be used; later such files are only logged.
    pub async fn start(
        options: Options,
        hints: watch::Receiver<Arc<[DistinguishedName]>>,
    ) -> Result<Self, TlsError> {
        let (files, memory, authority_pem) = default_pair(&options)?;
        let told = Arc::clone(&hints.borrow());
        let mut maker = Maker {
            sources: Sources::new(&options, files),
            options,
            memory,
            told,
            hints,
        };
        let contents = maker.sources.read(maker.memory.as_ref()).await?;
        let (config, leaf) = maker.make(&contents)?;
        let config = Arc::new(ArcSwap::from_pointee(config));
        let (leaf_changes, _) = watch::channel(0);
        let mut follower = JoinSet::new();
        let background = BackgroundTask::new("serving-certificates");
        let following = Arc::new(Mutex::new(Follower {
            maker,
            served: contents,
            leaf,
            config: Arc::clone(&config),
            leaf_changes: leaf_changes.clone(),
        }));
        follower.spawn(supervise(
            background.clone(),
            move || {
                let following = Arc::clone(&following);
                async move { following.lock().await.follow().await }
            },
            || {},
        ));
        Ok(Self {
            config,
            leaf_changes,
            authority_pem,
            _follower: follower,
            background,
        })
    }

    /// What follows the files.
    #[must_use]
    pub fn background(&self) -> &BackgroundTask {
        &self.background
    }

    /// What accepts the next connection. Ask for each: the one before may show another certificate.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }

    /// Counts the new certificates. Connections that were open before go on with the old one until they are told to go
    /// away.
    #[must_use]
    pub fn leaf_changes(&self) -> watch::Receiver<u64> {
        self.leaf_changes.subscribe()
    }

    /// The authority of a self-signed certificate in memory, for a client to trust; `None`: the certificate is in
    /// files.
    #[must_use]
    pub fn authority_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }
}

type DefaultPair = (
    Option<super::options::PairFiles>,
    Option<PairBytes>,
    Option<String>,
);

fn default_pair(options: &Options) -> Result<DefaultPair, TlsError> {
    if let Some(files) = &options.certificate {
        return Ok((Some(files.clone()), None, None));
    }
    let (names, addresses) = (&options.names, &options.addresses);
    if let Some(directory) = &options.directory {
        let files = self_signed::in_directory(directory, &options.pair_name, names, addresses)?;
        return Ok((Some(files), None, None));
    }
    let made = self_signed(names, addresses)?;
    let bytes = PairBytes {
        certificates: made.certificate_pem.into_bytes(),
        key: made.key_pem.into_bytes(),
    };
    Ok((None, Some(bytes), Some(made.authority_pem)))
}

impl Maker {
    /// A configuration, and the leaf that it shows. Each has its own store of sessions: one resumed from an old
    /// configuration would go on showing the old certificate.
    fn make(&mut self, contents: &Contents) -> Result<(ServerConfig, Vec<u8>), TlsError> {
        let provider = Arc::new(ciphers::provider(self.options.cipher_suites.as_deref()));
        let versions = ciphers::versions(self.options.min_version, &provider);
        let read = |bytes: &PairBytes| -> Result<Arc<CertifiedKey>, TlsError> {
            pair(&bytes.certificates, &bytes.key, &provider).map_err(TlsError::Pair)
        };
        let default = read(&contents.default)?;
        let leaf = default.cert.first().map(|leaf| leaf.to_vec()).unwrap_or_default();
        let mut others = Vec::new();
        for (source, bytes) in self.sources.sni.iter().zip(&contents.sni) {
            others.push((source.names.clone(), read(bytes)?));
        }
        self.told = Arc::clone(&self.hints.borrow_and_update());
        let verifier = AnyClientCertificate::new(&provider, Arc::clone(&self.told));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(TlsError::Configure)?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(Arc::new(ByName::new(default, others)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if self.options.http2 {
            config.alpn_protocols.insert(0, b"h2".to_vec());
        }
        config.ignore_client_order = true;
        Ok((config, leaf))
    }

    fn hints_have_changed(&self) -> bool {
        !Arc::ptr_eq(&self.told, &self.hints.borrow())
    }

    /// Waits until there may be something new.
    async fn wait(&mut self) {
        let poll = async {
            if self.sources.are_files() {
                tokio::time::sleep(POLL).await;
            } else {
                std::future::pending().await
            }
        };
        tokio::select! {
            () = poll => {}
            changed = self.hints.changed() => {
                if changed.is_err() {
                    // Nobody will ever say more.
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }
}

impl Follower {
    async fn follow(&mut self) {
        let mut seen = self.served.clone();
        let mut unreadable = String::new();
        loop {
            self.maker.wait().await;
            let contents = match self.maker.sources.read(self.maker.memory.as_ref()).await {
                Ok(contents) => {
                    unreadable.clear();
                    contents
                }
                Err(error) => {
                    unreadable = note(&error, unreadable);
                    seen.clone()
                }
            };
            if contents == seen && !self.maker.hints_have_changed() {
                continue;
            }
            seen = contents;
            self.serve(&seen);
        }
    }

    /// Serves these contents. While they are no good, the old ones go on with new hints.
    fn serve(&mut self, contents: &Contents) {
        let made = self
            .maker
            .make(contents)
            .map(|made| (made, contents.clone()))
            .or_else(|error| {
                note(&error, String::new());
                self.maker
                    .make(&self.served)
                    .map(|made| (made, self.served.clone()))
            });
        let Ok(((made, shown), contents)) = made else {
            return;
        };
        self.config.store(Arc::new(made));
        self.served = contents;
        if shown != self.leaf {
            tracing::info!("serving a new certificate");
            self.leaf = shown;
            self.leaf_changes.send_modify(|count| *count += 1);
        }
    }
}

/// Logs `error`, unless it is the one `before`: a file that is not there is looked for again and again.
fn note(error: &TlsError, before: String) -> String {
    let text = match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    if text != before {
        tracing::error!(error = text, "keeping the serving certificate that was");
    }
    text
}

#[cfg(test)]
mod tests;
