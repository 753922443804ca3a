//! What was found of a definition -> status. Pure; equal input gives equal output, so that nothing is written where nothing changed.

use annex_crds::v1alpha1::{AggregatedResourceDefinitionStatus, DefinitionCondition};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    declared::{Declared, Wrong},
    names::Decision,
    replicas::Serving,
};
use crate::conditions::{self, ConditionStatus, Fact};

/// Reasons of `Served` that follow from what replicas say.
const OF_REPLICAS: [&str; 5] = [
    "EveryReplica",
    "NoReadyReplica",
    "NotReported",
    "NotServed",
    "Installing",
];

/// What was found.
pub struct Found<'a> {
    /// What was decided of its names.
    pub decision: &'a Decision,
    /// Whether its server exists.
    pub has_server: bool,
    /// What its server's replicas say.
    pub serving: Serving,
    /// Whether each of its group-versions has a place among those of the server.
    pub has_place: bool,
    /// Whether requests for each of its versions come to its server, and the kube-apiserver's own discovery shows it.
    pub is_shown: bool,
    /// The versions that objects may be stored in, as far as replicas say.
    pub stored_versions: Vec<String>,
    /// How many objects are left, while it is being deleted.
    pub objects: Option<u64>,
}

/// The status of a definition.
#[must_use]
pub fn compute(declared: &Declared, found: &Found<'_>, now: Timestamp) -> AggregatedResourceDefinitionStatus {
    let old = &declared.status;
    let stored = match (&declared.said, old.stored_versions.as_slice()) {
        _ if !found.stored_versions.is_empty() => found.stored_versions.clone(),
        // As a CustomResourceDefinition has it from its creation on.
        (Ok(said), []) => vec![said.storage.clone()],
        (_, known) => known.to_vec(),
    };
    let objects = found
        .objects
        .filter(|_| declared.deleting)
        .map(|left| i64::try_from(left).unwrap_or(i64::MAX));
    AggregatedResourceDefinitionStatus {
        observed_generation: Some(declared.generation),
        conditions: conditions::merge(&old.conditions, facts(declared, found), declared.generation, now),
        accepted_names: found.decision.names.clone(),
        stored_versions: stored,
        objects: objects.or_else(|| old.objects.filter(|_| declared.deleting)),
    }
}

fn facts(declared: &Declared, found: &Found<'_>) -> Vec<Fact> {
    let mut facts = vec![
        names_accepted(declared, found.decision),
        established(declared, found),
        served(declared, found),
    ];
    if let Err(Wrong { schema, others }) = &declared.said {
        facts.extend(wrong(
            DefinitionCondition::NonStructuralSchema,
            "Violations",
            schema,
        ));
        facts.extend(wrong(DefinitionCondition::Invalid, "ValidationFailed", others));
    }
    if declared.deleting && declared.is_kept() {
        facts.push(terminating(declared, found));
    }
    facts
}

fn fact(type_: DefinitionCondition, status: bool, reason: &str, message: impl Into<String>) -> Fact {
    Fact {
        type_: type_.as_str().to_owned(),
        status: ConditionStatus::from(status),
        reason: reason.to_owned(),
        message: message.into(),
    }
}

fn old(declared: &Declared, type_: DefinitionCondition) -> Option<&Condition> {
    let mut conditions = declared.status.conditions.iter();
    conditions.find(|condition| condition.type_ == type_.as_str())
}

fn names_accepted(declared: &Declared, decision: &Decision) -> Fact {
    let type_ = DefinitionCondition::NamesAccepted;
    match (&declared.said, &decision.conflict) {
        (Err(_), _) => old(declared, type_).map_or_else(
            || fact(type_, false, "Invalid", "the definition is not right"),
            Fact::from,
        ),
        (Ok(_), Some((reason, words))) => fact(type_, false, reason, words),
        (Ok(_), None) => fact(type_, true, "NoConflicts", "no conflicts found"),
    }
}

/// It never goes back.
fn established(declared: &Declared, found: &Found<'_>) -> Fact {
    let type_ = DefinitionCondition::Established;
    if let Some(established) = old(declared, type_).filter(|condition| condition.status == "True") {
        return Fact::from(established);
    }
    let is_accepted = declared.said.is_ok() && found.decision.conflict.is_none();
    if !is_accepted {
        return fact(type_, false, "NotAccepted", "not all names are accepted");
    }
    let is_established = found.serving == Serving::Everywhere && found.is_shown && declared.is_kept();
    if is_established && !declared.deleting {
        fact(
            type_,
            true,
            "InitialNamesAccepted",
            "the initial names have been accepted",
        )
    } else {
        fact(type_, false, "Installing", "the initial names have been accepted")
    }
}

fn served(declared: &Declared, found: &Found<'_>) -> Fact {
    let type_ = DefinitionCondition::Served;
    let server = &declared.server;
    if !found.has_server {
        let words = format!("there is no AggregatedServer {server:?}");
        return fact(type_, false, "ServerNotFound", words);
    }
    if let Err(Wrong { schema, others }) = &declared.said {
        let first = schema.iter().chain(others).next();
        let words = first.cloned().unwrap_or_default();
        return fact(type_, false, "Invalid", words);
    }
    if let Some((reason, words)) = &found.decision.conflict {
        return fact(type_, false, reason, words);
    }
    if !found.has_place {
        let words = format!(
            "definitions of AggregatedServer {server:?} have more than {} group-versions",
            super::claims::MOST
        );
        return fact(type_, false, "TooManyGroupVersions", words);
    }
    match &found.serving {
        Serving::Unasked => told_of_replicas(declared).unwrap_or_else(|| {
            let words = "not every ready replica was asked so far";
            fact(type_, false, "Installing", words)
        }),
        Serving::Everywhere => fact(type_, true, "EveryReplica", "every ready replica serves it"),
        Serving::NoReplica => {
            let words = format!("AggregatedServer {server:?} has no ready replica");
            fact(type_, false, "NoReadyReplica", words)
        }
        Serving::Silent(who) => fact(type_, false, "NotReported", who),
        Serving::Failed(error) => fact(type_, false, "NotServed", error),
        Serving::Behind => fact(
            type_,
            false,
            "Installing",
            "not every ready replica serves it yet",
        ),
    }
}

/// What replicas have said of this generation before: that an operator has just begun, or a replica has just become ready, is no news of
/// any definition.
fn told_of_replicas(declared: &Declared) -> Option<Fact> {
    let told = old(declared, DefinitionCondition::Served)?;
    let is_theirs = OF_REPLICAS.contains(&told.reason.as_str());
    let is_of_now = told.observed_generation == Some(declared.generation);
    (is_theirs && is_of_now).then(|| Fact::from(told))
}

fn wrong(type_: DefinitionCondition, reason: &str, errors: &[String]) -> Option<Fact> {
    let words = match errors {
        [] => return None,
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    Some(fact(type_, true, reason, words))
}

fn terminating(declared: &Declared, found: &Found<'_>) -> Fact {
    let type_ = DefinitionCondition::Terminating;
    match found.objects {
        _ if declared.keeps_objects => fact(
            type_,
            true,
            "InstancesKept",
            "its objects stay stored: it has the annotation annex.dev/keep-objects",
        ),
        _ if !declared.may_delete_objects => fact(
            type_,
            true,
            "InstanceDeletionPending",
            "the definition is marked for deletion; deletion of its objects will begin soon",
        ),
        Some(0) => fact(type_, true, "InstanceDeletionCompleted", "removed all instances"),
        _ => fact(
            type_,
            true,
            "InstanceDeletionInProgress",
            "its objects are being deleted",
        ),
    }
}
