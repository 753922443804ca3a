//! Verbs of a computed resource as functions over its Rust type.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{Stream, StreamExt as _};
use serde_json::Value;

use super::version::{Kind, read};
use crate::object::Object;
use crate::request::options::{CreateOptions, DeleteOptions, GetOptions, ListOptions, UpdateOptions};
use crate::rest::{
    Computed, Creater, Deletion, Getter, GracefulDeleter, List, Lister, RequestContext, Updater, WatchEvent,
    WatchEvents, Watcher,
};
use crate::status::ApiError;

/// The verbs of a computed resource, for [`Builder::computed`](super::Builder::computed).
///
/// ```
/// use annex_apiserver::resource::typed;
/// use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
/// struct Clock {
///     metadata: ObjectMeta,
///     time: String,
/// }
///
/// annex_apiserver::kind!(Clock: "example.com", "v1", "clocks", Cluster);
///
/// let verbs = typed::Verbs::new().get(|context| async move {
///     let metadata = ObjectMeta { name: Some(context.name), ..ObjectMeta::default() };
///     Ok(Some(Clock { metadata, time: "12:00".into() }))
/// });
/// let clocks = typed::resource::<Clock>().computed(verbs).build()?;
/// assert_eq!(clocks.rest.verbs(), ["get"]);
/// # Ok::<(), typed::DescriptionError>(())
/// ```
pub struct Verbs<T> {
    pub(super) computed: Computed,
    of: PhantomData<fn(T)>,
}

impl<T: Kind> Default for Verbs<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Kind> Verbs<T> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            computed: Computed::default(),
            of: PhantomData,
        }
    }

    /// `get`: the object of the context's namespace and name; `None` is 404.
    #[must_use]
    pub fn get<F, R>(mut self, get: F) -> Self
    where
        F: Fn(RequestContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<T>, ApiError>> + Send + 'static,
    {
        self.computed.getter = Some(Arc::new(Function::new(get)));
        self
    }

    /// `list`: the objects of the context's namespace, or of all where that is empty, as a `Vec` or as a [`List`]. Selectors are
    /// applied to what is returned; a function that has many objects may look at them itself.
    #[must_use]
    pub fn list<F, R, L>(mut self, list: F) -> Self
    where
        F: Fn(RequestContext, ListOptions) -> R + Send + Sync + 'static,
        R: Future<Output = Result<L, ApiError>> + Send + 'static,
        L: Into<List<T>> + 'static,
    {
        self.computed.lister = Some(Arc::new(Function::new(list)));
        self
    }

    /// `watch`: what happens to the objects of the context's namespace, or of all where that is empty. See [`Watcher::watch`].
    #[must_use]
    pub fn watch<F, R, E>(mut self, watch: F) -> Self
    where
        F: Fn(RequestContext, ListOptions) -> R + Send + Sync + 'static,
        R: Future<Output = Result<E, ApiError>> + Send + 'static,
        E: Stream<Item = Result<WatchEvent<T>, ApiError>> + Send + 'static,
    {
        self.computed.watcher = Some(Arc::new(Function::new(watch)));
        self
    }

    /// `create`: what becomes of an object, as it is answered; nothing is stored. A dry run says so in the options.
    #[must_use]
    pub fn create<F, R>(mut self, create: F) -> Self
    where
        F: Fn(RequestContext, T, CreateOptions) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        self.computed.creater = Some(Arc::new(Function::new(create)));
        self
    }

    /// `update` and `patch`: puts the first object in the place of the second, and says what it is then. See [`Updater::update`].
    #[must_use]
    pub fn update<F, R>(mut self, update: F) -> Self
    where
        F: Fn(RequestContext, T, T, UpdateOptions) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        self.computed.updater = Some(Arc::new(Function::new(update)));
        self
    }

    /// `delete`: deletes the object. See [`GracefulDeleter::delete`].
    #[must_use]
    pub fn delete<F, R>(mut self, delete: F) -> Self
    where
        F: Fn(RequestContext, T, DeleteOptions) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Deletion<T>, ApiError>> + Send + 'static,
    {
        self.computed.deleter = Some(Arc::new(Function::new(delete)));
        self
    }

    /// `deletecollection`: what `list` lists is deleted by `delete`, several objects at once.
    #[must_use]
    pub fn delete_collection(mut self) -> Self {
        self.computed.deletes_collections = true;
        self
    }
}

