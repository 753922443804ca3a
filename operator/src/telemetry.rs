//! Logs: text or JSON on standard error, filtered, without anything that was sent over a connection.

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::args::{LogArgs, LogFormat};

/// Crates whose more detailed events can hold what is sent: headers with tokens, frames, handshakes.
const TRANSPORTS: [&str; 7] = [
    "h2",
    "hyper",
    "hyper_util",
    "rustls",
    "tokio_rustls",
    "tower",
    "want",
];

/// The module of the client that logs a response it cannot decode, a Secret's included.
const CLIENT: &str = "kube_client::client";

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is no list of tracing directives.
    #[error("log filter {filter:?} is not valid")]
    ParseFilter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something in the process logs already.
    #[error("failed to install the logger")]
    Install(#[source] tracing_subscriber::util::TryInitError),
}

/// Sets up logging for the whole process; once.
///
/// # Errors
/// The filter is not valid, or logging is set up already.
pub fn init(args: &LogArgs) -> Result<(), TelemetryError> {
    let filter = parse_filter(&args.log_filter)?;
    let output = match args.log_format {
        LogFormat::Text => fmt::layer().with_writer(std::io::stderr).with_ansi(false).boxed(),
        LogFormat::Json => fmt::layer()
            .with_writer(std::io::stderr)
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(output.with_filter(filter_fn(is_free_of_secrets)))
        .with(filter)
        .try_init()
        .map_err(TelemetryError::Install)
}

fn parse_filter(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::builder()
        .parse(filter)
        .map_err(|source| TelemetryError::ParseFilter {
            filter: filter.to_owned(),
            source,
        })
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
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_sent_is_never_logged_even_at_trace() {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let output = fmt::layer().with_writer(move || writer.clone()).json();
        let subscriber = tracing_subscriber::registry()
            .with(output.with_filter(filter_fn(is_free_of_secrets)))
            .with(parse_filter("trace").unwrap());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "kube_client::client", "body of a Secret");
            tracing::trace!(target: "h2::codec", "headers with a token");
            tracing::debug!(target: "rustls::client::hs", "handshake");
            tracing::info!(target: "hyper", "an ordinary event");
            tracing::trace!(target: "annex_operator::run", "a detail of ours");
            tracing::debug!(target: "h2o", "a crate with a similar name");
        });
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        let logged: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|event| event["fields"]["message"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            logged,
            [
                "an ordinary event",
                "a detail of ours",
                "a crate with a similar name"
            ]
        );
    }

    #[test]
    fn a_wrong_filter_is_named() {
        let error = parse_filter("annex_operator=loud").unwrap_err();
        assert_eq!(
            error.to_string(),
            "log filter \"annex_operator=loud\" is not valid"
        );
        assert!(parse_filter("info,annex_operator=debug").is_ok());
    }
}
