//! What a store does in the background: started again when it panics, and until it goes on the store is not healthy.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The first pause before a task is started again, and the longest: each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
/// A task that ran so long is well again.
const STEADY: Duration = Duration::from_secs(5);

/// Tasks that end with this.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    running: JoinSet<()>,
    failed: Arc<Mutex<Option<&'static str>>>,
}

/// A task of the store panicked.
#[derive(Debug, thiserror::Error)]
#[error("the background task {0} panicked and is being started again")]
pub(super) struct TaskPanicked(&'static str);

impl Tasks {
    /// Runs what `start` makes, which does not end by itself.
    pub(super) fn run<F>(&mut self, name: &'static str, start: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let failed = self.failed.clone();
        let set = move |value| *failed.lock().unwrap_or_else(PoisonError::into_inner) = value;
        self.running.spawn(async move {
            let mut pause = PAUSES.0;
            loop {
                let mut run = AssertUnwindSafe(start()).catch_unwind().boxed();
                let ended = match timeout(STEADY, &mut run).await {
                    Ok(ended) => ended,
                    Err(_) => {
                        set(None);
                        pause = PAUSES.0;
                        run.await
                    }
                };
                if ended.is_ok() {
                    return set(None);
                }
                tracing::error!(task = name, "a background task panicked, and is started again");
                set(Some(name));
                sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        });
    }

    /// Whether all of them go on.
    pub(super) fn check(&self) -> Result<(), TaskPanicked> {
        match *self.failed.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(name) => Err(TaskPanicked(name)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_that_panics_is_started_again_and_the_store_is_not_healthy_until_it_goes_on() {
        let mut tasks = Tasks::default();
        let starts = Arc::new(AtomicUsize::new(0));
        let counted = starts.clone();
        tasks.run("test", move || {
            let count = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(count >= 3, "it fails on purpose");
                std::future::pending().await
            }
        });
        assert!(tasks.check().is_ok());
        sleep(Duration::from_millis(50)).await;
        assert!(tasks.check().is_err());
        sleep(Duration::from_secs(2)).await;
        assert_eq!(starts.load(Ordering::SeqCst), 4);
        assert!(tasks.check().is_err(), "it may fail again");
        sleep(STEADY).await;
        assert!(tasks.check().is_ok());
    }
}
