//! What is kept of an object between passes, so that one that is as it should be costs no request.
//!
//! Of `managedFields` there is the entry of our own applies, as text until it was compared with a desired object once, and
//! from then on as a digest with the hash of what it was found to be complete for: no trees are kept.

use std::sync::{Mutex, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::ObjectMeta;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::managed_fields::{FieldOwnership, field_ownership};
use super::{APPLIED_HASH, Desired, FIELD_MANAGER, Ownership};
use crate::decode::OwnEntry;

/// What is known of an object that is there, without the object.
#[derive(Debug)]
pub struct Known {
    /// Its uid.
    pub uid: Box<str>,
    /// Its version.
    pub resource_version: Box<str>,
    /// It is being deleted.
    pub deleting: bool,
    /// Its owners.
    pub owners: Box<[OwnerReference]>,
    applied_hash: Option<Box<str>>,
    entry: Option<Entry>,
}

/// Our entry among the managedFields.
#[derive(Debug)]
struct Entry {
    digest: [u8; 16],
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
enum State {
    /// As it came.
    Unchecked(OwnEntry),
    /// It has every field of the desired object with this hash.
    CompleteFor(Box<str>),
}

impl Known {
    /// What is to be known of an object with this metadata and this entry of ours.
    #[must_use]
    pub fn new(metadata: &ObjectMeta, own: Option<OwnEntry>) -> Self {
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
        let annotations = metadata.annotations.as_ref();
        Self {
            uid: text(&metadata.uid),
            resource_version: text(&metadata.resource_version),
            deleting: metadata.deletion_timestamp.is_some(),
            owners: metadata.owner_references.clone().unwrap_or_default().into(),
            applied_hash: annotations
                .and_then(|annotations| annotations.get(APPLIED_HASH))
                .map(|hash| hash.as_str().into()),
            entry: own.map(Entry::new),
        }
    }

    /// The version as the number that it is, where it is one.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.resource_version.parse().ok()
    }

    /// Takes over from what was known `earlier` of the same object what need not be found out again.
    pub fn succeed(&mut self, earlier: &Self) {
        let (Some(entry), Some(before)) = (&mut self.entry, &earlier.entry) else {
            return;
        };
        let complete_for = before.complete_for();
        if entry.digest == before.digest && complete_for.is_some() && complete_for == self.applied_hash {
            entry.state = Mutex::new(before.state());
        }
    }

    /// Whether the object is as `desired` says: what [`super::plan()`] would call unchanged.
    #[must_use]
    pub fn is_as(&self, desired: &Desired) -> bool {
        !self.deleting
            && Ownership::of(&self.owners, desired.owner()) == Ownership::Ours
            && self.applied_hash.as_deref() == Some(desired.hash())
            && self
                .entry
                .as_ref()
                .is_some_and(|entry| entry.is_complete(desired))
    }
}

impl Entry {
    fn new(own: OwnEntry) -> Self {
        let text = [own.api_version.as_bytes(), b" ", own.fields.as_bytes()].concat();
        let hash = Sha256::digest(text);
        let mut digest = [0; 16];
        digest.iter_mut().zip(hash).for_each(|(to, byte)| *to = byte);
        Self {
            digest,
            state: Mutex::new(State::Unchecked(own)),
        }
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn complete_for(&self) -> Option<Box<str>> {
        match self.state() {
            State::CompleteFor(hash) => Some(hash),
            State::Unchecked(_) => None,
        }
    }

    fn is_complete(&self, desired: &Desired) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::CompleteFor(hash) => **hash == *desired.hash(),
            State::Unchecked(own) => {
                let complete = compare(own, desired) == FieldOwnership::Complete;
                if complete {
                    *state = State::CompleteFor(desired.hash().into());
                }
                complete
            }
        }
    }
}

fn compare(own: &OwnEntry, desired: &Desired) -> FieldOwnership {
    let Ok(fields) = serde_json::from_str::<Value>(&own.fields) else {
        return FieldOwnership::NotApplied;
    };
    let entry = json!({
        "manager": FIELD_MANAGER, "operation": "Apply", "apiVersion": own.api_version, "fieldsV1": fields,
    });
    let live = json!({ "metadata": { "managedFields": [entry] } });
    field_ownership(&desired.hashed(), &live)
}
