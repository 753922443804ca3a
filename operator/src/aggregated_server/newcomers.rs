//! AggregatedServers that are not registered yet share the workers with those that are. Many new ones at once have many requests, and
//! a worker waits while the rate of requests has no turn for it: a worker is kept for those that serve already, whose certificates and
//! faults do not wait until all the others are made.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Of so many workers one is kept.
const KEPT: u16 = 4;

/// The pause of a new server for which there is no worker; some more, up to twice as much, keeps them apart.
const PAUSE: Duration = Duration::from_millis(500);

/// The workers that new servers may have.
#[derive(Debug)]
pub struct Newcomers(Semaphore);

impl Newcomers {
    /// Of so many `workers` all but a quarter, and at least one.
    #[must_use]
    pub fn among(workers: u16) -> Self {
        let places = workers.saturating_sub(workers.div_ceil(KEPT)).max(1);
        Self(Semaphore::new(places.into()))
    }

    /// A worker for a new server while it is held.
    ///
    /// # Errors
    /// The pause after which it may ask again, where others have them all; `jitter` is from 0 to 1.
    pub fn enter(&self, jitter: f64) -> Result<SemaphorePermit<'_>, Duration> {
        let place = self.0.try_acquire();
        place.map_err(|_| PAUSE.mul_f64(1.0 + jitter.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_workers_is_for_those_that_serve() {
        for (workers, places) in [(1, 1), (2, 1), (4, 3), (8, 6), (64, 48)] {
            let newcomers = Newcomers::among(workers);
            let held: Vec<_> = (0..100).map_while(|_| newcomers.enter(0.0).ok()).collect();
            assert_eq!(held.len(), places, "{workers}");
            drop(held);
            assert!(newcomers.enter(0.0).is_ok());
        }
    }

    #[test]
    fn who_finds_no_worker_asks_again_in_a_moment() {
        let newcomers = Newcomers::among(1);
        let _held = newcomers.enter(0.0);
        assert_eq!(newcomers.enter(0.0).unwrap_err(), PAUSE);
        assert_eq!(newcomers.enter(1.0).unwrap_err(), PAUSE * 2);
    }
}
