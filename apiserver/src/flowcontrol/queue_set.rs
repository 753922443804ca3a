//! Seats, and the queues of those who wait for one: the queue set of Kubernetes' priority and fairness
//! (k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing/queueset).
//!
//! Go deals each flow a few of a fixed number of queues; here each flow that waits has a queue of its own, since those are
//! counted by who waits, which is bounded. Within a flow the first comes first; between flows turns go round. A flow at its
//! own limit is passed over. One that needs more seats than are free is waited for: else those who need few would keep it
//! out for ever.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
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

/// What a request needs.
#[derive(Clone, Copy, Debug)]
struct Need {
    /// The hash of its flow's name. Two flows with one hash share what one may have, which harms nobody else.
    flow: u64,
    seats: usize,
    is_sending: bool,
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

#[derive(Debug, Default)]
struct State {
    taken: usize,
    sending: usize,
    waiting: usize,
    last_id: u64,
    /// Flows that hold seats or wait.
    flows: HashMap<u64, Flow>,
    /// Flows that wait, in the order of their turns.
    turns: VecDeque<u64>,
}

#[derive(Debug, Default)]
struct Flow {
    taken: usize,
    queue: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    id: u64,
    need: Need,
    answer: oneshot::Sender<Seat>,
}

/// Whether a request can have its seats now.
enum Fit {
    Yes,
    /// Its own kind is at its limit.
    NotThisFlow,
    /// Nobody can.
    Nobody,
}

/// Seats that were given to those who wait: to be handed over when the lock is gone.
type Given = Vec<(oneshot::Sender<Seat>, Seat)>;

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
        if state.waiting == 0 && matches!(state.fit(&need, &inner.limits), Fit::Yes) {
            state.take(&need);
            drop(state);
            return Ok(Admitted::Seated(Seat::of(inner, need)));
        }
        if state.is_full(need.flow, &inner.limits) {
            return Err(Rejected::QueueFull);
        }
        let (id, mut answer) = state.enqueue(need);
        let given = state.dispatch(inner);
        drop(state);
        inner.gauges.queued.inc();
        hand_over(given);
        // Those before it may all wait for what this one does not need.
        let seat = answer.try_recv();
        let queued = Queued {
            inner: Arc::clone(inner),
            flow: need.flow,
            id,
            answer,
        };
        Ok(match seat {
            Ok(seat) => Admitted::Seated(seat),
            Err(_) => Admitted::Queued(queued),
        })
    }

    /// Whether one more of `flow` would be refused at once.
    pub(crate) fn is_full<F: Hash + ?Sized>(&self, flow: &F) -> bool {
        let need = self.0.need(flow, 1, false);
        let state = self.0.lock();
        let is_seated = state.waiting == 0 && matches!(state.fit(&need, &self.0.limits), Fit::Yes);
        !is_seated && state.is_full(need.flow, &self.0.limits)
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
        let given = state.dispatch(&self.inner);
        drop(state);
        hand_over(given);
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
        let given = state.dispatch(&self.inner);
        drop(state);
        hand_over(given);
    }
}

fn count(seats: usize) -> i64 {
    i64::try_from(seats).unwrap_or(i64::MAX)
}

/// One that is not waited for any more comes back, and is given to the next.
fn hand_over(given: Given) {
    for (answer, seat) in given {
        drop(answer.send(seat));
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

impl State {
    fn fit(&self, need: &Need, limits: &Limits) -> Fit {
        if limits.seats == 0 {
            return Fit::Yes;
        }
        let of_flow = self.flows.get(&need.flow).map_or(0, |flow| flow.taken);
        let is_too_much = of_flow + need.seats > limits.per_flow
            || (need.is_sending && self.sending + need.seats > limits.sending);
        if is_too_much {
            Fit::NotThisFlow
        } else if self.taken + need.seats > limits.seats {
            Fit::Nobody
        } else {
            Fit::Yes
        }
    }

    /// Whether no more of `flow` may wait.
    fn is_full(&self, flow: u64, limits: &Limits) -> bool {
        let of_flow = self.flows.get(&flow).map_or(0, |flow| flow.queue.len());
        self.waiting >= limits.queued || of_flow >= limits.queued_per_flow
    }

    fn take(&mut self, need: &Need) {
        self.taken += need.seats;
        if need.is_sending {
            self.sending += need.seats;
        }
        self.flows.entry(need.flow).or_default().taken += need.seats;
    }

    fn give_back(&mut self, need: &Need) {
        self.taken -= need.seats;
        if need.is_sending {
            self.sending -= need.seats;
        }
        if let Some(flow) = self.flows.get_mut(&need.flow) {
            flow.taken -= need.seats;
        }
        self.drop_if_idle(need.flow);
    }

    fn drop_if_idle(&mut self, flow: u64) {
        let is_idle = |flow: &Flow| flow.taken == 0 && flow.queue.is_empty();
        if self.flows.get(&flow).is_some_and(is_idle) {
            self.flows.remove(&flow);
        }
    }

    fn enqueue(&mut self, need: Need) -> (u64, oneshot::Receiver<Seat>) {
        self.last_id += 1;
        self.waiting += 1;
        let (sender, answer) = oneshot::channel();
        let flow = self.flows.entry(need.flow).or_default();
        if flow.queue.is_empty() {
            self.turns.push_back(need.flow);
        }
        flow.queue.push_back(Waiter {
            id: self.last_id,
            need,
            answer: sender,
        });
        (self.last_id, answer)
    }

    /// Takes one who waits out of its queue, if it still is there.
    fn forget(&mut self, flow: u64, id: u64) {
        let Some(queue) = self.flows.get_mut(&flow).map(|flow| &mut flow.queue) else {
            return;
        };
        let Some(at) = queue.iter().position(|waiter| waiter.id == id) else {
            return;
        };
        queue.remove(at);
        self.waiting -= 1;
        if queue.is_empty() {
            self.turns.retain(|turn| *turn != flow);
            self.drop_if_idle(flow);
        }
    }

    /// Gives seats to those whose turn it is, as far as they go.
    fn dispatch(&mut self, inner: &Arc<Inner>) -> Given {
        let mut given = Given::new();
        let mut passed_over = 0;
        while passed_over < self.turns.len() {
            let Some(turn) = self.turns.pop_front() else {
                break;
            };
            let Some(need) = self.head(turn) else {
                continue;
            };
            match self.fit(&need, &inner.limits) {
                Fit::Nobody => {
                    self.turns.push_front(turn);
                    break;
                }
                Fit::NotThisFlow => {
                    passed_over += 1;
                    self.turns.push_back(turn);
                }
                Fit::Yes => {
                    passed_over = 0;
                    given.extend(self.serve(turn, inner));
                }
            }
        }
        given
    }

    fn head(&self, flow: u64) -> Option<Need> {
        Some(self.flows.get(&flow)?.queue.front()?.need)
    }

    fn serve(&mut self, turn: u64, inner: &Arc<Inner>) -> Option<(oneshot::Sender<Seat>, Seat)> {
        let flow = self.flows.get_mut(&turn)?;
        let waiter = flow.queue.pop_front()?;
        if !flow.queue.is_empty() {
            self.turns.push_back(turn);
        }
        self.waiting -= 1;
        self.take(&waiter.need);
        Some((waiter.answer, Seat::of(inner, waiter.need)))
    }
}

#[cfg(test)]
mod tests;
