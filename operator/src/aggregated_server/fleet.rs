//! How many servers may rotate their authority at once. A rotation touches every client of a server; what goes wrong with it, such as a
//! kubelet that brings no Secrets or a release that does not read its files again, goes wrong with all that rotate.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

/// The part of all servers that may rotate at once, and the least number.
const AT_ONCE: (usize, usize) = (20, 1);
/// The part of all servers whose rotations may be blocked, and the least number, before no further one begins.
const BLOCKED: (usize, usize) = (10, 2);

/// Where a server's rotation of its authority stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is under way.
    UnderWay,
    /// It has not come to its end in `SLOW`.
    Blocked,
}

/// A rotation that takes longer waits for something that does not come by itself: kubelets bring a Secret within two minutes.
const SLOW: SignedDuration = SignedDuration::from_mins(15);

impl Progress {
    /// Of a rotation that began at `began`.
    #[must_use]
    pub fn of(began: Option<Timestamp>, now: Timestamp) -> Self {
        let slow = began.is_some_and(|began| now.duration_since(began) >= SLOW);
        if slow { Self::Blocked } else { Self::UnderWay }
    }
}

/// Why a rotation that nobody asked for, and that has time, does not begin yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wait {
    /// Not every server has been looked at since the operator began to lead.
    #[error("not every server has been looked at yet")]
    NotObserved,
    /// As many as may rotate at once.
    #[error("{0} other server(s) rotate their authority at the moment")]
    Others(usize),
    /// Too many rotations do not come to their end.
    #[error("the rotations of {0} servers are blocked")]
    Blocked(usize),
}

/// The rotations of all servers, by uid.
#[derive(Debug, Default)]
pub struct Fleet(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    observed: HashSet<String>,
    rotating: HashMap<String, Progress>,
    waiting: HashSet<String>,
}

/// What metrics tell of all servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Rotations of authorities under way, blocked ones among them.
    pub under_way: usize,
    /// Those that are blocked.
    pub blocked: usize,
    /// Those that are due and have not begun.
    pub waiting: usize,
}

impl Fleet {
    /// Takes note of where the rotation of the server with `uid` stands; `None` where there is none.
    pub fn observe(&self, uid: &str, progress: Option<Progress>) {
        let mut state = self.state();
        state.observed.insert(uid.to_owned());
        match progress {
            Some(progress) => {
                state.waiting.remove(uid);
                state.rotating.insert(uid.to_owned(), progress);
            }
            None => {
                state.rotating.remove(uid);
            }
        }
    }

    /// Takes note that the server with `uid` was looked at, though not to the end.
    pub fn note(&self, uid: &str) {
        self.state().observed.insert(uid.to_owned());
    }

    /// Takes note that none is due of the server with `uid`.
    pub fn not_due(&self, uid: &str) {
        self.state().waiting.remove(uid);
    }

    /// Lets the server with `uid`, one of `servers`, begin a rotation that nobody asked for. It counts from now on.
    ///
    /// # Errors
    /// It has to wait.
    pub fn begin(&self, uid: &str, servers: usize) -> Result<(), Wait> {
        let mut state = self.state();
        let begun = state.may_begin(uid, servers);
        match begun {
            Ok(()) => {
                state.waiting.remove(uid);
                state.rotating.insert(uid.to_owned(), Progress::UnderWay);
            }
            Err(_) => {
                state.waiting.insert(uid.to_owned());
            }
        }
        begun
    }

    /// Forgets all servers but those with `uids`: who was made again has another one.
    pub fn retain(&self, uids: &HashSet<String>) {
        let mut state = self.state();
        state.observed.retain(|uid| uids.contains(uid));
        state.rotating.retain(|uid, _| uids.contains(uid));
        state.waiting.retain(|uid| uids.contains(uid));
    }

    /// Forgets a server that is gone.
    pub fn forget(&self, uid: &str) {
        let mut state = self.state();
        state.observed.remove(uid);
        state.rotating.remove(uid);
        state.waiting.remove(uid);
    }

    /// How many rotate, are blocked, and wait.
    #[must_use]
    pub fn count(&self) -> Count {
        let state = self.state();
        Count {
            under_way: state.rotating.len(),
            blocked: state.blocked(),
            waiting: state.waiting.len(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn blocked(&self) -> usize {
        let blocked = |progress: &&Progress| **progress == Progress::Blocked;
        self.rotating.values().filter(blocked).count()
    }

    fn may_begin(&self, uid: &str, servers: usize) -> Result<(), Wait> {
        // The one that asks is being looked at.
        let observed = self.observed.iter().filter(|other| *other != uid).count() + 1;
        if observed < servers {
            return Err(Wait::NotObserved);
        }
        let blocked = self.blocked();
        if blocked > part(servers, BLOCKED) {
            return Err(Wait::Blocked(blocked));
        }
        let others = self.rotating.keys().filter(|other| *other != uid).count();
        if others >= part(servers, AT_ONCE) {
            return Err(Wait::Others(others));
        }
        Ok(())
    }
}

fn part(servers: usize, (part, least): (usize, usize)) -> usize {
    (servers / part).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(servers: usize) -> Fleet {
        let fleet = Fleet::default();
        for server in 0..servers {
            fleet.observe(&server.to_string(), None);
        }
        fleet
    }

    #[test]
    fn a_twentieth_rotates_at_once_and_one_at_least() {
        for (servers, at_once) in [(1, 1), (19, 1), (40, 2), (1000, 50)] {
            let fleet = fleet(servers);
            let began = (0..servers).filter(|server| fleet.begin(&server.to_string(), servers).is_ok());
            assert_eq!(began.count(), at_once, "{servers}");
            let count = fleet.count();
            assert_eq!((count.under_way, count.waiting), (at_once, servers - at_once));
        }
    }

    #[test]
    fn the_next_one_begins_when_one_has_ended() {
        let fleet = fleet(3);
        assert_eq!(fleet.begin("0", 3), Ok(()));
        assert_eq!(fleet.begin("0", 3), Ok(()), "it has begun already");
        assert_eq!(fleet.begin("1", 3), Err(Wait::Others(1)));
        fleet.observe("0", None);
        assert_eq!(fleet.begin("1", 3), Ok(()));
        fleet.forget("1");
        assert_eq!(fleet.begin("2", 2), Ok(()));
        assert_eq!(
            fleet.count(),
            Count {
                under_way: 1,
                blocked: 0,
                waiting: 0
            }
        );
    }

    #[test]
    fn none_begins_while_too_many_are_blocked() {
        let fleet = fleet(100);
        for server in 0..11 {
            fleet.observe(&server.to_string(), Some(Progress::Blocked));
        }
        assert_eq!(fleet.begin("50", 100), Err(Wait::Blocked(11)));
        fleet.observe("0", None);
        assert_eq!(fleet.begin("50", 100), Err(Wait::Others(10)));
        assert_eq!(fleet.count().waiting, 1);
        fleet.not_due("50");
        assert_eq!(fleet.count().waiting, 0);
    }

    /// After a restart nothing is known of those that rotate already.
    #[test]
    fn none_begins_before_every_server_was_looked_at() {
        let fleet = fleet(2);
        assert_eq!(fleet.begin("0", 3), Err(Wait::NotObserved));
        assert_eq!(fleet.begin("2", 3), Ok(()));
    }
}
