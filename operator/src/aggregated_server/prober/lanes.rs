//! How many endpoints are asked at once: of one server, and of all. Those that let the last probe time out share a
//! smaller lane, so that the dead delay the dead alone.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Of the whole process.
pub(super) const PROCESS: usize = 64;
pub(super) const PROCESS_TIMED_OUT: usize = 16;
/// Of one server.
pub(super) const SERVER: usize = 8;
pub(super) const SERVER_TIMED_OUT: usize = 2;

/// So many at once, and so many of them that timed out.
pub(super) struct Lane {
    all: Arc<Semaphore>,
    timed_out: Arc<Semaphore>,
}

impl Lane {
    pub(super) fn of_process() -> Self {
        Self::new(PROCESS, PROCESS_TIMED_OUT)
    }

    pub(super) fn of_server() -> Self {
        Self::new(SERVER, SERVER_TIMED_OUT)
    }

    fn new(all: usize, timed_out: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            timed_out: Arc::new(Semaphore::new(timed_out)),
        }
    }
}

/// Held while an endpoint is asked.
pub(super) struct Seat {
    _permits: Vec<OwnedSemaphorePermit>,
}

/// Waits for a turn. The smaller lanes come first: who waits for them holds nothing of the others.
pub(super) async fn enter(server: &Lane, process: &Lane, timed_out: bool) -> Seat {
    let smaller = [&server.timed_out, &process.timed_out];
    let larger = [&server.all, &process.all];
    let mut permits = Vec::with_capacity(smaller.len() + larger.len());
    for lane in smaller.into_iter().filter(|_| timed_out).chain(larger) {
        // None of them is ever closed.
        permits.extend(Arc::clone(lane).acquire_owned().await.ok());
    }
    Seat { _permits: permits }
}
