//! Managed fields after a write (Go: `merge/update.go`).

use std::collections::BTreeMap;

use super::converter::convert_if_served;
use super::error::InStep;
use super::{Conflicts, Converter, Error, Step};
use crate::fieldpath::{ApiVersion, Filter, ManagedFields, Set, VersionedSet};
use crate::typed::{Comparison, TypedValue};
use crate::value;

/// Computes who manages what after a write, and what an applied configuration makes of an object.
///
/// Neither it nor what it computes knows of times, names of managers or metadata: that is the apiserver's part.
#[derive(Clone, Debug)]
pub struct Updater<C> {
    pub(super) converter: C,
    ignored: BTreeMap<ApiVersion, Filter>,
    return_input_on_noop: bool,
}

/// What an apply comes to.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The new object; `None` where it equals the live one, unless
    /// [that is to be returned](Updater::returning_input_on_noop).
    pub object: Option<TypedValue>,
    /// Who manages what.
    pub managers: ManagedFields,
}

impl<C: Converter> Updater<C> {
    /// An updater of objects that `converter` converts.
    pub fn new(converter: C) -> Self {
        Self {
            converter,
            ignored: BTreeMap::new(),
            return_input_on_noop: false,
        }
    }

    /// Does not track what `filters` take out, by version: the fields that a resource or subresource resets.
    #[must_use]
    pub fn ignoring(self, filters: impl IntoIterator<Item = (ApiVersion, Filter)>) -> Self {
        Self {
            ignored: filters.into_iter().collect(),
            ..self
        }
    }

    /// Returns the new object of an apply without comparing it with the live one: the caller compares.
    #[must_use]
    pub fn returning_input_on_noop(self) -> Self {
        Self {
            return_input_on_noop: true,
            ..self
        }
    }

    /// Who manages what once `new` replaces `live` (null, where it is created): `manager` owns what it changed beside
    /// what it owned; others lose what was changed or removed. There are no conflicts.
    ///
    /// # Errors
    /// Where objects cannot be converted, or do not fit their types.
    pub fn update(
        &self,
        live: &TypedValue,
        new: &TypedValue,
        version: &ApiVersion,
        managers: ManagedFields,
        manager: &str,
    ) -> Result<ManagedFields, Error> {
        let managers = self.reconcile(live, managers)?;
        let (mut managers, compared) = if live.is_valid_and_same(new) {
            (after_nothing(managers), Comparison::default())
        } else {
            self.after_change(live, new, version, managers, manager, Force::Yes)?
        };
        let mut set = match managers.remove(manager) {
            Some(owned) => owned.set.difference(&compared.removed),
            None => Set::new(),
        };
        set.extend(compared.modified);
        set.extend(compared.added);
        let set = self.without_ignored(version, set);
        if !set.is_empty() {
            managers.insert(manager.to_owned(), VersionedSet::new(set, version.clone(), false));
        }
        Ok(managers)
    }

    /// `config` applied to `live`: its fields are set and owned by `manager`; what `manager` applied before, has left out
    /// now, and nobody else owns, is removed.
    ///
    /// # Errors
    /// Where others manage fields with other values, and `force` does not take them; where objects cannot be converted, or
    /// do not fit their types.
    pub fn apply(
        &self,
        live: &TypedValue,
        config: &TypedValue,
        version: &ApiVersion,
        managers: ManagedFields,
        manager: &str,
        force: bool,
    ) -> Result<Applied, Error> {
        let mut managers = self.reconcile(live, managers)?;
        let merged = live.merge(config).in_step(Step::Merge)?;
        let set = self.without_ignored(version, config.to_field_set().in_step(Step::FieldSet)?);
        let applied = VersionedSet::new(set, version.clone(), true);
        let last = managers.insert(manager.to_owned(), applied.clone());
        let new = match last {
            Some(last) if may_leave_out(&last, &applied, &managers) => {
                self.prune(merged, &managers, version, &last)?
            }
            _ => merged,
        };
        let force = if force { Force::Yes } else { Force::No };
        let (managers, is_same) = if live.is_valid_and_same(&new) {
            (after_nothing(managers), true)
        } else {
            let (managers, compared) = self.after_change(live, &new, version, managers, manager, force)?;
            // Lists in another order are compared as the same.
            let is_same = compared.is_same() && value::equals(live.as_value(), new.as_value());
            (managers, is_same)
        };
        let is_noop = is_same && !self.return_input_on_noop;
        Ok(Applied {
            object: (!is_noop).then_some(new),
            managers,
        })
    }

