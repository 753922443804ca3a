//! Events: what happened in a pass, and each change of what `Ready` says.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use annex_crds::v1alpha1::{ConditionType, Reason};
use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    Client, Resource,
    runtime::events::{Event, Recorder, Reporter},
};

use super::{context::Context, pass_result::EventRecord};

/// The longest note that the API takes (events.k8s.io/v1, Event.note), less some for its own ellipsis.
const MAX_NOTE: usize = 1000;

/// Reasons that belong to every first start: nobody has to look at them.
const EXPECTED: [Reason; 4] = [
    Reason::WaitingForServer,
    Reason::OnTrial,
    Reason::NoReadyEndpoints,
    Reason::NotIssued,
];

/// How long a repetition is counted with the Event that it repeats: as long as kube's recorder does.
const SERIES: Duration = Duration::from_secs(360);

/// Publishes Events, each note as an Event of its own; one that repeats is counted.
///
/// kube's recorder tells Events apart by reason and action alone, and keeps the first one's note: the second culprit of a
/// drift would never be named. So that each note has a recorder.
pub struct Publisher {
    client: Client,
    reporter: Reporter,
    recorders: Mutex<HashMap<String, (Recorder, Instant)>>,
}

impl Publisher {
    /// A publisher in the name of `reporter`.
    #[must_use]
    pub fn new(client: Client, reporter: Reporter) -> Self {
        Self {
            client,
            reporter,
            recorders: Mutex::default(),
        }
    }

    /// Publishes one Event about `regarding`.
    ///
    /// # Errors
    /// The API server refused it.
    pub async fn publish(&self, event: &Event, regarding: &ObjectReference) -> Result<(), kube::Error> {
        let recorder = self.recorder(event.note.as_deref().unwrap_or_default());
        recorder.publish(event, regarding).await
    }

    fn recorder(&self, note: &str) -> Recorder {
        let now = Instant::now();
        let mut recorders = self.recorders.lock().unwrap_or_else(PoisonError::into_inner);
        recorders.retain(|_, (_, used)| now.duration_since(*used) < SERIES);
        let fresh = || Recorder::new(self.client.clone(), self.reporter.clone());
        let (recorder, used) = recorders.entry(note.to_owned()).or_insert_with(|| (fresh(), now));
        *used = now;
        recorder.clone()
    }
}

/// The conditions that `Ready` says nothing of, and that somebody has to look at all the same.
const BESIDE_READY: [ConditionType; 2] = [ConditionType::BypassProtected, ConditionType::Contested];

/// The Events of what conditions say anew.
#[must_use]
pub fn transitions(old: &[Condition], new: &[Condition]) -> Vec<EventRecord> {
    let beside = BESIDE_READY
        .into_iter()
        .filter_map(|type_| change(type_, old, new));
    transition(old, new).into_iter().chain(beside).collect()
}

/// The Event of a condition that is not as it should be any more, or is so again.
fn change(type_: ConditionType, old: &[Condition], new: &[Condition]) -> Option<EventRecord> {
    let of = |conditions: &[Condition]| -> Option<Condition> {
        let mut conditions = conditions.iter();
        conditions
            .find(|condition| condition.type_ == type_.as_str())
            .cloned()
    };
    let (bad, well) = if type_.is_normally_false() {
        ("True", "False")
    } else {
        ("False", "True")
    };
    let now = of(new)?;
    let was_bad = of(old).is_some_and(|before| before.status == bad);
    match now.status.as_str() {
        status if status == bad && !was_bad => {
            Some(EventRecord::warning(&now.reason, "Reconcile", now.message))
        }
        status if status == well && was_bad => {
            Some(EventRecord::normal(&now.reason, "Reconcile", now.message))
        }
        _ => None,
    }
}

