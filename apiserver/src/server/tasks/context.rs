//! What a task is given of its server.

use std::future::Future;

use kube::Client;
use tokio::sync::watch;
use tokio::time::Instant;

/// Until when tasks must have ended, once they are told to.
pub(super) type Stop = watch::Receiver<Option<Instant>>;

/// What a task is given of its server. Clones are one.
#[derive(Clone)]
pub struct TaskContext {
    client: Client,
    stop: Stop,
}

impl std::fmt::Debug for TaskContext {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TaskContext").finish_non_exhaustive()
    }
}

impl TaskContext {
    pub(super) fn new(client: Client, stop: Stop) -> Self {
        Self { client, stop }
    }

    /// A client of the server itself, in this process: [`Loopback`](crate::server::Loopback).
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Ends when the task is to end: what `graceful_shutdown_on` of a controller of kube's takes.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + Sync + 'static {
        let mut stop = self.stop.clone();
        async move {
            stopped(&mut stop).await;
        }
    }
}

/// Waits until tasks are told to end; until when they must have. A server that nobody can end any more goes on.
pub(super) async fn stopped(stop: &mut Stop) -> Instant {
    let told = stop.wait_for(Option::is_some).await.ok().and_then(|told| *told);
    match told {
        Some(deadline) => deadline,
        None => std::future::pending().await,
    }
}
