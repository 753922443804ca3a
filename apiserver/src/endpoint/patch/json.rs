//! JSON Patch and JSON merge patch on objects. Go: `endpoints/handlers/patch.go`, jsonPatcher.

use serde_json::Value;

use super::{json_patch, merge, settle_names};
use crate::decode;
use crate::endpoint::call::Call;
use crate::object::Object;
use crate::offload;
use crate::request::GroupKind;
use crate::request::options::FieldValidation;
use crate::status::{ApiError, FieldError};

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// RFC 6902.
    JsonPatch,
    /// RFC 7386.
    MergePatch,
}

/// A patch as it was sent, and how it is to be read.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) body: &'a [u8],
    pub(super) kind: Kind,
    pub(super) validation: FieldValidation,
}

impl Source<'_> {
    /// The object after the patch, and what `fieldValidation` is about in the patch itself.
    fn apply(&self, current: &Object) -> Result<(Value, Vec<String>), ApiError> {
        let is_checked = self.validation != FieldValidation::Ignore;
        match self.kind {
            Kind::JsonPatch => {
                let (operations, strict) = json_patch::read(self.body, is_checked)?;
                let current = Value::Object(current.0.clone());
                json_patch::apply(current, operations, offload::room_for_copies())
                    .map(|value| (value, strict))
                    .ok_or(ApiError::PatchNotApplicable)
            }
            Kind::MergePatch => {
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
///
/// # Errors
/// 400, 413 and 422, as Go answers what cannot be read or applied.
pub(super) fn patched(call: &Call<'_>, patch: Source<'_>, current: &Object) -> Result<Object, ApiError> {
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
