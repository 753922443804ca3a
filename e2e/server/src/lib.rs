//! `annex-e2e-server`: a small extension apiserver that misbehaves on demand and records what it is sent.
//!
//! It serves one group-version with one read-only resource, `echoes`, well enough that kube-aggregator calls it
//! Available; each [`Mode`] then breaks one thing. It is a test's instrument: it trusts everybody, and its record,
//! credentials included, is readable by whoever reaches the record port.
//!
//! ```text
//! TCP -> tls (certificates reread, any client certificate taken) -> record -> api (pure) -> response
//! ```
//!
//! [`client`] is the other end: one request from inside a pod, for tests that go past the aggregator.

pub mod api;
pub mod args;
pub mod client;
pub mod listen;
pub mod record;
pub mod tls;

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

pub use args::{Args, Command, Mode, ServeArgs};

/// How long [`Mode::SlowDiscovery`] thinks, unless told otherwise: four times what the aggregator grants.
const DISCOVERY_DELAY: Duration = Duration::from_secs(20);
/// How long [`Mode::Crash`] lives, unless told otherwise.
const CRASH_DELAY: Duration = Duration::from_secs(2);

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port cannot be listened on.
    #[error("failed to listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The mode needs a certificate, and none was given.
    #[error("--tls-cert-file and --tls-private-key-file are needed in mode {0}")]
    NoCertificate(Mode),
    /// The serving certificate cannot be used.
    #[error("failed to prepare the serving certificate")]
    Certificate(#[source] tls::Error),
    /// A file of the serving certificate cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What [`Mode::Crash`] is for.
    #[error("crashed, as mode crash demands")]
    Crashed,
}

/// Runs the server until `shutdown`.
///
/// # Errors
/// What keeps it from serving; [`Error::Crashed`] in that mode.
pub async fn run(args: ServeArgs, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
    tracing::info!(mode = %args.mode, group = args.group, version = args.version, "starting");
    match args.mode {
        Mode::Refuse => {
            shutdown.await;
            Ok(())
        }
        Mode::Crash => {
            tokio::select! {
                () = tokio::time::sleep(args.delay(CRASH_DELAY)) => Err(Error::Crashed),
                () = shutdown => Ok(()),
            }
        }
        Mode::Serve
        | Mode::ObeyedHeader
        | Mode::UntrustingFrontProxy
        | Mode::OtherVersion
        | Mode::SlowDiscovery
        | Mode::Unready
        | Mode::WrongSan => {
            listen::Server::bind(args).await?.serve(shutdown).await;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
