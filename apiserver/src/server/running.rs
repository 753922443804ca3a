//! A server that runs, and how it ends.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::Connections;
use super::handler::Handler;
use super::installer::Installer;
use super::lifecycle::Stage;
use super::server_state::ServerState;
use super::tasks::Tasks;

/// How long requests that run, and clients that do not take their answers, may take when the server ends. With the delay
/// before it and the storage behind it that must end well within the 30 s that a pod has.
const DRAIN: Duration = Duration::from_secs(8);
/// How long connections may take to close after everything was answered.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long connections that are cut may take to be gone.
const CUT: Duration = Duration::from_secs(1);

/// What runs.
pub(super) struct Parts {
    pub(super) address: io::Result<SocketAddr>,
    pub(super) core: Arc<ServerState>,
    /// What this process's own requests go to, up to the end.
    pub(super) handler: Arc<Handler>,
    pub(super) connections: Connections,
    pub(super) accepting: JoinHandle<()>,
    pub(super) delay: Duration,
}

/// A server that runs. It goes on when this is dropped, as long as its runtime does.
pub struct Running {
    parts: Parts,
    installer: Arc<Installer>,
    tasks: Tasks,
    /// What follows definitions.
    follower: Option<JoinHandle<()>>,
    kubeconfig: Option<PathBuf>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Running")
            .field("address", &self.parts.address)
            .finish_non_exhaustive()
    }
}

impl Running {
    pub(super) fn new(
        parts: Parts,
        installer: Arc<Installer>,
        tasks: Tasks,
        follower: Option<JoinHandle<()>>,
        kubeconfig: Option<PathBuf>,
    ) -> Self {
        Self {
            parts,
            installer,
            tasks,
            follower,
            kubeconfig,
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match &self.parts.address {
            Ok(address) => Ok(*address),
            Err(error) => Err(error.kind().into()),
        }
    }

    /// The kubeconfig of its only user, where it serves without a cluster.
    #[must_use]
    pub fn kubeconfig(&self) -> Option<&Path> {
        self.kubeconfig.as_deref()
    }

    /// What every request needs of the server.
    #[cfg(test)]
    pub(super) fn core(&self) -> &Arc<ServerState> {
        &self.parts.core
    }

    /// Waits until every resource can be served.
    pub async fn ready(&self) {
        self.installer.ready().await;
    }

    /// Ends it as k8s.io/apiserver does: says that it is not ready, and goes on to accept and to answer for the configured
    /// delay, until clients go elsewhere; then tells the clients that are left to go (GOAWAY), ends watches and tasks, finishes
    /// what runs (8 s at most), cuts what is still open, and closes the storage.
    pub async fn shutdown(self) {
        let Parts {
            core,
            handler,
            connections,
            accepting,
            delay,
            ..
        } = self.parts;
        let life = &core.life;
        life.advance(Stage::Leaving);
        tracing::info!(?delay, "shutting down");
        tokio::time::sleep(delay).await;
        life.advance(Stage::Draining);
        let end = Instant::now() + DRAIN;
        let answered = async {
            let _ = accepting.await;
            match timeout_at(end, life.idle()).await {
                // A request that was under way when its client was told to go is answered meanwhile.
                Ok(()) => drop(timeout(GOODBYE, connections.all_closed()).await),
                Err(_) => {
                    tracing::warn!("some requests did not end, or their answers were not taken, in time")
                }
            }
        };
        // Tasks may ask the server itself to their end.
        tokio::join!(answered, self.tasks.stop(end));
        life.advance(Stage::Cut);
        drop(handler);
        let _ = timeout(CUT, connections.all_closed()).await;
        if let Some(follower) = self.follower {
            follower.abort();
            let _ = follower.await;
        }
        self.installer.close().await;
        tracing::info!("shut down");
    }
}
