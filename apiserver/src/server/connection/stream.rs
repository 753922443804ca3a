//! A client that does not take its answer must not hold it for ever: not a whole answer, and not the next piece of a
//! watch or a long list.
//!
//! hyper offers no way to end one HTTP/2 stream from outside, but asks us to run it. So it runs inside a future of ours,
//! which drops it when its answer is not taken in time: the peer sees the stream reset, the connection stays.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use hyper::rt::Executor;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may leave what is sent to it untaken. Whoever reads at all takes a piece (64 KiB) in that time.
pub(in crate::server) const LONGEST_STALL: Duration = Duration::from_secs(30);

/// Until when a client must have taken something.
#[derive(Clone, Copy, Debug, Default)]
struct Deadlines {
    /// The whole answer.
    whole: Option<Instant>,
    /// The piece that was handed over last.
    piece: Option<Instant>,
}

impl Deadlines {
    fn next(self) -> Option<Instant> {
        match (self.whole, self.piece) {
            (Some(whole), Some(piece)) => Some(whole.min(piece)),
            (whole, piece) => whole.or(piece),
        }
    }
}

tokio::task_local! {
    /// Of the answer that this task sends.
    static DEADLINES: Cell<Deadlines>;
}

fn change(change: impl FnOnce(&mut Deadlines)) {
    let _ = DEADLINES.try_with(|cell| {
        let mut deadlines = cell.get();
        change(&mut deadlines);
        cell.set(deadlines);
    });
}

/// The answer of this task must have been taken by the client at `deadline`. Without effect in a task that is no stream.
pub(in crate::server) fn must_finish_by(deadline: Instant) {
    change(|deadlines| deadlines.whole = Some(deadline));
}

/// A piece of the answer was handed over: the next one must be asked for in [`LONGEST_STALL`].
pub(in crate::server) fn handed_over() {
    change(|deadlines| deadlines.piece = Some(Instant::now() + LONGEST_STALL));
}

/// All that there is was taken.
pub(in crate::server) fn waits_for_more() {
    change(|deadlines| deadlines.piece = None);
}

/// The answer has gone out.
pub(in crate::server) fn finished() {
    change(|deadlines| *deadlines = Deadlines::default());
}

/// Runs streams, and drops those whose answer is not taken in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams;

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        tokio::spawn(async move {
            if bounded(stream).await.is_none() {
                tracing::debug!("an answer was not taken in time");
            }
        });
    }
}

/// Runs `future` as a stream. `None`: it was dropped, because its answer was not taken in time.
pub(super) async fn bounded<F: Future>(future: F) -> Option<F::Output> {
    DEADLINES.scope(Cell::default(), until_deadline(future)).await
}

/// Runs `future`, which answers somebody else than the stream whose task it runs in: that stream's deadlines are not its own.
pub(in crate::server) async fn apart<F: Future>(future: F) -> F::Output {
    DEADLINES.scope(Cell::default(), future).await
}

/// The same of what is done at once.
pub(in crate::server) fn apart_now<T>(work: impl FnOnce() -> T) -> T {
    DEADLINES.sync_scope(Cell::default(), work)
}

async fn until_deadline<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut sleep: Option<Pin<Box<Sleep>>> = None;
    poll_fn(move |context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        // Most answers are taken at once: then nobody ever looks at a clock.
        let Some(deadline) = DEADLINES.with(Cell::get).next() else {
            return Poll::Pending;
        };
        let sleep = sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(context).map(|()| None)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_is_dropped() {
        let stream = bounded(async {
            must_finish_by(Instant::now() + Duration::from_secs(60));
            std::future::pending::<()>().await;
        });
        assert_eq!(stream.await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_taken_leaves_all_the_time_to_the_next() {
        let stream = bounded(async {
            must_finish_by(Instant::now() + Duration::from_secs(60));
            finished();
            tokio::time::sleep(Duration::from_secs(600)).await;
        });
        assert_eq!(stream.await, Some(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_may_last_and_each_piece_must_be_taken() {
        let begun = Instant::now();
        let stream = bounded(async {
            for _ in 0..10 {
                handed_over();
                tokio::time::sleep(LONGEST_STALL / 2).await;
                waits_for_more();
                tokio::time::sleep(LONGEST_STALL * 2).await;
            }
            handed_over();
            std::future::pending::<()>().await;
        });
        assert_eq!(stream.await, None);
        assert_eq!(begun.elapsed(), LONGEST_STALL * 25 + LONGEST_STALL);
    }
}
