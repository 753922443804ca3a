//! Update and patch: the same but for where the new object comes from. Go: `registry/generic/registry/store.go`, Update,
//! over `GuaranteedUpdate` of `storage/etcd3/store.go`.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::admit::{Asked, defaulted_in};
use super::canonical::Oversize;
use super::errors::MODIFIED;
use super::metadata;
use super::prepare::{differs_outside_of, in_time};
use super::{Current, Registry, UpdateFn, Updated, versions};
use crate::authz::Authorized;
use crate::managed_fields::keep_timestamps;
use crate::object::Object;
use crate::offload;
use crate::request::Verb;
use crate::request::options::UpdateOptions;
use crate::status::ApiError;
use crate::storage::{Entry, Key, ReadAt, Revision, StorageError};

impl Registry {
    /// Changes the object that the request names. `change` makes the new object of the current one, again on
    /// a conflict: a write without a resourceVersion therefore never conflicts. What the client is to be
    /// warned of, whatever becomes of it, is added to `warnings`; of several attempts, several times.
    ///
    /// # Errors
    /// 400, 404, 409, 422; those of `change`; admission's; the store's; 504 after 34 s.
    pub async fn update(
        &self,
        request: &Authorized,
        change: &mut UpdateFn<'_>,
        options: &UpdateOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Updated, ApiError> {
        in_time(self.guaranteed_update(request, change, options, warnings)).await
    }

    async fn guaranteed_update(
        &self,
        request: &Authorized,
        change: &mut UpdateFn<'_>,
        options: &UpdateOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Updated, ApiError> {
        let key = self.key(self.rules.expected_namespace(request), &request.info().name)?;
        let mut current = self.current(&key).await?;
        loop {
            let Some(entry) = current else {
                match self
                    .create_by_update(request, &key, change, options, warnings)
                    .await
                {
                    // Somebody else made it meanwhile: it is changed, then.
                    Err(ApiError::AlreadyExists { name, .. }) if name == key.name() => {
                        current = self.current(&key).await?;
                        continue;
                    }
                    done => return done,
                }
            };
            match self
                .update_once(request, &entry, change, options, warnings)
                .await?
            {
                Attempt::Written(updated) => return Ok(updated),
                Attempt::Conflict(Some(newer)) if newer.revision() != entry.revision() => {
                    current = Some(newer);
                }
                Attempt::Conflict(_) => current = self.current(&key).await?,
            }
        }
    }

    /// What is stored in `entry`, decoded once, as a write in `version` needs it.
    async fn decode_current(&self, entry: &Entry, version: &str) -> Result<Decoded, ApiError> {
        let hub = self.rules.resource.hub_of(version);
        if self.rules.resource.conversion_waits() {
            let seen = if version == hub {
                None
            } else {
                Some(self.decoded_in(entry, version).await?)
            };
            let old = self.decoded_in(entry, hub).await?;
            return Ok(Decoded { old, seen });
        }
        let stored = self.stored(entry)?;
        if version == hub {
            return Ok(Decoded {
                old: self.read_in(stored, entry, hub)?,
                seen: None,
            });
        }
        Ok(Decoded {
            old: self.read_in(stored.clone(), entry, hub)?,
            seen: Some(self.read_in(stored, entry, version)?),
        })
    }

    /// Of the objects that `entry` was decoded to, the one that is as it is stored, but for the resourceVersion.
    fn as_stored<'a>(
        &self,
        entry: &Entry,
        mut decoded: impl Iterator<Item = &'a Object>,
    ) -> Option<&'a Object> {
        let storage_version = Some(self.rules.resource.storage_version.as_str());
        decoded.find(|object| self.is_canonical(entry) && self.rules.version_of(object) == storage_version)
    }

    async fn current(&self, key: &Key) -> Result<Option<Entry>, ApiError> {
        let read = self.storage.get(key, ReadAt::Latest).await;
        Ok(read
            .map_err(|error| self.storage_error(error, key.name(), Verb::Update))?
            .entry)
    }

