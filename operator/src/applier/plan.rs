//! The decision what to do about one object, from what is wanted and what is there.

use serde_json::Value;

use super::altered::altered;
use super::managed_fields::{Drift, FieldOwnership, field_ownership, hash_is_ours};
use super::owner::{self, Owner, Ownership};
use super::{APPLIED_HASH, Desired};

/// What to do about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// There is none.
    Create,
    /// There is one that does not name our owner: it must not be written.
    Foreign {
        /// Whose it is.
        owner: Owner,
    },
    /// It is being deleted: what is written now is lost.
    Terminating,
    /// It is as it should be.
    Unchanged,
    /// It has to be applied.
    Apply(Because),
}

/// Why an object has to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// What is wanted is not what was applied last, or it was never applied.
    Changed,
    /// Others changed or removed fields that were applied.
    Drift(Vec<Drift>),
    /// The API server keeps other values of these fields than were applied, and nobody has taken them.
    Altered(Vec<String>),
    /// It names an owner that was deleted and made again, see [`Ownership::Former`].
    Adopted,
}

/// Decides without IO; the same arguments give the same plan.
///
/// An object in deletion is [`Plan::Terminating`] whoever owns it: its name is free soon.
#[must_use]
pub fn plan(desired: &Desired, live: Option<&Value>) -> Plan {
    let Some(live) = live else { return Plan::Create };
    let metadata = &live["metadata"];
    if !metadata["deletionTimestamp"].is_null() {
        return Plan::Terminating;
    }
    match Ownership::of(&owner::references(live), desired.owner()) {
        Ownership::Ours => {}
        Ownership::Former => return Plan::Apply(Because::Adopted),
        Ownership::Foreign => {
            return Plan::Foreign {
                owner: Owner::of(live),
            };
        }
    }
    // The hash tells what ownership cannot: fields that were applied once and are not wanted any more.
    let is_current = metadata["annotations"][APPLIED_HASH] == desired.hash();
    let wanted = desired.hashed();
    match field_ownership(&wanted, live) {
        FieldOwnership::Complete if is_current => match altered(&wanted, live) {
            paths if paths.is_empty() => Plan::Unchanged,
            paths => Plan::Apply(Because::Altered(paths)),
        },
        // Without a hash its creation was interrupted, or is being finished elsewhere: nobody is to blame.
        _ if metadata["annotations"][APPLIED_HASH].is_null() => Plan::Apply(Because::Changed),
        // A hash that is not ours any more was edited by somebody: that is drift like any other.
        FieldOwnership::Lost(drift) if is_current || !hash_is_ours(live) => {
            Plan::Apply(Because::Drift(drift))
        }
        FieldOwnership::Complete | FieldOwnership::Lost(_) | FieldOwnership::NotApplied => {
            Plan::Apply(Because::Changed)
        }
    }
}
