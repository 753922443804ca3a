//! Why an attack could not be made, or what its victim lost.

use std::net::SocketAddr;
use std::time::Duration;

/// An attack that could not be made, or an answer that nobody may get.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error("failed to connect to {address}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// TLS.
    #[error("failed to set TLS up")]
    Tls(#[from] rustls::Error),
    /// A certificate that is no PEM.
    #[error("failed to read a certificate or a key")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// A name that no certificate can have.
    #[error("{0} is no name of a server")]
    Name(String),
    /// HTTP.
    #[error("a connection failed")]
    Http(#[from] hyper::Error),
    /// A request that makes no sense.
    #[error("a request could not be made")]
    Request(#[from] http::Error),
    /// The system's limit.
    #[error("failed to raise the limit of open files")]
    Files(#[from] nix::Error),
    /// Nothing came.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Silence(Duration),
    /// Something else came than what must.
    #[error("{0}")]
    Wrong(String),
}

/// The text of an error with its causes.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
