//! Who answers a read: the memory, or the backend.

use super::Cache;
use super::content::{Content, Part};
use crate::storage::{List, Prefix, ReadAt, Revision, StorageError};

/// Who answers.
pub(super) enum Answering {
    /// The memory as it is now, which is fresh enough.
    Present,
    /// The memory as it was at this revision.
    Moment(Content, Revision),
    /// The backend.
    Backend,
}

impl Cache {
    /// Who answers a read at `at`; waits until the memory is fresh enough.
    ///
    /// # Errors
    /// [`StorageError::Initializing`], [`StorageError::FutureRevision`], and the backend's.
    pub(super) async fn answering(&self, at: ReadAt) -> Result<Answering, StorageError> {
        match at {
            ReadAt::Exact(revision) => {
                self.shared.check_known(revision)?;
                Ok(self.moment(revision))
            }
            _ if !self.ready() => Err(StorageError::Initializing),
            ReadAt::Any => Ok(self.at_hand().await),
            ReadAt::NotOlderThan(requested) => {
                if *self.shared.reached().borrow() < requested {
                    self.shared.check_known(requested)?;
                }
                if self.shared.has_reached(requested).await {
                    return Ok(Answering::Present);
                }
                if !self.ready() {
                    return Err(StorageError::Initializing);
                }
                Err(StorageError::FutureRevision {
                    requested,
                    current: self.shared.state().reached,
                })
            }
            ReadAt::Latest => self.latest().await,
        }
    }

    /// Whether the cache holds all of `prefix`.
    pub(super) fn covers(&self, prefix: &Prefix) -> bool {
        prefix.as_str().starts_with(self.shared.prefix.as_str())
    }

    /// A list as of now; where it leaves something for further pages, its moment is kept for them.
    pub(super) fn begin(&self, list: &List) -> (Part, Revision) {
        let (content, changed, reached) = {
            let state = self.shared.state();
            (
                state.content.clone(),
                state.changed.max(state.compacted),
                state.reached,
            )
        };
        let part = content.part(list);
        if part.remaining > 0 {
            self.shared.pages().keep(content, changed, reached);
        }
        (part, reached)
    }

    /// Whatever is at hand, unless somebody was told something newer by the backend: then that, as soon as it is here.
    async fn at_hand(&self) -> Answering {
        let newest = self.shared.newest_told();
        let (reached, following) = {
            let state = self.shared.state();
            (state.reached, state.following)
        };
        if reached >= newest || (following && self.shared.has_reached(newest).await) {
            return Answering::Present;
        }
        Answering::Backend
    }

    /// A read that sees every write acknowledged before it: first the store is asked where it is, then the memory must
    /// get there. Where it does not in time, or cannot now, the store itself answers.
    async fn latest(&self) -> Result<Answering, StorageError> {
        let before = *self.shared.reached().borrow();
        let current = self.shared.backend.current_revision().await?;
        if current < before {
            // The store is not the one that it was: it has lost what is here.
            self.shared.went_back();
            return Ok(Answering::Backend);
        }
        let (reached, following) = {
            let state = self.shared.state();
            (state.reached, state.following)
        };
        if reached >= current || (following && self.shared.has_reached(current).await) {
            return Ok(Answering::Present);
        }
        Ok(Answering::Backend)
    }

    fn moment(&self, revision: Revision) -> Answering {
        let present = {
            let state = self.shared.state();
            state.is_exactly(revision).then(|| state.content.clone())
        };
        match present.or_else(|| self.shared.pages().at(revision)) {
            Some(content) => Answering::Moment(content, revision),
            None => Answering::Backend,
        }
    }
}
