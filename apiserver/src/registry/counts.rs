//! What is known of a resource without reading it: what the work estimator of priority and fairness counts with.

use super::Registry;
use crate::storage::{List, ReadAt, StorageError};

impl Registry {
    /// How many objects a namespace has, or (empty) all of them, where that is known without reading them.
    #[must_use]
    pub fn objects(&self, namespace: &str) -> Option<usize> {
        self.storage.count(&self.range(namespace).ok()?)
    }

    /// How many watches are told of a change in a namespace, or (empty) of one of a cluster-scoped object.
    #[must_use]
    pub fn watchers(&self, namespace: &str) -> usize {
        self.range(namespace)
            .map_or(0, |range| self.storage.watchers(&range))
    }

    /// How many objects there are, asked of the storage.
    ///
    /// # Errors
    /// The storage does not say.
    pub(crate) async fn count_stored(&self) -> Result<u64, StorageError> {
        let list = List {
            prefix: self.prefix.clone(),
            after: None,
            limit: Some(1),
            at: ReadAt::Latest,
        };
        let page = self.storage.list(&list).await?;
        Ok(page.remaining.saturating_add(page.entries.len() as u64))
    }
}
