//! Admission plugins as functions over a Rust type.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::{Map, Value};

use super::version::{Kind, read, write};
use crate::admission::{self, Attributes, InitializationError, Operation, Subject};
use crate::object::Object;
use crate::request::User;
use crate::resource::{Hub, Resource};
use crate::status::ApiError;
use crate::warnings::Warnings;

type Answer<T> = BoxFuture<'static, Result<T, ApiError>>;
type Create<T, A> = Box<dyn Fn(AdmissionRequest, T) -> Answer<A> + Send + Sync>;
type Update<T, A> = Box<dyn Fn(AdmissionRequest, T, T) -> Answer<A> + Send + Sync>;

/// What a plugin is told of a write beside the objects.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AdmissionRequest {
    /// Who asks.
    pub user: User,
    /// The namespace; empty: none.
    pub namespace: String,
    /// The object's name; empty for what changes a create by generateName, and for a deletecollection.
    pub name: String,
    /// The path of the object that is written, such as `status`; empty: the object itself.
    pub subresource: String,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
    subject: Subject,
    warnings: Warnings,
}

impl AdmissionRequest {
    fn of(attributes: &Attributes<'_>) -> Self {
        Self {
            user: attributes.user().clone(),
            namespace: attributes.namespace().to_owned(),
            name: attributes.name().to_owned(),
            subresource: attributes.subresource().to_owned(),
            dry_run: attributes.dry_run(),
            subject: Subject::of(attributes),
            warnings: attributes.warnings().clone(),
        }
    }

    /// Warns the client of `text`, whatever becomes of the write: once, however often the plugin is asked. kubectl shows it.
    pub fn warn(&self, text: impl Into<String>) {
        self.warnings.add(text);
    }

    /// A refusal: `flunders.wardle.example.com "x" is forbidden: MESSAGE`.
    #[must_use]
    pub fn forbidden(&self, message: impl Into<String>) -> ApiError {
        self.subject.clone().forbidden(message)
    }

    /// The refusal of a plugin that does not know yet what it decides by.
    #[must_use]
    pub fn not_ready(&self) -> ApiError {
        self.subject.clone().not_ready()
    }
}

/// A plugin over objects of `T`, the hub version of a resource, for [`Builder::admission`](crate::server::Builder::admission). It is
/// asked about no other resource.
///
/// What changes an object returns what it becomes, or `None`: it stays as it is, and costs no more than that it was read. A change
/// keeps what `T` does not say: of the metadata only the fields that the function has changed become others. Outside of the metadata
/// a typed resource stores nothing that its hub version does not know.
///
/// ```
/// use annex_apiserver::resource::typed;
/// # use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Clone, Deserialize, Serialize, JsonSchema)]
/// # struct Job { metadata: ObjectMeta, owner: String, done: bool }
/// # annex_apiserver::kind!(Job: "example.com", "v1", "jobs", Namespaced);
///
/// let plugin = typed::Admission::new()
///     .mutate_create(|request, mut job: Job| async move {
///         if !job.owner.is_empty() {
///             return Ok(None);
///         }
///         job.owner = request.user.name;
///         Ok(Some(job))
///     })
///     .validate_update(|request, new, old| async move {
///         if new.owner == old.owner {
///             Ok(())
///         } else {
///             Err(request.forbidden("its owner stays"))
///         }
///     })
///     .validate_delete(|request, job| async move {
///         if job.done {
///             Ok(())
///         } else {
///             Err(request.forbidden("it is not done"))
///         }
///     });
/// # annex_apiserver::server::Server::builder("jobs").admission("Owned", plugin);
/// ```
pub struct Admission<T> {
    mutate_create: Option<Create<T, Option<T>>>,
    mutate_update: Option<Update<T, Option<T>>>,
    validate_create: Option<Create<T, ()>>,
    validate_update: Option<Update<T, ()>>,
    validate_delete: Option<Create<T, ()>>,
}

impl<T: Kind> Default for Admission<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Kind> Admission<T> {
    /// One that changes and refuses nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            mutate_create: None,
            mutate_update: None,
            validate_create: None,
            validate_update: None,
            validate_delete: None,
        }
    }

    /// What a new object becomes, as the client sent it: before it is prepared and validated.
    #[must_use]
    pub fn mutate_create<F, R>(mut self, rule: F) -> Self
    where
        F: Fn(AdmissionRequest, T) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<T>, ApiError>> + Send + 'static,
    {
        self.mutate_create = Some(Box::new(move |request, object| rule(request, object).boxed()));
        self
    }

    /// What a changed object (the first) becomes, before it is prepared and validated.
    #[must_use]
    pub fn mutate_update<F, R>(mut self, rule: F) -> Self
    where
        F: Fn(AdmissionRequest, T, T) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<T>, ApiError>> + Send + 'static,
    {
        self.mutate_update = Some(Box::new(move |request, new, old| rule(request, new, old).boxed()));
        self
    }

    /// Whether a new object may be stored as it is now.
    #[must_use]
    pub fn validate_create<F, R>(mut self, rule: F) -> Self
    where
        F: Fn(AdmissionRequest, T) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), ApiError>> + Send + 'static,
    {
        self.validate_create = Some(Box::new(move |request, object| rule(request, object).boxed()));
        self
    }

    /// Whether a changed object (the first) may be stored as it is now.
    #[must_use]
    pub fn validate_update<F, R>(mut self, rule: F) -> Self
    where
        F: Fn(AdmissionRequest, T, T) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), ApiError>> + Send + 'static,
    {
        self.validate_update = Some(Box::new(move |request, new, old| rule(request, new, old).boxed()));
        self
    }

    /// Whether an object may be deleted.
    #[must_use]
    pub fn validate_delete<F, R>(mut self, rule: F) -> Self
    where
        F: Fn(AdmissionRequest, T) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), ApiError>> + Send + 'static,
    {
        self.validate_delete = Some(Box::new(move |request, old| rule(request, old).boxed()));
        self
    }
}

