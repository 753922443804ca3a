//! Bodies of requests, read as objects: strictly, with the words of Kubernetes' own decoder.

mod error;

use serde_json::Value;

use crate::object::Object;
use crate::resource::Resource;
use crate::status::ApiError;

pub use error::DecodeError;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyMedia {
    /// `application/json`
    Json,
    /// `application/yaml`
    Yaml,
}

/// A body that is an object of the expected kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The object in the request's version: normalized, with its defaults, `apiVersion` and `kind` set.
    pub object: Object,
    /// What `fieldValidation` is about, in Go's words and order: `unknown field "spec.x"`, `duplicate field "spec.y"`.
    pub strict: Vec<String>,
}

impl Decoded {
    /// The error of `fieldValidation=Strict`; `None` where the body was in order.
    #[must_use]
    pub fn strict_error(&self) -> Option<DecodeError> {
        (!self.strict.is_empty()).then(|| DecodeError::strict(&self.strict))
    }
}

/// Reads a body of a create or an update as an object of `resource` in `version`. `apiVersion` and `kind` may be left
/// out.
///
/// # Errors
/// The body is no such object: 400, as k8s.io/apiserver answers it.
pub fn decode(
    body: &[u8],
    media: BodyMedia,
    resource: &Resource,
    version: &str,
) -> Result<Decoded, ApiError> {
    let value = match media {
        BodyMedia::Json => serde_json::from_slice::<Value>(body).map_err(|error| error.to_string()),
        BodyMedia::Yaml => serde_saphyr::from_slice::<Value>(body).map_err(|error| error.to_string()),
    };
    value
        .map_err(DecodeError::unrecognized)
        .and_then(|value| decode_value(value, resource, version))
        .map_err(|error| error.into_bad_request(resource, version, body))
}

/// Reads a value, such as an object after a patch, as an object of `resource` in `version`.
///
/// # Errors
/// The value is no such object. Of a patch Kubernetes answers it with 422 about the field `patch`, otherwise with 400
/// ([`DecodeError::into_bad_request`]).
pub fn decode_value(value: Value, resource: &Resource, version: &str) -> Result<Decoded, DecodeError> {
    let Value::Object(fields) = value else {
        return Err(DecodeError::unrecognized("not an object".into()));
    };
    let mut object = Object(fields);
    object.set_type(&resource.api_version(version), &resource.names.kind);
    let mut object = resource
        .behaviour
        .normalize(version, object)
        .map_err(|error| DecodeError::recognized(error.0))?;
    resource.behaviour.default_fields(version, &mut object);
    Ok(Decoded {
        object,
        strict: Vec::new(),
    })
}
