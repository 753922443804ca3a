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
                if self.ready() && !self.is_of_the_stores_history() {
                    return Ok(Answering::Backend);
                }
                Ok(self.moment(revision))
            }
            _ if !self.ready() => Err(StorageError::Initializing),
            ReadAt::Any => Ok(self.at_hand().await),
            _ if !self.is_of_the_stores_history() => Ok(Answering::Backend),
            ReadAt::NotOlderThan(requested) => {
                if *self.shared.reached().borrow() >= requested {
                    return Ok(Answering::Present);
                }
                self.shared.check_known(requested)?;
                if !self.shared.backend.answers_progress() {
                    return Ok(Answering::Backend);
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
        let waits = following && self.shared.backend.answers_progress();
        if reached >= newest || (waits && self.shared.has_reached(newest).await) {
            return Answering::Present;
        }
        Answering::Backend
    }

    /// A read that sees every write acknowledged before it: first the store is asked where it is, then the memory must
    /// get there. Where it does not in time, or cannot now, the store itself answers; and where the store went back, so
    /// that what is in memory is of a history that is lost.
    async fn latest(&self) -> Result<Answering, StorageError> {
        let before = *self.shared.reached().borrow();
        let backend = &self.shared.backend;
        let current = backend.current_revision().await?;
        if current < before {
            // The store is not the one that it was: it has lost what is here.
            self.shared.went_back();
            return Ok(Answering::Backend);
        }
        let (reached, following) = {
            let state = self.shared.state();
            (state.reached, state.following)
        };
        let is_ours = self.is_of_the_stores_history();
        let waits = following && backend.answers_progress();
        if is_ours && (reached >= current || (waits && self.shared.has_reached(current).await)) {
            return Ok(Answering::Present);
        }
        Ok(Answering::Backend)
    }

    /// Whether the memory is not of a history that the store lost; where it is, it is being filled again.
    fn is_of_the_stores_history(&self) -> bool {
        self.shared.backend.history() == self.shared.history()
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
