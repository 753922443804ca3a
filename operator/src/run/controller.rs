//! The controller's task: started by the leader, finished on a stop, cut off when that takes too long.

use std::{future::Future, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::timeout};

use super::{ControllerDeps, Dependencies, RunError};

/// How long a controller may take to finish what it is doing. Shorter than a pod's usual 30 s of grace, so that the
/// lease is given back within them.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(20);

/// How long an aborted controller may take to reach its next await.
const ABORT_LIMIT: Duration = Duration::from_secs(1);

/// The controller on a task of its own, where a panic of it is seen and it can be ended at any time.
pub(super) struct Controller {
    task: JoinSet<()>,
    shutdown: watch::Sender<bool>,
}

impl Controller {
    pub(super) fn start<F, Fut>(controller: F, deps: Dependencies) -> Self
    where
        F: FnOnce(ControllerDeps) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let Dependencies {
            client,
            config,
            clock,
            watch_client,
            namespace,
            settings,
            admin,
        } = deps;
        let (shutdown, receiver) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(controller(ControllerDeps {
            client,
            config,
            clock,
            watch_client,
            namespace,
            settings,
            metrics: admin.metrics,
            heartbeat: admin.health.heartbeat(),
            watches: admin.health.watches(),
            shutdown: receiver,
        }));
        Self { task, shutdown }
    }

    /// Waits for an end that nobody asked for.
    pub(super) async fn ended(&mut self) -> RunError {
        match self.task.join_next().await {
            Some(Err(error)) => RunError::ControllerFailed(error),
            Some(Ok(())) | None => RunError::ControllerEnded,
        }
    }

    /// Asks the controller to finish, and waits for it no longer than [`STOP_LIMIT`].
    pub(super) async fn stop(&mut self) -> Result<(), RunError> {
        self.shutdown.send_replace(true);
        match timeout(STOP_LIMIT, self.task.join_next()).await {
            Ok(Some(Err(error))) => Err(RunError::ControllerFailed(error)),
            Ok(Some(Ok(())) | None) => Ok(()),
            Err(_) => {
                tracing::warn!(limit = ?STOP_LIMIT, "the controller has not finished in time and is cut off");
                Ok(())
            }
        }
    }

    /// Ends the controller wherever it is; says whether it is gone. Code that computes without end cannot be ended,
    /// and must not keep the process from ending.
    pub(super) async fn abort(&mut self) -> bool {
        timeout(ABORT_LIMIT, self.task.shutdown()).await.is_ok()
    }
}
