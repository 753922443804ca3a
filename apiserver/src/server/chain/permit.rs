//! What a request holds: its seats, room for its body, a place among the watches; and when it gives them back.

use std::time::{Duration, Instant};

use http_body::Body as _;
use prometheus_client::metrics::gauge::Gauge;

use crate::flowcontrol::{Rejected, Seat};
use crate::response::{Body, Response};

/// Bytes of an answer up to which its seats are given back before it is out.
const SMALL_ANSWER: u64 = 64 * 1024;

/// What a request holds while it is worked on, and maybe until it is answered.
#[derive(Debug, Default)]
pub(in crate::server) struct Permit {
    executing: Option<Executing>,
    body: Option<Seat>,
    long_running: Option<Seat>,
    /// Why it was not let in, where that turned out while its body was read.
    rejected: Option<Rejected>,
    queued: QueueWait,
}

/// How long a request has waited in queues: Go's `APFQueueWaitTracker` (k8s.io/apiserver/pkg/endpoints/request).
#[derive(Clone, Copy, Debug, Default)]
struct QueueWait {
    before: Duration,
    /// Since when it waits again. A request whose time is over while it waits leaves without a word.
    since: Option<Instant>,
}

impl QueueWait {
    fn begin(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    fn end(&mut self, now: Instant) {
        self.before = self.until(now);
        self.since = None;
    }

    fn until(&self, now: Instant) -> Duration {
        let current = self.since.map(|since| now.saturating_duration_since(since));
        self.before + current.unwrap_or_default()
    }
}

/// The seats of a request that is being worked on.
#[derive(Debug)]
struct Executing {
    seat: Seat,
    is_reading: bool,
    _inflight: Inflight,
}

/// Counts a request that is being worked on.
#[derive(Debug)]
struct Inflight(Gauge);

impl Inflight {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Inflight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Permit {
    /// It is being worked on.
    pub(super) fn begin(&mut self, seat: Seat, is_reading: bool, inflight: &Gauge) {
        self.executing = Some(Executing {
            seat,
            is_reading,
            _inflight: Inflight::new(inflight),
        });
    }

    /// Its answer stays open.
    pub(super) fn hold_open(&mut self, place: Seat) {
        self.long_running = Some(place);
    }

    /// Its seats, for what goes on without the request: the initial events of a watch.
    pub(super) fn take_seat(&mut self) -> Option<impl Send + 'static + use<>> {
        self.executing.take()
    }

    /// It waits in a queue from now on.
    pub(super) fn begins_to_wait(&mut self) {
        self.queued.begin(Instant::now());
    }

    /// It does not wait any more.
    pub(super) fn ends_waiting(&mut self) {
        self.queued.end(Instant::now());
    }

    /// How long it has waited in queues so far.
    pub(super) fn queued(&self) -> Duration {
        self.queued.until(Instant::now())
    }

    /// There is room for its body.
    pub(super) fn hold_body(&mut self, seat: Seat) {
        self.body = Some(seat);
    }

    /// It is not let in.
    pub(super) fn reject(&mut self, rejected: Rejected) {
        self.rejected = Some(rejected);
    }

    /// Whether it was not let in.
    pub(super) fn is_rejected(&self) -> bool {
        self.rejected.is_some()
    }

    /// Gives back what the answer does not need. `false`: its answer cannot be sent now, since too many large ones are
    /// being read already; only of what changed nothing.
    pub(super) fn answered(&mut self, response: &Response) -> bool {
        self.body = None;
        let is_open = matches!(
            response.body(),
            Body::Stream(_) | Body::Connected(_) | Body::Upgraded(_)
        );
        if !is_open {
            self.long_running = None;
        }
        let is_small = match response.body() {
            Body::Ready(_) => response
                .body()
                .size_hint()
                .upper()
                .is_some_and(|size| size <= SMALL_ANSWER),
            Body::Made { .. } => false,
            // What it holds is held by its initial events.
            Body::Stream(_) => true,
            // Others may work, while somebody waits for what comes.
            Body::Connected(_) | Body::Upgraded(_) => true,
        };
        let is_error = response.status().is_client_error() || response.status().is_server_error();
        if is_small || is_error {
            self.executing = None;
            return true;
        }
        let Some(executing) = &mut self.executing else {
            return true;
        };
        if executing.seat.keep_while_sending() {
            return true;
        }
        let is_reading = executing.is_reading;
        self.executing = None;
        !is_reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_waits_are_counted_and_one_that_is_not_over_too() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut wait = QueueWait::default();
        assert_eq!(wait.until(at(9)), Duration::ZERO);
        // For room for its body, then for its seats.
        wait.begin(at(1));
        wait.end(at(3));
        assert_eq!(wait.until(at(9)), Duration::from_secs(2));
        wait.begin(at(10));
        assert_eq!(wait.until(at(15)), Duration::from_secs(7));
        wait.end(at(16));
        assert_eq!(wait.until(at(99)), Duration::from_secs(8));
    }
}
