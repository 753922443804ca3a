//! Definitions in the cluster: AggregatedResourceDefinitions that name this server, served as they change. Go: the informer, the
//! `crdHandler` and the finalizing controller of apiextensions.
//!
//! ```text
//! informer -> follower -> installer
//!                |-> objects   (deletes those of definitions that are deleted)
//!                |-> rewriting (writes those that are stored in an older version)
//!                `-> report    (GET /definitionz)
//! lookup: whether what a client asks for, and nobody serves here, is about to be served, or stored still
//! ```
//!
//! The server writes nothing into the cluster: what it reads are definitions, what it tells is its report. What was served last of each
//! definition is kept in the server's own storage, so that one that has become wrong is served after a restart as it was before.

mod follower;
mod informer;
mod kept;
mod live;
mod lookup;
mod objects;
mod report;
mod rewriting;
mod seen;
mod size;
mod standing;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kube::Client;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use self::follower::Follower;
use self::informer::Known;
use self::lookup::Lookup;
use self::objects::Left;
use self::rewriting::Progress;
use self::standing::Standings;
use crate::background::{BackgroundTask, supervise};
use crate::request::RequestInfo;
use crate::server::health::Check;
use crate::server::installer::Installer;
use crate::server::served::Served;
use crate::status::ApiError;

pub(in crate::server) use report::PATH as REPORT_PATH;

/// Definitions that are in the cluster. To get, list and watch `aggregatedresourcedefinitions.annex.dev` is all that the server must be
/// allowed there.
#[derive(Clone)]
pub struct ClusterDefinitions {
    pub(in crate::server) server: String,
    pub(in crate::server) reader: Option<String>,
    pub(in crate::server) client: Option<Client>,
}

impl std::fmt::Debug for ClusterDefinitions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ClusterDefinitions")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl ClusterDefinitions {
    /// Those of the AggregatedServer of this name, which the server is a replica of.
    #[must_use]
    pub fn of(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            reader: None,
            client: None,
        }
    }

    /// Allows a user to read the report of definitions at `/definitionz`, beside those whom the cluster allows it.
    #[must_use]
    pub fn reader(mut self, user: impl Into<String>) -> Self {
        self.reader = Some(user.into());
        self
    }

    /// The cluster that they are in, where it is not the one that the server belongs to.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }
}

/// The definitions in the cluster, as this server knows and serves them.
pub(in crate::server) struct InCluster {
    /// What the cluster has.
    known: watch::Sender<Known>,
    /// What was made of it; nothing before all was listed once.
    standings: watch::Sender<Option<Arc<Standings>>>,
    rewriting: Progress,
    left: Left,
    lookup: Lookup,
    server: String,
    client: Client,
    tasks: Tasks,
}

/// What goes on in the background.
struct Tasks {
    informer: BackgroundTask,
    follower: BackgroundTask,
    objects: BackgroundTask,
    rewriting: BackgroundTask,
}

impl InCluster {
    /// Those of `server`, in the cluster that `client` reaches. Nothing is asked yet.
    pub(in crate::server) fn new(server: String, client: Client) -> Self {
        Self {
            known: watch::Sender::default(),
            standings: watch::Sender::default(),
            rewriting: Progress::default(),
            left: Left::default(),
            lookup: Lookup::new(server.clone(), client.clone()),
            server,
            client,
            tasks: Tasks {
                informer: BackgroundTask::new("definitions-informer"),
                follower: BackgroundTask::new("definitions"),
                objects: BackgroundTask::new("definitions-objects"),
                rewriting: BackgroundTask::new("definitions-rewriting"),
            },
        }
    }

    /// What goes on in the background.
    pub(in crate::server) fn background(&self) -> [BackgroundTask; 4] {
        let Tasks {
            informer,
            follower,
            objects,
            rewriting,
        } = &self.tasks;
        [informer, follower, objects, rewriting].map(BackgroundTask::clone)
    }

    /// Ready means that definitions were listed, and what is right in them is served.
    pub(in crate::server) fn check(self: &Arc<Self>) -> Check {
        let weak = Arc::downgrade(self);
        Check::of_readiness("poststarthook/definitions-sync", move || {
            let is_served = weak.upgrade().is_some_and(|definitions| definitions.is_served());
            async move {
                if is_served {
                    Ok(())
                } else {
                    Err("definitions have not been listed yet".to_owned())
                }
            }
        })
    }

    fn is_served(&self) -> bool {
        self.standings.borrow().is_some()
    }

    /// Follows the cluster until it is dropped.
    pub(in crate::server) fn follow(self: &Arc<Self>, installer: Arc<Installer>) -> JoinHandle<()> {
        self.lookup.ask_storage_of(&installer);
        let [informer, follower, objects, rewriting] = self.background();
        let definitions = self.clone();
        let following = Follower::new(definitions.clone(), installer.clone());
        let following = Arc::new(Mutex::new(following));
        let follow = move || {
            let following = following.clone();
            async move { following.lock().await.follow().await }
        };
        tokio::spawn(async move {
            tokio::join!(
                supervise(informer, || informer::follow(definitions.clone()), || {}),
                supervise(follower, follow, || {}),
                supervise(
                    objects,
                    || objects::delete(definitions.clone(), installer.clone()),
                    || {}
                ),
                supervise(
                    rewriting,
                    || rewriting::rewrite(definitions.clone(), installer.clone()),
                    || {}
                ),
            );
        })
    }

    /// The answer for a resource that is not served here: 404 where the cluster has no such definition of
    /// this server, and none of its objects are stored, else 503.
    pub(in crate::server) async fn unknown(&self, info: &RequestInfo) -> ApiError {
        self.lookup.unknown(info).await
    }

    /// What this server says of its definitions.
    ///
    /// # Errors
    /// 503: they were not listed yet.
    pub(in crate::server) async fn report(&self, served: &Served) -> Result<bytes::Bytes, ApiError> {
        let standings = self.standings.borrow().clone();
        match standings {
            Some(standings) => report::of(&standings, served, self).await,
            None => Err(ApiError::ServiceUnavailable {
                message: "definitions have not been listed yet".to_owned(),
                retry_after: 1,
            }),
        }
    }
}
