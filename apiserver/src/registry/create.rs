//! Create.

use std::sync::Arc;

use super::admit::{Admitted, Asked, defaulted_in};
use super::canonical::Oversize;
use super::metadata::{self, Clock};
use super::prepare::in_time;
use super::{Created, Registry, versions};
use crate::authz::Authorized;
use crate::object::Object;
use crate::request::Verb;
use crate::request::options::CreateOptions;
use crate::status::ApiError;
use crate::storage::{Entry, Key, ReadAt, Revision, StorageError};

/// How often a name is generated anew where the one before was taken.
const NAME_ATTEMPTS: usize = 8;

impl Registry {
    /// Creates `object`, which is in the request's version, decoded, normalized and defaulted. What the client is to be
    /// warned of, whatever becomes of it, is added to `warnings`.
    ///
    /// # Errors
    /// 400, 409, 422; 500 for an object with a resourceVersion; admission's; the store's; 504 after 34 s.
    pub async fn create(
        &self,
        request: &Authorized,
        object: Object,
        options: &CreateOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Created, ApiError> {
        in_time(self.create_named(request, object, options, warnings)).await
    }

    /// Creates it, under a new name as long as generated ones are taken.
    async fn create_named(
        &self,
        request: &Authorized,
        mut object: Object,
        options: &CreateOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Created, ApiError> {
        warnings.extend(metadata::begin_create(
            &mut object,
            self.rules.expected_namespace(request),
        )?);
        let object = self
            .rules
            .new_with_managers(request, object, &options.field_manager)
            .await?;
        let admitted = self.admitted(request, object, options.dry_run, warnings).await?;
        let base = admitted.object.meta("generateName").to_owned();
        if base.is_empty() || !admitted.object.name().is_empty() {
            let oversize = Oversize::WithoutManagers;
            return self
                .create_once(request, admitted, options.dry_run, oversize, warnings)
                .await;
        }
        let mut attempts = 1..;
        loop {
            let mut attempt = admitted.clone();
            attempt.object.set_meta("name", &metadata::generate_name(&base));
            match self
                .create_once(
                    request,
                    attempt,
                    options.dry_run,
                    Oversize::WithoutManagers,
                    warnings,
                )
                .await
            {
                Err(ApiError::NameNotGenerated { .. }) if attempts.next() < Some(NAME_ATTEMPTS) => {}
                done => return done,
            }
        }
    }

    /// A new object in the hub version, as mutating admission lets it pass. It may have no name yet.
    pub(super) async fn admitted(
        &self,
        request: &Authorized,
        object: Object,
        dry_run: bool,
        warnings: &mut Vec<String>,
    ) -> Result<Admitted, ApiError> {
        let mut object = self.rules.hub_of_request(request, object).await?;
        let create = Arc::new(self.rules.creates.begin());
        let is_changed = self
            .rules
            .admit(request, Asked::create(dry_run), &mut object, None, warnings)
            .await?;
        Ok(Admitted {
            object,
            is_changed,
            create,
        })
    }

    /// One attempt, under the name that the object has. An update that may create comes here too.
    pub(super) async fn create_once(
        &self,
        request: &Authorized,
        admitted: Admitted,
        dry_run: bool,
        oversize: Oversize,
        warnings: &mut Vec<String>,
    ) -> Result<Created, ApiError> {
        let Admitted {
            object: mut hub,
            is_changed,
            create,
        } = admitted;
        metadata::fill_system_fields(&mut hub, &Clock::read());
        let says_status = hub.0.contains_key("status");
        warnings.extend(self.rules.prepare_new(request, &mut hub).await?);
        self.rules
            .validate_admission(request, Asked::create(dry_run), &mut hub, None, warnings)
            .await?;
        let key = self.key(self.rules.expected_namespace(request), hub.name())?;
        // Go's store parses it and lets what is no number, or 0, pass.
        if versions::parse_number(hub.resource_version()).is_ok_and(|revision| revision != 0) {
            return Err(ApiError::Plain(
                "resourceVersion should not be set on objects to be created".into(),
            ));
        }
        let generated = !hub.meta("generateName").is_empty();
        let resource = self.resource();
        let is_unstructured = resource.policy.unstructured;
        let has_status = resource.has_status(&request.info().version);
        let is_prepared = resource.strategy.prepares() || (has_status && !is_unstructured);
        let value = self.bytes_to_store(hub, is_prepared).await?;
        let defaulted_in = if is_unstructured && has_status && says_status {
            // The default of a status that nobody may say is there when it is read.
            ""
        } else {
            defaulted_in(&request.info().version, is_changed)
        };
        let stored = if dry_run {
            self.try_create(&key, value, defaulted_in).await
        } else {
            create.asks();
            let stored = self.store_new(&key, value, defaulted_in, oversize).await;
            if !matches!(stored, Err(StorageError::Unavailable(_))) {
                create.is_answered();
            }
            stored
        };
        match stored {
            Ok(entry) => Ok(Created { entry }),
            Err(StorageError::AlreadyExists { .. }) => Err(self.exists(&key, generated).await),
            Err(error) => Err(self.storage_error(error, key.name(), Verb::Create)),
        }
    }

    /// What a create would give, if the name is free now.
    async fn try_create(
        &self,
        key: &Key,
        value: bytes::Bytes,
        defaulted_in: &str,
    ) -> Result<Entry, StorageError> {
        if self.storage.get(key, ReadAt::Latest).await?.entry.is_some() {
            return Err(StorageError::AlreadyExists { key: key.clone() });
        }
        Ok(self.not_stored(key.clone(), value, Revision::ZERO, defaulted_in))
    }

    /// 409 for a name that is taken.
    async fn exists(&self, key: &Key, generated: bool) -> ApiError {
        let resource = self.rules.resource.group_resource();
        let name = key.name().to_owned();
        let prefix = match self.read(key, ReadAt::Latest, Verb::Create).await {
            Ok(entry) if self.is_in_deletion(&entry) => "object is being deleted: ",
            Ok(_) | Err(_) => "",
        };
        if generated {
            ApiError::NameNotGenerated {
                resource,
                name,
                prefix,
            }
        } else {
            ApiError::AlreadyExists {
                resource,
                name,
                prefix,
            }
        }
    }

    fn is_in_deletion(&self, entry: &Entry) -> bool {
        self.stored(entry)
            .is_ok_and(|object| !object.deletion_timestamp().is_empty())
    }
}
