//! A write that changes nothing but times of managers is none (Go: k8s.io/apiserver's
//! `endpoints/handlers/fieldmanager/equality.go`, `IgnoreManagedFieldsTimestampsTransformer`).

use serde_json::{Map, Value};

use super::entry::time;
use super::managed;
use crate::object::Object;

/// Gives the managedFields of `new` the times of `old` where nothing else is different in the two objects, so that nothing is
/// written and no watcher woken.
///
/// Both are what is stored, in one version: times are compared as times, all else as it stands there.
pub fn keep_timestamps(new: &mut Object, old: &Object) {
    let (Some(Value::Array(entries)), Some(Value::Array(old_entries))) =
        (managed::managed_fields_of(new), managed::managed_fields_of(old))
    else {
        return;
    };
    if entries.is_empty() || entries.len() != old_entries.len() || entries == old_entries {
        return;
    }
    let mut pairs = entries.iter().zip(old_entries);
    if !pairs.all(|(entry, old)| are_equal_without("time", entry, old))
        || !are_equal_otherwise(&new.0, &old.0)
    {
        return;
    }
    let mut pairs = entries.iter().zip(old_entries);
    if !pairs.all(|(entry, old)| has_same_time(entry, old)) {
        managed::set_managed_fields(new, Some(Value::Array(old_entries.clone())));
    }
}

fn has_same_time(entry: &Value, old: &Value) -> bool {
    let seconds = |entry: &Value| time(entry.as_object()?).ok()?;
    seconds(entry) == seconds(old)
}

fn are_equal_without(name: &str, left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            are_equal(left, right, |field, left, right| field == name || left == right)
        }
        (left, right) => left == right,
    }
}

fn are_equal_otherwise(new: &Map<String, Value>, old: &Map<String, Value>) -> bool {
    are_equal(new, old, |name, new, old| {
        if name == "metadata" {
            are_equal_without("managedFields", new, old)
        } else {
            new == old
        }
    })
}

// Fields that `are_equal` says equal whatever they are may be absent too.
fn are_equal(
    left: &Map<String, Value>,
    right: &Map<String, Value>,
    are_equal: impl Fn(&str, &Value, &Value) -> bool,
) -> bool {
    let has_all = |left: &Map<String, Value>, right: &Map<String, Value>| {
        let absent = Value::Null;
        left.iter()
            .all(|(name, value)| are_equal(name, value, right.get(name).unwrap_or(&absent)))
    };
    has_all(left, right) && has_all(right, left)
}
