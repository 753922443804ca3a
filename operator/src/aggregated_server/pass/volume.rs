//! The StatefulSet of a pass, and the growth of its volume.

use std::time::Duration;

use annex_crds::v1alpha1::{Child, EmbeddedStorage, OnDelete, Reason};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PodTemplateSpec};
use kube::ResourceExt as _;

use super::Pass;
use crate::{
    aggregated_server::{
        build::{defaults::Chosen, stateful_set::stateful_set},
        children::{Children, Writes},
        context::{Memory, RefusedResize},
        live::LiveWorkload,
        pass_result::{EventRecord, PassResult},
        volume::{
            claim,
            growth::{self, Growth},
            raise::{self, RaiseError},
        },
    },
    error_chain::error_chain,
};

/// The pause after a refused resize.
const REFUSED: Duration = Duration::from_secs(60);

impl Pass<'_> {
    /// The StatefulSet comes first in its old size, so that what else has changed does not wait for a volume, and so that
    /// one is deleted only where the next one would be taken.
    pub(super) async fn apply_stateful_set(
        &self,
        children: &Children<'_>,
        embedded: &EmbeddedStorage,
        chosen: &Chosen,
        template: PodTemplateSpec,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) {
        let live = self
            .surroundings
            .workload
            .as_ref()
            .and_then(LiveWorkload::stateful_set);
        let claim = self.surroundings.claim.as_ref();
        let size = growth::template_size(&embedded.size, live);
        let set = stateful_set(&self.names, embedded, &size, chosen, template);
        if !children.accepts(&set, Reason::TemplateInvalid, outcome).await {
            return;
        }
        children.apply(&set, Reason::TemplateInvalid, outcome).await;
        match (growth::decide(&self.names, &embedded.size, live, claim), claim) {
            (Growth::Blocked(finding), _) => outcome.findings.push(finding),
            (Growth::Raise, Some(claim)) => self.raise(children, embedded, claim, memory, outcome).await,
            (Growth::MakeAgain, _) => {
                if let Some(live) = live
                    && children.orphan(live, outcome).await
                {
                    let message = format!(
                        "StatefulSet {}/{} is made again for storage.embedded.size {}; its pod and its volume stay",
                        self.names.namespace, self.names.server, embedded.size.0
                    );
                    outcome.find(Reason::ResizingVolume, &message);
                    outcome
                        .event_records
                        .push(EventRecord::normal("ResizingVolume", "Resize", message));
                    outcome.hurry = true;
                }
            }
            (Growth::None | Growth::Raise, _) => {}
        }
    }

    /// Has the claim ask for more. What the API server refused it is asked again in a while only.
    async fn raise(
        &self,
        children: &Children<'_>,
        embedded: &EmbeddedStorage,
        claim: &PersistentVolumeClaim,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) {
        let size = &embedded.size;
        let called = format!("claim {}/{}", self.names.namespace, claim.name_any());
        let of = format!("{} {}", claim.uid().unwrap_or_default(), size.0);
        if let Some(refused) = &memory.refused_resize
            && refused.of == of
            && self.now < refused.retry_at
        {
            outcome.find(Reason::VolumeNotResized, &refused.why);
            return;
        }
        if children.writes != Writes::Allowed {
            children.not_now(outcome);
            return;
        }
        memory.refused_resize = None;
        match raise::raise(&self.ctx.client, claim, size).await {
            Ok(()) => {
                self.ctx.metrics.count_apply_write("PersistentVolumeClaim");
                let message = format!("{called} asks for {}", size.0);
                outcome.find(Reason::ResizingVolume, &message);
                outcome
                    .event_records
                    .push(EventRecord::normal("ResizingVolume", "Resize", message));
                outcome.hurry = true;
            }
            Err(RaiseError::Raced) => outcome.hurry = true,
            Err(RaiseError::Refused(words)) => {
                let why = format!("{called} cannot ask for {}: {words}", size.0);
                outcome.find(Reason::VolumeNotResized, &why);
                memory.refused_resize = Some(RefusedResize {
                    of,
                    why,
                    retry_at: self.now.checked_add(REFUSED).unwrap_or(self.now),
                });
            }
            Err(error @ RaiseError::Request(_)) => outcome.find(Reason::ApplyFailed, error_chain(&error)),
        }
    }

    /// How the claim fares that was read at the beginning.
    pub(super) fn tell_of_volume(&self, outcome: &mut PassResult) {
        let Some(claim) = &self.surroundings.claim else {
            return;
        };
        outcome.findings.extend(claim::unusable(claim, self.now));
        outcome.findings.extend(claim::resizing(claim, self.now));
        let storage = self.server.spec.storage.as_ref();
        let embedded = storage.and_then(|storage| storage.embedded.as_ref());
        // One that stays is not the server's alone.
        if embedded.is_some_and(|embedded| embedded.on_delete == OnDelete::Delete) {
            outcome.children.push(Child {
                api_version: "v1".into(),
                kind: "PersistentVolumeClaim".into(),
                namespace: Some(self.names.namespace.clone()),
                name: claim.name_any(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
