//! Conditions as the Kubernetes API conventions define them.
//!
//! The rules are those of [the API conventions][conventions] ("Typical status properties") and of
//! `metav1.Condition`'s own validation: `lastTransitionTime` says when `status` last changed and nothing else,
//! `observedGeneration` is the generation that the fact was derived from, `reason` is never empty, `message`
//! has at most 32768 characters.
//!
//! [conventions]: https://github.com/kubernetes/community/blob/main/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties

use std::fmt;

use annex_crds::v1alpha1::Reason;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The longest `message` that `metav1.Condition`'s schema admits, in characters.
pub const MAX_MESSAGE_CHARS: usize = 32_768;

/// The three values of a condition's `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionStatus {
    /// What the type's name says is so.
    True,
    /// What the type's name says is not so.
    False,
    /// Nobody could find out.
    Unknown,
}

impl ConditionStatus {
    /// The value as the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for ConditionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<bool> for ConditionStatus {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// What one reconcile found out about one condition type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The condition's `type`, CamelCase.
    pub type_: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// A programmatic cause in CamelCase, never empty; callers make it from their own enum of reasons.
    pub reason: String,
    /// The same for a human; cut at [`MAX_MESSAGE_CHARS`].
    pub message: String,
}

impl From<&Condition> for Fact {
    /// What was found out before, as status tells it.
    fn from(condition: &Condition) -> Self {
        Self {
            type_: condition.type_.clone(),
            status: match condition.status.as_str() {
                "True" => ConditionStatus::True,
                "False" => ConditionStatus::False,
                _ => ConditionStatus::Unknown,
            },
            reason: condition.reason.clone(),
            message: condition.message.clone(),
        }
    }
}

/// Turns facts into the conditions to be written, in the order of `facts`.
///
/// A condition keeps its `lastTransitionTime` from `old` as long as its `status` stays the same, whatever its
/// reason and message do; otherwise it gets `now`, in the whole seconds that `metav1.Time` keeps. Types of
/// `old` that `facts` does not name are dropped: facts are the whole truth about an object, and a condition
/// that nobody computes any more would stand in status for ever.
///
/// Equal input gives equal output, so that a caller can leave out the write when nothing changed.
#[must_use]
pub fn merge(
    old: &[Condition],
    facts: impl IntoIterator<Item = Fact>,
    observed_generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    facts
        .into_iter()
        .map(|fact| Condition {
            last_transition_time: last_transition_time(old, &fact, now),
            message: cut(fact.message),
            observed_generation: Some(observed_generation),
            reason: fact.reason,
            status: fact.status.as_str().to_owned(),
            type_: fact.type_,
        })
        .collect()
}

fn last_transition_time(old: &[Condition], fact: &Fact, now: Timestamp) -> Time {
    // One that the schema's default put there has not stood since the year 1970.
    let is_real = |condition: &&Condition| condition.reason != Reason::Pending.as_str();
    old.iter()
        .filter(is_real)
        .find(|condition| condition.type_ == fact.type_ && condition.status == fact.status.as_str())
        .map_or_else(
            || Time(whole_seconds(now)),
            |condition| condition.last_transition_time.clone(),
        )
}

