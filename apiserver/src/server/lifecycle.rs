//! How a server ends: whom it tells, what it waits for. In k8s.io/apiserver's `lifecycle_signals.go`: `ShutdownInitiated`,
//! `NotAcceptingNewRequest`, and the end of the HTTP server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

/// Where in its life a server is. It only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It serves.
    Serving,
    /// It still serves, but says that it is not ready, so that load goes elsewhere.
    Leaving,
    /// It takes no new connections, tells clients to go (GOAWAY), and ends watches. A request that still comes is
    /// answered: its client could not know better.
    Draining,
    /// What is still open is cut.
    Cut,
}

/// The life of a server, shared by all that depends on it.
#[derive(Clone, Debug)]
pub(super) struct Lifecycle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stage: watch::Sender<Stage>,
    /// The same, for who looks at it with every piece of every answer.
    stage_now: AtomicU8,
    running: AtomicUsize,
    finished: Notify,
}

/// A request that is waited for. It is dropped with the last byte of the answer.
#[derive(Debug)]
pub(super) struct Ticket(Arc<Inner>);

impl Lifecycle {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner {
            stage: watch::Sender::new(Stage::Serving),
            stage_now: AtomicU8::new(Stage::Serving as u8),
            running: AtomicUsize::new(0),
            finished: Notify::new(),
        }))
    }

    pub(super) fn stage(&self) -> Stage {
        *self.0.stage.borrow()
    }

    /// Whether connections are to end after what runs on them.
    pub(super) fn is_draining(&self) -> bool {
        self.is_at(Stage::Draining)
    }

    /// Whether it is at `stage`, or beyond.
    pub(super) fn is_at(&self, stage: Stage) -> bool {
        self.0.stage_now.load(Ordering::SeqCst) >= stage as u8
    }

    /// Goes on to `stage`.
    pub(super) fn advance(&self, stage: Stage) {
        self.0.stage_now.fetch_max(stage as u8, Ordering::SeqCst);
        self.0.stage.send_if_modified(|current| {
            let is_later = stage > *current;
            *current = stage.max(*current);
            is_later
        });
    }

    /// Waits until it is at `stage`, or beyond.
    pub(super) async fn reached(&self, stage: Stage) {
        let mut stages = self.0.stage.subscribe();
        // The sender is in `self`.
        let _ = stages.wait_for(|current| *current >= stage).await;
    }

    /// Lets a request in. `None`: the server has ended.
    pub(super) fn enter(&self) -> Option<Ticket> {
        // First counted, then looked: who drains looks at the count after it has changed the stage.
        self.0.running.fetch_add(1, Ordering::SeqCst);
        let ticket = Ticket(Arc::clone(&self.0));
        (!self.is_at(Stage::Cut)).then_some(ticket)
    }

    /// Waits until no request runs.
    pub(super) async fn idle(&self) {
        loop {
            let finished = self.0.finished.notified();
            tokio::pin!(finished);
            finished.as_mut().enable();
            if self.0.running.load(Ordering::SeqCst) == 0 {
                return;
            }
            finished.await;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.finished.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn draining_waits_for_who_is_inside_and_refuses_nobody() {
        let life = Lifecycle::new();
        let ticket = life.enter().expect("it serves");
        life.advance(Stage::Leaving);
        assert!(life.enter().is_some(), "it still serves");
        life.advance(Stage::Draining);
        assert!(life.enter().is_some(), "a client may not know yet");
        assert_eq!(life.idle().now_or_never(), None);
        drop(ticket);
        life.idle().await;
        life.advance(Stage::Cut);
        assert!(life.enter().is_none());
    }

    #[tokio::test]
    async fn a_stage_is_never_gone_back_to() {
        let life = Lifecycle::new();
        life.advance(Stage::Draining);
        life.advance(Stage::Leaving);
        assert_eq!(life.stage(), Stage::Draining);
        life.reached(Stage::Leaving).await;
    }
}
