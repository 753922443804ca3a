//! What an apply removes (Go: `merge/update.go`, prune).

use std::collections::BTreeMap;

use super::converter::convert_if_served;
use super::error::InStep;
use super::{Converter, Error, Prune, Step, Updater};
use crate::fieldpath::{ApiVersion, ManagedFields, Set, VersionedSet};
use crate::typed::TypedValue;

impl<C: Converter> Updater<C> {
    /// `merged`, in `version`, without the fields and items that the manager applied `last` time, did not apply this
    /// time, and that no manager owns. Where the version of the last time is no longer served, nothing is removed.
    ///
    /// # Errors
    /// Where objects cannot be converted, or do not fit their types.
    pub(super) fn prune(
        &self,
        merged: TypedValue,
        managers: &ManagedFields,
        version: &ApiVersion,
        last: &VersionedSet,
    ) -> Result<TypedValue, Error> {
        let Some(converted) = self.in_version(&merged, &last.api_version, Prune::ConvertMerged)? else {
            return Ok(merged);
        };
        let pruned = converted.remove_items(&with_named_fields(&last.set, &converted));
        let pruned = self.add_back_owned(&converted, pruned, &last.api_version, managers)?;
        let pruned = self.add_back_dangling(&converted, &pruned, last)?;
        self.converter
            .convert(&pruned, version)
            .in_step(Step::Prune(Prune::ConvertBack))
    }

    // With what was removed and any manager owns, the one that applies included.
    fn add_back_owned(
        &self,
        merged: &TypedValue,
        pruned: TypedValue,
        pruned_version: &ApiVersion,
        managers: &ManagedFields,
    ) -> Result<TypedValue, Error> {
        let mut by_version: BTreeMap<&ApiVersion, Set> = BTreeMap::new();
        for owned in managers.values() {
            by_version
                .entry(&owned.api_version)
                .or_default()
                .extend(owned.set.clone());
        }
        // First in the version that was pruned: a conversion may need what was taken out there.
        let first = by_version.remove(pruned_version).map(|set| (pruned_version, set));
        let (mut merged, mut pruned) = (merged.clone(), pruned);
        for (version, owned) in first.into_iter().chain(by_version) {
            let at = |step: fn(ApiVersion) -> Prune| step(version.clone());
            let Some(in_version) = self.in_version(&merged, version, at(Prune::ConvertMergedAt))? else {
                continue;
            };
            merged = in_version;
            let Some(in_version) = self.in_version(&pruned, version, at(Prune::ConvertPrunedAt))? else {
                continue;
            };
            let all = fields_of(&merged, at(Prune::MergedFieldSetAt))?;
            let kept = fields_of(&in_version, at(Prune::PrunedFieldSetAt))?
                .union(&with_named_fields(&owned, &merged));
            pruned = merged.remove_items(&all.difference(&kept));
        }
        Ok(pruned)
    }

    // Without only what the manager owned last time: what nobody owns, and what went with a parent, stays.
    fn add_back_dangling(
        &self,
        merged: &TypedValue,
        pruned: &TypedValue,
        last: &VersionedSet,
    ) -> Result<TypedValue, Error> {
        let Some(pruned) = self.in_version(pruned, &last.api_version, Prune::ConvertPruned)? else {
            return Ok(merged.clone());
        };
        let left = fields_of(&pruned, Prune::PrunedFieldSet)?;
        let removed = fields_of(merged, Prune::MergedFieldSet)?.difference(&left);
        Ok(merged.remove_items(&removed.intersection(&with_named_fields(&last.set, merged))))
    }

    fn in_version(
        &self,
        object: &TypedValue,
        version: &ApiVersion,
        step: Prune,
    ) -> Result<Option<TypedValue>, Error> {
        convert_if_served(&self.converter, object, version).in_step(Step::Prune(step))
    }
}

fn fields_of(object: &TypedValue, step: Prune) -> Result<Set, Error> {
    let set = object.to_field_set().in_step(Step::Prune(step))?;
    Ok(with_named_fields(&set, object))
}

fn with_named_fields(set: &Set, object: &TypedValue) -> Set {
    set.ensure_named_fields_are_members(object.schema(), object.type_ref())
}
