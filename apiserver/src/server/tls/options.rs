//! How TLS is served: the flags `--tls-*` and `--cert-dir`.

use std::net::IpAddr;
use std::path::PathBuf;

use super::serving::TlsError;

pub use super::ciphers::cipher_suites;

/// The flags of secure serving.
#[derive(Clone, Debug)]
pub struct Options {
    /// `--tls-cert-file`, `--tls-private-key-file`. Without them a self-signed pair is served.
    pub certificate: Option<PairFiles>,
    /// `--tls-sni-cert-key`.
    pub sni: Vec<SniPair>,
    /// `--cert-dir`: where a self-signed pair is kept; `None`: in memory.
    pub directory: Option<PathBuf>,
    /// What its files there are called, without `.crt` and `.key`.
    pub pair_name: String,
    /// The DNS names in a self-signed pair.
    pub names: Vec<String>,
    /// The addresses in a self-signed pair.
    pub addresses: Vec<IpAddr>,
    /// `--tls-min-version`.
    pub min_version: MinVersion,
    /// `--tls-cipher-suites`, for TLS 1.2 alone, as in Go; `None`: all that are sound. From [`cipher_suites`].
    pub cipher_suites: Option<Vec<rustls::SupportedCipherSuite>>,
    /// Whether HTTP/2 is offered; not with `--disable-http2-serving`.
    pub http2: bool,
}

/// A certificate's files, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairFiles {
    /// The leaf, then what leads to its authority.
    pub certificates: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A certificate for certain names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SniPair {
    /// Its files.
    pub files: PairFiles,
    /// The names, `*.` at the beginning standing for one label; none: those in the certificate.
    pub names: Vec<String>,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinVersion {
    /// TLS 1.2; there is nothing older here.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            certificate: None,
            sni: Vec::new(),
            directory: Some("apiserver.local.config/certificates".into()),
            pair_name: "apiserver".into(),
            names: vec!["localhost".into()],
            addresses: vec![IpAddr::from([127, 0, 0, 1])],
            min_version: MinVersion::default(),
            cipher_suites: None,
            http2: true,
        }
    }
}

impl MinVersion {
    /// Reads Go's names. Those of versions older than 1.2 mean 1.2, with a warning.
    ///
    /// # Errors
    /// It is none of them.
    pub fn parse(name: &str) -> Result<Self, TlsError> {
        match name {
            "" | "VersionTLS12" => Ok(Self::Tls12),
            "VersionTLS13" => Ok(Self::Tls13),
            "VersionTLS10" | "VersionTLS11" => {
                tracing::warn!("--tls-min-version={name}: nothing older than TLS 1.2 is spoken");
                Ok(Self::Tls12)
            }
            _ => Err(TlsError::Option(format!("unknown tls version {name:?}"))),
        }
    }
}

impl SniPair {
    /// Reads `cert.crt,key.key[:name,name…]`.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(flag: &str) -> Result<Self, TlsError> {
        let wrong = || TlsError::Option("expected comma separated certificate and key file paths".into());
        let (files, names) = match flag.rsplit_once(':') {
            Some((files, names)) => (
                files,
                names.split(',').map(|name| name.trim().to_owned()).collect(),
            ),
            None => (flag, Vec::new()),
        };
        let (certificates, key) = files.split_once(',').ok_or_else(wrong)?;
        if certificates.is_empty() || key.is_empty() || key.contains(',') {
            return Err(wrong());
        }
        Ok(Self {
            files: PairFiles {
                certificates: certificates.trim().into(),
                key: key.trim().into(),
            },
            names,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_gos_names() {
        assert_eq!(MinVersion::parse("VersionTLS13").unwrap(), MinVersion::Tls13);
        assert_eq!(MinVersion::parse("VersionTLS10").unwrap(), MinVersion::Tls12);
        assert!(MinVersion::parse("TLS13").is_err());
    }

    #[test]
    fn a_pair_for_names_is_read() {
        let pair = SniPair::parse("a.crt,a.key:*.example.com,other").unwrap();
        assert_eq!(pair.files.key, PathBuf::from("a.key"));
        assert_eq!(pair.names, ["*.example.com", "other"]);
        assert!(SniPair::parse("a.crt,a.key").unwrap().names.is_empty());
        for wrong in ["a.crt", "a.crt,", "a,b,c"] {
            assert!(SniPair::parse(wrong).is_err(), "{wrong}");
        }
    }
}
