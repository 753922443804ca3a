//! How an object leaves: finalizers, and the mark that it is on its way.

use jiff::Timestamp;
use serde_json::Value;

use super::Metadata;
use crate::object::Object;
use crate::request::options::{DeleteOptions, Propagation};

/// The finalizer of an object whose dependents are to lose it as their owner.
pub(super) const ORPHAN: &str = "orphan";
/// The finalizer of an object whose dependents go before it.
pub(super) const FOREGROUND: &str = "foregroundDeletion";

/// The finalizers that an object has when it is deleted so: its own, and the garbage collector's by what the options
/// say, or where they say nothing by what it carries already. The garbage collector takes its own away when it is done.
pub(in crate::registry) fn finalizers_for(finalizers: &[&str], options: &DeleteOptions) -> Vec<String> {
    let carried = || {
        finalizers.iter().find_map(|finalizer| match *finalizer {
            ORPHAN => Some(Propagation::Orphan),
            FOREGROUND => Some(Propagation::Foreground),
            _ => None,
        })
    };
    let propagation = match options.orphan_dependents {
        Some(true) => Some(Propagation::Orphan),
        Some(false) => Some(Propagation::Background),
        None => options.propagation_policy.or_else(carried),
    };
    let collector = match propagation {
        Some(Propagation::Orphan) => Some(ORPHAN),
        Some(Propagation::Foreground) => Some(FOREGROUND),
        Some(Propagation::Background) | None => None,
    };
    let is_same = finalizers
        .iter()
        .all(|finalizer| !is_collectors(finalizer) || Some(*finalizer) == collector)
        && collector.is_none_or(|collector| finalizers.contains(&collector));
    if is_same {
        return finalizers
            .iter()
            .map(|finalizer| (*finalizer).to_owned())
            .collect();
    }
    finalizers
        .iter()
        .filter(|finalizer| !is_collectors(finalizer))
        .copied()
        .chain(collector)
        .map(str::to_owned)
        .collect()
}

fn is_collectors(finalizer: &str) -> bool {
    matches!(finalizer, ORPHAN | FOREGROUND)
}

/// Marks an object as to be deleted, now and without grace, with these finalizers. A second time it changes only the
/// finalizers.
pub(in crate::registry) fn mark_as_deleting(object: &mut Object, finalizers: Vec<String>, now: &str) {
    let since = object.deletion_timestamp().to_owned();
    let generation = object.generation();
    let metadata = object.metadata_mut();
    metadata.insert("finalizers".into(), finalizers.into());
    if since.is_empty() && generation > 0 {
        metadata.insert("generation".into(), (generation + 1).into());
    }
    if since.is_empty() || is_after(&since, now) {
        metadata.insert("deletionTimestamp".into(), now.into());
    }
    metadata.insert("deletionGracePeriodSeconds".into(), 0.into());
}

fn is_after(left: &str, right: &str) -> bool {
    let parse = |text: &str| text.parse::<Timestamp>().ok();
    parse(left)
        .zip(parse(right))
        .is_some_and(|(left, right)| left > right)
}

/// Whether an update of an object in deletion leaves nothing to wait for: then it deletes it.
pub(in crate::registry) fn is_finalized(object: &Object, old: &Metadata<'_>) -> bool {
    let finalizers = object.metadata().and_then(|metadata| metadata.get("finalizers"));
    let has_none = finalizers.and_then(Value::as_array).is_none_or(Vec::is_empty);
    has_none && old.is_in_deletion() && matches!(old.deletion_grace_period_seconds, None | Some(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(propagation_policy: Option<Propagation>) -> DeleteOptions {
        DeleteOptions {
            propagation_policy,
            ..DeleteOptions::default()
        }
    }

    /// Cases of k8s.io/apiserver's TestStoreDeletionPropagation and TestFinalizeDelete.
    #[test]
    fn the_policy_decides_over_the_garbage_collectors_finalizers() {
        use Propagation::{Background, Foreground, Orphan};
        let cases: &[(Option<Propagation>, &[&str], &[&str])] = &[
            (None, &[], &[]),
            (None, &["a"], &["a"]),
            (None, &["orphan", "a"], &["orphan", "a"]),
            (None, &["foregroundDeletion"], &["foregroundDeletion"]),
            (Some(Orphan), &["a"], &["a", "orphan"]),
            (Some(Orphan), &["foregroundDeletion", "a"], &["a", "orphan"]),
            (Some(Orphan), &["orphan", "a"], &["orphan", "a"]),
            (Some(Foreground), &["orphan"], &["foregroundDeletion"]),
            (Some(Foreground), &[], &["foregroundDeletion"]),
            (Some(Background), &["orphan", "a", "foregroundDeletion"], &["a"]),
        ];
        for (propagation, before, after) in cases {
            let found = finalizers_for(before, &policy(*propagation));
            assert_eq!(found, *after, "{propagation:?} {before:?}");
        }
    }

    #[test]
    fn the_old_way_to_say_orphan_counts_too() {
        let orphan = |orphan_dependents| DeleteOptions {
            orphan_dependents,
            ..DeleteOptions::default()
        };
        assert_eq!(finalizers_for(&["a"], &orphan(Some(true))), ["a", "orphan"]);
        assert_eq!(
            finalizers_for(&["orphan"], &orphan(Some(false))),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_object_is_marked_once() {
        let value = json!({"metadata": {"generation": 3}});
        let mut object = Object(value.as_object().unwrap().clone());
        mark_as_deleting(&mut object, vec!["a".into()], "2026-01-01T00:00:00Z");
        let marked = json!({"metadata": {
            "generation": 4, "finalizers": ["a"], "deletionTimestamp": "2026-01-01T00:00:00Z",
            "deletionGracePeriodSeconds": 0,
        }});
        assert_eq!(Value::Object(object.0.clone()), marked);
        mark_as_deleting(&mut object, vec!["a".into()], "2026-01-01T00:00:09Z");
        assert_eq!(Value::Object(object.0), marked);
    }

    #[test]
    fn a_mark_in_the_future_moves_to_now_and_no_generation_stays_none() {
        let value = json!({"metadata": {"deletionTimestamp": "2027-01-01T00:00:00Z"}});
        let mut object = Object(value.as_object().unwrap().clone());
        mark_as_deleting(&mut object, vec!["a".into()], "2026-01-01T00:00:00Z");
        assert_eq!(object.deletion_timestamp(), "2026-01-01T00:00:00Z");
        assert_eq!(object.generation(), 0);
    }
}
