//! A connecter as a function over the Rust type of its resource's objects.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::version::{Kind, read};
use crate::request::Verb;
use crate::response::Response;
use crate::rest::{ConnectRequest, Connecter};
use crate::status::ApiError;

type Function<T> = dyn Fn(T, ConnectRequest) -> BoxFuture<'static, Result<Response, ApiError>> + Send + Sync;

/// A connecter, for [`Builder::connect`](super::Builder::connect): of the verb `get`, which upgrades to whatever it likes, unless
/// more is said.
///
/// ```
/// use annex_apiserver::resource::typed;
/// use annex_apiserver::rest;
/// use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
/// struct Journal {
///     metadata: ObjectMeta,
///     lines: Vec<String>,
/// }
///
/// annex_apiserver::kind!(Journal: "example.com", "v1", "journals", Namespaced);
///
/// let log = typed::Connect::new(|journal: Journal, _request| async move {
///     Ok(rest::answer("text/plain", journal.lines.join("\n")))
/// });
/// let journals = typed::resource::<Journal>().connect("log", log).build()?;
/// assert_eq!(journals.subresources[0].name, "log");
/// # Ok::<(), typed::DescriptionError>(())
/// ```
pub struct Connect<T> {
    call: Arc<Function<T>>,
    verbs: Vec<Verb>,
    only_reads: bool,
    has_subpath: bool,
    streams_body: Option<u64>,
}

impl<T: Kind> Connect<T> {
    /// Answers with `connect`, which is given the object whose subresource it is.
    #[must_use]
    pub fn new<F, R>(connect: F) -> Self
    where
        F: Fn(T, ConnectRequest) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Response, ApiError>> + Send + 'static,
    {
        Self {
            call: Arc::new(move |object, request| connect(object, request).boxed()),
            verbs: vec![Verb::Get],
            only_reads: false,
            has_subpath: false,
            streams_body: None,
        }
    }

    /// What may be done: of `get`, `create`, `update`, `patch` and `delete` those that are said here.
    #[must_use]
    pub fn verbs(mut self, verbs: impl IntoIterator<Item = Verb>) -> Self {
        self.verbs = verbs.into_iter().collect();
        self
    }

    /// An upgraded connection only reads: who may `get` may have it.
    #[must_use]
    pub fn only_reads(mut self) -> Self {
        self.only_reads = true;
        self
    }

    /// A body, of so many bytes at most, is passed on while it comes: [`ConnectRequest::streamed_body`].
    #[must_use]
    pub fn stream_body(mut self, most_bytes: u64) -> Self {
        self.streams_body = Some(most_bytes);
        self
    }

    /// A path may follow.
    #[must_use]
    pub fn subpath(mut self) -> Self {
        self.has_subpath = true;
        self
    }
}

#[async_trait]
impl<T: Kind> Connecter for Connect<T> {
    fn verbs(&self) -> &[Verb] {
        &self.verbs
    }

    fn only_reads(&self) -> bool {
        self.only_reads
    }

    fn has_subpath(&self) -> bool {
        self.has_subpath
    }

    fn streams_body(&self) -> Option<u64> {
        self.streams_body
    }

    async fn connect(&self, mut request: ConnectRequest) -> Result<Response, ApiError> {
        let object = request.object.take();
        let object =
            object.ok_or_else(|| ApiError::Internal("nobody gets the objects of this resource".into()))?;
        let object = read::<T>(&object).map_err(|error| ApiError::Internal(error.to_string()))?;
        (self.call)(object, request).await
    }
}
