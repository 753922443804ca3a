//! Metrics of the author's own, which `/metrics` shows behind the library's. Go: `legacyregistry.MustRegister` of
//! k8s.io/component-base.

use std::collections::HashSet;
use std::fmt;
use std::panic::AssertUnwindSafe;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::registry::{Metric, Registry};

use crate::server::Builder;
use crate::server::start::StartError;

/// What names of the library's metrics begin with, those of later versions too.
pub(super) const RESERVED: [&str; 3] = ["apiserver_", "annex_", "leader_election_"];
/// What OpenMetrics writes behind a metric's name.
const SUFFIXES: [&str; 6] = ["_total", "_created", "_count", "_sum", "_bucket", "_info"];

/// Bytes of all of them.
const MOST_BYTES: usize = 16 << 20;

/// Metrics of the author's own.
#[derive(Debug, Default)]
pub(in crate::server) struct OwnMetrics {
    names: Vec<String>,
    metrics: Registry,
    /// What is asked at each request for `/metrics`.
    collected: Registry,
}

impl Builder {
    /// What `/metrics` shows too. `metric` is one of prometheus-client's, of which a clone counts for the program; a counter's
    /// name gets `_total` behind it, and a help text its point. Names that begin with `apiserver_`, `annex_` or `leader_election_` are
    /// the library's.
    ///
    /// ```
    /// use annex_apiserver::prometheus_client::metrics::counter::Counter;
    /// use annex_apiserver::server::Server;
    ///
    /// let greeted: Counter = Counter::default();
    /// let builder = Server::builder("greeter").metric("greeter_greeted", "Who was greeted", greeted.clone());
    /// greeted.inc();
    /// ```
    #[must_use]
    pub fn metric(mut self, name: impl Into<String>, help: impl Into<String>, metric: impl Metric) -> Self {
        let name = name.into();
        self.server.metrics.names.push(name.clone());
        // As OpenMetrics escapes it, which prometheus-client leaves to us.
        let help = help.into().replace('\\', r"\\").replace('\n', r"\n");
        self.server.metrics.metrics.register(name, help, metric);
        self
    }

    /// What `/metrics` shows too, of what is not counted but looked up when somebody asks. It must answer at once, and with the
    /// same names each time, which are looked at when the server starts.
    #[must_use]
    pub fn collector(mut self, collector: impl Collector) -> Self {
        self.server
            .metrics
            .collected
            .register_collector(Box::new(collector));
        self
    }
}

impl OwnMetrics {
    /// Whether the names are names, and nobody else's.
    pub(in crate::server) fn check(&self) -> Result<(), StartError> {
        let mut collected = String::new();
        text::encode_registry(&mut collected, &self.collected).map_err(StartError::Collector)?;
        let collected = collected.lines().filter_map(|line| {
            let mut words = line.strip_prefix("# TYPE ")?.split(' ');
            words.next()
        });
        let mut stems = HashSet::new();
        for name in self.names.iter().map(String::as_str).chain(collected) {
            let refused = |why| {
                Err(StartError::Metric {
                    name: name.to_owned(),
                    why,
                })
            };
            if !is_name(name) {
                return refused("a name consists of letters, digits and '_', and begins with no digit");
            }
            if RESERVED.iter().any(|reserved| name.starts_with(reserved)) {
                return refused(
                    "names that begin with apiserver_, annex_ or leader_election_ are the library's",
                );
            }
            if !stems.insert(stem(name)) {
                return refused("it is there twice");
            }
        }
        Ok(())
    }

    /// Writes them behind the library's own; nothing of them, where one of them cannot be written or panics, or all of them are too
    /// much.
    pub(super) fn encode(&self, text: &mut String) {
        let encoded = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let mut own = String::new();
            text::encode_registry(&mut own, &self.metrics)?;
            text::encode_registry(&mut own, &self.collected)?;
            Ok::<_, fmt::Error>(own)
        }));
        match encoded {
            Ok(Ok(own)) if own.len() <= MOST_BYTES => text.push_str(&own),
            Ok(Ok(own)) => tracing::error!(
                bytes = own.len(),
                "metrics of the program are too many, and not shown"
            ),
            Ok(Err(_)) | Err(_) => {
                tracing::error!("metrics of the program cannot be written, and are not shown")
            }
        }
    }
}

/// The metric name of OpenMetrics.
fn is_name(name: &str) -> bool {
    !name.starts_with(|letter: char| letter.is_ascii_digit())
        && !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
}

/// A name without what the format puts behind it: two metrics with one stem may have a line in common.
fn stem(name: &str) -> &str {
    let suffix = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
    suffix.unwrap_or(name)
}
