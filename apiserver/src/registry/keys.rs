//! Where the objects of a resource lie.

use annex_schema::names;

use super::Registry;
use crate::status::ApiError;
use crate::storage::{Key, Prefix};

impl Registry {
    /// The key of an object.
    ///
    /// # Errors
    /// 400: there is no such name.
    pub(super) fn key(&self, namespace: &str, name: &str) -> Result<Key, ApiError> {
        if self.rules.is_namespaced() && namespace.is_empty() {
            return Err(ApiError::BadRequest("Namespace parameter required.".into()));
        }
        if name.is_empty() {
            return Err(ApiError::BadRequest("Name parameter required.".into()));
        }
        check_parameter("Name", name)?;
        let bad_name = |_| ApiError::BadRequest(format!("Name parameter invalid: {name:?}"));
        self.range(namespace)?.key(name).map_err(bad_name)
    }

    /// The range of a namespace's objects; of all where it is empty.
    ///
    /// # Errors
    /// 400: there can be no such namespace.
    pub(super) fn range(&self, namespace: &str) -> Result<Prefix, ApiError> {
        if namespace.is_empty() || !self.rules.is_namespaced() {
            return Ok(self.prefix.clone());
        }
        self.prefix
            .child(namespace)
            .map_err(|_| ApiError::BadRequest(format!("Namespace parameter invalid: {namespace:?}")))
    }

    /// The namespace of an object at `key`; empty: it has none.
    pub(super) fn namespace_of<'a>(&self, key: &'a Key) -> &'a str {
        if !self.rules.is_namespaced() {
            return "";
        }
        let path = key.as_str();
        path.strip_prefix(self.prefix.as_str())
            .and_then(|rest| rest.split_once('/'))
            .map_or("", |(namespace, _)| namespace)
    }
}

/// Whether a path's namespace and name, each empty where there is none, may stand in paths.
///
/// # Errors
/// 400.
pub(crate) fn check_path(namespace: &str, name: &str) -> Result<(), ApiError> {
    check_parameter("Name", name)?;
    check_parameter("Namespace", namespace)
}

fn check_parameter(what: &str, value: &str) -> Result<(), ApiError> {
    let wrong = names::path_segment(value);
    if wrong.is_empty() {
        return Ok(());
    }
    let message = format!("{what} parameter invalid: {value:?}: {}", wrong.join(";"));
    Err(ApiError::BadRequest(message))
}
