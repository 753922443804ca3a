//! What is told of the election of a leader: the check `leaderElection` and metrics. Go: `healthzadaptor.go` of client-go's
//! `leaderelection`, as kube-controller-manager has it, and component-base's `metrics/prometheus/clientgo/leaderelection`.

use annex_leader_election::{ElectionMonitor, MAX_TOLERABLE_EXPIRED_LEASE};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::server::health::Check;

/// The name of the check.
const CHECK: &str = "leaderElection";

/// Whether this process should have stopped to lead: what blocks a task's thread is cured by a restart alone.
pub(in crate::server) fn check(monitor: ElectionMonitor) -> Check {
    Check::new(CHECK, move || {
        let found = monitor.check(MAX_TOLERABLE_EXPIRED_LEASE);
        async move { found.map_err(|expired| expired.to_string()) }
    })
}

/// Registers who leads, and what went wrong.
pub(in crate::server) fn register(registry: &mut Registry, monitor: ElectionMonitor) {
    registry.register_collector(Box::new(Told(monitor)));
}

#[derive(Debug)]
struct Told(ElectionMonitor);

impl Collector for Told {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut tell = |name, help, kind, value: &dyn EncodeMetric| {
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            value.encode(family.encode_family(&[("name", self.0.lease())])?)
        };
        tell(
            "leader_election_master_status",
            "Whether this process leads: 1 is the leader, 0 stands by; name is the Lease",
            MetricType::Gauge,
            &ConstGauge::new(i64::from(self.0.is_leader())),
        )?;
        tell(
            "leader_election_slowpath",
            "How often the Lease had to be read before it was renewed; name is the Lease",
            MetricType::Counter,
            &ConstCounter::new(self.0.slow_paths()),
        )?;
        // Go's library only logs it, and then nobody leads and nobody is told.
        tell(
            "annex_leader_election_failures",
            "How often the Lease could not be read or written; name is the Lease",
            MetricType::Counter,
            &ConstCounter::new(self.0.failures()),
        )
    }
}
