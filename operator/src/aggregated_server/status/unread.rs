//! The conditions of a server of which nothing new is known: what was known stays.

use annex_crds::v1alpha1::{AggregatedServer, AggregatedServerStatus, ConditionType, Reason};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::facts::fact;
use crate::conditions::{self, ConditionStatus, Fact};

/// The status of `server` where the cluster could not be read: what was known stays, and the failure is told.
#[must_use]
pub fn compute_unread(
    server: &AggregatedServer,
    reason: Reason,
    why: &str,
    now: Timestamp,
) -> AggregatedServerStatus {
    let old = server.status.clone().unwrap_or_default();
    let generation = server.metadata.generation.unwrap_or(0);
    let failed = |type_, status| fact(type_, status, reason, why);
    let facts = ConditionType::ALL.into_iter().map(|type_| match type_ {
        ConditionType::Ready => failed(type_, ConditionStatus::Unknown),
        type_ if type_ != reason.condition() => kept(&old.conditions, type_),
        type_ if type_.is_normally_false() => failed(type_, ConditionStatus::True),
        type_ => failed(type_, ConditionStatus::False),
    });
    let conditions = conditions::merge(&old.conditions, facts, generation, now);
    AggregatedServerStatus {
        conditions,
        observed_generation: Some(generation),
        ..old
    }
}

/// The conditions among the JSON of a status that may not decode as a whole.
#[must_use]
pub fn decodable_conditions(status: &serde_json::Map<String, serde_json::Value>) -> Vec<Condition> {
    let conditions = status
        .get("conditions")
        .and_then(|conditions| conditions.as_array());
    conditions
        .into_iter()
        .flatten()
        .filter_map(|condition| serde_json::from_value(condition.clone()).ok())
        .collect()
}

/// The conditions of an AggregatedServer that does not decode: what was known stays, and why nothing is done is told.
#[must_use]
pub fn invalid(old: &[Condition], why: &str, generation: i64, now: Timestamp) -> Vec<Condition> {
    let failed = |type_, status| fact(type_, status, Reason::Invalid, why);
    let facts = ConditionType::ALL.into_iter().map(|type_| match type_ {
        ConditionType::Ready => failed(type_, ConditionStatus::False),
        ConditionType::Degraded => failed(type_, ConditionStatus::True),
        other => kept(old, other),
    });
    conditions::merge(old, facts, generation, now)
}

pub(super) fn kept(old: &[Condition], type_: ConditionType) -> Fact {
    let known = old.iter().find(|condition| condition.type_ == type_.as_str());
    known.map_or_else(
        || fact(type_, ConditionStatus::Unknown, Reason::NotObserved, ""),
        Fact::from,
    )
}
