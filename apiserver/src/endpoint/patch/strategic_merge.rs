//! Serving strategic merge patches: Go's `smpPatcher` and `applyPatchToObject` in k8s.io/apiserver's handlers.

use serde_json::{Map, Value};

use super::document;
use super::settle_names;
use super::strategic::{self, Remains, Verb};
use crate::decode::strict::StrictFindings;
use crate::decode::{self, DecodeError, convert_unstructured, go_kind};
use crate::endpoint::call::Call;
use crate::object::Object;
use crate::request::GroupKind;
use crate::request::options::FieldValidation;
use crate::schema::Node;
use crate::status::{ApiError, FieldError};

/// Bytes of memory that a patch may take beside its decoded form: what tells the elements of its lists apart.
pub(super) fn room(body: &[u8]) -> usize {
    body.len()
}

/// The object after a strategic merge patch, as it may be written.
///
/// # Errors
/// 400, 422 and 500, as Go answers what cannot be read or applied.
pub(super) fn patched(
    call: &Call<'_>,
    body: &[u8],
    validation: FieldValidation,
    current: &Object,
) -> Result<Object, ApiError> {
    let resource = call.kind;
    let version = &call.version.name;
    let schema = resource.version(version).ok_or(ApiError::UnknownPath)?;
    let node = schema.schema.root();
    let (mut patch, findings) = read(body)?;
    let mut merged = merged(current, &mut patch, node, Remains::Nothing)?;
    // Errors show what Go has left of the patch, which is applied again for them.
    let invalid = |message: String| {
        let mut left = read(body).map(|(patch, _)| patch).unwrap_or_default();
        // It was applied before.
        let _ = strategic::apply(current.0.clone(), &mut left, node, Remains::Copy);
        let shown = match left {
            Value::Null => strategic::text(&Value::Object(Map::new()), Verb::V),
            left => strategic::text(&left, Verb::V),
        };
        let error = FieldError::invalid("patch", shown, message);
        ApiError::invalid_field(GroupKind::default(), "", error)
    };
    convert_unstructured(&mut merged, node).map_err(invalid)?;
    // Go converts the value to the type of the request, whatever it says that it is.
    let mut merged = Object(match merged {
        Value::Object(fields) => fields,
        _ => Map::new(),
    });
    merged.set_type(&call.version.api_version, &resource.names.kind);
    let decoded =
        decode::decode_value(Value::Object(merged.0), resource, version).map_err(|error| match error {
            DecodeError::Invalid { .. } => error.into_patch_error(resource, &Value::Null),
            other => invalid(other.to_string()),
        })?;
    let mut unknown = decoded.strict;
    unknown.sort();
    let strict = findings.into_texts().into_iter().chain(unknown);
    match validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => call.warnings.extend(strict),
        FieldValidation::Strict => {
            let strict: Vec<String> = strict.collect();
            if !strict.is_empty() {
                return Err(invalid(format!("strict decoding error: {}", strict.join(", "))));
            }
        }
    }
    settle_names(decoded.object, call.info())
}

/// Reads a patch: an object, or a null that stands for one without fields.
fn read(body: &[u8]) -> Result<(Value, StrictFindings), ApiError> {
    let (patch, findings) = document::read(body, None).map_err(ApiError::BadRequest)?;
    match patch {
        Value::Object(_) | Value::Null => Ok((patch, findings)),
        other => Err(ApiError::BadRequest(format!(
            "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            go_kind(&other)
        ))),
    }
}

fn merged(current: &Object, patch: &mut Value, node: &Node, remains: Remains) -> Result<Value, ApiError> {
    strategic::apply(current.0.clone(), patch, node, remains)
        .map(Value::Object)
        .map_err(strategic::Error::into_api_error)
}
