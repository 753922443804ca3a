//! Background tasks of the author's own. Go: `AddPostStartHook` of `server/hooks.go`, whose names and checks they have
//! (`poststarthook/NAME`).
//!
//! A hook of Go's ends soon, leaves goroutines behind, and takes the process with it when it fails. A task here is what goes on: while it
//! fails it is started again, ever later, and the server is not ready, but goes on to serve.

mod context;
pub(super) mod election;
mod leader;
mod run;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;

pub use context::TaskContext;
pub(super) use leader::Elected;
pub(super) use run::Tasks;

use super::health::Check;
use super::{BoxError, Builder};
use crate::background::BackgroundTask;

type Start = Arc<dyn Fn(TaskContext) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// A background task of the author's own.
#[derive(Clone)]
pub(super) struct Task {
    start: Start,
    background: BackgroundTask,
    /// Whether it was begun, or waits to lead.
    is_begun: Arc<AtomicBool>,
    only_leader: bool,
}

impl Builder {
    /// What goes on beside the answers: it is started when every resource can be served, and told to stop when the server has
    /// stopped to accept ([`TaskContext::stopped`]), while its last requests are still answered; what has not ended 8 s later is
    /// dropped. Before that, what ends with `Ok` has done its work; what ends with an error, or panics, is started again after a
    /// pause that grows up to 30 s. `/readyz/poststarthook/NAME` says whether it is well; `annex_background_task_restarts_total` counts.
    ///
    /// A task must not block its thread, and what it spawns is its own to end.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use annex_apiserver::server::{Builder, Server};
    ///
    /// fn builder() -> Builder {
    ///     Server::builder("greeter").task("dictionary", |context| async move {
    ///         let mut stopped = std::pin::pin!(context.stopped());
    ///         loop {
    ///             tokio::select! {
    ///                 () = &mut stopped => return Ok(()),
    ///                 () = tokio::time::sleep(Duration::from_secs(60)) => {}
    ///             }
    ///             // An error is seen, and the task started again.
    ///             tokio::fs::read("/var/lib/dictionary").await?;
    ///         }
    ///     })
    /// }
    /// ```
    #[must_use]
    pub fn task<F>(
        self,
        name: impl Into<String>,
        task: impl Fn(TaskContext) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.add(name.into(), task, false)
    }

    /// The same on one replica alone: on that which holds the server's Lease, with client-go's algorithm and the times of Kubernetes'
    /// components (15 s, 10 s, 2 s). A task whose server loses the Lease is dropped where it is, before another can take it, and
    /// started again when the Lease is back. One that has done its work keeps the Lease, and is begun again by whoever leads next. When the
    /// server ends, the Lease is released after the task has ended.
    ///
    /// The Lease is in the server's namespace, under the program's name (`--leader-elect-resource-namespace`,
    /// `--leader-elect-resource-name`). The server needs the rights to `get`, `create` and `update` `leases` of
    /// `coordination.k8s.io` there. Without a cluster (`--standalone`), with storage in a directory (`--data-dir`), which only one process
    /// can have open, and with `--leader-elect=false` it runs without one.
    #[must_use]
    pub fn leader_task<F>(
        self,
        name: impl Into<String>,
        task: impl Fn(TaskContext) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.add(name.into(), task, true)
    }

    fn add<F>(
        mut self,
        name: String,
        task: impl Fn(TaskContext) -> F + Send + Sync + 'static,
        only_leader: bool,
    ) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let task = Task {
            start: Arc::new(move |context| {
                let run = task(context);
                Box::pin(async move { run.await.map_err(|error| said(&*error)) })
            }),
            background: BackgroundTask::new(name),
            is_begun: Arc::default(),
            only_leader,
        };
        self.server.checks.push(task.check());
        self.server.tasks.push(task);
        self
    }
}

impl Task {
    /// What is known of it.
    pub(super) fn background(&self) -> BackgroundTask {
        self.background.clone()
    }

    /// Whether it runs on one replica alone.
    pub(super) fn is_of_leader(&self) -> bool {
        self.only_leader
    }

    fn begins(&self) {
        self.is_begun.store(true, Ordering::SeqCst);
    }

    fn check(&self) -> Check {
        let (background, is_begun) = (self.background.clone(), self.is_begun.clone());
        Check::of_readiness(format!("poststarthook/{}", background.name()), move || {
            let found = if is_begun.load(Ordering::SeqCst) {
                background.failure().map_or(Ok(()), Err)
            } else {
                // Go's word of a hook.
                Err("not finished".to_owned())
            };
            async move { found }
        })
    }
}

/// An error with its causes.
fn said(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |&cause: &&(dyn Error + 'static)| cause.source());
    causes.fold(error.to_string(), |text, cause| match cause.to_string() {
        more if text.contains(&more) => text,
        more => format!("{text}: {more}"),
    })
}
