//! Seats, and the queues of those who wait for one: the queue set of Kubernetes' priority and fairness
//! (k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing/queueset).
//!
//! Go deals each flow a few of a fixed number of queues; here each flow that waits has a queue of its own, since those are
//! counted by who waits, which is bounded. Within a flow the first comes first; between flows turns go round. A flow at its
//! own limit is passed over. One that needs more seats than are free is waited for: else those who need few would keep it
//! out for ever.

mod state;

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use state::{Granted, Need, State};
use tokio::sync::oneshot;

/// How much runs and waits at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Seats there are; 0: as many as are asked for.
    pub(crate) seats: usize,
    /// How many of them one flow may hold.
    pub(crate) per_flow: usize,
    /// How many of them may be held as long as a client takes to read: the rest is only ever held by work.
    pub(crate) sending: usize,
    /// How many requests may wait.
    pub(crate) queued: usize,
    /// How many of one flow may.
    pub(crate) queued_per_flow: usize,
    /// How long one waits.
    pub(crate) wait: Duration,
}

/// What shows how full it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauges {
    /// Requests that hold seats.
    pub(crate) executing: Gauge,
    /// Seats that are held.
    pub(crate) seats: Gauge,
    /// Requests that wait.
    pub(crate) queued: Gauge,
}

/// Why a request gets no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejected {
    /// Too many wait already.
    #[error("too many requests are waiting")]
    QueueFull,
    /// It waited as long as it may.
    #[error("the request waited too long")]
    TimedOut,
}

/// Seats, shared fairly. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct QueueSet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    gauges: Gauges,
    hasher: RandomState,
    state: Mutex<State>,
}

/// The seats of one request, until this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    inner: Arc<Inner>,
    need: Need,
}

/// What a request got.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// Its seats.
    Seated(Seat),
    /// A place in its queue.
    Queued(Queued),
}

/// A place in a queue, until this is dropped.
#[derive(Debug)]
pub(crate) struct Queued {
    inner: Arc<Inner>,
    flow: u64,
    id: u64,
    answer: oneshot::Receiver<Seat>,
}

impl QueueSet {
    /// Nothing taken.
    pub(crate) fn new(limits: Limits, gauges: Gauges) -> Self {
        Self(Arc::new(Inner {
            limits,
            gauges,
            hasher: RandomState::new(),
            state: Mutex::default(),
        }))
    }

    /// So many seats, or a place in the queue of `flow`. `is_sending`: they may be held as long as a client takes to read.
    /// Nobody needs more seats than one flow may hold.
    ///
    /// # Errors
    /// [`Rejected::QueueFull`].
    pub(crate) fn ask<F: Hash + ?Sized>(
        &self,
        flow: &F,
        seats: usize,
        is_sending: bool,
    ) -> Result<Admitted, Rejected> {
        let inner = &self.0;
        let need = inner.need(flow, seats, is_sending);
        let mut state = inner.lock();
        if state.has_room(&need, &inner.limits) {
            state.take(&need);
            drop(state);
            return Ok(Admitted::Seated(Seat::of(inner, need)));
        }
        if state.is_full(need.flow, &inner.limits) {
            return Err(Rejected::QueueFull);
        }
        let (id, answer) = state.enqueue(need);
        // It may be the one that the others are to wait for.
        let granted = state.dispatch(&inner.limits);
        drop(state);
        inner.gauges.queued.inc();
        hand_over(inner, granted);
        Ok(Admitted::Queued(Queued {
            inner: Arc::clone(inner),
            flow: need.flow,
            id,
            answer,
        }))
    }

    /// Whether one more of `flow` would be refused at once.
    pub(crate) fn is_full<F: Hash + ?Sized>(&self, flow: &F) -> bool {
        let need = self.0.need(flow, 1, false);
        let state = self.0.lock();
        !state.has_room(&need, &self.0.limits) && state.is_full(need.flow, &self.0.limits)
    }

    /// [`Self::ask`], and the wait.
    ///
    /// # Errors
    /// [`Rejected`].
    pub(crate) async fn seat<F: Hash + ?Sized>(
        &self,
        flow: &F,
        seats: usize,
        is_sending: bool,
    ) -> Result<Seat, Rejected> {
        match self.ask(flow, seats, is_sending)? {
            Admitted::Seated(seat) => Ok(seat),
            // Boxed: who has a seat must not be as large as who waits for one.
            Admitted::Queued(queued) => Box::pin(queued.seat()).await,
        }
    }
}

impl Queued {
    /// Waits for the seat, as long as one may.
    ///
    /// # Errors
    /// [`Rejected::TimedOut`].
    pub(crate) async fn seat(mut self) -> Result<Seat, Rejected> {
        match tokio::time::timeout(self.inner.limits.wait, &mut self.answer).await {
            Ok(Ok(seat)) => Ok(seat),
            _ => Err(Rejected::TimedOut),
        }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.inner.gauges.queued.dec();
        let mut state = self.inner.lock();
        state.forget(self.flow, self.id);
        // Others may have waited for its turn.
        let granted = state.dispatch(&self.inner.limits);
        drop(state);
        hand_over(&self.inner, granted);
    }
}

impl Seat {
    fn of(inner: &Arc<Inner>, need: Need) -> Self {
        inner.gauges.executing.inc();
        inner.gauges.seats.inc_by(count(need.seats));
        Self {
            inner: Arc::clone(inner),
            need,
        }
    }

    /// From now on it is held as long as a client takes to read; `false`: too many are held so.
    pub(crate) fn keep_while_sending(&mut self) -> bool {
        if self.need.is_sending || self.inner.limits.seats == 0 {
            return true;
        }
        let mut state = self.inner.lock();
        let fits = state.sending + self.need.seats <= self.inner.limits.sending;
        if fits {
            state.sending += self.need.seats;
            self.need.is_sending = true;
        }
        fits
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.inner.gauges.executing.dec();
        self.inner.gauges.seats.dec_by(count(self.need.seats));
        let mut state = self.inner.lock();
        state.give_back(&self.need);
        let granted = state.dispatch(&self.inner.limits);
        drop(state);
        hand_over(&self.inner, granted);
    }
}

fn count(seats: usize) -> i64 {
    i64::try_from(seats).unwrap_or(i64::MAX)
}

/// A seat that is not waited for any more comes back, and is given to the next.
fn hand_over(inner: &Arc<Inner>, granted: Granted) {
    for (answer, need) in granted {
        drop(answer.send(Seat::of(inner, need)));
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No step under the lock leaves a state that must not be seen.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn need<F: Hash + ?Sized>(&self, flow: &F, seats: usize, is_sending: bool) -> Need {
        let limits = &self.limits;
        let most = match (limits.seats, is_sending) {
            (0, _) => usize::MAX,
            (_, true) => limits.per_flow.min(limits.sending),
            (_, false) => limits.per_flow,
        };
        Need {
            flow: self.hasher.hash_one(flow),
            seats: seats.min(most).max(1),
            is_sending,
        }
    }
}

#[cfg(test)]
mod tests;
