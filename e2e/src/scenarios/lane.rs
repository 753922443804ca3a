//! Which scenarios may run beside which.
//!
//! A scenario waits most of its time: for a kubelet, a rollout, a lease. Those of [`Lane::Wardle`], [`Lane::Widgets`] and [`Lane::Own`] run at
//! once, those of [`Lane::Alone`] when all others are over.

use super::Scenario;

/// How many scenarios of [`Lane::Own`] run at once.
const OWN_AT_ONCE: usize = 2;

/// What a scenario shares with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// It restarts the kube-apiserver or the operator, changes a release, or says of the whole cluster what it holds or who writes:
    /// nothing runs beside it.
    Alone,
    /// It serves `wardle.example.com`, the group of Kubernetes' sample API: one server at a time can.
    Wardle,
    /// It serves `peer.example.com`, the group of the library's other example.
    Widgets,
    /// Its namespaces, servers and API groups are nobody else's.
    Own,
}

/// The work of one worker: its scenarios run one after the other.
pub(super) struct Queue {
    /// The queue's name, one of a kind.
    pub(super) name: &'static str,
    /// Another worker may take some of them.
    pub(super) scenarios: Vec<Scenario>,
    /// How many take from it.
    pub(super) workers: usize,
}

/// What runs at once, and then what runs alone; each in the order given.
pub(super) fn queues(chosen: &[Scenario]) -> (Vec<Queue>, Queue) {
    let of = |name, lane, workers| Queue {
        name,
        scenarios: chosen
            .iter()
            .filter(|scenario| scenario.lane == lane)
            .copied()
            .collect(),
        workers,
    };
    (
        vec![
            of("wardle", Lane::Wardle, 1),
            of("widgets", Lane::Widgets, 1),
            of("own", Lane::Own, OWN_AT_ONCE),
        ],
        of("alone", Lane::Alone, 1),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::queues;
    use crate::scenarios::all;

    #[test]
    fn every_scenario_is_in_one_queue() {
        let all = all();
        let (at_once, alone) = queues(&all);
        let queued: Vec<&str> = at_once
            .iter()
            .chain([&alone])
            .flat_map(|queue| &queue.scenarios)
            .map(|scenario| scenario.name)
            .collect();
        assert_eq!(queued.len(), all.len());
        let names: BTreeSet<&str> = all.iter().map(|scenario| scenario.name).collect();
        assert_eq!(queued.into_iter().collect::<BTreeSet<_>>(), names);
        assert_eq!(names.len(), all.len());
        // One server at a time can have the group, and one scenario the cluster to itself.
        assert!(
            at_once
                .iter()
                .all(|queue| queue.workers == 1 || queue.name == "own")
        );
        assert_eq!(alone.workers, 1);
    }

    #[test]
    fn what_takes_annex_away_comes_last() {
        let (_, alone) = queues(&all());
        assert_eq!(
            alone.scenarios.last().map(|scenario| scenario.name),
            Some("deletion/uninstall")
        );
    }
}
