//! The rules on `metadata`, which are the same for all kinds: k8s.io/apimachinery's `api/validation` and the parts of
//! k8s.io/apiserver's `registry/rest` that fill it in. All pure.

mod deletion;
mod fill;
mod managed_fields;
mod names;
mod owners;
mod read;
mod update;
mod validate;

pub(super) use deletion::{finalizers_for, is_finalized, mark_as_deleting};
pub(crate) use fill::begin_create;
pub(in crate::registry) use fill::ensure_namespace;
pub(crate) use fill::now;
pub(super) use fill::{Clock, drop_self_link, fill_system_fields, wipe_system_fields};
pub(crate) use names::generate_name;
pub(super) use owners::dedup_owners;
pub(super) use read::Metadata;
pub(super) use update::{keep_system_fields, validate_change, validate_update};
pub(super) use validate::validate;
