//! The files of all pairs, as they are now.

use std::path::PathBuf;

use super::options::{Options, PairFiles, SniPair};
use super::serving::TlsError;

/// The bytes of one pair.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PairBytes {
    pub(super) certificates: Vec<u8>,
    pub(super) key: Vec<u8>,
}

/// The bytes of all pairs. They are compared whole: dates say nothing about a volume that swaps directories.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) default: PairBytes,
    pub(super) sni: Vec<PairBytes>,
}

/// Which files to read.
#[derive(Clone)]
pub(super) struct Sources {
    /// `None`: a pair in memory.
    pub(super) default: Option<PairFiles>,
    pub(super) sni: Vec<SniPair>,
}

impl Sources {
    pub(super) fn new(options: &Options, default: Option<PairFiles>) -> Self {
        Self {
            default,
            sni: options.sni.clone(),
        }
    }

    /// Whether there is anything to read again.
    pub(super) fn are_files(&self) -> bool {
        self.default.is_some() || !self.sni.is_empty()
    }

    /// Reads them all; `memory` stands for a pair that is in no file.
    pub(super) async fn read(&self, memory: Option<&PairBytes>) -> Result<Contents, TlsError> {
        let default = match (&self.default, memory) {
            (Some(files), _) => read(files).await?,
            (None, Some(bytes)) => bytes.clone(),
            (None, None) => return Err(TlsError::Option("there is no certificate to serve".into())),
        };
        let mut sni = Vec::new();
        for pair in &self.sni {
            sni.push(read(&pair.files).await?);
        }
        Ok(Contents { default, sni })
    }
}

async fn read(files: &PairFiles) -> Result<PairBytes, TlsError> {
    let read = |path: PathBuf| async move {
        tokio::fs::read(&path)
            .await
            .map_err(|source| TlsError::Read { path, source })
    };
    Ok(PairBytes {
        certificates: read(files.certificates.clone()).await?,
        key: read(files.key.clone()).await?,
    })
}
