//! No more than 10 managers that update (Go: `managedfields/internal/capmanagers.go`).

use std::collections::HashMap;

use annex_structured_merge_diff::fieldpath::{ApiVersion, VersionedSet};

use super::entry::{ManagerId, UPDATE};
use super::managed::Managed;
use super::time::Time;

/// How many managers that update an object has at most: Go's `DefaultMaxUpdateManagers`.
const MOST_UPDATE_MANAGERS: usize = 10;
/// Who has what those have that are too many: one for each version.
const ANCIENT_CHANGES: &str = "ancient-changes";

/// Makes one of the managers that have not updated for the longest time, until there are no more than 10.
///
/// Where an `ancient-changes` that is there already is met by its own time, it goes, as in Go.
pub(super) fn cap_update_managers(managed: &mut Managed) {
    let fields = managed.fields.iter();
    let mut updaters: Vec<String> = fields
        .filter(|(_, owned)| !owned.applied)
        .map(|(identifier, _)| identifier.clone())
        .collect();
    let mut count = updaters.len();
    if count <= MOST_UPDATE_MANAGERS {
        return;
    }
    // In the order of identifiers already.
    updaters.sort_by_key(|identifier| Time::seconds(managed.times.get(identifier)));
    let mut first_of_version: HashMap<ApiVersion, String> = HashMap::new();
    for identifier in updaters {
        if count <= MOST_UPDATE_MANAGERS {
            return;
        }
        let Some(owned) = managed.fields.get(&identifier).cloned() else {
            continue;
        };
        let Some(first) = first_of_version.get(&owned.api_version) else {
            first_of_version.insert(owned.api_version, identifier);
            continue;
        };
        merge(managed, first, &identifier, owned);
        count -= 1;
    }
}

fn merge(managed: &mut Managed, first: &str, identifier: &str, owned: VersionedSet) {
    let bucket = ManagerId {
        manager: ANCIENT_CHANGES.into(),
        operation: UPDATE.into(),
        api_version: (&*owned.api_version).into(),
        ..ManagerId::default()
    };
    let bucket = bucket.identifier();
    let there = match managed.fields.remove(&bucket) {
        Some(there) => Some(there),
        None => managed.fields.remove(first),
    };
    let time = managed.times.get(identifier).cloned();
    managed.set_time(&bucket, time);
    // What is there grows with every manager that goes into it: the one that goes in is moved.
    let merged = match there {
        Some(mut there) => {
            there.set.extend(owned.set);
            VersionedSet::new(there.set, owned.api_version, owned.applied)
        }
        None => owned,
    };
    managed.fields.insert(bucket, merged);
    managed.fields.remove(identifier);
}
