//! TLS toward etcd, of files that may change: `clientv3.Config.TLS` with `GetClientCertificate`.
//!
//! The files are read again for every connection, so that a renewed certificate is shown by the next one. Files that
//! cannot be used, half renewed perhaps, leave what was used before.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::storage::etcd::options::{ConnectError, Options};

/// The files, and what was made of them last.
#[derive(Debug)]
pub(super) struct TlsFiles {
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    used: Mutex<Option<(Contents, Arc<ClientConfig>)>>,
}

/// The bytes of the files. They are compared whole: dates say nothing about a volume that swaps directories.
#[derive(PartialEq, Eq)]
struct Contents {
    ca: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// A key must not get into a log.
impl std::fmt::Debug for Contents {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Contents").finish_non_exhaustive()
    }
}

impl TlsFiles {
    pub(super) fn new(options: &Options) -> Result<Self, ConnectError> {
        let identity = match (&options.certificate_file, &options.key_file) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            _ => return Err(ConnectError::HalfAnIdentity),
        };
        Ok(Self {
            ca: options.ca_file.clone(),
            identity,
            used: Mutex::new(None),
        })
    }

    /// Whether any file is named.
    pub(super) const fn is_given(&self) -> bool {
        self.ca.is_some() || self.identity.is_some()
    }

    /// Whether the files can be used now.
    pub(super) async fn check(&self) -> Result<(), ConnectError> {
        self.fresh().await.map(drop)
    }

    /// What the next connection is made with.
    pub(super) async fn config(&self) -> Result<Arc<ClientConfig>, ConnectError> {
        let error = match self.fresh().await {
            Ok(config) => return Ok(config),
            Err(error) => error,
        };
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        match &*used {
            Some((_, config)) => {
                tracing::warn!(%error, "failed to reload the TLS files for etcd; what was read before stays in use");
                Ok(config.clone())
            }
            None => Err(error),
        }
    }

    async fn fresh(&self) -> Result<Arc<ClientConfig>, ConnectError> {
        let contents = self.read().await?;
        {
            let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((known, config)) = &*used
                && *known == contents
            {
                return Ok(config.clone());
            }
        }
        let config = Arc::new(contents.config()?);
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Some((contents, config.clone()));
        Ok(config)
    }

    async fn read(&self) -> Result<Contents, ConnectError> {
        let ca = match &self.ca {
            Some(path) => Some(read(path).await?),
            None => None,
        };
        let identity = match &self.identity {
            Some((certificate, key)) => Some((read(certificate).await?, read(key).await?)),
            None => None,
        };
        Ok(Contents { ca, identity })
    }
}

impl Contents {
    fn config(&self) -> Result<ClientConfig, ConnectError> {
        let mut roots = RootCertStore::empty();
        if let Some(ca) = &self.ca {
            for certificate in certificates(ca)? {
                roots.add(certificate).map_err(unusable)?;
            }
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            Some((chain, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key).map_err(unusable)?;
                builder
                    .with_client_auth_cert(certificates(chain)?, key)
                    .map_err(unusable)?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(unusable)?;
    if found.is_empty() {
        return Err(unusable("a file holds no certificate"));
    }
    Ok(found)
}

fn unusable(reason: impl ToString) -> ConnectError {
    ConnectError::Tls(reason.to_string())
}

async fn read(path: &Path) -> Result<Vec<u8>, ConnectError> {
    tokio::fs::read(path).await.map_err(|source| ConnectError::File {
        path: path.to_owned(),
        source,
    })
}
