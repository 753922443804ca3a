//! The verbs' signatures, until each has its file: every one answers 405.

use super::*;
use crate::status::ApiError::MethodNotAllowed;

impl Registry {
    /// One object. `namespace` is empty for cluster-scoped resources.
    ///
    /// # Errors
    /// 404; 400 for a resourceVersion that is no number; 504 for one that is not reached; the store's.
    pub async fn get(&self, namespace: &str, name: &str, options: &GetOptions) -> Result<Entry, ApiError> {
        let _ = (namespace, name, options);
        Err(MethodNotAllowed)
    }

    /// The objects that match, of a namespace or (empty) of all.
    ///
    /// # Errors
    /// 400 for selectors, resourceVersions and tokens that are none; 410; 504; the store's.
    pub async fn list(&self, namespace: &str, options: &ListOptions) -> Result<Listed, ApiError> {
        let _ = (namespace, options);
        Err(MethodNotAllowed)
    }

    /// What happens to the objects that match. Errors of the history come in the stream, as `ERROR` events do.
    ///
    /// # Errors
    /// Before the stream: 400 for a field selector that is not known; 500 for a resourceVersion that is no number; 429
    /// while the cache is not filled.
    pub async fn watch(&self, namespace: &str, options: &ListOptions) -> Result<Watching, ApiError> {
        let _ = (namespace, options);
        Err(MethodNotAllowed)
    }

    /// Creates `object`, which is in the request's version, decoded, normalized and defaulted.
    ///
    /// # Errors
    /// 400, 409, 422; admission's; the store's.
    pub async fn create(
        &self,
        request: &Authorized,
        object: Object,
        options: &CreateOptions,
    ) -> Result<Created, ApiError> {
        let _ = (request, object, options);
        Err(MethodNotAllowed)
    }

    /// Changes the object that the request names; PUT and PATCH are the same here but for `change`.
    ///
    /// # Errors
    /// 400, 404, 409, 422; those of `change`; admission's; the store's.
    pub async fn update(
        &self,
        request: &Authorized,
        change: &mut Change<'_>,
        options: &UpdateOptions,
    ) -> Result<Updated, ApiError> {
        let _ = (request, change, options);
        Err(MethodNotAllowed)
    }

    /// Deletes the object that the request names, or marks it as to be deleted where finalizers are in the way.
    ///
    /// # Errors
    /// 404, 409; admission's; the store's.
    pub async fn delete(&self, request: &Authorized, options: &DeleteOptions) -> Result<Deleted, ApiError> {
        let _ = (request, options);
        Err(MethodNotAllowed)
    }

    /// Deletes the objects that match, one by one; what somebody else deleted meanwhile is no error. Answers all that
    /// it met, as they were.
    ///
    /// # Errors
    /// Those of list and of delete, at the first object that makes one.
    pub async fn delete_collection(
        &self,
        request: &Authorized,
        list: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<Listed, ApiError> {
        let _ = (request, list, options);
        Err(MethodNotAllowed)
    }

    /// The JSON of `entry` in `version`, with its resourceVersion (none of a dry run's), in parts that need no copy.
    ///
    /// # Errors
    /// 500: what is stored cannot be read.
    pub fn pieces(&self, entry: &Entry, version: &str) -> Result<Pieces, ApiError> {
        let _ = (entry, version);
        Err(MethodNotAllowed)
    }

    /// The same in one.
    ///
    /// # Errors
    /// As [`Registry::pieces`].
    pub fn encode(&self, entry: &Entry, version: &str) -> Result<Bytes, ApiError> {
        Ok(self.pieces(entry, version)?.into_bytes())
    }

    /// The same decoded: for Tables, and whoever else looks inside.
    ///
    /// # Errors
    /// As [`Registry::pieces`].
    pub fn decode(&self, entry: &Entry, version: &str) -> Result<Object, ApiError> {
        let _ = (entry, version);
        Err(MethodNotAllowed)
    }
}
