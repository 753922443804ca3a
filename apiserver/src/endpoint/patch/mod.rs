//! Patches: JSON Patch, JSON merge patch and strategic merge patch.
//!
//! A patch is applied to the object as it is at the moment of the write, again on each conflict. So it
//! never conflicts, unless it says itself which resourceVersion it means.

mod conversion;
mod document;
mod json_patch;
mod merge;
mod strategic;
mod strategic_merge;

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::answer;
use super::body;
use super::call::Call;
use super::write::settle_names;
use crate::decode::{self, BodyMedia};
use crate::object::Object;
use crate::offload;
use crate::request::GroupKind;
use crate::request::media::{self, PatchMedia};
use crate::request::options::{FieldValidation, PatchOptions};
use crate::response::Response;
use crate::status::{ApiError, FieldError};

/// A patched object.
pub(super) async fn patch<B>(call: &Call<'_>, body: B) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let headers = &call.parts.headers;
    let media = media::patch_media(headers, call.kind.policy.strategic_merge_patch)?;
    let wanted = media::wanted(headers, call.query())?;
    let body = body::read(call.request, headers, body).await?;
    let more = match media {
        PatchMedia::JsonPatch if json_patch::may_copy(&body) => offload::room_for_copies(),
        PatchMedia::JsonPatch | PatchMedia::MergePatch => 0,
        PatchMedia::StrategicMergePatch => strategic_merge::room(&body),
    };
    offload::expect_body(&body, BodyMedia::Json, more).await?;
    let options = PatchOptions::parse(call.query(), false)?;
    answer::check_object(call, wanted)?;
    let validation = options.field_validation;
    // Read when it is applied, which takes it apart: of an object that is not there, that is what is said, whatever the
    // patch. On a conflict it is read again, which is rare enough.
    let mut change = |current: Option<&Object>| {
        let current = current.ok_or_else(|| call.not_found())?;
        let object = call.to_change(current)?;
        let new = if media == PatchMedia::StrategicMergePatch {
            strategic_merge::patched(call, &body, validation, &object)?
        } else {
            let source = Source {
                body: &body,
                media,
                validation,
            };
            patched(call, source, &object)?
        };
        call.changed(Some(current), new)
    };
    let mut warnings = Vec::new();
    let updated = call
        .registry()
        .update(call.request, &mut change, &options.into(), &mut warnings)
        .await;
    call.warnings.extend(warnings);
    answer::object(call, wanted, &updated?.entry, StatusCode::OK).await
}

/// A patch as it was sent, and how it is to be read.
#[derive(Clone, Copy)]
struct Source<'a> {
    body: &'a [u8],
    media: PatchMedia,
    validation: FieldValidation,
}

impl Source<'_> {
    /// The object after the patch, and what `fieldValidation` is about in the patch itself.
    fn apply(&self, current: &Object) -> Result<(Value, Vec<String>), ApiError> {
        let is_checked = self.validation != FieldValidation::Ignore;
        match self.media {
            PatchMedia::JsonPatch => {
                let (operations, strict) = json_patch::read(self.body, is_checked)?;
                let current = Value::Object(current.0.clone());
                json_patch::apply(current, operations, offload::room_for_copies())
                    .map(|value| (value, strict))
                    .ok_or(ApiError::PatchNotApplicable)
            }
            // The other one has a way of its own.
            PatchMedia::MergePatch | PatchMedia::StrategicMergePatch => {
                let (patch, findings) = merge::read(self.body, is_checked)?;
                let merged = merge::merged(Value::Object(current.0.clone()), patch);
                let strict = if is_checked {
                    findings.into_texts()
                } else {
                    Vec::new()
                };
                Ok((merged, strict))
            }
        }
    }
}

/// The object after the patch, as it may be written.
fn patched(call: &Call<'_>, patch: Source<'_>, current: &Object) -> Result<Object, ApiError> {
    let resource = call.kind;
    let (value, strict) = patch.apply(current)?;
    // The error shows the result, which is made again for it rather than kept for all.
    let again = || patch.apply(current).map(|(value, _)| value).unwrap_or_default();
    let decoded = decode::decode_value(value, resource, &call.version.name)
        .map_err(|error| error.into_patch_error(resource, &again()))?;
    let strict = strict.into_iter().chain(decoded.strict);
    match patch.validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => call.warnings.extend(strict),
        FieldValidation::Strict => {
            let strict: Vec<String> = strict.collect();
            if !strict.is_empty() {
                let message = format!("strict decoding error: {}", strict.join(", "));
                return Err(invalid(&again(), message));
            }
        }
    }
    settle_names(decoded.object, call.info())
}

fn invalid(patched: &Value, message: String) -> ApiError {
    let error = FieldError::invalid("patch", patched.to_string(), message);
    ApiError::invalid_field(GroupKind::default(), "", error)
}

/// 400: the patch itself cannot be read.
fn unreadable(message: &str) -> ApiError {
    ApiError::BadRequest(format!("error decoding patch: {message}"))
}
