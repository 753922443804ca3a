//! Why there are no figures.

use crate::{certs, client, cluster, components, files, loopback, node, product, programs, tools};

/// A measurement that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster that both servers ask who somebody is and what they may.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The Go programs.
    #[error(transparent)]
    Programs(#[from] programs::Error),
    /// A program of the cluster.
    #[error(transparent)]
    Components(#[from] components::Error),
    /// A program that was to run beside those.
    #[error(transparent)]
    Node(#[from] node::Error),
    /// kubectl or helm.
    #[error(transparent)]
    Tools(#[from] tools::Error),
    /// Annex's program.
    #[error(transparent)]
    Product(#[from] product::Error),
    /// The servers' certificates.
    #[error(transparent)]
    Certificates(#[from] certs::Error),
    /// Their files.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// A client of the cluster.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// The cluster refused a request.
    #[error("the cluster refused a request")]
    Refused(#[from] kube::Error),
    /// A file, a process or a connection.
    #[error("failed to {what}")]
    System {
        /// What was to be done.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// TLS.
    #[error("failed to set TLS up")]
    Tls(#[from] rustls::Error),
    /// HTTP.
    #[error("a connection to the server failed")]
    Http(#[from] hyper::Error),
    /// A request that makes no sense.
    #[error("a request could not be made")]
    Request(#[from] http::Error),
    /// An answer that is not the wanted one.
    #[error("{request} was answered with {status}: {body}")]
    Answer {
        /// The request's method and path.
        request: String,
        /// The status.
        status: http::StatusCode,
        /// The start of the body.
        body: String,
    },
    /// Something did not come in time.
    #[error("{0} in vain")]
    Timeout(String),
    /// A program on loopback.
    #[error(transparent)]
    Loopback(#[from] loopback::Error),
    /// What should hold and does not.
    #[error("{0}")]
    Wrong(String),
}

impl Error {
    /// Names what the system failed to do.
    pub(super) fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }
}
