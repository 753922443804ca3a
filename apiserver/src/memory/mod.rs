//! The memory of the process: how much it may have, and how it is shared out.
//!
//! A pod that takes more than its limit is killed, so what grows with what clients send has a budget, and budgets follow
//! the limit: as Go's GOMEMLIMIT and the JVM's container support have it, but learned without being told.

mod limit;
mod weight;

pub(crate) use weight::{Weigher, is_json, of_json, of_json_or_yaml, of_yaml};

use std::path::Path;

const MIB: u64 = 1 << 20;

/// What is assumed of a machine that does not say how much memory it has.
const UNKNOWN: u64 = 1024 * MIB;

/// Bytes that this process may have: the least limit of its cgroup and those around it, or what the machine has.
pub(crate) fn of_process() -> u64 {
    limit::read(Path::new("/")).unwrap_or(UNKNOWN)
}

/// Shares of the memory, in bytes. Together they are eleven sixteenths: the rest is for the objects, connections and the
/// program itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budgets {
    /// Histories of all watch caches: an eighth, at most 64 MiB.
    pub(crate) history: usize,
    /// Bodies that are coming or are worked on: an eighth, at most 32 MiB.
    pub(crate) bodies: usize,
    /// Decoded objects of requests that are worked on: three eighths, at most 4 GiB.
    pub(crate) decoded: usize,
    /// What listers of admission plugins have decoded and keep: a sixteenth, at most 512 MiB.
    pub(crate) listed: usize,
}

impl Budgets {
    /// Those of a process that may have so many bytes.
    pub(crate) fn of(limit: u64) -> Self {
        let share = |eighths: u64, most: u64| {
            let share = (limit / 8).saturating_mul(eighths).min(most * MIB);
            usize::try_from(share).unwrap_or(usize::MAX)
        };
        Self {
            history: share(1, 64),
            bodies: share(1, 32),
            decoded: share(3, 4096),
            listed: share(1, 1024) / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_parts_of_the_limit_up_to_their_most() {
        let of = |mebibytes: u64| {
            let budgets = Budgets::of(mebibytes * MIB);
            [budgets.history, budgets.bodies, budgets.decoded, budgets.listed].map(|bytes| bytes >> 20)
        };
        assert_eq!(of(256), [32, 32, 96, 16]);
        assert_eq!(of(1024), [64, 32, 384, 64]);
        assert_eq!(of(24 * 1024), [64, 32, 4096, 512]);
        assert_eq!(Budgets::of(0).history, 0);
        assert_eq!(Budgets::of(u64::MAX).history, 64 << 20);
    }

    #[test]
    fn this_process_may_have_something() {
        assert!(of_process() > MIB);
    }
}
