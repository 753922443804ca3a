//! The tasks that drive one HTTP connection, ended together with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::rt::Executor;
use tokio::task::JoinSet;

/// Owns the tasks of a connection: dropped, it aborts them all. hyper's HTTP/2 client spawns some of its own, which
/// could otherwise outlive a connection to a peer that stopped reading.
#[derive(Default)]
pub(super) struct ConnectionTasks(Spawner);

impl ConnectionTasks {
    pub(super) fn spawner(&self) -> Spawner {
        self.0.clone()
    }
}

impl Drop for ConnectionTasks {
    fn drop(&mut self) {
        self.0.lock().abort_all();
    }
}

/// Adds tasks. Held by the tasks themselves, so that its drop ends nothing.
#[derive(Clone, Default)]
pub(super) struct Spawner(Arc<Mutex<JoinSet<()>>>);

impl Spawner {
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.lock().spawn(task);
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end of all, and says how many of them were aborted.
    #[cfg(test)]
    pub(super) async fn aborted(&self) -> usize {
        let mut tasks = std::mem::take(&mut *self.lock());
        let mut aborted = 0;
        while let Some(end) = tasks.join_next().await {
            aborted += usize::from(end.is_err_and(|error| error.is_cancelled()));
        }
        aborted
    }
}

impl<F> Executor<F> for Spawner
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, task: F) {
        self.spawn(async move {
            task.await;
        });
    }
}
