//! The metrics of the operator, in the OpenMetrics text format.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};

use crate::aggregated_server::fleet;

/// The media type of [`Metrics::encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Reconciles take from milliseconds (nothing to do) to many seconds (probing a server that does not answer).
const DURATION_BUCKETS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
];

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReconcileResult {
    /// It ran to its end.
    Success,
    /// It failed and is tried again.
    Error,
}

/// Whose expiry a timestamp is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Certificate {
    /// The CA that signs new leaves.
    Ca,
    /// The leaf in the serving Secret.
    Serving,
    /// The leaf that endpoints present; the earliest of them.
    Served,
    /// The client certificate for an etcd.
    StorageClient,
}

/// What a rotation replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rotation {
    /// The leaf, under the same CA.
    Leaf,
    /// The CA, and the leaf with it.
    Ca,
}

impl ReconcileResult {
    const fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
        }
    }
}

impl Certificate {
    const ALL: [Self; 4] = [Self::Ca, Self::Serving, Self::Served, Self::StorageClient];

    const fn label(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Serving => "serving",
            Self::Served => "served",
            Self::StorageClient => "storage_client",
        }
    }
}

impl Rotation {
    const ALL: [Self; 2] = [Self::Leaf, Self::Ca];

    const fn label(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Ca => "ca",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConditionLabels {
    name: String,
    r#type: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabels {
    name: String,
    which: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RotationLabels {
    name: String,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NameLabels {
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

/// All metrics of the process. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_duration: Histogram,
    conditions: Family<ConditionLabels, Gauge>,
    /// Which condition types each server has: a family cannot be asked for them when the server goes.
    condition_types: Mutex<BTreeMap<String, BTreeSet<String>>>,
    certificates: Family<CertificateLabels, Gauge>,
    rotations: Family<RotationLabels, Counter>,
    invalid: Family<NameLabels, Gauge>,
    watch_errors: Family<KindLabels, Counter>,
    leader: Gauge,
    apply_writes: Family<KindLabels, Counter>,
    probes: Family<ResultLabels, Counter>,
    clock_skew: Gauge,
    authority_rotations: Family<StateLabels, Gauge>,
    definitions: Family<StateLabels, Gauge>,
}

impl Metrics {
    /// Metrics at zero, with this build's version.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("annex");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The operator's build", build);
        Self(Arc::new(Inner {
            reconciles: add(
                &mut registry,
                "reconcile",
                "Reconciles of AggregatedServers by result",
                Family::default(),
            ),
            reconcile_duration: add(
                &mut registry,
                "reconcile_duration_seconds",
                "How long a reconcile took",
                Histogram::new(DURATION_BUCKETS),
            ),
            conditions: add(
                &mut registry,
                "aggregatedserver_condition",
                "Whether a condition of an AggregatedServer is True (1) or not (0)",
                Family::default(),
            ),
            condition_types: Mutex::default(),
            certificates: add(
                &mut registry,
                "certificate_not_after_timestamp_seconds",
                "When a certificate expires, in seconds since 1970",
                Family::default(),
            ),
            rotations: add(
                &mut registry,
                "rotations",
                "Completed certificate rotations",
                Family::default(),
            ),
            invalid: add(
                &mut registry,
                "aggregatedserver_invalid",
                "AggregatedServers that this operator cannot decode",
                Family::default(),
            ),
            watch_errors: add(
                &mut registry,
                "watch_errors",
                "Failures of a LIST or watch by kind; each is begun again",
                Family::default(),
            ),
            leader: add(
                &mut registry,
                "leader",
                "Whether this process is the leader",
                Gauge::default(),
            ),
            apply_writes: add(
                &mut registry,
                "apply_writes",
                "Write requests to children by kind; none in the steady state",
                Family::default(),
            ),
            probes: add(
                &mut registry,
                "probe",
                "Probes of servers by result",
                Family::default(),
            ),
            authority_rotations: add(
                &mut registry,
                "authority_rotations",
                "Rotations of certificate authorities by state: under way, blocked (of those), waiting for others to end",
                Family::default(),
            ),
            definitions: add(
                &mut registry,
                "aggregatedresourcedefinitions",
                "AggregatedResourceDefinitions by state: known, established, served (as they are now), invalid, terminating",
                Family::default(),
            ),
            clock_skew: add(
                &mut registry,
                "clock_skew_seconds",
                "How far the clock of the operator's node is ahead of the API server's; negative where it is behind",
                Gauge::default(),
            ),
            registry,
        }))
    }

    /// Counts a reconcile and how long it took.
    pub fn observe_reconcile(&self, result: ReconcileResult, took: Duration) {
        self.0
            .reconciles
            .get_or_create(&ReconcileLabels {
                result: result.label(),
            })
            .inc();
        self.0.reconcile_duration.observe(took.as_secs_f64());
    }

    /// Says whether the condition `condition` of the AggregatedServer `name` is True.
    pub fn set_condition(&self, name: &str, condition: &str, is_true: bool) {
        // The lock spans both, so that a removal at the same time leaves no series behind.
        let mut types = self
            .0
            .condition_types
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        types
            .entry(name.to_owned())
            .or_default()
            .insert(condition.to_owned());
        let labels = ConditionLabels {
            name: name.to_owned(),
            r#type: condition.to_owned(),
        };
        self.0.conditions.get_or_create(&labels).set(i64::from(is_true));
    }

    /// Says when a certificate of the AggregatedServer `name` expires; `None` when there is none.
    pub fn set_certificate_not_after(&self, name: &str, which: Certificate, not_after: Option<Timestamp>) {
        let labels = CertificateLabels {
            name: name.to_owned(),
            which: which.label(),
        };
        match not_after {
            Some(time) => {
                self.0.certificates.get_or_create(&labels).set(time.as_second());
            }
            None => {
                self.0.certificates.remove(&labels);
            }
        }
    }

    /// Counts a completed rotation of the AggregatedServer `name`.
    pub fn count_rotation(&self, name: &str, kind: Rotation) {
        self.0
            .rotations
            .get_or_create(&RotationLabels {
                name: name.to_owned(),
                kind: kind.label(),
            })
            .inc();
    }

    /// Says how far this machine's clock is ahead of the API server's.
    pub fn set_clock_skew(&self, skew: SignedDuration) {
        self.0.clock_skew.set(skew.as_secs());
    }

    /// Says how many servers rotate their authority, are blocked in that, or wait for their turn.
    pub fn set_authority_rotations(&self, count: fleet::Count) {
        for (state, number) in [
            ("under_way", count.under_way),
            ("blocked", count.blocked),
            ("waiting", count.waiting),
        ] {
            let gauge = self.0.authority_rotations.get_or_create(&StateLabels { state });
            gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }

    /// Says how many definitions are in each state.
    pub fn set_definitions(&self, states: &[(&'static str, usize)]) {
        for (state, number) in states {
            let gauge = self.0.definitions.get_or_create(&StateLabels { state });
            gauge.set(i64::try_from(*number).unwrap_or(i64::MAX));
        }
    }

    /// Says whether this process is the leader.
    pub fn set_leader(&self, leading: bool) {
        self.0.leader.set(i64::from(leading));
    }

    /// Says whether the AggregatedServer `name` cannot be decoded; there is a series for those alone.
    pub fn set_invalid(&self, name: &str, invalid: bool) {
        let labels = NameLabels {
            name: name.to_owned(),
        };
        if invalid {
            self.0.invalid.get_or_create(&labels).set(1);
        } else {
            self.0.invalid.remove(&labels);
        }
    }

    /// Counts a failure of a LIST or watch of this kind.
    pub fn count_watch_error(&self, kind: &str) {
        self.0
            .watch_errors
            .get_or_create(&KindLabels {
                kind: kind.to_owned(),
            })
            .inc();
    }

    /// Counts a write request to a child of this kind.
    pub fn count_apply_write(&self, kind: &str) {
        self.0
            .apply_writes
            .get_or_create(&KindLabels {
                kind: kind.to_owned(),
            })
            .inc();
    }

    /// Counts a probe: `success`, or the typed reason of its failure.
    pub fn count_probe(&self, result: &'static str) {
        self.0.probes.get_or_create(&ResultLabels { result }).inc();
    }

    /// Forgets every series of a deleted AggregatedServer.
    pub fn remove_server(&self, name: &str) {
        let mut types = self
            .0
            .condition_types
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for condition in types.remove(name).unwrap_or_default() {
            self.0.conditions.remove(&ConditionLabels {
                name: name.to_owned(),
                r#type: condition,
            });
        }
        self.set_invalid(name, false);
        for which in Certificate::ALL {
            self.0.certificates.remove(&CertificateLabels {
                name: name.to_owned(),
                which: which.label(),
            });
        }
        for kind in Rotation::ALL {
            self.0.rotations.remove(&RotationLabels {
                name: name.to_owned(),
                kind: kind.label(),
            });
        }
    }

    /// All metrics as [`CONTENT_TYPE`].
    ///
    /// # Errors
    /// The encoder's own; writing to a string cannot fail.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut output = String::new();
        text::encode(&mut output, &self.0.registry)?;
        Ok(output)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Registers a metric and gives the handle that shares its values.
fn add<M>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M
where
    M: prometheus_client::registry::Metric + Clone,
{
    registry.register(name, help, metric.clone());
    metric
}

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::ConditionType;

    use super::*;

    fn samples(metrics: &Metrics) -> Vec<String> {
        let text = metrics.encode().unwrap();
        assert!(text.ends_with("# EOF\n"), "{text}");
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }

    fn filled() -> Metrics {
        let metrics = Metrics::new();
        for name in ["wardle", "other"] {
            metrics.set_condition(name, "Ready", true);
            metrics.set_condition(name, "Degraded", false);
            for which in Certificate::ALL {
                metrics.set_certificate_not_after(name, which, Timestamp::from_second(1_800_000_000).ok());
            }
            metrics.count_rotation(name, Rotation::Ca);
            metrics.count_rotation(name, Rotation::Leaf);
            metrics.set_invalid(name, true);
        }
        metrics
    }

    #[test]
    fn every_metric_has_its_documented_name() {
        let metrics = filled();
        metrics.observe_reconcile(ReconcileResult::Error, Duration::from_millis(20));
        metrics.set_leader(true);
        metrics.count_apply_write("Deployment");
        metrics.count_probe("success");
        metrics.count_watch_error("Pod");
        let samples = samples(&metrics);
        for expected in [
            concat!("annex_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "annex_reconcile_total{result=\"error\"} 1",
            "annex_reconcile_duration_seconds_count 1",
            "annex_reconcile_duration_seconds_bucket{le=\"0.025\"} 1",
            "annex_aggregatedserver_condition{name=\"wardle\",type=\"Ready\"} 1",
            "annex_aggregatedserver_condition{name=\"wardle\",type=\"Degraded\"} 0",
            "annex_certificate_not_after_timestamp_seconds{name=\"wardle\",which=\"served\"} 1800000000",
            "annex_rotations_total{name=\"wardle\",kind=\"ca\"} 1",
            "annex_leader 1",
            "annex_apply_writes_total{kind=\"Deployment\"} 1",
            "annex_probe_total{result=\"success\"} 1",
            "annex_aggregatedserver_invalid{name=\"wardle\"} 1",
            "annex_watch_errors_total{kind=\"Pod\"} 1",
        ] {
            assert!(
                samples.iter().any(|sample| sample == expected),
                "{expected} is not in {samples:#?}"
            );
        }
    }

    /// Whatever becomes of it: a thousand servers are to be scraped too.
    #[test]
    fn a_server_has_few_series() {
        let metrics = filled();
        for condition in ConditionType::ALL {
            metrics.set_condition("wardle", condition.as_str(), true);
        }
        let samples = samples(&metrics);
        let of_server = samples.iter().filter(|sample| sample.contains("wardle"));
        assert!(of_server.count() <= 30, "{samples:#?}");
    }

    #[test]
    fn a_deleted_server_leaves_no_series() {
        let metrics = filled();
        let before = samples(&metrics);
        metrics.remove_server("wardle");
        let after = samples(&metrics);
        let expected: Vec<_> = before
            .into_iter()
            .filter(|sample| !sample.contains("wardle"))
            .collect();
        assert_eq!(after, expected);
        metrics.set_certificate_not_after("other", Certificate::Served, None);
        assert_eq!(samples(&metrics).len(), after.len() - 1);
    }

    #[test]
    fn clones_share_their_values() {
        let metrics = Metrics::new();
        metrics.clone().count_probe("success");
        assert!(samples(&metrics).contains(&"annex_probe_total{result=\"success\"} 1".to_owned()));
    }
}
