//! Logs on standard error: what matters, and nothing of what is sent over a connection.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use super::Args;

/// Crates whose more detailed events can hold what is sent: headers with tokens, frames, handshakes, objects.
const TRANSPORTS: [&str; 9] = [
    "h2",
    "hyper",
    "hyper_util",
    "kube_client",
    "rustls",
    "tokio_rustls",
    "tonic",
    "tonic",
    "tower",
];

/// The module of kube's client that logs an answer it cannot decode, whatever is in it.
const CLIENT: &str = "kube_client::client";

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// Directives of `tracing`, such as `info,annex_apiserver=debug`.
    pub filter: String,
    /// How a line is written.
    pub format: LogFormat,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter is no list of directives.
    #[error("log filter {filter:?} is not valid")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something in the process logs already.
    #[error("failed to install the logger")]
    Install(#[source] tracing_subscriber::util::TryInitError),
}

impl Logs {
    /// What the flags say, unless `environment`, the value of `RUST_LOG`, says something.
    #[must_use]
    pub fn from_args(args: &Args, environment: Option<String>) -> Self {
        // The levels of klog: 2 is what is good in production, 4 is for who looks for a fault.
        let level = match args.process.v {
            ..=3 => "info",
            4..=5 => "debug",
            _ => "trace",
        };
        Self {
            filter: environment
                .filter(|filter| !filter.is_empty())
                .unwrap_or_else(|| level.to_owned()),
            format: if args.process.log_format == "json" {
                LogFormat::Json
            } else {
                LogFormat::Text
            },
        }
    }

    /// Sets up logging for the whole process; once.
    ///
    /// # Errors
    /// The filter is not valid, or logging is set up already.
    pub fn install(&self) -> Result<(), LogError> {
        let filter = EnvFilter::builder()
            .parse(&self.filter)
            .map_err(|source| LogError::Filter {
                filter: self.filter.clone(),
                source,
            })?;
        let lines = match self.format {
            LogFormat::Text => fmt::layer().with_writer(std::io::stderr).with_ansi(false).boxed(),
            LogFormat::Json => fmt::layer()
                .with_writer(std::io::stderr)
                .json()
                .flatten_event(true)
                .boxed(),
        };
        tracing_subscriber::registry()
            .with(lines.with_filter(filter_fn(is_free_of_secrets)))
            .with(filter)
            .try_init()
            .map_err(LogError::Install)
    }
}

/// Stands beside the user's filter and cannot be widened by it.
fn is_free_of_secrets(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= most_detailed(metadata.target())
}

/// The most detailed level that may be logged of `target`.
fn most_detailed(target: &str) -> Level {
    let is_of = |name: &str| {
        target
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    match target {
        CLIENT => Level::ERROR,
        _ if TRANSPORTS.into_iter().any(is_of) => Level::INFO,
        _ => Level::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_never_logged() {
        for (target, level) in [
            ("kube_client::client", Level::ERROR),
            ("kube_client::client::builder", Level::INFO),
            ("h2::codec::framed_read", Level::INFO),
            ("rustls::server::hs", Level::INFO),
            ("h2o", Level::TRACE),
            ("annex_apiserver::server", Level::TRACE),
        ] {
            assert_eq!(most_detailed(target), level, "{target}");
        }
    }
}
