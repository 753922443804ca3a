//! A server that runs, and how it ends.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::core::Core;
use super::lifecycle::Stage;
use super::storage::Stores;

/// How long connections may take to close after everything was answered.
const GOODBYE: Duration = Duration::from_secs(10);

/// What runs.
pub(super) struct Parts {
    pub(super) address: io::Result<SocketAddr>,
    pub(super) core: Arc<Core>,
    /// A permit of it is held by every connection.
    pub(super) room: Arc<Semaphore>,
    pub(super) connections: usize,
    pub(super) accepting: JoinHandle<()>,
    pub(super) delay: Duration,
}

/// A server that runs. It goes on when this is dropped, as long as its runtime does.
pub struct Running {
    parts: Parts,
    stores: Stores,
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
    pub(super) fn new(parts: Parts, stores: Stores, kubeconfig: Option<PathBuf>) -> Self {
        Self {
            parts,
            stores,
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

    /// Waits until every resource can be served.
    pub async fn ready(&self) {
        self.stores.ready().await;
    }

    /// Ends it: says that it is not ready, goes on serving for the configured delay, then lets nobody in, finishes what
    /// runs, ends watches, and closes the storage.
    pub async fn shutdown(self) {
        let life = &self.parts.core.life;
        life.advance(Stage::Leaving);
        tracing::info!(delay = ?self.parts.delay, "shutting down");
        tokio::time::sleep(self.parts.delay).await;
        life.advance(Stage::Draining);
        let _ = self.parts.accepting.await;
        // A request cannot take longer, but its answer can, where the client does not read.
        if tokio::time::timeout(self.parts.core.request_timeout, life.idle())
            .await
            .is_err()
        {
            tracing::warn!("some answers were not taken in time");
        }
        let all = u32::try_from(self.parts.connections).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(GOODBYE, self.parts.room.acquire_many(all)).await;
        // A connection that is still open keeps the core, and must not keep the storage.
        self.parts.core.endpoints.replace([], false);
        self.stores.close().await;
        tracing::info!("shut down");
    }
}