/// The Event of a change of `Ready`; `None` where its status and reason stay, and between the steps of a first start, which status
/// tells: a thousand new servers have a thousand of each.
#[must_use]
pub fn transition(old: &[Condition], new: &[Condition]) -> Option<EventRecord> {
    let ready = |conditions: &[Condition]| -> Option<Condition> {
        conditions
            .iter()
            .find(|condition| condition.type_ == ConditionType::Ready.as_str())
            .cloned()
    };
    let now = ready(new)?;
    let before = ready(old);
    if before
        .as_ref()
        .is_some_and(|before| (&before.status, &before.reason) == (&now.status, &now.reason))
    {
        return None;
    }
    let is_expected = |reason: &str| EXPECTED.iter().any(|expected| expected.as_str() == reason);
    let expected = is_expected(&now.reason);
    let starts = before.is_none_or(|before| {
        before.status != "True" && (before.reason == Reason::Pending.as_str() || is_expected(&before.reason))
    });
    if expected && starts {
        return None;
    }
    Some(match now.status.as_str() {
        "True" => EventRecord::normal("Ready", "Reconcile", now.message),
        _ if expected => EventRecord::normal(&now.reason, "Reconcile", now.message),
        _ => EventRecord::warning(&now.reason, "Reconcile", now.message),
    })
}

/// Publishes; an Event that cannot be written is logged and lost, as Events are.
pub async fn publish(
    ctx: &Context,
    server: &impl Resource<DynamicType = ()>,
    event_records: Vec<EventRecord>,
) {
    let reference = server.object_ref(&());
    for event_record in event_records {
        let event = Event {
            type_: event_record.type_,
            reason: event_record.reason,
            note: Some(event_record.note.chars().take(MAX_NOTE).collect()),
            action: event_record.action.to_owned(),
            secondary: None,
        };
        tracing::info!(
            server = reference.name,
            reason = event.reason,
            note = event.note,
            "event"
        );
        if let Err(error) = ctx.publisher().publish(&event, &reference).await {
            tracing::warn!(server = reference.name, %error, "failed to publish an Event");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use kube::{
        Resource as _,
        runtime::events::{Event, EventType, Reporter},
    };

    use annex_crds::v1alpha1::Reason;
    use jiff::Timestamp;

    use super::{Publisher, transitions};
    use crate::{
        aggregated_server::{finding::Finding, pass_result::PassResult, status, testing::server},
        fake_client::{Answer, fake_client},
    };

    #[test]
    fn what_ready_does_not_say_is_told_once_and_at_its_end() {
        let conditions = |findings: &[Finding]| {
            let outcome = PassResult {
                findings: findings.to_vec(),
                bypass_is_known: true,
                ..PassResult::default()
            };
            status::compute(&server(), &outcome, Timestamp::UNIX_EPOCH).conditions
        };
        let reasons = |old: &[Finding], new: &[Finding]| -> Vec<String> {
            let events = transitions(&conditions(old), &conditions(new));
            events.into_iter().map(|event| event.reason).collect()
        };
        let contested = |words| Finding::new(Reason::Contested, words);
        let obeyed = Finding::new(Reason::ClaimedIdentityObeyed, "pod a");
        let both = [contested("a"), obeyed.clone()];
        assert_eq!(reasons(&[], &both), ["ClaimedIdentityObeyed", "Contested"]);
        assert_eq!(reasons(&both, &[contested("a; b"), obeyed]), Vec::<String>::new());
        assert_eq!(reasons(&both, &[]), ["IdentityProved", "Uncontested"]);
        assert_eq!(reasons(&[], &[]), Vec::<String>::new());
    }

    #[tokio::test]
    async fn each_note_is_told_and_a_repeated_one_counted() {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let client = fake_client(move |request| {
            let told = format!("{} {}", request.method, request.body["note"].as_str().unwrap());
            seen.lock().unwrap().push(told);
            Answer::ok(request.body)
        });
        let publisher = Publisher::new(client, Reporter::from("test"));
        for note in ["one", "other", "one"] {
            let event = Event {
                type_: EventType::Warning,
                reason: "DriftRepaired".into(),
                note: Some(note.into()),
                action: "Apply".into(),
                secondary: None,
            };
            publisher
                .publish(&event, &server().object_ref(&()))
                .await
                .unwrap();
        }
        assert_eq!(*requests.lock().unwrap(), ["POST one", "POST other", "PATCH one"]);
    }
}
