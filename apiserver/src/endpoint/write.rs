//! Writing whole objects: create and update.

use bytes::Bytes;
use futures::FutureExt as _;
use http::StatusCode;

use super::answer;
use super::body;
use super::call::Call;
use super::computed;
use super::field_managers::manager_or_user_agent;
use crate::decode::{self, BodyMedia, Decoded};
use crate::object::Object;
use crate::offload;
use crate::registry::{Current, UpdateFn};
use crate::request::media::{self, Wanted};
use crate::request::options::{CreateOptions, FieldValidation, UpdateOptions};
use crate::request::{RequestInfo, Verb};
use crate::response::Response;
use crate::status::ApiError;

/// A new object.
pub(super) async fn create<B>(call: &Call<'_>, body: B) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let (wanted, options, object) = new_object(call, body).await?;
    let mut warnings = Vec::new();
    let created = call
        .registry()?
        .create(call.request, object, &options, &mut warnings)
        .await;
    call.warnings.extend(warnings);
    answer::object(call, wanted, &created?.entry, StatusCode::CREATED).await
}

/// The object that a client wants to create, how, and in which form it wants the answer.
///
/// # Errors
/// 400, 406, 413, 415, 422: what is wrong with the request.
pub(super) async fn new_object<B>(
    call: &Call<'_>,
    body: B,
) -> Result<(Wanted, CreateOptions, Object), ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let headers = &call.parts.headers;
    let wanted = call.wanted()?;
    let media = media::body_media(headers)?;
    let body = body::read(call.request, headers, body).await?;
    offload::expect_body(&body, media, 0).await?;
    let mut options = CreateOptions::parse(call.query())?;
    options.field_manager = manager_or_user_agent(std::mem::take(&mut options.field_manager), headers);
    let object = checked(call, &body, media, options.field_validation)?;
    answer::check_object(call, wanted)?;
    Ok((wanted, options, object))
}

/// A changed object, as a whole.
pub(super) async fn update<B>(call: &Call<'_>, body: B) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    check_name(call.info())?;
    let headers = &call.parts.headers;
    let wanted = call.wanted()?;
    let body = body::read(call.request, headers, body).await?;
    let mut options = UpdateOptions::parse(call.query())?;
    let media = media::body_media(headers)?;
    offload::expect_body(&body, media, 0).await?;
    let validation = options.field_validation;
    let object = checked(call, &body, media, validation)?;
    let object = settle_names(object, call.info())?;
    answer::check_object(call, wanted)?;
    options.field_manager = manager_or_user_agent(std::mem::take(&mut options.field_manager), headers);
    options.fields_managed = call.scale.is_some();
    let manager = options.field_manager.clone();
    // On a conflict it is needed again, which is rare enough to read it again.
    let mut first = Some(object);
    let mut change = |current: Option<Current<'_>>| {
        let object = match first.take() {
            Some(object) => object,
            None => settle_names(decoded(call, &body, media, validation)?.object, call.info())?,
        };
        call.changed(current.map(|current| current.object), object, Some(&manager))
    };
    let creates = call.kind.policy.allow_create_on_update;
    answer_update(call, wanted, &mut change, options, creates).await
}

/// Changes the object that the request names, and answers with it. `creates`: where nothing is there it is made, for those
/// who may create. That is asked when it turns out, as Go's `withAuthorization` does, since most writes find their object.
pub(super) async fn answer_update(
    call: &Call<'_>,
    wanted: Wanted,
    change: &mut UpdateFn<'_>,
    mut options: UpdateOptions,
    creates: bool,
) -> Result<Response, ApiError> {
    if let Some(computed) = call.computed {
        let (object, created) = computed::update(call, computed, change, &options, creates).await?;
        let code = if created {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        return computed::answered(call, wanted, object, code).await;
    }
    let registry = call.registry()?;
    let mut warnings = Vec::new();
    let mut updated = registry
        .update(call.request, change, &options, &mut warnings)
        .await;
    // A plugin may miss something else.
    let is_absent = matches!(&updated, Err(ApiError::NotFound { resource, name })
        if *resource == registry.resource().group_resource() && *name == call.info().name);
    if creates && is_absent && call.info().subresource.is_empty() {
        updated = match call.request.may(Verb::Create).boxed().await {
            Ok(()) => {
                options.may_create = true;
                registry
                    .update(call.request, change, &options, &mut warnings)
                    .await
            }
            Err(error) => Err(error),
        };
    }
    call.warnings.extend(warnings);
    let updated = updated?;
    let code = if updated.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    answer::object(call, wanted, &updated.entry, code).await
}

fn decoded(
    call: &Call<'_>,
    body: &[u8],
    media: BodyMedia,
    validation: FieldValidation,
) -> Result<Decoded, ApiError> {
    let (kind, version) = (call.kind, &call.version.name);
    decode::decode_body(body, media, kind, version).map_err(|error| {
        let error = if validation == FieldValidation::Ignore {
            error.unchecked(kind, version, body)
        } else {
            error
        };
        undecodable(call, error.into_api_error(kind, body))
    })
}

/// What is said of a body that cannot be decoded. At the `/scale` of a resource without a type Go looks for the Scale's name among the types of
/// that resource, and tells that instead.
fn undecodable(call: &Call<'_>, error: ApiError) -> ApiError {
    if call.scale.is_some() && call.served.resource().policy.unstructured {
        let message = format!(
            "no kind is registered for the type v1.Scale in scheme {:?}",
            decode::GO_SCHEME
        );
        return ApiError::BadRequest(message);
    }
    error
}

/// The object in a body, after what `fieldValidation` says to it.
fn checked(
    call: &Call<'_>,
    body: &[u8],
    media: BodyMedia,
    validation: FieldValidation,
) -> Result<Object, ApiError> {
    let resource = call.kind;
    let decoded = decoded(call, body, media, validation)?;
    match validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => call.warnings.extend(decoded.strict),
        FieldValidation::Strict => {
            if let Some(error) = decoded.strict_error(resource, &call.version.name) {
                return Err(undecodable(call, error));
            }
        }
    }
    decode::check_version(&decoded.object, resource, &call.version.name)?;
    Ok(decoded.object)
}

/// Whether the URL names an object. Of what has a type there is no route without one.
///
/// # Errors
/// 400.
pub(super) fn check_name(info: &RequestInfo) -> Result<(), ApiError> {
    if info.name.is_empty() {
        return Err(ApiError::BadRequest("name must be provided".into()));
    }
    Ok(())
}

/// Whether it is the object that the URL names; an object that does not say its namespace is in the request's.
pub(super) fn settle_names(mut object: Object, info: &RequestInfo) -> Result<Object, ApiError> {
    let namespace = object.namespace();
    if !info.namespace.is_empty() && !namespace.is_empty() && namespace != info.namespace {
        return Err(ApiError::BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request".into(),
        ));
    }
    if namespace != info.namespace {
        object.set_meta("namespace", &info.namespace);
    }
    let (name, wanted) = (object.name(), &info.name);
    if name.is_empty() {
        return Err(ApiError::BadRequest(format!(
            "the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
        )));
    }
    if name != wanted {
        return Err(ApiError::BadRequest(format!(
            "the name of the object ({name}) does not match the name on the URL ({wanted})"
        )));
    }
    Ok(object)
}
