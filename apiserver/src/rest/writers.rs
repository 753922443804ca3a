//! What changes objects. Go: `rest.Creater`, `rest.Updater` and `rest.GracefulDeleter`.

use async_trait::async_trait;

use super::RequestContext;
use crate::object::Object;
use crate::request::options::{CreateOptions, DeleteOptions, UpdateOptions};
use crate::status::ApiError;

/// Takes new objects. Go: `rest.Creater`.
#[async_trait]
pub trait Creater: Send + Sync + 'static {
    /// What becomes of `object`, which is in the resource's storage version, as it is answered. Admission has let it pass, and it is
    /// prepared and valid. With `options.dry_run` nothing may change. The future is dropped, at any await, 34 s after it
    /// began or when the client goes away: what must not end halfway is spawned.
    ///
    /// # Errors
    /// What the client is to be told.
    async fn create(
        &self,
        context: RequestContext,
        object: Object,
        options: CreateOptions,
    ) -> Result<Object, ApiError>;
}

/// Changes objects: for PUT, every kind of PATCH, and server-side apply. Go: `rest.Updater`, which with `rest.Getter` is a
/// `rest.Patcher`.
#[async_trait]
pub trait Updater: Send + Sync + 'static {
    /// Puts `object` in the place of `old`, which the [`Getter`](super::Getter) has given, and returns it as it is answered. Both are
    /// in the resource's storage version. Admission has let it pass, and it is prepared and valid; its resourceVersion is that of
    /// `old`. With `options.dry_run` nothing may change. The future is dropped as that of [`Creater::create`] is.
    ///
    /// # Errors
    /// [`ApiError::Conflict`]: the object is no longer `old`. Where the client has not said itself which resourceVersion it changes, the
    /// object is read again and the change made anew, up to five times. Anything else is what the client is told.
    async fn update(
        &self,
        context: RequestContext,
        object: Object,
        old: Object,
        options: UpdateOptions,
    ) -> Result<Object, ApiError>;
}

/// What becomes of an object that is deleted.
#[derive(Clone, Debug, PartialEq)]
pub enum Deletion<T = Object> {
    /// It is gone.
    Gone,
    /// It is still there, and will go: as it is now.
    Pending(T),
}

/// Deletes objects. Go: `rest.GracefulDeleter`.
#[async_trait]
pub trait GracefulDeleter: Send + Sync + 'static {
    /// Deletes `object`, which the [`Getter`](super::Getter) has given, in the resource's storage version; of a deletecollection the
    /// [`Lister`](super::Lister). The preconditions of `options` hold for it, and admission has let its deletion pass. With
    /// `options.dry_run` nothing may change. The future is dropped as that of [`Creater::create`] is.
    ///
    /// # Errors
    /// What the client is to be told.
    async fn delete(
        &self,
        context: RequestContext,
        object: Object,
        options: DeleteOptions,
    ) -> Result<Deletion, ApiError>;
}
