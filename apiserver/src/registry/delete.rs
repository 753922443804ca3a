//! Delete and deletecollection.

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::canonical::Oversize;
use super::metadata;
use super::prepare::in_time;
use super::update::{Change, Failed};
use super::{Deleted, Listed, Registry};
use crate::authz::Authorized;
use crate::object::Object;
use crate::offload;
use crate::request::Verb;
use crate::request::options::{DeleteOptions, IGNORE_STORE_READ_ERROR, ListOptions};
use crate::resource::Hub;
use crate::status::{ApiError, FieldError};
use crate::storage::{Entry, Key, ReadAt};

/// Objects that a deletecollection reads at once.
const PAGE: u64 = 10_000;
/// Objects that a deletecollection deletes at once: enough to share the store's commits.
const AT_ONCE: usize = 16;

impl Registry {
    /// Deletes the object that the request names, or marks it as to be deleted where finalizers are in the way.
    ///
    /// # Errors
    /// 404, 409; admission's; the store's; 504 after 34 s.
    pub async fn delete(&self, request: &Authorized, options: &DeleteOptions) -> Result<Deleted, ApiError> {
        let name = &request.info().name;
        let key = self.key(self.rules.expected_namespace(request), name)?;
        if options.ignore_store_read_error {
            return in_time(self.delete_unread(request, &key)).await;
        }
        in_time(self.delete_at(request, &key, name, options)).await
    }

    /// Deletes an object that cannot be read: nobody is asked, for nobody can be told what goes. Go's
    /// `registry/generic/registry/corrupt_obj_deleter.go`.
    async fn delete_unread(&self, request: &Authorized, key: &Key) -> Result<Deleted, ApiError> {
        let entry = self.read(key, ReadAt::Latest, Verb::Delete).await?;
        let object = self.stored(&entry);
        // Whoever converts and cannot be asked says nothing of the object.
        let is_read = if self.rules.resource.conversion_waits() {
            object.is_ok()
        } else {
            object.is_ok_and(|object| self.read_in(object, &entry, self.rules.hub_of(request)).is_ok())
        };
        if is_read {
            return Err(ApiError::invalid_field(
                self.rules.resource.group_kind(),
                key.name(),
                FieldError::invalid(
                    IGNORE_STORE_READ_ERROR,
                    true,
                    "is exclusively used to delete corrupt object(s), try again by removing this option",
                ),
            ));
        }
        tracing::warn!(%key, "an object that cannot be read is deleted");
        let deleted = self.storage.delete_unread(key, entry.revision()).await;
        deleted
            .map(Deleted::Gone)
            .map_err(|error| self.storage_error(error, key.name(), Verb::Delete))
    }

    /// Deletes the objects that match, several at once; what somebody else deleted meanwhile is no error. Answers all
    /// that it met, as they were. With a limit it stops after one page, whose token the answer carries.
    ///
    /// # Errors
    /// Those of list, and of delete at the first object that makes one.
    pub async fn delete_collection(
        &self,
        request: &Authorized,
        list: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<Listed, ApiError> {
        let namespace = self.rules.expected_namespace(request);
        let mut page_options = list.clone();
        page_options.limit = list.limit.or(Some(PAGE));
        let mut all: Option<Listed> = None;
        loop {
            let page = self
                .list(&request.info().version, namespace, &page_options)
                .await?;
            self.delete_all(request, &page.entries, options).await?;
            if list.limit.is_some() {
                return Ok(page);
            }
            page_options.continue_token.clone_from(&page.continue_token);
            page_options.resource_version.clear();
            page_options.resource_version_match = None;
            let is_last = page.continue_token.is_empty();
            let so_far = match all.take() {
                None => page,
                Some(mut so_far) => {
                    so_far.entries.extend(page.entries);
                    so_far
                }
            };
            if is_last {
                return Ok(Listed {
                    continue_token: String::new(),
                    remaining: None,
                    ..so_far
                });
            }
            all = Some(so_far);
        }
    }

    async fn delete_all(
        &self,
        request: &Authorized,
        entries: &[Entry],
        options: &DeleteOptions,
    ) -> Result<(), ApiError> {
        // Owned entries: with borrowed ones the compiler cannot see that the future may move to another thread.
        stream::iter(entries.iter().cloned())
            .map(|entry| async move {
                match self.delete_at(request, entry.key(), "", options).await {
                    Ok(_) | Err(ApiError::NotFound { .. }) => Ok(()),
                    Err(error) => Err(error),
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    /// Deletes the object at `key`, as it is when the deletion lands. `name` is what admission is told.
    async fn delete_at(
        &self,
        request: &Authorized,
        key: &Key,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, ApiError> {
        let mut entry = self.read(key, ReadAt::Latest, Verb::Delete).await?;
        let _memory = offload::expect_stored(entry.value()).await;
        let stored = self.stored(&entry)?;
        let revision = entry.revision().to_string();
        self.rules
            .check_early(key.name(), [stored.uid(), &revision], &options.preconditions)?;
        loop {
            let old = self.decoded_in(&entry, self.rules.hub_of(request)).await?;
            let revision = entry.revision().to_string();
            let found = [old.uid(), &revision];
            self.rules
                .check_preconditions(key.name(), found, &options.preconditions)?;
            self.rules
                .admit_deletion(request, name, &old, options.dry_run)
                .await?;
            let finalizers = metadata::finalizers_for(&old.finalizers(), options);
            let done = if finalizers.is_empty() {
                self.remove(&entry, options.dry_run).await.map(Deleted::Gone)
            } else {
                let marked = self.mark(&entry, old, finalizers, options.dry_run).await;
                marked.map(Deleted::Pending)
            };
            entry = match done {
                Ok(deleted) => return Ok(deleted),
                Err(Failed::Other(error)) => return Err(error),
                Err(Failed::Conflict(None)) => return Err(self.not_found(key)),
                Err(Failed::Conflict(Some(newer))) if newer.revision() != entry.revision() => newer,
                Err(Failed::Conflict(Some(_))) => self.read(key, ReadAt::Latest, Verb::Delete).await?,
            };
        }
    }

    async fn remove(&self, entry: &Entry, dry_run: bool) -> Result<Entry, Failed> {
        if dry_run {
            return Ok(entry.clone());
        }
        self.storage
            .delete(entry.key(), entry.revision())
            .await
            .map_err(|error| self.failed(error, entry.key(), Verb::Delete))
    }

    /// Marks an object that must wait for its finalizers; where it is marked already, only these may change.
    async fn mark(
        &self,
        entry: &Entry,
        mut object: Object,
        finalizers: Vec<String>,
        dry_run: bool,
    ) -> Result<Entry, Failed> {
        metadata::mark_as_deleting(&mut object, finalizers, &metadata::now());
        let change = Change {
            new: object,
            stored: None,
            // It was read from the store. What came back from another version may have lost fields.
            defaulted_in: match self.rules.resource.hub {
                Hub::Version(_) => &self.rules.resource.storage_version,
                Hub::OfRequest => "",
            },
            is_prepared: false,
        };
        self.write(entry, change, dry_run, Oversize::Refused).await
    }
}
