//! The partial pod template of a workload, merged onto the generated one.
//!
//! ```text
//! template -> check (size, types, keys) -> reserved (what is Annex's) -> merge (by the API's list keys) -> PodTemplateSpec
//! ```
//!
//! Nothing of a template is lost in silence: a field that the newest PodTemplateSpec known here does not have
//! is an error that names it. Whether the values make sense is the server's to say, in a dry run.

mod check;
mod error;
mod merge;
mod reserved;
mod shape;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;

pub use error::TemplateError;
pub use reserved::{Reserved, ReservedVolume};

/// The longest template, in bytes of JSON.
pub const MAX_BYTES: usize = 64 * 1024;
/// The deepest template, in levels of objects and lists.
pub const MAX_DEPTH: usize = 32;
/// The container that serves the API.
pub const SERVER_CONTAINER: &str = "server";

/// Where a template stands in an AggregatedServer: the beginning of every path in an error.
const ROOT: &str = "spec.workload.template";

/// Merges a user's partial template onto the generated one.
///
/// - Objects merge field by field; scalars are replaced.
/// - Lists merge by the keys that the API gives them (containers, volumes and environment by name, mounts by
///   path, ports by number and protocol …): generated items first, those of the template after them. Lists
///   without keys (tolerations, args …) are replaced.
/// - Of a probe's and a hook's handlers, a volume's sources and a variable's values only one can be set: another
///   one in the template replaces the generated one, the same one merges with it.
///
/// The template need not mention the container [`SERVER_CONTAINER`].
///
/// # Errors
/// See [`TemplateError`]: the first fault of the template, with its path.
pub fn merge(
    generated: PodTemplateSpec,
    template: &Value,
    reserved: &Reserved,
) -> Result<PodTemplateSpec, TemplateError> {
    let template = check::checked(template)?;
    reserved.check(&template)?;
    let mut merged = serde_json::to_value(generated).map_err(TemplateError::Merge)?;
    merge::merge(&mut merged, &template, &shape::POD_TEMPLATE);
    serde_json::from_value(merged).map_err(TemplateError::Merge)
}

/// The ServiceAccount that a template names instead of the server's own.
#[must_use]
pub fn service_account_name(template: &Value) -> Option<&str> {
    template["spec"]["serviceAccountName"]
        .as_str()
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests;
