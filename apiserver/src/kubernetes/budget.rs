//! How many questions the cluster's apiserver is asked at once and in a second.
//!
//! client-go bounds the requests of a delegated authenticator or authorizer by 200 a second and bursts of 400. Of reviews
//! these are divided here: who comes with a credential that was never accepted has a small part. So tokens that somebody
//! makes up wait for each other, and users who are known for none of them.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use crate::flowcontrol::{Gauges, Limits, QueueSet, RateLimiter, Rejected, Seat};

/// `QPS` and `Burst` of the delegated authenticator's and authorizer's clients, divided.
const KNOWN_RATE: (u32, u32) = (160, 320);
const UNKNOWN_RATE: (u32, u32) = (40, 80);
/// Questions at once.
const KNOWN_AT_ONCE: usize = 400;
const UNKNOWN_AT_ONCE: usize = 40;
/// How long a question waits to be asked.
const WAIT: Duration = Duration::from_secs(5);

/// How much may be asked. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    seats: QueueSet,
    rate: Arc<RateLimiter>,
}

/// The budgets of one kind of reviews.
#[derive(Clone, Debug)]
pub(crate) struct ReviewBudgets {
    known: Budget,
    unknown: Budget,
}

impl ReviewBudgets {
    /// Nothing used.
    pub(crate) fn new() -> Self {
        Self {
            known: Budget::of_users(),
            unknown: Budget::new(UNKNOWN_AT_ONCE, UNKNOWN_AT_ONCE, UNKNOWN_RATE),
        }
    }

    /// The one of who was accepted before, or was not.
    pub(crate) fn of(&self, is_known: bool) -> &Budget {
        if is_known { &self.known } else { &self.unknown }
    }
}

impl Budget {
    /// The questions of those who are known; one of them has a quarter, which is what the turns of another wait for.
    pub(crate) fn of_users() -> Self {
        Self::new(KNOWN_AT_ONCE, KNOWN_AT_ONCE / 4, KNOWN_RATE)
    }

    fn new(at_once: usize, per_flow: usize, (per_second, burst): (u32, u32)) -> Self {
        let limits = Limits {
            seats: at_once,
            per_flow,
            sending: at_once,
            queued: at_once * 2,
            queued_per_flow: at_once,
            wait: WAIT,
        };
        Self {
            seats: QueueSet::new(limits, Gauges::default()),
            rate: Arc::new(RateLimiter::new(per_second, burst)),
        }
    }

    /// Room for one question, in its turn; flows have their turns one after the other.
    ///
    /// # Errors
    /// There is none in time.
    pub(crate) async fn room<F: Hash + ?Sized>(&self, flow: &F) -> Result<Seat, Rejected> {
        self.seats.seat(flow, 1, false).await
    }

    /// Whether one more would be refused at once.
    pub(crate) fn is_full<F: Hash + ?Sized>(&self, flow: &F) -> bool {
        self.seats.is_full(flow)
    }

    /// The rate at which it is asked.
    pub(crate) fn rate(&self) -> &RateLimiter {
        &self.rate
    }
}
