//! Who holds seats, who waits, and whose turn it is. Nothing here waits.

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;

use super::{Limits, Seat};

/// What a request needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    /// The hash of its flow's name. Two flows with one hash share what one may have, which harms nobody else.
    pub(super) flow: u64,
    pub(super) seats: usize,
    pub(super) is_sending: bool,
}

/// All seats and all queues.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) taken: usize,
    pub(super) sending: usize,
    pub(super) waiting: usize,
    /// Somebody waits until enough seats are free; meanwhile nobody else gets any.
    is_reserved: bool,
    last_id: u64,
    /// Flows that hold seats or wait.
    pub(super) flows: HashMap<u64, Flow>,
    /// Flows that wait, in the order of their turns.
    pub(super) turns: VecDeque<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) taken: usize,
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

/// What was given to those who wait: seats to be made of it when the lock is gone.
pub(super) type Granted = Vec<(oneshot::Sender<Seat>, Need)>;

impl State {
    /// Whether `need` can be had at once. Who waits for what is not free to them is not in its way.
    pub(super) fn has_room(&self, need: &Need, limits: &Limits) -> bool {
        let is_first = self
            .flows
            .get(&need.flow)
            .is_none_or(|flow| flow.queue.is_empty());
        !self.is_reserved && is_first && matches!(self.fit(need, limits), Fit::Yes)
    }

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
    pub(super) fn is_full(&self, flow: u64, limits: &Limits) -> bool {
        let of_flow = self.flows.get(&flow).map_or(0, |flow| flow.queue.len());
        self.waiting >= limits.queued || of_flow >= limits.queued_per_flow
    }

    /// Gives `need`.
    pub(super) fn take(&mut self, need: &Need) {
        self.taken += need.seats;
        if need.is_sending {
            self.sending += need.seats;
        }
        self.flows.entry(need.flow).or_default().taken += need.seats;
    }

    /// Takes `need` back.
    pub(super) fn give_back(&mut self, need: &Need) {
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

    /// Puts one at the end of its flow's queue. The number is its own.
    pub(super) fn enqueue(&mut self, need: Need) -> (u64, oneshot::Receiver<Seat>) {
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
    pub(super) fn forget(&mut self, flow: u64, id: u64) {
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
    pub(super) fn dispatch(&mut self, limits: &Limits) -> Granted {
        let mut granted = Granted::new();
        let mut passed_over = 0;
        self.is_reserved = false;
        while passed_over < self.turns.len() {
            let Some(turn) = self.turns.pop_front() else {
                break;
            };
            let Some(need) = self.head(turn) else {
                continue;
            };
            match self.fit(&need, limits) {
                Fit::Nobody => {
                    self.turns.push_front(turn);
                    self.is_reserved = true;
                    break;
                }
                Fit::NotThisFlow => {
                    passed_over += 1;
                    self.turns.push_back(turn);
                }
                Fit::Yes => {
                    passed_over = 0;
                    granted.extend(self.serve(turn));
                }
            }
        }
        granted
    }

    fn head(&self, flow: u64) -> Option<Need> {
        Some(self.flows.get(&flow)?.queue.front()?.need)
    }

    fn serve(&mut self, turn: u64) -> Option<(oneshot::Sender<Seat>, Need)> {
        let flow = self.flows.get_mut(&turn)?;
        let waiter = flow.queue.pop_front()?;
        if !flow.queue.is_empty() {
            self.turns.push_back(turn);
        }
        self.waiting -= 1;
        self.take(&waiter.need);
        Some((waiter.answer, waiter.need))
    }
}
