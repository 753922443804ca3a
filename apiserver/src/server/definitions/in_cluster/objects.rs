//! Deletes the objects of definitions that are being deleted, where the operator said so. All replicas do so; each write says which state
//! it is about, and each page is deleted only when the cluster, asked after it was listed, has the definition and the word still.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::InCluster;
use super::live::{self, Live};
use super::standing::Standing;
use crate::registry::{Cleared, clear};
use crate::server::installer::Installer;
use crate::storage::{Prefix, Storage};

/// How long it waits until it looks again at what is left, at first and at last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// How many objects are left, by the uids of definitions that are being deleted.
#[derive(Debug, Default)]
pub(super) struct Left(Mutex<BTreeMap<String, u64>>);

impl Left {
    /// Of the definition with this uid, when it was looked last.
    pub(super) fn of(&self, uid: &str) -> Option<u64> {
        self.lock().get(uid).copied()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes objects, for ever.
pub(super) async fn delete(definitions: Arc<InCluster>, installer: Arc<Installer>) {
    let mut standings = definitions.standings.subscribe();
    let mut pause = FIRST_PAUSE;
    loop {
        let now = standings.borrow_and_update().clone();
        let standings_now = now.iter().flat_map(|standings| standings.values());
        let deleted: Vec<&Standing> = standings_now.filter(|standing| may_delete(standing)).collect();
        definitions
            .left
            .lock()
            .retain(|uid, _| deleted.iter().any(|standing| standing.seen.uid == *uid));
        if deleted.is_empty() {
            pause = FIRST_PAUSE;
            if standings.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(storage) = installer.storage().await else {
            return;
        };
        let mut done = 0;
        for standing in deleted {
            done += delete_of(&definitions, standing, &*storage).await.done;
        }
        drop(storage);
        pause = if done > 0 {
            FIRST_PAUSE
        } else {
            (pause * 2).min(LAST_PAUSE)
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = standings.changed() => if changed.is_err() { return },
        }
    }
}

/// Whether objects are to be deleted: those of a definition that this server has served, with the operator's word.
fn may_delete(standing: &Standing) -> bool {
    standing.seen.deletes_objects && standing.has_served
}

/// Deletes the objects of one definition once over.
async fn delete_of(definitions: &InCluster, standing: &Standing, storage: &dyn Storage) -> Cleared {
    let (name, uid) = (&standing.seen.name, &standing.seen.uid);
    let resource = standing.group_resource();
    let Ok(prefix) = Prefix::resource(&resource.group, &resource.resource) else {
        return Cleared::default();
    };
    // Creates that end later are not counted.
    let is_terminating = standing.is_terminating();
    // As the cluster has it now: a watch may be late, and tell of a definition that has gone since and whose successor has objects by now.
    let may_delete = || async {
        let live = live::get(definitions.client.clone(), name, &definitions.server).await;
        matches!(live, Live::Is(seen) if seen.uid == *uid && seen.deletes_objects)
    };
    match clear(storage, &prefix, may_delete).await {
        Ok(cleared) => {
            if let Some(left) = cleared.left.filter(|_| is_terminating) {
                definitions.left.lock().insert(uid.clone(), left);
            }
            if cleared.done > 0 {
                tracing::info!(
                    definition = name,
                    done = cleared.done,
                    left = ?cleared.left,
                    "objects of a definition that is being deleted were deleted"
                );
            }
            cleared
        }
        Err(error) => {
            tracing::warn!(definition = name, %error, "objects of a definition that is being deleted cannot be listed");
            Cleared::default()
        }
    }
}