/// `metav1.Time` has no fraction: what is written has to equal what is read back.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Cuts at a character, not at a byte: the schema's `maxLength` counts characters.
fn cut(mut message: String) -> String {
    const ELLIPSIS: char = '…';
    if message.chars().nth(MAX_MESSAGE_CHARS).is_some() {
        let end = message
            .char_indices()
            .nth(MAX_MESSAGE_CHARS - 1)
            .map_or(message.len(), |(at, _)| at);
        message.truncate(end);
        message.push(ELLIPSIS);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn fact(type_: &str, status: ConditionStatus, reason: &str, message: &str) -> Fact {
        Fact {
            type_: type_.to_owned(),
            status,
            reason: reason.to_owned(),
            message: message.to_owned(),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a time in range")
    }

    fn one(old: &[Condition], fact: Fact, seconds: i64) -> Condition {
        merge(old, [fact], 7, at(seconds)).remove(0)
    }

    #[test]
    fn a_new_condition_has_every_field() {
        let condition = one(
            &[],
            fact("Ready", ConditionStatus::False, "NoReadyEndpoints", "none of 2"),
            NOW,
        );
        assert_eq!(
            condition,
            Condition {
                last_transition_time: Time(at(NOW)),
                message: "none of 2".to_owned(),
                observed_generation: Some(7),
                reason: "NoReadyEndpoints".to_owned(),
                status: "False".to_owned(),
                type_: "Ready".to_owned(),
            }
        );
    }

    #[test]
    fn the_transition_time_moves_with_the_status_alone() {
        use ConditionStatus::{False, True, Unknown};
        for (was, is, moves) in [
            (True, True, false),
            (False, False, false),
            (Unknown, Unknown, false),
            (True, False, true),
            (False, True, true),
            (True, Unknown, true),
            (Unknown, False, true),
        ] {
            let old = [one(&[], fact("Ready", was, "Before", "before"), NOW)];
            let new = one(&old, fact("Ready", is, "After", "after"), NOW + 60);
            let expected = if moves { NOW + 60 } else { NOW };
            assert_eq!(new.last_transition_time, Time(at(expected)), "{was} -> {is}");
            assert_eq!((new.reason.as_str(), new.message.as_str()), ("After", "after"));
        }
    }

    #[test]
    fn an_old_time_of_another_type_is_not_taken() {
        let old = [one(
            &[],
            fact("Available", ConditionStatus::True, "Passed", ""),
            NOW,
        )];
        let new = one(&old, fact("Ready", ConditionStatus::True, "Passed", ""), NOW + 5);
        assert_eq!(new.last_transition_time, Time(at(NOW + 5)));
    }

    #[test]
    fn the_order_is_that_of_the_facts_and_unknown_types_are_dropped() {
        let ready = || fact("Ready", ConditionStatus::True, "AllReady", "");
        let available = || fact("Available", ConditionStatus::True, "Passed", "");
        let retired = || fact("Retired", ConditionStatus::True, "Old", "");
        let old = merge(&[], [available(), retired(), ready()], 1, at(NOW));
        let new = merge(&old, [ready(), available()], 2, at(NOW + 1));
        let types: Vec<_> = new.iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(types, ["Ready", "Available"]);
        assert!(
            new.iter()
                .all(|condition| condition.observed_generation == Some(2))
        );
    }

    #[test]
    fn the_same_facts_give_the_same_conditions() {
        let facts = || [fact("Ready", ConditionStatus::True, "AllReady", "fine")];
        let first = merge(&[], facts(), 3, at(NOW));
        assert_eq!(merge(&first, facts(), 3, at(NOW + 3600)), first);
    }

    #[test]
    fn a_fraction_of_a_second_does_not_reach_the_api() {
        let now = Timestamp::new(NOW, 999_000_000).expect("a time in range");
        let new = merge(
            &[],
            [fact("Ready", ConditionStatus::True, "AllReady", "")],
            1,
            now,
        );
        assert_eq!(new[0].last_transition_time, Time(at(NOW)));
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        for (length, expected) in [
            (MAX_MESSAGE_CHARS - 1, MAX_MESSAGE_CHARS - 1),
            (MAX_MESSAGE_CHARS, MAX_MESSAGE_CHARS),
            (40_000, MAX_MESSAGE_CHARS),
        ] {
            let new = one(
                &[],
                fact("Ready", ConditionStatus::False, "Long", &"é".repeat(length)),
                NOW,
            );
            assert_eq!(new.message.chars().count(), expected);
            assert_eq!(new.message.ends_with('…'), length > MAX_MESSAGE_CHARS);
        }
    }
}
