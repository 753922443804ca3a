//! Patches: JSON Patch and JSON merge patch.
//!
//! A patch is applied to the object as it is at the moment of the write, again each time somebody else was faster. So it
//! never conflicts, unless it says itself which resourceVersion it means.

mod document;
mod json_patch;
mod merge;

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::answer;
use super::body;
use super::call::Call;
use super::write::settle_names;
use crate::decode;
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
    let media = media::patch_media(headers)?;
    let wanted = media::wanted(headers, call.query())?;
    let body = body::read(call.request, headers, body).await?;
    offload::expect(body.len()).await;
    let options = PatchOptions::parse(call.query(), false)?;
    answer::check_object(call, wanted)?;
    let validation = options.field_validation;
    // Read at the first use: of an object that is not there, that is what is said, whatever the patch.
    let mut patch = None;
    let mut change = |current: Option<&Object>| {
        let current = current.ok_or_else(|| not_found(call))?;
        let patch = match &mut patch {
            Some(patch) => patch,
            none => none.insert(Patch::read(&body, media, validation)?),
        };
        patched(call, patch, current, validation)
    };
    let mut warnings = Vec::new();
    let updated = call
        .registry()
        .update(call.request, &mut change, &options.into(), &mut warnings)
        .await;
    call.warnings.extend(warnings);
    answer::object(call, wanted, &updated?.entry, StatusCode::OK).await
}

fn not_found(call: &Call<'_>) -> ApiError {
    ApiError::NotFound {
        resource: call.served.resource().group_resource(),
        name: call.info().name.clone(),
    }
}

/// A patch that was read.
enum Change {
    Json(Vec<json_patch::Operation>),
    Merge(Value),
}

struct Patch {
    change: Change,
    /// What `fieldValidation` is about in the patch itself.
    strict: Vec<String>,
}

impl Patch {
    fn read(body: &[u8], media: PatchMedia, validation: FieldValidation) -> Result<Self, ApiError> {
        let is_checked = validation != FieldValidation::Ignore;
        match media {
            PatchMedia::JsonPatch => {
                let (operations, strict) = json_patch::read(body, is_checked)?;
                Ok(Self {
                    change: Change::Json(operations),
                    strict,
                })
            }
            PatchMedia::MergePatch => {
                let (value, findings) = merge::read(body, is_checked)?;
                Ok(Self {
                    change: Change::Merge(value),
                    strict: if is_checked {
                        findings.into_texts()
                    } else {
                        Vec::new()
                    },
                })
            }
        }
    }

    fn apply(&self, current: &Object) -> Result<Value, ApiError> {
        let current = Value::Object(current.0.clone());
        match &self.change {
            Change::Json(operations) => {
                json_patch::apply(&current, operations).ok_or(ApiError::PatchNotApplicable)
            }
            Change::Merge(patch) => Ok(merge::merged(current, patch)),
        }
    }
}

/// The object after the patch, as it may be written.
fn patched(
    call: &Call<'_>,
    patch: &Patch,
    current: &Object,
    validation: FieldValidation,
) -> Result<Object, ApiError> {
    let resource = call.served.resource();
    let value = patch.apply(current)?;
    // The error shows the result, which is made again for it rather than kept for all.
    let again = || patch.apply(current).unwrap_or_default();
    let decoded = decode::decode_value(value, resource, &call.version.name)
        .map_err(|error| error.into_patch_error(resource, &again()))?;
    let strict = patch.strict.iter().cloned().chain(decoded.strict);
    match validation {
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
