//! Where the requests of reconciles are counted, and cut off.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::{
    fake_client::{Answer, Request},
    fake_cluster::FakeCluster,
};

/// What is done to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    /// Whoever waits for its answer ends; the API server has carried it out, or has not.
    Cut { carried_out: bool },
    /// The AggregatedServer is deleted before the API server sees it.
    Delete,
}

/// The way of requests to the API server. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    cut: Notify,
}

#[derive(Default)]
struct State {
    /// Whether each one is a write.
    seen: Vec<bool>,
    interruption: Option<(usize, Interruption)>,
}

impl Gate {
    /// Does `interruption` to the request with this number, the first of which is 1.
    pub(super) fn interrupt(&self, number: usize, interruption: Interruption) {
        self.0.state.lock().unwrap().interruption = Some((number, interruption));
    }

    /// How many requests there were.
    pub(super) fn seen(&self) -> usize {
        self.0.state.lock().unwrap().seen.len()
    }

    /// Whether the request with this number was a write.
    pub(super) fn was_write(&self, number: usize) -> bool {
        self.0.state.lock().unwrap().seen[number - 1]
    }

    /// Waits until a request is cut off.
    pub(super) async fn cut(&self) {
        self.0.cut.notified().await;
    }

    /// What a request leads to; `server` is the AggregatedServer's path.
    pub(super) fn pass(&self, cluster: &FakeCluster, request: &Request, server: &str) -> Answer {
        match self.turn(request.method != "GET") {
            None => cluster.answer(request),
            Some(Interruption::Delete) => {
                cluster.remove(server);
                cluster.answer(request)
            }
            Some(Interruption::Cut { carried_out }) => {
                if carried_out {
                    cluster.answer(request);
                }
                self.0.cut.notify_one();
                Answer::Never
            }
        }
    }

    fn turn(&self, is_write: bool) -> Option<Interruption> {
        let mut state = self.0.state.lock().unwrap();
        state.seen.push(is_write);
        let (number, interruption) = state.interruption?;
        (number == state.seen.len()).then_some(interruption)
    }
}
