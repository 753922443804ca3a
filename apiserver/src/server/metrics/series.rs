//! Counters of one kind of request, found without building labels.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::labels::{CodeLabels, LongRunningLabels, RequestLabels, Subject};

type Histograms = Family<RequestLabels, Histogram, fn() -> Histogram>;

/// The metrics that every request is counted in.
pub(super) struct Families {
    pub(super) requests: Family<CodeLabels, Counter>,
    pub(super) durations: Histograms,
    pub(super) sli_durations: Histograms,
    pub(super) sizes: Histograms,
    pub(super) long_running: Family<LongRunningLabels, Gauge>,
}

impl Families {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "apiserver_request",
            "Requests, by verb, resource and HTTP status code",
            self.requests.clone(),
        );
        registry.register(
            "apiserver_request_duration_seconds",
            "Seconds from a request's head to the end of its answer",
            self.durations.clone(),
        );
        // As Go's MonitorRequest (k8s.io/apiserver/pkg/endpoints/metrics): without what the request waited in the queues of
        // priority and fairness. Go leaves out admission webhooks too, of which there are none here.
        registry.register(
            "apiserver_request_sli_duration_seconds",
            "Seconds from a request's head to the end of its answer, without the wait for seats",
            self.sli_durations.clone(),
        );
        registry.register("apiserver_response_sizes", "Bytes of answers", self.sizes.clone());
        registry.register(
            "apiserver_longrunning_requests",
            "Watches, and requests that connect, that are open",
            self.long_running.clone(),
        );
    }
}

/// The counters of one kind of request.
pub(super) struct Series {
    labels: RequestLabels,
    requests: Family<CodeLabels, Counter>,
    /// By status code; there are few.
    codes: RwLock<Vec<(u16, Counter)>>,
    duration: Histogram,
    sli_duration: Histogram,
    size: Histogram,
    long_running: Gauge,
}

impl Series {
    fn new(families: &Families, subject: &Subject<'_>) -> Self {
        let labels = RequestLabels::from(subject);
        let long_running = if subject.is_long_running() {
            let labels = LongRunningLabels {
                request: labels.clone(),
            };
            families.long_running.get_or_create(&labels).clone()
        } else {
            Gauge::default()
        };
        Self {
            requests: families.requests.clone(),
            codes: RwLock::default(),
            duration: families.durations.get_or_create(&labels).clone(),
            sli_duration: families.sli_durations.get_or_create(&labels).clone(),
            size: families.sizes.get_or_create(&labels).clone(),
            long_running,
            labels,
        }
    }

    fn count(&self, code: u16) {
        let codes = self.codes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, counter)) = codes.iter().find(|(found, _)| *found == code) {
            counter.inc();
            return;
        }
        drop(codes);
        let labels = CodeLabels {
            code,
            request: self.labels.clone(),
        };
        let counter = self.requests.get_or_create(&labels).clone();
        counter.inc();
        let mut codes = self.codes.write().unwrap_or_else(PoisonError::into_inner);
        if !codes.iter().any(|(found, _)| *found == code) {
            codes.push((code, counter));
        }
    }
}

/// All series, by a hash of their labels.
pub(super) struct SeriesTable {
    families: Families,
    series: RwLock<HashMap<u64, Vec<Arc<Series>>>>,
}

impl SeriesTable {
    pub(super) fn new(families: Families) -> Self {
        Self {
            families,
            series: RwLock::default(),
        }
    }

    pub(super) fn get(&self, subject: &Subject<'_>) -> Arc<Series> {
        let mut hasher = DefaultHasher::new();
        subject.hash(&mut hasher);
        let hash = hasher.finish();
        let find = |series: &HashMap<u64, Vec<Arc<Series>>>| {
            let same_hash = series.get(&hash)?;
            same_hash
                .iter()
                .find(|series| series.labels.is_of(subject))
                .cloned()
        };
        let known = find(&self.series.read().unwrap_or_else(PoisonError::into_inner));
        known.unwrap_or_else(|| {
            let mut all = self.series.write().unwrap_or_else(PoisonError::into_inner);
            find(&all).unwrap_or_else(|| {
                let series = Arc::new(Series::new(&self.families, subject));
                all.entry(hash).or_default().push(series.clone());
                series
            })
        })
    }
}

/// One request that is being counted; it is written down when this is dropped, which is when the last byte of the answer
/// went out, or the client left.
pub(in crate::server) struct Record {
    series: Arc<Series>,
    started: Instant,
    is_long_running: bool,
    /// How long it waited in queues.
    queued: Duration,
    code: u16,
    bytes: u64,
}

impl Record {
    pub(super) fn new(series: Arc<Series>, started: Instant, is_long_running: bool) -> Self {
        if is_long_running {
            series.long_running.inc();
        }
        Self {
            series,
            started,
            is_long_running,
            queued: Duration::ZERO,
            code: 0,
            bytes: 0,
        }
    }

    /// What was answered.
    pub(in crate::server) fn answered(&mut self, code: u16) {
        self.code = code;
    }

    /// How long it waited in queues before it was worked on.
    pub(in crate::server) fn queued(&mut self, waited: Duration) {
        self.queued = waited;
    }

    /// That so many bytes of the body went out.
    pub(in crate::server) fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a histogram of bytes needs no last digit"
)]
impl Drop for Record {
    fn drop(&mut self) {
        if self.is_long_running {
            self.series.long_running.dec();
        }
        // A client that left before there was an answer is counted nowhere, as in Kubernetes.
        if self.code != 0 {
            self.series.count(self.code);
            let elapsed = self.started.elapsed();
            self.series.duration.observe(elapsed.as_secs_f64());
            let without_queues = elapsed.saturating_sub(self.queued);
            self.series.sli_duration.observe(without_queues.as_secs_f64());
            self.series.size.observe(self.bytes as f64);
        }
    }
}
