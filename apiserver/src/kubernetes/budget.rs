//! How many reviews are asked for at once and in a second.
//!
//! client-go bounds the requests of a delegated authenticator or authorizer by 200 a second and bursts of 400. These are
//! divided here: who comes with a credential that was never accepted has a small part, and shares the rest with nobody. So
//! tokens that somebody makes up wait for each other, and users who are known for none of them.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use crate::flowcontrol::{Gauges, Limits, QueueSet, RateLimiter, Rejected, Seat};

/// `QPS` and `Burst` of the delegated authenticator's and authorizer's clients, divided.
const KNOWN_RATE: (u32, u32) = (160, 320);
const UNKNOWN_RATE: (u32, u32) = (40, 80);
/// Reviews at once.
const KNOWN_AT_ONCE: usize = 400;
const UNKNOWN_AT_ONCE: usize = 40;
/// How long a review waits to be asked for.
const WAIT: Duration = Duration::from_secs(5);

/// The budget of one kind of reviews. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ReviewBudget {
    known: Part,
    unknown: Part,
}

/// The part of those who are known, or of those who are not.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    seats: QueueSet,
    rate: Arc<RateLimiter>,
}

impl ReviewBudget {
    /// Nothing used.
    pub(crate) fn new() -> Self {
        // One flow may have half: of a user, of a token.
        let known = Part::new(KNOWN_AT_ONCE, KNOWN_AT_ONCE / 2, KNOWN_RATE);
        let unknown = Part::new(UNKNOWN_AT_ONCE, UNKNOWN_AT_ONCE, UNKNOWN_RATE);
        Self { known, unknown }
    }

    /// The part of who was accepted before, or was not.
    pub(crate) fn part(&self, is_known: bool) -> &Part {
        if is_known { &self.known } else { &self.unknown }
    }
}

impl Part {
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

    /// Room for one review, in its turn; flows have their turns one after the other.
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

    /// The rate at which its reviews are sent.
    pub(crate) fn rate(&self) -> &RateLimiter {
        &self.rate
    }
}
