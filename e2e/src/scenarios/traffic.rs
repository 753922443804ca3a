//! A user of an API, all the while: requests through the aggregator at a steady rate, each failure remembered.

use std::time::Duration;

use kube::Client;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Failure, World, ensure, failure};
use crate::client;

/// 20 requests in a second.
const PAUSE: Duration = Duration::from_millis(50);
/// Fewer show nothing.
const ENOUGH: usize = 20;

/// Requests under way.
pub(super) struct Traffic {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Seen>,
}

#[derive(Default)]
struct Seen {
    answered: usize,
    failures: Vec<String>,
}

impl Traffic {
    /// Begins to `GET` this path again and again, each time once: a client that tries again where it is answered 429, 503 or 504
    /// would hide what fails.
    ///
    /// # Errors
    /// The client cannot be made.
    pub(super) async fn begin(world: &World, path: &str) -> Result<Self, Failure> {
        let (stop, stopped) = oneshot::channel();
        let client = client::connect_without_retries(world.tools.kubeconfig()).await?;
        let task = tokio::spawn(send(client, path.to_owned(), stopped));
        Ok(Self { stop, task })
    }

    /// Ends it; returns how many requests were answered.
    ///
    /// # Errors
    /// One was not, or there were too few to tell.
    pub(super) async fn end(self) -> Result<usize, Failure> {
        // A task that has ended already says why below.
        let _ = self.stop.send(());
        let seen = self.task.await?;
        if let Some(first) = seen.failures.first() {
            return Err(failure(format!(
                "{} of {} requests through the aggregator failed, the first with: {first}",
                seen.failures.len(),
                seen.failures.len() + seen.answered
            )));
        }
        ensure(seen.answered >= ENOUGH, || {
            format!("only {} requests were sent", seen.answered)
        })?;
        Ok(seen.answered)
    }
}

async fn send(client: Client, path: String, mut stopped: oneshot::Receiver<()>) -> Seen {
    let mut seen = Seen::default();
    let mut pace = tokio::time::interval(PAUSE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = &mut stopped => return seen,
            _ = pace.tick() => {}
        }
        match client::get(&client, &path).await {
            Ok(_) => seen.answered += 1,
            Err(error) => seen.failures.push(error.to_string()),
        }
    }
}
