//! What one pass over a server found and did; status and Events are made of it.

use annex_crds::v1alpha1::{CertificatesStatus, Child, Reason};
use jiff::Timestamp;
use kube::runtime::events::EventType;

use super::{finding::Finding, fleet::Progress, validate::ApiPlan};
use crate::error_chain::error_chain;

/// What became of one claim.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimResult {
    /// The claim.
    pub plan: ApiPlan,
    /// Its APIService stands, and has been available once.
    pub registered: bool,
    /// The aggregator calls it available.
    pub available: bool,
}

/// Something that happened, for an Event.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRecord {
    /// Normal or Warning.
    pub type_: EventType,
    /// One CamelCase word.
    pub reason: String,
    /// What was being done.
    pub action: &'static str,
    /// For a person.
    pub note: String,
}

impl EventRecord {
    /// Something that was meant to happen.
    #[must_use]
    pub fn normal(reason: &str, action: &'static str, note: impl Into<String>) -> Self {
        Self {
            type_: EventType::Normal,
            reason: reason.to_owned(),
            action,
            note: note.into(),
        }
    }

    /// Something that a person may have to look at.
    #[must_use]
    pub fn warning(reason: &str, action: &'static str, note: impl Into<String>) -> Self {
        Self {
            type_: EventType::Warning,
            reason: reason.to_owned(),
            action,
            note: note.into(),
        }
    }
}

/// What one pass found and did.
#[derive(Clone, Debug, Default)]
pub struct PassResult {
    /// What is not as it should be, or is under way.
    pub findings: Vec<Finding>,
    /// What became of the claims.
    pub apis: Vec<ClaimResult>,
    /// Certificates and their rotation.
    pub certificates: CertificatesStatus,
    /// Where the rotation of the authority stands, if one is under way.
    pub authority_rotation: Option<Progress>,
    /// Whether certificates were looked at: endpoints were asked.
    pub observed: bool,
    /// Endpoints that have not answered yet, as messages name them: what was told of them before stands.
    pub pending_endpoints: Vec<String>,
    /// What status told of contests before a restart stands, unless they are told anew.
    pub contests_are_recalled: bool,
    /// Endpoints were asked whether they can be used past the aggregator; where they can there is a finding.
    pub bypass_is_known: bool,
    /// What a workload runs as.
    pub service_account: Option<String>,
    /// The image of a workload that names none.
    pub image: Option<String>,
    /// The one that it would have if it were made now, where that is another.
    pub newer_image: Option<String>,
    /// What belongs to the server.
    pub children: Vec<Child>,
    /// What happened.
    pub event_records: Vec<EventRecord>,
    /// Something is to be written that must follow from live reads.
    pub not_live: bool,
    /// Why the API server did not take or answer something, where that may pass.
    pub unanswered: Option<String>,
    /// Something is about to change: look again soon.
    pub hurry: bool,
    /// When something is due.
    pub due: Option<Timestamp>,
}

impl PassResult {
    /// Takes note of a request that failed: what the API server refuses is found at once, and what it does not answer is told when that
    /// lasts.
    pub fn failed(&mut self, what: &str, error: &kube::Error) {
        let message = format!("{what}: {}", error_chain(error));
        match error {
            // Too many requests, or too slow for it.
            kube::Error::Api(status) if status.code < 500 && !matches!(status.code, 408 | 429) => {
                self.find(Reason::ApplyFailed, message);
            }
            _ => {
                self.unanswered.get_or_insert(message);
            }
        }
    }

    /// Has the server looked at again at `time`, unless something is due before.
    pub fn look_again_at(&mut self, time: Timestamp) {
        self.due = Some(self.due.map_or(time, |due| due.min(time)));
    }

    /// Forgets what was found, for another run over the same server; what happened has happened.
    pub fn begin_again(&mut self) {
        *self = Self {
            event_records: std::mem::take(&mut self.event_records),
            ..Self::default()
        };
    }

    /// Drops what a run tells that one before has told in the same words.
    pub fn tell_once(&mut self) {
        let mut told: Vec<EventRecord> = Vec::new();
        for event_record in std::mem::take(&mut self.event_records) {
            if !told.contains(&event_record) {
                told.push(event_record);
            }
        }
        self.event_records = told;
    }

    /// Adds a finding about the whole server.
    pub fn find(&mut self, reason: Reason, message: impl Into<String>) {
        self.findings.push(Finding::new(reason, message));
    }

    /// Adds what was done beside this, to children alone.
    pub fn extend(&mut self, beside: Self) {
        self.findings.extend(beside.findings);
        self.children.extend(beside.children);
        self.event_records.extend(beside.event_records);
        self.not_live |= beside.not_live;
        self.hurry |= beside.hurry;
        if self.unanswered.is_none() {
            self.unanswered = beside.unanswered;
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn what_is_refused_is_told_and_what_is_not_answered_waits() {
        let api = |code, reason: &str| {
            let status = Status::failure("no", reason).with_code(code);
            kube::Error::Api(Box::new(status))
        };
        let mut outcome = PassResult::default();
        outcome.failed("failed to read who is bound", &api(503, "ServiceUnavailable"));
        outcome.failed("failed to read who is bound", &api(429, "TooManyRequests"));
        assert!(outcome.findings.is_empty());
        let unanswered = outcome.unanswered.take().unwrap();
        assert!(
            unanswered.starts_with("failed to read who is bound: "),
            "{unanswered}"
        );
        outcome.failed("failed to read who is bound", &api(403, "Forbidden"));
        assert_eq!(outcome.findings[0].reason, Reason::ApplyFailed);
        assert_eq!(outcome.unanswered, None);
    }
}