    /// One attempt on the object as it is in `entry`.
    async fn update_once(
        &self,
        request: &Authorized,
        entry: &Entry,
        change: &mut UpdateFn<'_>,
        options: &UpdateOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Attempt, ApiError> {
        // The stored object is decoded whatever the client sent.
        let _memory = offload::expect_stored(entry.value()).await;
        let version = &request.info().version;
        let Decoded { old, seen } = self.decode_current(entry, version).await?;
        let current = seen.as_ref().unwrap_or(&old);
        let current = Current {
            object: current,
            is_complete: self.as_stored(entry, std::iter::once(current)).is_some(),
        };
        let object = self
            .rules
            .changed(request, change, Some(current), options, warnings)
            .await?;
        if request.info().verb == Verb::Update {
            self.rules.check_uid(&object, old.uid(), entry.key().name())?;
        }
        let mut new = self.rules.hub_of_request(request, object).await?;
        let asked = Asked::update(options.dry_run);
        let is_changed = self
            .rules
            .admit(request, asked, &mut new, Some(&old), warnings)
            .await?;
        let defaulted_in = defaulted_in(version, is_changed);
        self.check_revision(&new, entry)?;
        new.set_meta("resourceVersion", old.resource_version());
        warnings.extend(self.rules.prepare_changed(request, &mut new, &old).await?);
        keep_timestamps(&mut new, &old);
        self.rules
            .validate_admission(request, asked, &mut new, Some(&old), warnings)
            .await?;
        let finalized = metadata::is_finalized(&new, &self.rules.metadata_of(&old)?);
        let written = if finalized {
            self.delete_finalized(entry, new, defaulted_in, options.dry_run)
                .await
        } else {
            // In the storage version, and complete there, it is what is stored.
            let stored = [seen.as_ref(), Some(&old)].into_iter().flatten();
            let stored = self.as_stored(entry, stored);
            let change = Change {
                new,
                stored,
                defaulted_in,
                is_prepared: self.rules.resource.strategy.prepares(),
            };
            self.write(entry, change, options.dry_run, oversize(options))
                .await
        };
        match written {
            Ok(entry) => Ok(Attempt::Written(Updated {
                entry,
                created: false,
                deleted: finalized,
            })),
            Err(Failed::Conflict(current)) => Ok(Attempt::Conflict(current)),
            Err(Failed::Other(error)) => Err(error),
        }
    }

    fn check_revision(&self, object: &Object, entry: &Entry) -> Result<(), ApiError> {
        let number = match object.resource_version() {
            "" => 0,
            text => versions::parse_number(text).map_err(ApiError::Plain)?,
        };
        match number {
            0 if self.rules.resource.policy.allow_unconditional_update => Ok(()),
            0 => Err(self.rules.must_say_revision(entry.key().name())),
            number if Revision::new(number) == entry.revision() => Ok(()),
            _ => Err(self.rules.conflict(entry.key().name(), MODIFIED.into())),
        }
    }

    /// Stores a changed object unless nothing has changed.
    pub(super) async fn write(
        &self,
        entry: &Entry,
        change: Change<'_>,
        dry_run: bool,
        oversize: Oversize,
    ) -> Result<Entry, Failed> {
        let Change {
            new,
            stored,
            defaulted_in,
            is_prepared,
        } = change;
        let new = self.to_store(new, is_prepared).await.map_err(Failed::Other)?;
        // Where both are known they are compared before anything is encoded.
        if stored.is_some_and(|stored| is_same_but_revision(&new, stored)) {
            return Ok(entry.clone());
        }
        let value = self.value(&new).map_err(Failed::Other)?;
        if stored.is_none() && is_stored(&new, &value, entry) {
            return Ok(entry.clone());
        }
        if dry_run {
            return Ok(self.not_stored(entry.key().clone(), value, entry.revision(), defaulted_in));
        }
        self.store_changed(entry, value, defaulted_in, oversize)
            .await
            .map_err(|error| self.failed(error, entry.key(), Verb::Update))
    }

    /// Deletes an object in deletion whose last finalizer an update takes, and which was defaulted in `defaulted_in`. Its last
    /// state is that of the update, at the revision before the deletion, as Go answers it.
    async fn delete_finalized(
        &self,
        entry: &Entry,
        new: Object,
        defaulted_in: &str,
        dry_run: bool,
    ) -> Result<Entry, Failed> {
        let value = if self.rules.resource.policy.unstructured {
            // It is not stored any more, and answered as it was before it would have been.
            let mut last = new;
            last.metadata_mut().remove("resourceVersion");
            self.value(&last)
        } else {
            let is_prepared = self.rules.resource.strategy.prepares();
            self.bytes_to_store(new, is_prepared).await
        };
        let value = value.map_err(Failed::Other)?;
        if !dry_run {
            match self.storage.delete(entry.key(), entry.revision()).await {
                // Somebody else took the last finalizer too, which is as good.
                Ok(_) | Err(StorageError::Conflict { current: None, .. }) => {}
                Err(error) => return Err(self.failed(error, entry.key(), Verb::Delete)),
            }
        }
        Ok(self.not_stored(entry.key().clone(), value, entry.revision(), defaulted_in))
    }

    pub(super) fn failed(&self, error: StorageError, key: &Key, verb: Verb) -> Failed {
        match error {
            StorageError::Conflict { current, .. } => Failed::Conflict(current),
            error => Failed::Other(self.storage_error(error, key.name(), verb)),
        }
    }

    /// An update of what is not there: 404, unless the resource and the client may create so.
    async fn create_by_update(
        &self,
        request: &Authorized,
        key: &Key,
        change: &mut UpdateFn<'_>,
        options: &UpdateOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Updated, ApiError> {
        // A patch creates where it is an apply, whatever the resource says of a PUT.
        let creates = request.info().verb == Verb::Patch || self.rules.resource.policy.allow_create_on_update;
        let may_create = options.may_create && creates && request.info().subresource.is_empty();
        // A PUT's object is there, and looked at, whatever becomes of it.
        if !may_create && request.info().verb != Verb::Update {
            return Err(self.not_found(key));
        }
        let mut object = self
            .rules
            .changed(request, change, None, options, warnings)
            .await?;
        if !may_create {
            return Err(self.not_found(key));
        }
        if request.info().verb == Verb::Update {
            self.rules.check_uid(&object, "", key.name())?;
        } else if !object.uid().is_empty() {
            let uid = object.uid();
            let message = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            );
            return Err(self.rules.conflict(key.name(), message));
        }
        metadata::wipe_system_fields(&mut object);
        object.metadata_mut().remove("resourceVersion");
        let admitted = self.admitted(request, object, options.dry_run, warnings).await?;
        if admitted.object.name() != request.info().name {
            return Err(ApiError::BadRequest(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                admitted.object.name(),
                request.info().name
            )));
        }
        let created = self
            .create_once(request, admitted, options.dry_run, oversize(options), warnings)
            .await?;
        Ok(Updated {
            entry: created.entry,
            created: true,
            deleted: false,
        })
    }
}

