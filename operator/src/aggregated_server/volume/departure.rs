//! The volume that stays behind when its AggregatedServer is deleted: an Event names it.
//!
//! Nothing holds a deletion up: an AggregatedServer has no finalizer, so that it goes without an operator too. What is left
//! is read from the watch: who was there and is there no more (`servers`).

use std::sync::Arc;

use annex_crds::v1alpha1::OnDelete;
use k8s_openapi::api::core::v1::{ObjectReference, PersistentVolumeClaim};
use kube::{
    Api, Resource as _, ResourceExt as _,
    runtime::events::{Event, EventType},
};
use tokio::sync::mpsc;

use crate::{
    aggregated_server::{
        claimant::{self, ListedServer},
        context::Context,
        names,
    },
    error_chain::error_chain,
};

/// How many deletions may wait to be told of.
const WAITING: usize = 256;

/// A server whose volume stays when it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Retained {
    server: ObjectReference,
    namespace: String,
}

impl Retained {
    /// Of `server`; `None` where no volume stays.
    #[must_use]
    pub fn of(server: &ListedServer) -> Option<Self> {
        let stays = match &server.0 {
            Ok(server) => server.spec.storage.as_ref()?.embedded.as_ref()?.on_delete == OnDelete::Retain,
            // Whether it stays is looked at again once it has gone.
            Err(undecodable) => {
                let embedded = undecodable.spec.get("storage")?.get("embedded")?;
                embedded.get("onDelete").and_then(|what| what.as_str()) != Some("Delete")
            }
        };
        let namespace = claimant::namespace(server).filter(|_| stays)?.to_owned();
        Some(Self {
            server: server.object_ref(&()),
            namespace,
        })
    }

    fn name(&self) -> &str {
        self.server.name.as_deref().unwrap_or_default()
    }
}

/// Where those that have gone are told to, and where they are read.
#[must_use]
pub fn channel() -> (mpsc::Sender<Retained>, mpsc::Receiver<Retained>) {
    mpsc::channel(WAITING)
}

/// Tells of all that come, until nobody sends any more.
pub async fn tell_all(ctx: Arc<Context>, mut gone: mpsc::Receiver<Retained>) {
    while let Some(retained) = gone.recv().await {
        tell(&ctx, &retained).await;
    }
}

async fn tell(ctx: &Context, retained: &Retained) {
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(ctx.client.clone(), &retained.namespace);
    let name = names::claim(retained.name());
    let claim = match claims.get_opt(&name).await {
        Ok(claim) => claim,
        Err(error) => {
            tracing::warn!(
                server = retained.name(),
                claim = name,
                error = error_chain(&error),
                "failed to read the volume that stays"
            );
            return;
        }
    };
    let Some(claim) = claim.filter(stays) else { return };
    let claim = claim.object_ref(&());
    tracing::info!(server = retained.name(), claim = name, "volume stays");
    // By each of the two it is found: the one is gone, but the Events in its name are listed; the other can be described.
    for (regarding, secondary) in [(&retained.server, &claim), (&claim, &retained.server)] {
        let event = event(retained, &name, secondary.clone());
        if let Err(error) = ctx.publisher().publish(&event, regarding).await {
            tracing::warn!(
                server = retained.name(),
                error = error_chain(&error),
                "failed to publish an Event"
            );
        }
    }
}

/// It is neither on its way out, nor will the garbage collector take it with its StatefulSet.
fn stays(claim: &PersistentVolumeClaim) -> bool {
    claim.metadata.deletion_timestamp.is_none()
        && !claim
            .owner_references()
            .iter()
            .any(|owner| owner.kind == "StatefulSet")
}

fn event(retained: &Retained, claim: &str, secondary: ObjectReference) -> Event {
    let (name, namespace) = (retained.name(), &retained.namespace);
    Event {
        type_: EventType::Normal,
        reason: "VolumeRetained".into(),
        note: Some(format!(
            "PersistentVolumeClaim {namespace}/{claim} stays, with all that {name} stored (storage.embedded.onDelete: Retain). An \
             AggregatedServer {name} in the same namespace takes it up again; to be rid of it: kubectl -n {namespace} delete pvc {claim}"
        )),
        action: "Delete".into(),
        secondary: Some(secondary),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aggregated_server::testing::{embedded_server, server},
        decode::Guarded,
    };

    #[test]
    fn only_a_volume_that_stays_is_told_of() {
        let stays = embedded_server();
        let mut taken = embedded_server();
        let storage = taken.spec.storage.as_mut().unwrap();
        storage.embedded.as_mut().unwrap().on_delete = OnDelete::Delete;
        let told = [stays, taken, server()].map(|server| Retained::of(&Guarded(Ok(server))).is_some());
        assert_eq!(told, [true, false, false]);
    }

    #[test]
    fn a_claim_that_goes_too_does_not_stay() {
        let owned: PersistentVolumeClaim = serde_saphyr::from_str(
            "metadata: { name: c, ownerReferences: [{ apiVersion: apps/v1, kind: StatefulSet, name: wardle, uid: '1' }] }",
        )
        .unwrap();
        assert!(!stays(&owned));
        assert!(stays(&PersistentVolumeClaim::default()));
    }
}
