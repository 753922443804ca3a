//! Which history the store tells. One that was restored from a backup tells another than before, though its revisions
//! look alike.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::storage::Revision;
use crate::storage::etcd::proto::etcdserverpb::ResponseHeader;
use crate::storage::etcd::watch::revision;

/// The history of a store, as far as its answers tell.
#[derive(Debug)]
pub(in crate::storage::etcd) struct Lineage {
    seen: Mutex<Seen>,
    history: watch::Sender<History>,
}

/// What was seen of the store before a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Zero: nothing yet.
    cluster: u64,
    /// The highest revision.
    highest: Revision,
}

/// One history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::storage::etcd) struct History {
    /// Counts on whenever the store turns out to tell another one.
    pub(in crate::storage::etcd) number: u64,
    /// Where the store was when that was seen: what came before may be of another history. Zero for the first.
    pub(in crate::storage::etcd) since: Revision,
}

impl Default for Lineage {
    fn default() -> Self {
        Self {
            seen: Mutex::new(Seen::default()),
            history: watch::Sender::new(History::default()),
        }
    }
}

impl Lineage {
    /// The history of now.
    pub(in crate::storage::etcd) fn history(&self) -> History {
        *self.history.borrow()
    }

    /// Tells when it is another one.
    pub(in crate::storage::etcd) fn subscribe(&self) -> watch::Receiver<History> {
        self.history.subscribe()
    }

    /// What was seen up to now, to be compared with a linearizable answer to what is asked after this.
    pub(super) fn seen(&self) -> Seen {
        *self.locked()
    }

    /// A committed revision was told, perhaps by a member that is behind.
    pub(in crate::storage::etcd) fn told(&self, header: Option<&ResponseHeader>) {
        let Some(header) = header else { return };
        let mut seen = self.locked();
        if seen.cluster == header.cluster_id {
            seen.highest = seen.highest.max(revision(header.revision));
        }
    }

    /// A linearizable answer to a question that was asked after `before` was seen. It is of another history where it is of
    /// another cluster, or older than what was seen before it. Which member answers says nothing.
    pub(super) fn linearizable(&self, before: Seen, header: Option<&ResponseHeader>) {
        let Some(header) = header else { return };
        let now = Seen {
            cluster: header.cluster_id,
            highest: revision(header.revision),
        };
        let mut seen = self.locked();
        let is_first = seen.cluster == 0;
        let is_other = now.cluster != seen.cluster;
        // Where another answer told of the other history meanwhile, this one has nothing to add.
        let went_back =
            now.highest < before.highest && before.cluster == now.cluster && seen.highest >= before.highest;
        if is_first {
            *seen = now;
        } else if went_back || (is_other && before.cluster == seen.cluster) {
            tracing::warn!(
                from = %seen.highest, to = %now.highest, other_cluster = is_other,
                "etcd tells another history than before, as after a restored backup: watches end and clients list again"
            );
            *seen = now;
            self.history.send_modify(|history| {
                history.number += 1;
                history.since = now.highest;
            });
        } else if !is_other {
            seen.highest = seen.highest.max(now.highest);
        }
    }

    fn locked(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(cluster_id: u64, member_id: u64, revision: i64) -> ResponseHeader {
        ResponseHeader {
            cluster_id,
            member_id,
            revision,
            raft_term: 2,
        }
    }

    fn answer(lineage: &Lineage, header: &ResponseHeader) -> History {
        lineage.linearizable(lineage.seen(), Some(header));
        lineage.history()
    }

    #[test]
    fn a_revision_that_goes_back_or_another_cluster_is_another_history_and_another_member_is_not() {
        let lineage = Lineage::default();
        for (cluster, member, revision, number, since) in [
            (1, 1, 10, 0, 0),
            (1, 1, 20, 0, 0),
            (1, 2, 20, 0, 0),
            (1, 3, 30, 0, 0),
            (1, 3, 29, 1, 29),
            (1, 1, 29, 1, 29),
            (1, 1, 31, 1, 29),
            (2, 1, 500, 2, 500),
            (2, 1, 501, 2, 500),
            (1, 1, 600, 3, 600),
        ] {
            let history = answer(&lineage, &header(cluster, member, revision));
            let told = (history.number, history.since.get());
            assert_eq!(told, (number, since), "{cluster} {member} {revision}");
        }
    }

    #[test]
    fn answers_that_overtake_each_other_are_no_other_history() {
        let lineage = Lineage::default();
        answer(&lineage, &header(1, 1, 10));
        let (early, late) = (lineage.seen(), lineage.seen());
        lineage.linearizable(late, Some(&header(1, 1, 12)));
        lineage.linearizable(early, Some(&header(1, 1, 11)));
        assert_eq!(lineage.history(), History::default());
        // What a watch tells counts, but a member that is behind does not go back by it.
        lineage.told(Some(&header(1, 2, 15)));
        lineage.told(Some(&header(1, 3, 3)));
        assert_eq!(answer(&lineage, &header(1, 1, 15)), History::default());
        assert_eq!(answer(&lineage, &header(1, 1, 14)).number, 1);
    }

    #[test]
    fn one_restored_backup_is_one_other_history_however_many_answers_were_under_way() {
        let lineage = Lineage::default();
        answer(&lineage, &header(1, 1, 100));
        let before: Vec<Seen> = (0..3).map(|_| lineage.seen()).collect();
        for (seen, revision) in before.into_iter().zip([50, 51, 52]) {
            lineage.linearizable(seen, Some(&header(1, 1, revision)));
        }
        assert_eq!(
            lineage.history(),
            History {
                number: 1,
                since: Revision::new(50)
            }
        );
        assert_eq!(answer(&lineage, &header(1, 1, 53)).number, 1);
    }
}
