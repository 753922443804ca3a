//! Where the store is: one question for all who ask at once.
//!
//! An answer is true for whoever asked before its question was sent. So all who come while one is under way share the
//! next, and a thousand consistent reads cost etcd as little as two.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};

use tokio::time::timeout;

use crate::storage::{Revision, StorageError};

/// How long a question waits for the one before it. One that hangs, with one member of three perhaps, must not hold up
/// the others.
const PATIENCE: Duration = Duration::from_millis(500);

/// A question and all who wait for its answer. It is asked by whoever of them polls.
type Question = Shared<BoxFuture<'static, Result<Revision, Unanswered>>>;

/// The error of one question, for as many as one likes.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
struct Unanswered(Arc<StorageError>);

/// Where the store is, asked one question at a time, as far as they are answered.
#[derive(Clone, Default)]
pub(super) struct Position {
    /// The question that is not sent yet.
    next: Arc<Mutex<Option<Question>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Position {
    /// The answer to a question that is sent after this call: to `question`, or to somebody else's.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`], whatever the question failed for.
    pub(super) async fn ask<F>(&self, question: F) -> Result<Revision, StorageError>
    where
        F: Future<Output = Result<Revision, StorageError>> + Send + 'static,
    {
        let next = locked(&self.next)
            .get_or_insert_with(|| self.queued(question))
            .clone();
        next.await
            .map_err(|error| StorageError::Unavailable(Box::new(error)))
    }

    fn queued<F>(&self, question: F) -> Question
    where
        F: Future<Output = Result<Revision, StorageError>> + Send + 'static,
    {
        // Weak: the question itself lies there, and may be left there by all who asked.
        let (next, turn) = (Arc::downgrade(&self.next), Arc::clone(&self.turn));
        let queued = async move {
            let _turn = timeout(PATIENCE, turn.lock()).await.ok();
            // Who comes from now on needs a later answer.
            if let Some(next) = next.upgrade() {
                locked(&next).take();
            }
            question.await.map_err(|error| Unanswered(Arc::new(error)))
        };
        queued.boxed().shared()
    }
}

fn locked(next: &Mutex<Option<Question>>) -> MutexGuard<'_, Option<Question>> {
    next.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tokio::time::sleep;

    use super::*;

    const CALL: Duration = Duration::from_millis(200);

    /// A store that takes a while to say how often it was asked.
    #[derive(Clone, Default)]
    struct Store(Arc<AtomicU64>);

    impl Store {
        fn question(&self) -> impl Future<Output = Result<Revision, StorageError>> + Send + use<> {
            let asked = Arc::clone(&self.0);
            async move {
                let answer = asked.fetch_add(1, Ordering::SeqCst) + 1;
                sleep(CALL).await;
                Ok(Revision::new(answer))
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_while_a_question_is_under_way_shares_the_next() {
        let (position, store) = (Position::default(), Store::default());
        let asked = join_all((0..100).map(|number| {
            let (position, store) = (position.clone(), store.clone());
            async move {
                sleep(CALL / 200 * number).await;
                position.ask(store.question()).await.unwrap().get()
            }
        }))
        .await;
        assert_eq!(asked[0], 1);
        assert_eq!(
            asked[1..],
            [2; 99],
            "none takes an answer to what was asked before it came"
        );
        assert_eq!(position.ask(store.question()).await.unwrap().get(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_leaves_the_others_their_answer() {
        let (position, store) = (Position::default(), Store::default());
        let impatient = |time| timeout(time, position.ask(store.question()));
        // The second waits for its turn, which never comes to it; the third finds the question that it left.
        let (first, second) = tokio::join!(impatient(CALL / 2), impatient(CALL / 4));
        assert!(first.is_err() && second.is_err());
        let third = timeout(10 * CALL, position.ask(store.question())).await;
        assert_eq!(third.unwrap().unwrap().get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_hangs_holds_up_nobody_for_long() {
        let (position, store) = (Position::default(), Store::default());
        let hanging = position.ask(std::future::pending());
        let answered = async {
            sleep(CALL).await;
            position.ask(store.question()).await.unwrap().get()
        };
        tokio::select! {
            biased;
            _ = hanging => panic!("it has no answer"),
            answer = timeout(2 * CALL + PATIENCE, answered) => assert_eq!(answer, Ok(1)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_share_a_question_share_its_error() {
        let position = Position::default();
        let failing = || async {
            sleep(CALL).await;
            Err(StorageError::Initializing)
        };
        let failed = join_all((0..3).map(|_| position.ask(failing()))).await;
        for error in failed {
            let Err(StorageError::Unavailable(error)) = error else {
                panic!("{error:?}");
            };
            assert_eq!(error.to_string(), StorageError::Initializing.to_string());
        }
    }
}
