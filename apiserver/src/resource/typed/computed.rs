//! Verbs of a computed resource as functions over its Rust type.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::version::{Kind, read};
use crate::object::Object;
use crate::request::options::{CreateOptions, GetOptions, ListOptions};
use crate::rest::{Computed, Creater, Getter, Lister, RequestContext};
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

    /// `list`: the objects of the context's namespace, or of all where that is empty. Selectors are applied to what is returned; a
    /// function that has many objects may look at them itself.
    #[must_use]
    pub fn list<F, R>(mut self, list: F) -> Self
    where
        F: Fn(RequestContext, ListOptions) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<T>, ApiError>> + Send + 'static,
    {
        self.computed.lister = Some(Arc::new(Function::new(list)));
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
impl<T, F, R> Lister for Function<F, T, R>
where
    T: Kind,
    F: Fn(RequestContext, ListOptions) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Vec<T>, ApiError>> + Send + 'static,
{
    async fn list(&self, context: RequestContext, options: ListOptions) -> Result<Vec<Object>, ApiError> {
        let listed = (self.call)(context, options).await?;
        listed.into_iter().map(|listed| object(&listed)).collect()
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
        let value = read::<T>(&object).map_err(|error| ApiError::BadRequest(error.to_string()))?;
        drop(object);
        let answer = (self.call)(context, value, options).await?;
        self::object(&answer)
    }
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
