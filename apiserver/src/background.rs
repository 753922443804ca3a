//! Background tasks: what must go on for as long as a server does, started again when it panics.
//!
//! As `HandleCrash` and `wait.BackoffUntil` of k8s.io/apimachinery, but known to whoever asks for readiness: a server
//! whose memory nobody keeps up to date any more is not ready, and says which task that is.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::{sleep, timeout};

/// The first pause before a task is started again; each further one is twice as long, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(30);
/// A task that ran so long is well again.
const STEADY: Duration = Duration::from_secs(5);

/// What is known of one background task. Clones are one.
#[derive(Clone, Debug)]
pub struct BackgroundTask(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    restarts: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl BackgroundTask {
    /// A task of this name, which is well.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            name: name.into(),
            restarts: AtomicU64::new(0),
            failure: Mutex::new(None),
        }))
    }

    /// What it is called, in metrics and checks.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How often it was started again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.0.restarts.load(Ordering::Relaxed)
    }

    /// Why it does not run, or ran only so short a while that it may fail again; `None`: it is well.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Notes that it ended by a panic, and is started again.
    pub(crate) fn panicked(&self, panic: &(dyn Any + Send)) {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no reason given");
        tracing::error!(
            task = self.name(),
            panic = text,
            "a background task panicked, and is started again"
        );
        self.starts_again(text);
    }

    /// Notes that it ended by an error, and is started again.
    fn failed(&self, error: &str) {
        tracing::error!(
            task = self.name(),
            error,
            "a background task failed, and is started again"
        );
        self.starts_again(error);
    }

    fn starts_again(&self, why: &str) {
        self.0.restarts.fetch_add(1, Ordering::Relaxed);
        *self.lock() = Some(why.to_owned());
    }

    /// Notes that it is well.
    pub(crate) fn is_well(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long to wait before a task that panicked is started again.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LAST_PAUSE);
        pause
    }
}

/// Runs what `start` makes until that ends by itself. Where it panics, `fallen` sees to what it left behind, and it is
/// started again after a pause.
pub(crate) async fn supervise<F>(task: BackgroundTask, mut start: impl FnMut() -> F, fallen: impl Fn())
where
    F: Future<Output = ()>,
{
    supervise_fallible(task, || start().map(Ok), fallen, std::future::pending()).await;
}

/// The same of what may end by an error too, after which it is started again as after a panic; but not when `stop` has ended.
pub(crate) async fn supervise_fallible<F>(
    task: BackgroundTask,
    mut start: impl FnMut() -> F,
    fallen: impl Fn(),
    stop: impl Future<Output = ()>,
) where
    F: Future<Output = Result<(), String>>,
{
    let mut stop = std::pin::pin!(stop);
    let mut backoff = Backoff::new();
    loop {
        // What makes the future may panic too.
        let start = &mut start;
        let begun = async move { start().await };
        let mut run = Box::pin(AssertUnwindSafe(begun).catch_unwind());
        let ended = match timeout(STEADY, &mut run).await {
            Ok(ended) => ended,
            Err(_) => {
                task.is_well();
                backoff = Backoff::new();
                (&mut run).await
            }
        };
        drop(run);
        match ended {
            Ok(Ok(())) => {
                task.is_well();
                return;
            }
            Ok(Err(error)) => task.failed(&error),
            Err(panic) => task.panicked(&*panic),
        }
        fallen();
        tokio::select! {
            biased;
            () = &mut stop => return,
            () = sleep(backoff.next()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again_ever_later_and_is_well_when_it_goes_on() {
        let task = BackgroundTask::new("test");
        let (starts, falls) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let running = {
            let (task, starts, falls) = (task.clone(), starts.clone(), falls.clone());
            tokio::spawn(supervise(
                task,
                move || {
                    let count = starts.fetch_add(1, Ordering::SeqCst);
                    async move {
                        assert!(count >= 3, "it fails on purpose");
                        std::future::pending::<()>().await;
                    }
                },
                move || {
                    falls.fetch_add(1, Ordering::SeqCst);
                },
            ))
        };
        sleep(Duration::from_millis(10)).await;
        assert_eq!(task.failure().as_deref(), Some("it fails on purpose"));
        sleep(Duration::from_secs(1)).await;
        let counted = (
            starts.load(Ordering::SeqCst),
            falls.load(Ordering::SeqCst),
            task.restarts(),
        );
        assert_eq!(counted, (4, 3, 3));
        assert!(task.failure().is_some(), "it may fail again");
        sleep(STEADY).await;
        assert_eq!(task.failure(), None);
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_before_it_begins_is_started_again_too() {
        let task = BackgroundTask::new("test");
        let mut starts = 0;
        let start = || {
            starts += 1;
            assert!(starts > 2, "it fails on purpose");
            std::future::ready(())
        };
        supervise(task.clone(), start, || {}).await;
        assert_eq!((starts, task.restarts(), task.failure()), (3, 2, None));
    }

    #[tokio::test]
    async fn a_task_that_ends_is_left_alone() {
        let task = BackgroundTask::new("test");
        supervise(task.clone(), || async {}, || {}).await;
        assert_eq!((task.restarts(), task.failure()), (0, None));
    }
}