#[async_trait]
impl<T: Kind> admission::Admission for Admission<T> {
    fn handles(&self, operation: Operation) -> bool {
        match operation {
            Operation::Create => self.mutate_create.is_some() || self.validate_create.is_some(),
            Operation::Update => self.mutate_update.is_some() || self.validate_update.is_some(),
            Operation::Delete => self.validate_delete.is_some(),
            // It has no object of this type.
            Operation::Connect => false,
        }
    }

    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        if !is_about::<T>(attributes) {
            return Ok(());
        }
        let Some(Ok(new)) = attributes.object().map(read::<T>) else {
            // What its type does not understand is the client's fault: validation, which comes next, says so.
            return Ok(());
        };
        let answer = match (attributes.operation(), attributes.old()) {
            (Operation::Create, _) => {
                let rule = self.mutate_create.as_ref();
                rule.map(|rule| Ok(rule(AdmissionRequest::of(attributes), new)))
            }
            (Operation::Update, Some(old)) => self
                .mutate_update
                .as_ref()
                .map(|rule| Ok(rule(AdmissionRequest::of(attributes), new, value(old)?))),
            _ => None,
        };
        let Some(answer) = answer.transpose()? else {
            return Ok(());
        };
        if let Some(changed) = answer.await?
            && let Some(object) = attributes.object_mut()
        {
            change(object, changed)?;
        }
        Ok(())
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), ApiError> {
        if !is_about::<T>(attributes) {
            return Ok(());
        }
        let request = || AdmissionRequest::of(attributes);
        let answer = match (attributes.operation(), attributes.object(), attributes.old()) {
            (Operation::Create, Some(new), _) => {
                let rule = self.validate_create.as_ref();
                rule.map(|rule| Ok(rule(request(), value(new)?)))
            }
            (Operation::Update, Some(new), Some(old)) => {
                let rule = self.validate_update.as_ref();
                rule.map(|rule| Ok(rule(request(), value(new)?, value(old)?)))
            }
            (Operation::Delete, _, Some(old)) => {
                let rule = self.validate_delete.as_ref();
                rule.map(|rule| Ok(rule(request(), value(old)?)))
            }
            _ => None,
        };
        match answer.transpose()? {
            Some(answer) => answer.await,
            None => Ok(()),
        }
    }

    /// Its functions are about the hub version of a resource that is served.
    fn validate_initialization(&self, resources: &[Arc<Resource>]) -> Result<(), InitializationError> {
        let version = T::version(&());
        match resources.iter().find(|resource| is_of::<T>(resource)) {
            Some(resource) => match &resource.hub {
                Hub::Version(hub) if *hub == version => Ok(()),
                hub => Err(InitializationError(format!(
                    "its functions are over {version} of {}, whose hub version is {hub}",
                    resource.group_resource(),
                ))),
            },
            None => Err(InitializationError(format!(
                "its functions are over {}.{}, which is not served",
                T::plural(&()),
                T::group(&())
            ))),
        }
    }
}

/// Whether a write is of objects of `T`: at a subresource they may be of another kind.
fn is_about<T: Kind>(attributes: &Attributes<'_>) -> bool {
    let object = attributes.object().or_else(|| attributes.old());
    is_of::<T>(attributes.resource()) && object.is_some_and(|object| object.kind() == T::kind(&()))
}

fn is_of<T: Kind>(resource: &Resource) -> bool {
    resource.group == T::group(&()) && resource.names.plural == T::plural(&())
}

/// An object of the hub version, typed: a fault of the server's own where it is none.
fn value<T: Kind>(object: &Object) -> Result<T, ApiError> {
    read(object).map_err(|error| ApiError::Internal(error.to_string()))
}

/// Makes of an object what a plugin has made of its value. Of the metadata only what is changed is written, so that nothing is lost
/// that its type does not know.
fn change<T: Kind>(object: &mut Object, changed: T) -> Result<(), ApiError> {
    let internal = |error: serde_json::Error| ApiError::Internal(error.to_string());
    let mut metadata = object.metadata().cloned().unwrap_or_default();
    let before: ObjectMeta = serde::Deserialize::deserialize(&metadata).map_err(internal)?;
    let before = fields(&before).map_err(internal)?;
    let after = fields(changed.meta()).map_err(internal)?;
    for field in before.keys().filter(|field| !after.contains_key(*field)) {
        metadata.remove(field);
    }
    for (field, value) in after {
        if before.get(&field) != Some(&value) {
            metadata.insert(field, value);
        }
    }
    *object =
        write(changed, Value::Object(metadata)).map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(())
}

fn fields(metadata: &impl Serialize) -> Result<Map<String, Value>, serde_json::Error> {
    match serde_json::to_value(metadata)? {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

#[cfg(test)]
mod tests;
