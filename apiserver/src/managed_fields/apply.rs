//! An applied configuration, merged (Go: `managedfields/internal/structuredmerge.go`, `skipnonapplied.go` and
//! `versioncheck.go`).

use std::sync::Arc;

use annex_structured_merge_diff::fieldpath::ManagedFields;
use annex_structured_merge_diff::merge::{Applied, Error};
use annex_structured_merge_diff::typed::{Duplicates, TypedValue};
use serde_json::Value;

use super::apply_error::{ApplyError, GroupVersionKind, shown};
use super::entry::APPLY;
use super::field_manager::Inner;
use super::last_applied::{self, KUBECTL};
use super::managed::Managed;
use super::strip_meta::strip_meta;
use super::time::Time;
use crate::object::Object;

/// Who has what was there before an object was first applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

impl Inner {
    /// # Errors
    /// Where `config` is of another version or kind.
    pub(super) fn expect_type(&self, config: &Object) -> Result<(), ApplyError> {
        let found = GroupVersionKind::new(config.api_version(), config.kind());
        if found == GroupVersionKind::new(&self.version, &self.kind) {
            Ok(())
        } else {
            Err(ApplyError::ObjectType(found.to_string()))
        }
    }

    /// `live` with `config` applied, and who manages what then.
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub(super) fn apply(
        &self,
        live: Arc<Value>,
        config: &Arc<Value>,
        managed: Managed,
        manager: &str,
        force: bool,
        now: Option<Time>,
    ) -> Result<(Arc<Value>, Managed), ApplyError> {
        let Managed { fields, mut times } = self.before_first_apply(&live, managed, now.clone())?;
        if config
            .pointer("/metadata/managedFields")
            .is_some_and(Value::is_array)
        {
            return Err(ApplyError::ManagedFieldsInConfig);
        }
        let config_typed = self.parseable.typed(config.clone(), Duplicates::Refuse);
        let config_typed = config_typed.map_err(|cause| ApplyError::Config {
            object: shown(config),
            cause,
        })?;
        let live_typed = self.parseable.typed(live.clone(), Duplicates::Allow);
        let live_typed = live_typed.map_err(|cause| ApplyError::Live {
            object: shown(&live),
            cause,
        })?;
        let identifier = self.identifier(manager, APPLY, "");
        let applied = self.merge(&live_typed, &config_typed, fields, manager, &identifier, force)?;
        drop(live_typed);
        let Applied { object, managers } = applied;
        let mut fields = managers;
        strip_meta(&mut fields, &identifier);
        let object = match object {
            Some(object) => {
                if let Some(now) = now {
                    times.insert(identifier, now);
                }
                object.into_value()
            }
            None => live,
        };
        if !object.is_object() {
            return Err(ApplyError::NoObject(shown(config)));
        }
        let object = if manager == KUBECTL {
            last_applied::refresh(object, config)?
        } else {
            object
        };
        Ok((object, Managed { fields, times }))
    }

    // Of an object that has no managers, all that is there has one.
    fn before_first_apply(
        &self,
        live: &Arc<Value>,
        managed: Managed,
        now: Option<Time>,
    ) -> Result<Managed, ApplyError> {
        if !managed.fields.is_empty() || Arc::ptr_eq(live, &self.empty) {
            return Ok(managed);
        }
        self.update(&self.empty, live, managed, BEFORE_FIRST_APPLY, now)
            .map_err(ApplyError::BeforeFirstApply)
    }

    fn merge(
        &self,
        live: &TypedValue,
        config: &TypedValue,
        fields: ManagedFields,
        manager: &str,
        identifier: &str,
        force: bool,
    ) -> Result<Applied, ApplyError> {
        let apply = |fields, force| {
            let updater = &self.updater;
            updater.apply(live, config, &self.version, fields, identifier, force)
        };
        if manager != KUBECTL || force {
            return Ok(apply(fields, force)?);
        }
        match apply(fields.clone(), false) {
            Err(Error::Conflicts(conflicts)) => match self.unexplained(live, &conflicts) {
                Some(conflicts) => Err(Error::Conflicts(conflicts).into()),
                None => Ok(apply(fields, true)?),
            },
            applied => Ok(applied?),
        }
    }
}
