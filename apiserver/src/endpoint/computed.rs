//! The verbs of resources that are not stored. Go: `endpoints/handlers/get.go` and `create.go` over a `rest.Storage` of one's own.

use std::borrow::Cow;

use bytes::Bytes;
use futures::FutureExt as _;
use http::StatusCode;
use serde_json::Value;

use super::answer;
use super::body;
use super::call::Call;
use super::field_managers::manager_or_user_agent;
use super::route::Action;
use super::write::checked;
use crate::admission::{Admission, Attributes, Operation};
use crate::object::{Labels, Object};
use crate::offload;
use crate::registry::{Pieces, check_fields, encode_object, ensure_namespace, in_time};
use crate::request::media;
use crate::request::options::{CreateOptions, GetOptions, ListOptions};
use crate::request::{RequestInfo, Verb};
use crate::resource::segments;
use crate::response::Response;
use crate::rest::{Computed, Creater, Getter, Lister, RequestContext};
use crate::status::ApiError;

/// Answers a request for a computed resource.
///
/// # Errors
/// 405 for what it does not offer; what its author's code fails with.
pub(super) async fn act<B>(
    call: &Call<'_>,
    computed: &Computed,
    admission: &dyn Admission,
    action: Action,
    body: B,
) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin + Send,
    B::Error: std::fmt::Display,
{
    match action {
        Action::Get => {
            let getter = computed.getter.as_deref().ok_or(ApiError::MethodNotAllowed)?;
            get(call, getter).await
        }
        Action::List if call.info().verb == Verb::Watch => Err(no_watch(call)),
        Action::List => {
            let lister = computed.lister.as_deref().ok_or(ApiError::MethodNotAllowed)?;
            offload::movable(call.memory, list(call, lister)).boxed().await
        }
        Action::Create => {
            let creater = computed.creater.as_deref().ok_or(ApiError::MethodNotAllowed)?;
            let create = create(call, creater, admission, body).boxed();
            offload::movable(call.memory, create).await
        }
        Action::Watch | Action::Update | Action::Patch | Action::Delete | Action::DeleteCollection => {
            Err(ApiError::MethodNotAllowed)
        }
    }
}

fn no_watch(call: &Call<'_>) -> ApiError {
    ApiError::MethodNotSupported {
        resource: call.served.resource().group_resource(),
        action: "watch",
    }
}

async fn get(call: &Call<'_>, getter: &dyn Getter) -> Result<Response, ApiError> {
    let wanted = media::wanted(&call.parts.headers, call.query())?;
    let options = GetOptions::parse(call.query())?;
    answer::check_object(call, wanted)?;
    let found = getter.get(RequestContext::of(call.request), options).await?;
    let object = found.ok_or_else(|| call.not_found())?;
    answer::pieces(call, wanted, &pieces(call, object)?, StatusCode::OK)
}

async fn list(call: &Call<'_>, lister: &dyn Lister) -> Result<Response, ApiError> {
    let wanted = media::wanted(&call.parts.headers, call.query())?;
    let mut options = ListOptions::parse(call.query())?;
    if options.watch {
        return Err(no_watch(call));
    }
    if !call.info().name.is_empty() {
        options.restrict_to(&call.info().name)?;
    }
    check_fields(
        call.served.resource(),
        &call.version.name,
        &options.field_selector,
    )?;
    answer::check_list(call, wanted)?;
    let listed = lister
        .list(RequestContext::of(call.request), options.clone())
        .await?;
    let mut turns = offload::Turns::default();
    let mut selected = Vec::with_capacity(listed.len());
    for object in listed {
        if is_selected(&object, &options, call.info()) {
            let pieces = pieces(call, object)?;
            turns.take(pieces.len()).await;
            selected.push(pieces);
        }
    }
    answer::list_of_pieces(call, wanted, selected)
}

/// Whether the selectors match, and the namespace is the request's.
fn is_selected(object: &Object, options: &ListOptions, info: &RequestInfo) -> bool {
    let in_namespace = info.namespace.is_empty() || object.namespace() == info.namespace;
    in_namespace
        && (options.label_selector.is_empty() || options.label_selector.matches(&labels(object)))
        && options.field_selector.matches(|field| match field {
            "metadata.name" => Cow::Borrowed(object.name()),
            "metadata.namespace" => Cow::Borrowed(object.namespace()),
            field => text_at(object, field).into(),
        })
}

/// The text of a selectable field; empty where the object has none.
fn text_at(object: &Object, field: &str) -> String {
    let mut steps = segments(field);
    let first = steps.next().and_then(|step| object.0.get(step));
    match steps.try_fold(first, |value, step| Some(value?.get(step))) {
        Some(Some(Value::String(text))) => text.clone(),
        Some(Some(value @ (Value::Bool(_) | Value::Number(_)))) => value.to_string(),
        _ => String::new(),
    }
}

fn labels(object: &Object) -> Labels {
    let labels = object.metadata().and_then(|metadata| metadata.get("labels"));
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    labels
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

async fn create<B>(
    call: &Call<'_>,
    creater: &dyn Creater,
    admission: &dyn Admission,
    body: B,
) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let headers = &call.parts.headers;
    let wanted = media::wanted(headers, call.query())?;
    let media = media::body_media(headers)?;
    let body = body::read(call.request, headers, body).await?;
    offload::expect_body(&body, media, 0).await?;
    let mut options = CreateOptions::parse(call.query())?;
    options.field_manager = manager_or_user_agent(std::mem::take(&mut options.field_manager), headers);
    let mut object = checked(call, &body, media, options.field_validation)?;
    answer::check_object(call, wanted)?;
    let resource = call.served.resource();
    ensure_namespace(&mut object, &call.info().namespace)?;
    resource.strategy.default_fields(&call.version.name, &mut object);
    let object = resource
        .strategy
        .convert(object, &resource.storage_version)
        .map_err(|error| ApiError::BadRequest(error.to_string()))?;
    let answered = in_time(async {
        admission
            .admit(&Attributes {
                operation: Operation::Create,
                resource,
                info: call.info(),
                user: call.request.user(),
                namespace: &call.info().namespace,
                name: object.name(),
                object: Some(&object),
                old: None,
                dry_run: options.dry_run,
            })
            .await?;
        creater
            .create(RequestContext::of(call.request), object.clone(), options)
            .await
    })
    .await?;
    answer::pieces(call, wanted, &pieces(call, answered)?, StatusCode::CREATED)
}

/// An object as a client of this version is sent it.
fn pieces(call: &Call<'_>, object: Object) -> Result<Pieces, ApiError> {
    let converted = call
        .served
        .resource()
        .strategy
        .convert(object, &call.version.name)
        .map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(Pieces::whole(encode_object(&converted)?))
}
