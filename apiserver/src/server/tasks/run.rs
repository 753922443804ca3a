//! Tasks that run, and their end.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};

use super::context::{Stop, stopped};
use super::leader::{Elected, lead};
use super::{Task, TaskContext};
use crate::background::supervise_fallible;
use crate::storage::cache::Cache;

/// How long a task that was dropped may take to its next await.
const LAST_AWAIT: Duration = Duration::from_secs(1);
/// How long what ends tasks may take beyond their deadline: their last await, and the release of the Lease.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(2);

/// Tasks that run. They go on when this is dropped.
pub(in crate::server) struct Tasks {
    stop: watch::Sender<Option<Instant>>,
    running: Option<JoinHandle<()>>,
}

impl Tasks {
    /// Starts `tasks` when `caches` are filled: those of a leader once `elected` has the Lease, or at once where there is none to have.
    pub(in crate::server) fn start(
        tasks: Vec<Task>,
        caches: Vec<Arc<Cache>>,
        client: Client,
        elected: Option<Elected>,
    ) -> Self {
        let (stop, told) = watch::channel(None);
        let context = TaskContext::new(client, told.clone());
        let running = (!tasks.is_empty()).then(|| tokio::spawn(run(tasks, caches, context, elected, told)));
        Self { stop, running }
    }

    /// Has them end by `deadline`; those that do not are dropped.
    pub(in crate::server) async fn stop(self, deadline: Instant) {
        let Self { stop, running } = self;
        stop.send_replace(Some(deadline));
        let Some(mut running) = running else {
            return;
        };
        if timeout_at(deadline + LAST_WORDS + LAST_AWAIT, &mut running)
            .await
            .is_err()
        {
            tracing::warn!("a task of the program blocks its thread, and goes on until the process ends");
            running.abort();
        }
    }
}

async fn run(
    tasks: Vec<Task>,
    caches: Vec<Arc<Cache>>,
    context: TaskContext,
    elected: Option<Elected>,
    mut stop: Stop,
) {
    let filled = async {
        for cache in &caches {
            cache.wait_ready().await;
        }
    };
    tokio::select! {
        biased;
        _ = stopped(&mut stop) => return,
        () = filled => {}
    }
    // They would keep the storage open.
    drop(caches);
    let (leaders, others): (Vec<_>, Vec<_>) = tasks
        .into_iter()
        .partition(|task| task.only_leader && elected.is_some());
    let mut running = spawn(&others, &context);
    match elected {
        Some(elected) if !leaders.is_empty() => {
            let ends = end(&mut running, stop.clone());
            tokio::join!(lead(elected, &leaders, &context, stop), ends);
        }
        _ => end(&mut running, stop).await,
    }
}

/// Begins `tasks`, each of which is started again when it fails.
pub(super) fn spawn(tasks: &[Task], context: &TaskContext) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for task in tasks {
        task.begins();
        let (start, context) = (task.start.clone(), context.clone());
        let stop = context.stopped();
        running.spawn(supervise_fallible(
            task.background(),
            move || start(context.clone()),
            || {},
            stop,
        ));
    }
    running
}

/// Waits until all have ended, or were dropped because they did not in time.
pub(super) async fn end(running: &mut JoinSet<()>, mut stop: Stop) {
    let deadline = tokio::select! {
        biased;
        () = all(running) => return,
        deadline = stopped(&mut stop) => deadline,
    };
    if timeout_at(deadline, all(running)).await.is_err() {
        tracing::warn!(
            count = running.len(),
            "tasks of the program did not end in time, and are dropped"
        );
        cut(running).await;
    }
}

/// Drops all, wherever they are.
pub(super) async fn cut(running: &mut JoinSet<()>) {
    let _ = timeout(LAST_AWAIT, running.shutdown()).await;
}

/// Waits until all have ended.
pub(super) async fn all(running: &mut JoinSet<()>) {
    while running.join_next().await.is_some() {}
}
