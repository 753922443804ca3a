//! The metrics of priority and fairness, under their names in k8s.io/apiserver/pkg/util/flowcontrol/metrics.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::flowcontrol::{Gauges, Rejected};

/// Buckets of the wait, in seconds.
const WAITS: [f64; 13] = [
    0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0,
];

/// The priority levels there are, each with one flow schema of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum PriorityLevel {
    Exempt,
    GlobalDefault,
    CatchAll,
}

impl PriorityLevel {
    fn name(self) -> &'static str {
        match self {
            Self::Exempt => "exempt",
            Self::GlobalDefault => "global-default",
            Self::CatchAll => "catch-all",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FlowLabels {
    flow_schema: &'static str,
    priority_level: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitLabels {
    execute: &'static str,
    #[prometheus(flatten)]
    flow: FlowLabels,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RejectedLabels {
    #[prometheus(flatten)]
    flow: FlowLabels,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LevelLabels {
    priority_level: &'static str,
}

type Waits = Family<WaitLabels, Histogram, fn() -> Histogram>;

/// All of them.
#[derive(Clone)]
pub(super) struct FlowFamilies {
    executing: Family<FlowLabels, Gauge>,
    seats: Family<FlowLabels, Gauge>,
    queued: Family<FlowLabels, Gauge>,
    limits: Family<LevelLabels, Gauge>,
    dispatched: Family<FlowLabels, Counter>,
    rejected: Family<RejectedLabels, Counter>,
    waits: Waits,
}

/// Those of one priority level. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::server) struct FlowMetrics {
    pub(in crate::server) gauges: Gauges,
    labels: FlowLabels,
    dispatched: Counter,
    rejected: Family<RejectedLabels, Counter>,
    waited: Histogram,
    waited_in_vain: Histogram,
}

impl FlowFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            executing: Family::default(),
            seats: Family::default(),
            queued: Family::default(),
            limits: Family::default(),
            dispatched: Family::default(),
            rejected: Family::default(),
            waits: Waits::new_with_constructor(|| Histogram::new(WAITS)),
        };
        registry.register(
            "apiserver_flowcontrol_current_executing_requests",
            "Requests that hold seats",
            families.executing.clone(),
        );
        registry.register(
            "apiserver_flowcontrol_current_executing_seats",
            "Seats that are held",
            families.seats.clone(),
        );
        registry.register(
            "apiserver_flowcontrol_current_inqueue_requests",
            "Requests that wait for seats",
            families.queued.clone(),
        );
        registry.register(
            "apiserver_flowcontrol_nominal_limit_seats",
            "Seats there are; 0: as many as are asked for",
            families.limits.clone(),
        );
        registry.register(
            "apiserver_flowcontrol_dispatched_requests",
            "Requests that got their seats",
            families.dispatched.clone(),
        );
        registry.register(
            "apiserver_flowcontrol_rejected_requests",
            "Requests that got none",
            families.rejected.clone(),
        );
        registry.register(
            "apiserver_flowcontrol_request_wait_duration_seconds",
            "Seconds that requests waited for seats",
            families.waits.clone(),
        );
        families
    }

    /// Those of `level`, which has so many seats.
    pub(super) fn of(&self, level: PriorityLevel, seats: usize) -> FlowMetrics {
        let name = level.name();
        let labels = FlowLabels {
            flow_schema: name,
            priority_level: name,
        };
        let limit = self
            .limits
            .get_or_create(&LevelLabels { priority_level: name })
            .clone();
        limit.set(i64::try_from(seats).unwrap_or(i64::MAX));
        let waits = |execute| {
            let labels = WaitLabels {
                execute,
                flow: labels.clone(),
            };
            self.waits.get_or_create(&labels).clone()
        };
        FlowMetrics {
            gauges: Gauges {
                executing: self.executing.get_or_create(&labels).clone(),
                seats: self.seats.get_or_create(&labels).clone(),
                queued: self.queued.get_or_create(&labels).clone(),
            },
            dispatched: self.dispatched.get_or_create(&labels).clone(),
            rejected: self.rejected.clone(),
            waited: waits("true"),
            waited_in_vain: waits("false"),
            labels,
        }
    }
}

impl FlowMetrics {
    /// A request got its seats.
    pub(in crate::server) fn dispatched(&self, waited: Duration) {
        self.dispatched.inc();
        self.waited.observe(waited.as_secs_f64());
    }

    /// A request got none.
    pub(in crate::server) fn rejected(&self, why: Rejected, waited: Duration) {
        let reason = match why {
            Rejected::QueueFull => "queue-full",
            Rejected::TimedOut => "time-out",
        };
        self.count_rejected(reason);
        self.waited_in_vain.observe(waited.as_secs_f64());
    }

    /// A watch was one too many.
    pub(in crate::server) fn too_many_long_running(&self) {
        self.count_rejected("concurrency-limit");
    }

    fn count_rejected(&self, reason: &'static str) {
        let labels = RejectedLabels {
            flow: self.labels.clone(),
            reason,
        };
        self.rejected.get_or_create(&labels).inc();
    }
}