    fn without_ignored(&self, version: &ApiVersion, set: Set) -> Set {
        match self.ignored.get(version) {
            Some(filter) => filter.filter(set),
            None => set,
        }
    }

    // What others own once `live` is `new`, and what is different in `version`. Managers of versions that are no longer
    // served are forgotten, and those that own nothing.
    fn after_change(
        &self,
        live: &TypedValue,
        new: &TypedValue,
        version: &ApiVersion,
        managers: ManagedFields,
        writer: &str,
        force: Force,
    ) -> Result<(ManagedFields, Comparison), Error> {
        let here = self.compared(live, new, version)?;
        let mut elsewhere = BTreeMap::new();
        let mut conflicts = ManagedFields::new();
        let mut left = ManagedFields::new();
        for (manager, mut owned) in managers {
            if manager != writer {
                let compared = if owned.api_version == *version {
                    Some(&here)
                } else {
                    if !elsewhere.contains_key(&owned.api_version) {
                        let compared = self.compared_in(live, new, &owned.api_version)?;
                        elsewhere.insert(owned.api_version.clone(), compared);
                    }
                    elsewhere.get(&owned.api_version).and_then(Option::as_ref)
                };
                let Some(compared) = compared else { continue };
                let mut conflict = owned.set.intersection(&compared.modified);
                conflict.extend(owned.set.intersection(&compared.added));
                owned.set = owned.set.difference(&conflict).difference(&compared.removed);
                if !conflict.is_empty() {
                    let conflict = VersionedSet::new(conflict, owned.api_version.clone(), false);
                    conflicts.insert(manager.clone(), conflict);
                }
            }
            if !owned.set.is_empty() {
                left.insert(manager, owned);
            }
        }
        if force == Force::No && !conflicts.is_empty() {
            return Err(Conflicts::from_managers(conflicts).into());
        }
        Ok((left, here))
    }

    fn compared_in(
        &self,
        live: &TypedValue,
        new: &TypedValue,
        version: &ApiVersion,
    ) -> Result<Option<Comparison>, Error> {
        let Some(live) = convert_if_served(&self.converter, live, version).in_step(Step::ConvertLive)? else {
            return Ok(None);
        };
        let Some(new) = convert_if_served(&self.converter, new, version).in_step(Step::ConvertNew)? else {
            return Ok(None);
        };
        self.compared(&live, &new, version).map(Some)
    }

    fn compared(
        &self,
        live: &TypedValue,
        new: &TypedValue,
        version: &ApiVersion,
    ) -> Result<Comparison, Error> {
        let compared = live.compare(new).in_step(Step::Compare)?;
        Ok(match self.ignored.get(version) {
            Some(filter) => compared.filter(filter),
            None => compared,
        })
    }

    // Managed fields as the schema has them now. Those of versions that are no longer served are left out.
    fn reconcile(&self, live: &TypedValue, managers: ManagedFields) -> Result<ManagedFields, Error> {
        let mut by_version: BTreeMap<ApiVersion, Option<TypedValue>> = BTreeMap::new();
        let mut reconciled = ManagedFields::new();
        for (manager, mut owned) in managers {
            // Once for each version, where Go converts for each manager.
            let live = match by_version.get(&owned.api_version) {
                Some(live) => live,
                None => {
                    let live = convert_if_served(&self.converter, live, &owned.api_version);
                    by_version
                        .entry(owned.api_version.clone())
                        .or_insert(live.in_step(Step::Reconcile)?)
                }
            };
            let Some(live) = live else { continue };
            if let Some(set) = live.reconcile_field_set(&owned.set).in_step(Step::Reconcile)? {
                owned.set = set;
            }
            reconciled.insert(manager, owned);
        }
        Ok(reconciled)
    }
}

// What managers own where nothing is different, in whatever version: all that they owned. Their versions are served, since their
// fields were reconciled in them.
fn after_nothing(mut managers: ManagedFields) -> ManagedFields {
    managers.retain(|_, owned| !owned.set.is_empty());
    managers
}

// Whether `last` has what `applied` has not. Where managers use several versions, it may: an object that goes through them is
// not always what it was.
fn may_leave_out(last: &VersionedSet, applied: &VersionedSet, managers: &ManagedFields) -> bool {
    let all_use = |version: &ApiVersion| managers.values().all(|owned| owned.api_version == *version);
    let is_one_version = last.api_version == applied.api_version && all_use(&applied.api_version);
    !(last.set.is_empty() || is_one_version && last.set.is_subset(&applied.set))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Force {
    Yes,
    No,
}
