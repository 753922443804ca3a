//! A client that does not take its answer must not hold it for ever.
//!
//! hyper offers no way to end one HTTP/2 stream from outside, but asks us to run it. So it runs inside a future of ours,
//! which drops it when its answer is not taken in time: the peer sees the stream reset, the connection stays.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use hyper::rt::Executor;
use tokio::time::{Instant, Sleep, sleep_until};

tokio::task_local! {
    /// Until when the answer that this task sends must have been taken.
    static DEADLINE: Cell<Option<Instant>>;
}

/// The answer of this task must have been taken by the client at `deadline`. Without effect in a task that is no stream.
pub(in crate::server) fn must_finish_by(deadline: Instant) {
    let _ = DEADLINE.try_with(|cell| cell.set(Some(deadline)));
}

/// The answer has gone out.
pub(in crate::server) fn finished() {
    let _ = DEADLINE.try_with(|cell| cell.set(None));
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
    DEADLINE.scope(Cell::new(None), until_deadline(future)).await
}

async fn until_deadline<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut sleep: Option<Pin<Box<Sleep>>> = None;
    poll_fn(move |context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        // Most answers are taken at once: then nobody ever looks at a clock.
        let Some(deadline) = DEADLINE.with(Cell::get) else {
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
    use std::time::Duration;

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
}
