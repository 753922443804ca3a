//! What the applier does about contests, see [`contest`](super::contest).

use serde_json::Value;

use super::{APPLIED_HASH, Applier, Because, Desired, contest::Dispute};

/// What is contested where others give an object its former owner again.
const OWNER_REFERENCES: &str = "metadata.ownerReferences";

impl Applier {
    /// What others did to the object, for which it is to be applied.
    pub(super) fn disputes(&self, desired: &Desired, live: &Value, because: &Because) -> Vec<Dispute> {
        match because {
            Because::Drift(drift) => drift.iter().map(Dispute::drift).collect(),
            Because::Adopted if self.contests.was_written(desired) => {
                vec![Dispute::changed(OWNER_REFERENCES)]
            }
            Because::Changed if self.contests.was_applied(desired) => {
                // It was applied already, and the traces of it are gone.
                let hash = &live["metadata"]["annotations"][APPLIED_HASH];
                let gone = match hash.as_str() {
                    None => Some(format!("metadata.annotations.{APPLIED_HASH}")),
                    Some(hash) if hash == desired.hash() => Some("metadata.managedFields".to_owned()),
                    // A trial that began at another time.
                    Some(_) => None,
                };
                gone.map(Dispute::removed).into_iter().collect()
            }
            Because::Altered(_) | Because::Adopted | Because::Changed => Vec::new(),
        }
    }

    /// Makes good what somebody does to the field at `path` by `write`, another way than by an apply; that waits where the object is
    /// contested. Says whether it was done.
    ///
    /// # Errors
    /// Those of `write`.
    pub async fn make_good<E>(
        &self,
        desired: &Desired,
        path: &str,
        write: impl Future<Output = Result<(), E>>,
    ) -> Result<bool, E> {
        let disputes = [Dispute::changed(path)];
        if !self.contests.may_repair(desired, Some(path), &disputes) {
            return Ok(false);
        }
        write.await?;
        self.contests.written(desired, Some(path), &disputes, None);
        Ok(true)
    }

    /// Whether [`Applier::make_good`] would do nothing about the field at `path`, which is not as it should be.
    #[must_use]
    pub fn field_waits(&self, desired: &Desired, path: &str) -> bool {
        self.contests.field_waits(desired, path)
    }

    /// Takes note of what the status of the server with uid `owner` told of contests, if nothing is known of them yet.
    pub fn recall(&self, owner: &str, was_contested: bool) {
        self.contests.recall(owner, was_contested);
    }

    /// Whether that stands, until it is known whether it is so still.
    #[must_use]
    pub fn is_recalled(&self, owner: &str) -> bool {
        self.contests.is_recalled(owner)
    }

    /// Whether others do again and again what the object was applied for.
    #[must_use]
    pub fn is_contested(&self, desired: &Desired, because: &Because) -> bool {
        let paths = match because {
            Because::Drift(drift) => drift.iter().map(|drift| &*drift.path).collect(),
            Because::Adopted => vec![OWNER_REFERENCES],
            Because::Altered(_) | Because::Changed => Vec::new(),
        };
        self.contests.is_contested(desired, &paths)
    }

    /// What others change again and again of the objects of the server with uid `owner`, a text for each.
    #[must_use]
    pub fn contested(&self, owner: &str) -> Vec<String> {
        self.contests.words(owner)
    }

    /// Forgets a server that is gone.
    pub fn forget(&self, owner: &str) {
        self.contests.forget(owner);
    }
}