struct Function<F, T, R> {
    call: F,
    types: PhantomData<fn(T) -> R>,
}

impl<F, T, R> Function<F, T, R> {
    fn new(call: F) -> Self {
        Self {
            call,
            types: PhantomData,
        }
    }
}

#[async_trait]
impl<T, F, R> Getter for Function<F, T, R>
where
    T: Kind,
    F: Fn(RequestContext) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Option<T>, ApiError>> + Send + 'static,
{
    async fn get(&self, context: RequestContext, _: GetOptions) -> Result<Option<Object>, ApiError> {
        let found = (self.call)(context).await?;
        found.as_ref().map(object).transpose()
    }
}

#[async_trait]
impl<T, F, R, L> Lister for Function<F, T, R>
where
    T: Kind,
    F: Fn(RequestContext, ListOptions) -> R + Send + Sync + 'static,
    R: Future<Output = Result<L, ApiError>> + Send + 'static,
    L: Into<List<T>> + 'static,
{
    async fn list(&self, context: RequestContext, options: ListOptions) -> Result<List, ApiError> {
        let List {
            items,
            resource_version,
        } = (self.call)(context, options).await?.into();
        let items = items.into_iter().map(|listed| object(&listed));
        Ok(List {
            items: items.collect::<Result<_, _>>()?,
            resource_version,
        })
    }
}

#[async_trait]
impl<T, F, R, E> Watcher for Function<F, T, R>
where
    T: Kind,
    F: Fn(RequestContext, ListOptions) -> R + Send + Sync + 'static,
    R: Future<Output = Result<E, ApiError>> + Send + 'static,
    E: Stream<Item = Result<WatchEvent<T>, ApiError>> + Send + 'static,
{
    async fn watch(&self, context: RequestContext, options: ListOptions) -> Result<WatchEvents, ApiError> {
        let events = (self.call)(context, options).await?;
        let of_objects = |event: Result<WatchEvent<T>, _>| event?.try_map(|value| object(&value));
        Ok(events.map(of_objects).boxed())
    }
}

#[async_trait]
impl<T, F, R> Creater for Function<F, T, R>
where
    T: Kind,
    F: Fn(RequestContext, T, CreateOptions) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, ApiError>> + Send + 'static,
{
    async fn create(
        &self,
        context: RequestContext,
        object: Object,
        options: CreateOptions,
    ) -> Result<Object, ApiError> {
        let answer = (self.call)(context, value(object)?, options).await?;
        self::object(&answer)
    }
}

#[async_trait]
impl<T, F, R> Updater for Function<F, T, R>
where
    T: Kind,
    F: Fn(RequestContext, T, T, UpdateOptions) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, ApiError>> + Send + 'static,
{
    async fn update(
        &self,
        context: RequestContext,
        object: Object,
        old: Object,
        options: UpdateOptions,
    ) -> Result<Object, ApiError> {
        let answer = (self.call)(context, value(object)?, value(old)?, options).await?;
        self::object(&answer)
    }
}

#[async_trait]
impl<T, F, R> GracefulDeleter for Function<F, T, R>
where
    T: Kind,
    F: Fn(RequestContext, T, DeleteOptions) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Deletion<T>, ApiError>> + Send + 'static,
{
    async fn delete(
        &self,
        context: RequestContext,
        object: Object,
        options: DeleteOptions,
    ) -> Result<Deletion, ApiError> {
        Ok(match (self.call)(context, value(object)?, options).await? {
            Deletion::Gone => Deletion::Gone,
            Deletion::Pending(object) => Deletion::Pending(self::object(&object)?),
        })
    }
}

fn value<T: Kind>(object: Object) -> Result<T, ApiError> {
    read::<T>(&object).map_err(|error| ApiError::BadRequest(error.to_string()))
}

fn object<T: Kind>(value: &T) -> Result<Object, ApiError> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => {
            let mut object = Object(fields);
            object.set_type(&T::api_version(&()), &T::kind(&()));
            Ok(object)
        }
        Ok(_) => Err(ApiError::Internal(format!("{} is no object", T::kind(&())))),
        Err(error) => Err(ApiError::Internal(error.to_string())),
    }
}
