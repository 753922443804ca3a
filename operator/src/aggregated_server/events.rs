//! Events: what happened in a pass, and each change of what `Ready` says.

use annex_crds::v1alpha1::{AggregatedServer, AggregatedServerStatus, ConditionType, Reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource as _, runtime::events::Event};

use super::{context::Context, outcome::Happening};

/// The longest note that the API takes (events.k8s.io/v1, Event.note), less some for its own ellipsis.
const MAX_NOTE: usize = 1000;

/// Reasons that belong to every first start: nobody has to look at them.
const EXPECTED: [Reason; 4] = [
    Reason::WaitingForServer,
    Reason::OnTrial,
    Reason::NoReadyEndpoints,
    Reason::NotIssued,
];

/// The Event of a change of `Ready`; `None` where its status and reason stay.
#[must_use]
pub fn transition(old: Option<&AggregatedServerStatus>, new: &AggregatedServerStatus) -> Option<Happening> {
    let ready = |status: &AggregatedServerStatus| -> Option<Condition> {
        status
            .conditions
            .iter()
            .find(|condition| condition.type_ == ConditionType::Ready.as_str())
            .cloned()
    };
    let now = ready(new)?;
    let before = old.and_then(ready);
    if before.is_some_and(|before| (before.status, before.reason) == (now.status.clone(), now.reason.clone()))
    {
        return None;
    }
    let expected = EXPECTED.iter().any(|reason| reason.as_str() == now.reason);
    Some(match now.status.as_str() {
        "True" => Happening::normal("Ready", "Reconcile", now.message),
        _ if expected => Happening::normal(&now.reason, "Reconcile", now.message),
        _ => Happening::warning(&now.reason, "Reconcile", now.message),
    })
}

/// Publishes; an Event that cannot be written is logged and lost, as Events are.
pub async fn publish(ctx: &Context, server: &AggregatedServer, happenings: Vec<Happening>) {
    let reference = server.object_ref(&());
    for happening in happenings {
        let event = Event {
            type_: happening.type_,
            reason: happening.reason,
            note: Some(happening.note.chars().take(MAX_NOTE).collect()),
            action: happening.action.to_owned(),
            secondary: None,
        };
        tracing::info!(
            server = reference.name,
            reason = event.reason,
            note = event.note,
            "event"
        );
        if let Err(error) = ctx.recorder().publish(&event, &reference).await {
            tracing::warn!(server = reference.name, %error, "failed to publish an Event");
        }
    }
}
