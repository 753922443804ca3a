//! What is counted: the metrics that every apiserver of Kubernetes has, under their names, as OpenMetrics text.

mod flow_control;
mod labels;
mod own;
mod series;

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use flow_control::FlowFamilies;
pub(super) use flow_control::{FlowMetrics, PriorityLevel};
pub(super) use labels::Subject;
use labels::{CodeLabels, KindLabels, LongRunningLabels, RequestLabels, TerminationLabels};
pub(super) use own::OwnMetrics;
pub(super) use series::Record;
use series::{Families, SeriesTable};

/// The media type of the text.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// k8s.io/apiserver's buckets of `apiserver_request_duration_seconds`.
const DURATIONS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0,
    20.0, 30.0, 45.0, 60.0,
];
/// Those of `apiserver_response_sizes`, in bytes.
const SIZES: [f64; 7] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// All metrics of a server.
pub(super) struct Metrics {
    registry: Registry,
    own: OwnMetrics,
    series: SeriesTable,
    inflight_reading: Gauge,
    inflight_writing: Gauge,
    terminations: Family<TerminationLabels, Counter>,
    flows: FlowFamilies,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Nothing counted yet. `add` registers what is counted elsewhere, such as by the storage; `own` is the author's.
    pub(super) fn new(own: OwnMetrics, add: impl FnOnce(&mut Registry)) -> Self {
        let families = Families {
            requests: Family::<CodeLabels, Counter>::default(),
            durations: Family::<RequestLabels, Histogram, fn() -> Histogram>::new_with_constructor(|| {
                Histogram::new(DURATIONS)
            }),
            sli_durations: Family::<RequestLabels, Histogram, fn() -> Histogram>::new_with_constructor(
                || Histogram::new(DURATIONS),
            ),
            sizes: Family::<RequestLabels, Histogram, fn() -> Histogram>::new_with_constructor(|| {
                Histogram::new(SIZES)
            }),
            long_running: Family::<LongRunningLabels, Gauge>::default(),
        };
        let inflight = Family::<KindLabels, Gauge>::default();
        let terminations = Family::<TerminationLabels, Counter>::default();
        let mut registry = Registry::default();
        families.register(&mut registry);
        registry.register(
            "apiserver_current_inflight_requests",
            "Requests that are being served, by request kind",
            inflight.clone(),
        );
        registry.register(
            "apiserver_request_terminations",
            "Requests that were ended before their time",
            terminations.clone(),
        );
        let flows = FlowFamilies::register(&mut registry);
        add(&mut registry);
        let gauge = |request_kind| inflight.get_or_create(&KindLabels { request_kind }).clone();
        Self {
            registry,
            own,
            series: SeriesTable::new(families),
            inflight_reading: gauge("readOnly"),
            inflight_writing: gauge("mutating"),
            terminations,
            flows,
        }
    }

    /// Begins to count a request. `subject` must be of what is really served: every different one is kept forever.
    pub(super) fn begin(&self, subject: &Subject<'_>, started: std::time::Instant) -> Record {
        Record::new(self.series.get(subject), started, subject.is_long_running())
    }

    /// Counts a request that was ended with `code`: too many, too long, a panic.
    pub(super) fn terminated(&self, code: u16) {
        self.terminations.get_or_create(&TerminationLabels { code }).inc();
    }

    /// The gauge of requests that are being served.
    pub(super) fn inflight(&self, is_writing: bool) -> &Gauge {
        if is_writing {
            &self.inflight_writing
        } else {
            &self.inflight_reading
        }
    }

    /// The metrics of a priority level that has so many seats.
    pub(super) fn flow(&self, level: PriorityLevel, seats: usize) -> FlowMetrics {
        self.flows.of(level, seats)
    }

    /// All of it as text.
    ///
    /// # Errors
    /// A metric cannot be written.
    pub(super) fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode_registry(&mut text, &self.registry)?;
        self.own.encode(&mut text);
        text::encode_eof(&mut text)?;
        Ok(text)
    }
}

/// Metrics that are shared with connections and bodies.
pub(super) type Shared = Arc<Metrics>;

#[cfg(test)]
mod tests;