/// Whether `object`, whose bytes are `value`, is what is stored. What another server wrote may be the same with its
/// fields in another order; then it is as long.
fn is_stored(object: &Object, value: &Bytes, entry: &Entry) -> bool {
    let bytes = entry.value();
    if value.len() != bytes.len() {
        return false;
    }
    let parse = || serde_json::from_slice::<Map<String, Value>>(bytes).ok();
    value == bytes || parse().is_some_and(|stored| stored == object.0)
}

/// Whether two objects are the same but for the resourceVersion.
fn is_same_but_revision(left: &Object, right: &Object) -> bool {
    is_same_but("resourceVersion", left, right)
}

/// Whether two objects are the same but for a field of their metadata.
pub(crate) fn is_same_but(field: &str, left: &Object, right: &Object) -> bool {
    let (Some(of_left), Some(of_right)) = (left.metadata(), right.metadata()) else {
        return false;
    };
    !differs_outside_of(&["metadata"], &left.0, &right.0) && !differs_outside_of(&[field], of_left, of_right)
}

/// Of an apply too large is too large: who applies must not lose what others manage.
fn oversize(options: &UpdateOptions) -> Oversize {
    if options.is_apply {
        Oversize::Refused
    } else {
        Oversize::WithoutManagers
    }
}

/// The object that a write finds.
struct Decoded {
    /// In the hub version.
    old: Object,
    /// In the request's version; `None`: that is the hub's.
    seen: Option<Object>,
}

/// What becomes of an object.
pub(super) struct Change<'a> {
    /// In the hub version.
    pub(super) new: Object,
    /// What is stored, decoded, but for the resourceVersion; `None`: that is not known.
    pub(super) stored: Option<&'a Object>,
    /// The version in which the new object was defaulted.
    pub(super) defaulted_in: &'a str,
    /// Whether it may have been changed since.
    pub(super) is_prepared: bool,
}

/// How an attempt ended.
enum Attempt {
    Written(Updated),
    /// The object is no longer as it was read; what is there now, where it is known.
    Conflict(Option<Entry>),
}

/// Why nothing was written.
pub(super) enum Failed {
    /// The object is no longer as it was.
    Conflict(Option<Entry>),
    Other(ApiError),
}
