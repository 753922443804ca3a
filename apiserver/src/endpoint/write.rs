//! Writing whole objects: create and update.

use bytes::Bytes;
use http::StatusCode;

use super::answer;
use super::body;
use super::call::{Call, within_deadline};
use crate::decode::{self, BodyMedia, Decoded};
use crate::object::Object;
use crate::request::media;
use crate::request::options::{CreateOptions, FieldValidation, UpdateOptions};
use crate::request::RequestInfo;
use crate::response::Response;
use crate::status::ApiError;

/// A new object.
pub(super) async fn create<B>(call: &Call<'_>, body: B) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let headers = &call.parts.headers;
    let wanted = media::wanted(headers, call.query())?;
    let media = media::body_media(headers)?;
    let created = within_deadline(async {
        let body = body::read(call.request, headers, body).await?;
        let options = CreateOptions::parse(call.query())?;
        let object = checked(call, &body, media, options.field_validation)?;
        answer::check_object(call, wanted)?;
        call.registry().create(call.request, object, &options).await
    })
    .await?;
    call.warnings.extend(created.warnings);
    answer::object(call, wanted, &created.entry, StatusCode::CREATED)
}

/// A changed object, as a whole.
pub(super) async fn update<B>(call: &Call<'_>, body: B) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let headers = &call.parts.headers;
    let wanted = media::wanted(headers, call.query())?;
    let updated = within_deadline(async {
        let body = body::read(call.request, headers, body).await?;
        let options = UpdateOptions::parse(call.query())?;
        let media = media::body_media(headers)?;
        let object = checked(call, &body, media, options.field_validation)?;
        check_names(&object, call.info())?;
        answer::check_object(call, wanted)?;
        // Where somebody else was faster it is needed again, which is rare enough to read it again.
        let mut first = Some(object);
        let mut change = |_: Option<&Object>| match first.take() {
            Some(object) => Ok(object),
            None => Ok(decoded(call, &body, media)?.object),
        };
        call.registry().update(call.request, &mut change, &options).await
    })
    .await?;
    call.warnings.extend(updated.warnings);
    let code = if updated.created { StatusCode::CREATED } else { StatusCode::OK };
    answer::object(call, wanted, &updated.entry, code)
}

fn decoded(call: &Call<'_>, body: &[u8], media: BodyMedia) -> Result<Decoded, ApiError> {
    decode::decode(body, media, call.served.resource(), &call.version.name)
}

/// The object in a body, after what `fieldValidation` says to it.
fn checked(
    call: &Call<'_>,
    body: &[u8],
    media: BodyMedia,
    validation: FieldValidation,
) -> Result<Object, ApiError> {
    let decoded = decoded(call, body, media)?;
    match validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => call.warnings.extend(decoded.strict),
        FieldValidation::Strict => {
            if let Some(error) = decoded.strict_error() {
                return Err(error.into_bad_request(call.served.resource(), &call.version.name, body));
            }
        }
    }
    Ok(decoded.object)
}

/// Whether an object is the one that the URL names.
pub(super) fn check_names(object: &Object, info: &RequestInfo) -> Result<(), ApiError> {
    let namespace = object.namespace();
    if !info.namespace.is_empty() && !namespace.is_empty() && namespace != info.namespace {
        return Err(ApiError::BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request".into(),
        ));
    }
    if object.name() != info.name {
        return Err(ApiError::BadRequest(format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            object.name(),
            info.name
        )));
    }
    Ok(())
}
