//! The verbs of resources that are not stored. Go: `endpoints/handlers/get.go` and `create.go` over a `rest.Storage` of one's own.

use std::borrow::Cow;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::StatusCode;

use super::answer;
use super::call::Call;
use super::route::Action;
use super::write::new_object;
use crate::admission::{Admission, NewObject, Operation};
use crate::object::Object;
use crate::offload;
use crate::registry::{
    Pieces, admit, begin_create, check_fields, check_path, encode_object, in_time, value_at,
};
use crate::request::RequestInfo;
use crate::request::media;
use crate::request::options::{CreateOptions, GetOptions, ListOptions};
use crate::resource::Resource;
use crate::response::Response;
use crate::rest::{Computed, Creater, Getter, Lister, RequestContext};
use crate::status::ApiError;

/// Bytes that an object of a list is thought to take.
const OBJECT: usize = 1024;

/// What Go's router says of paths and methods that a resource without these verbs has not: nothing is at a path where no verb
/// is, and 405 is for those that have others.
///
/// # Errors
/// 404, 405.
pub(super) fn check_route(computed: &Computed, action: Action, info: &RequestInfo) -> Result<(), ApiError> {
    let Computed {
        getter,
        lister,
        creater,
    } = computed;
    let has_collection = lister.is_some() || creater.is_some();
    let (is_there, is_offered) = match action {
        Action::Get => (getter.is_some(), true),
        Action::Update | Action::Patch | Action::Delete => (getter.is_some(), false),
        Action::List => (has_collection, lister.is_some()),
        Action::Create => (has_collection, creater.is_some()),
        Action::DeleteCollection => (has_collection, false),
        Action::Watch | Action::Connect => (false, false),
    };
    if !is_there || !info.subresource.is_empty() {
        return Err(ApiError::UnknownPath);
    }
    if is_offered {
        Ok(())
    } else {
        Err(ApiError::MethodNotAllowed)
    }
}

/// Answers a request for a computed resource, whose route was checked.
///
/// # Errors
/// What its author's code fails with.
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
    let Computed {
        getter,
        lister,
        creater,
    } = computed;
    let answer: BoxFuture<'_, _> = match (action, getter, lister, creater) {
        (Action::Get, Some(getter), _, _) => get(call, &**getter).boxed(),
        (Action::List, _, Some(lister), _) => list(call, &**lister).boxed(),
        (Action::Create, _, _, Some(creater)) => create(call, &**creater, admission, body).boxed(),
        _ => return Err(ApiError::MethodNotAllowed),
    };
    offload::movable(call.memory, answer).await
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
    check_path(&call.info().namespace, &call.info().name)?;
    let pieces = pieces(call, found(call, getter, options).await?)?;
    let _memory = offload::expect_made(pieces.len()).await;
    answer::pieces(call, wanted, &pieces, StatusCode::OK)
}

/// The object that the request names. What was authorized is this name in this namespace.
///
/// # Errors
/// 404; what its author's code fails with.
pub(super) async fn found(
    call: &Call<'_>,
    getter: &dyn Getter,
    options: GetOptions,
) -> Result<Object, ApiError> {
    let info = call.info();
    let found = getter.get(RequestContext::of(call.request), options).await?;
    found
        .filter(|object| object.name() == info.name && object.namespace() == info.namespace)
        .ok_or_else(|| call.not_found())
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
    let resource = call.served.resource();
    check_fields(resource, &call.version.name, &options.field_selector)?;
    answer::check_list(call, wanted)?;
    check_path(&call.info().namespace, "")?;
    let listed = lister
        .list(RequestContext::of(call.request), options.clone())
        .await?;
    let _memory = offload::expect_made(listed.len().saturating_mul(OBJECT)).await;
    let mut turns = offload::Turns::default();
    let mut selected = Vec::new();
    for object in listed {
        // Selectors speak of the fields of the version that the client asks for.
        let object = in_version(call, object)?;
        if is_selected(&object, &options, call.info()) {
            let pieces = Pieces::whole(encode_object(&object)?);
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
        && (options.label_selector.is_empty() || options.label_selector.matches(&object.labels()))
        && options.field_selector.matches(|field| match field {
            "metadata.name" => Cow::Borrowed(object.name()),
            "metadata.namespace" => Cow::Borrowed(object.namespace()),
            field => value_at(object, field).into(),
        })
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
    let (wanted, options, mut object) = new_object(call, body).await?;
    call.warnings
        .extend(begin_create(&mut object, &call.info().namespace)?);
    check_path(&call.info().namespace, "")?;
    let answered = in_time(created(call, creater, admission, object, options)).await?;
    answer::pieces(call, wanted, &pieces(call, answered)?, StatusCode::CREATED)
}

/// Admitted, prepared and validated in the hub version, as what is stored is; then what its author makes of it.
async fn created(
    call: &Call<'_>,
    creater: &dyn Creater,
    admission: &dyn Admission,
    object: Object,
    options: CreateOptions,
) -> Result<Object, ApiError> {
    let Resource {
        strategy,
        hub_version,
        storage_version,
        ..
    } = call.kind;
    let converted = |object, version: &str| {
        strategy
            .convert(object, version)
            .map_err(|error| ApiError::BadRequest(error.to_string()))
    };
    let mut hub = converted(object, hub_version)?;
    let mut warnings = Vec::new();
    // Of a subresource: whose it is.
    let name = match call.info().name.as_str() {
        "" => hub.name().to_owned(),
        name => name.to_owned(),
    };
    let object = NewObject::new(&mut hub);
    let attributes = call.attributes(Operation::Create, &name, Some(object), options.dry_run);
    let admitted = admit(admission, attributes, call.kind, &mut warnings).await;
    call.warnings.extend(warnings);
    admitted?;
    strategy.prepare_for_create(&mut hub);
    let errors = strategy.validate(&hub);
    if !errors.is_empty() {
        return Err(ApiError::Invalid {
            kind: call.kind.group_kind(),
            name: hub.name().to_owned(),
            errors,
        });
    }
    call.warnings.extend(strategy.warnings(&hub));
    if admission.handles(Operation::Create) {
        let object = NewObject::new(&mut hub);
        let attributes = call.attributes(Operation::Create, &name, Some(object), options.dry_run);
        admission.validate(&attributes).await?;
    }
    let object = converted(hub, storage_version)?;
    creater
        .create(RequestContext::of(call.request), object, options)
        .await
}

/// An object as a client of this version is sent it.
fn pieces(call: &Call<'_>, object: Object) -> Result<Pieces, ApiError> {
    Ok(Pieces::whole(encode_object(&in_version(call, object)?)?))
}

/// An object in the request's version.
fn in_version(call: &Call<'_>, object: Object) -> Result<Object, ApiError> {
    let converted = call.kind.strategy.convert(object, &call.version.name);
    converted.map_err(|error| ApiError::Internal(error.to_string()))
}
