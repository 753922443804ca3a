//! Server-side apply: a configuration is merged into the object, and whoever applies it manages what it says. Go:
//! `endpoints/handlers/patch.go`, applyPatcher; KEP-555.

use serde_json::{Map, Value};

use super::{document, settle_names};
use crate::decode::{self, convert_unstructured, go_kind, yaml};
use crate::endpoint::call::Call;
use crate::managed_fields::{
    ApplyError, managed_fields_of, remove_managed_fields, set_managed_fields, shown_fields,
};
use crate::object::Object;
use crate::registry::{Current, is_same_but, now};
use crate::request::options::{FieldValidation, PatchOptions};
use crate::status::ApiError;

/// How deep managedFields stand: in the metadata of the object.
const MANAGED_FIELDS_DEPTH: usize = 2;

/// What `config`, the body of a request, makes of `live`; `None`: it is created.
///
/// # Errors
/// 400: it is no object, or of another kind or version, or, where `fieldValidation` is strict, has a field twice. 409:
/// others manage what it says. 500, as Kubernetes answers: it does not fit the schema.
pub(super) fn applied(
    call: &Call<'_>,
    body: &[u8],
    live: Option<Current<'_>>,
    options: &PatchOptions,
) -> Result<Object, ApiError> {
    let Config { object, duplicates } = read(body)?;
    let force = options.force.unwrap_or_default();
    let managers = call.field_manager()?;
    let mut applied = managers
        .apply(
            live.map(|live| live.object),
            object,
            &options.field_manager,
            force,
            &now(),
        )
        .map_err(ApplyError::into_api_error)?;
    // They were just written and would be read as they are, unless they are too deep.
    let managed = managed_fields_of(&applied)
        .is_some_and(|managed| decode::is_shallow(managed, MANAGED_FIELDS_DEPTH))
        .then(|| remove_managed_fields(&mut applied))
        .flatten();
    // Of what nothing has changed nothing is else than it was when it was stored, where it was decoded to the end.
    let is_as_stored = |live: Current<'_>| {
        // What has no type is decoded to the end when it is read, and only what was merged is defaulted.
        (live.is_complete || call.kind.policy.unstructured)
            && is_same_but("managedFields", &applied, live.object)
    };
    let mut applied = if managed.is_some() && live.is_some_and(is_as_stored) {
        applied
    } else {
        decoded(call, applied, body)?
    };
    if managed.is_some() {
        set_managed_fields(&mut applied, managed);
    }
    let applied = settle_names(applied, call.info())?;
    if duplicates.is_empty() {
        return Ok(applied);
    }
    match options.field_validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => call.warnings.extend(duplicates),
        FieldValidation::Strict => {
            return Err(ApiError::BadRequest(format!(
                "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  {}",
                duplicates.join("\n  ")
            )));
        }
    }
    Ok(applied)
}

/// A merged object as the request's version has it, without what was said of it that no type is about.
///
/// # Errors
/// 500: it does not fit the type.
fn decoded(call: &Call<'_>, applied: Object, body: &[u8]) -> Result<Object, ApiError> {
    if call.kind.policy.unstructured {
        // It is defaulted, and not decoded: a null that the schema does not allow is there to be refused.
        let completed = decode::complete(applied, call.kind, &call.version.name);
        return completed.map_err(|error| ApiError::Plain(error.to_string()));
    }
    let applied = typed(call, Value::Object(applied.0), body)?;
    // What Go converts to the type of the resource: it fits the schema, or it would not have been merged.
    let decoded = decode::decode_value(applied, call.kind, &call.version.name)
        .map_err(|error| ApiError::Plain(error.to_string()))?;
    Ok(decoded.object)
}

/// What Go makes of a merged object before anybody looks at it: a value of the type of the request's version. `body` is what was
/// applied, which errors show.
///
/// # Errors
/// 500: it does not fit the type.
fn typed(call: &Call<'_>, mut applied: Value, body: &[u8]) -> Result<Value, ApiError> {
    let Some(version) = call.kind.version(&call.version.name) else {
        return Ok(applied);
    };
    convert_unstructured(&mut applied, version.schema.root()).map_err(|error| {
        let (api_version, kind) = (call.kind.api_version(&version.name), &call.kind.names.kind);
        // Read once more, so that an apply without a fault does not pay for it.
        let config = read(body).map(|config| shown_fields(&config.object.0));
        let config = config.unwrap_or_default();
        ApiError::Plain(format!(
            "failed to convert new object ({config}) to proper version: unable to convert unstructured object to \
             {api_version}, Kind={kind}: {error}"
        ))
    })?;
    Ok(applied)
}

/// A configuration as it was sent.
struct Config {
    object: Object,
    /// Fields that stand twice, as Go's YAML says it.
    duplicates: Vec<String>,
}

fn read(body: &[u8]) -> Result<Config, ApiError> {
    // Most clients send JSON, which is read much faster as what it is, where YAML is the same.
    if yaml::may_be_read_as_json(body)
        && let Ok((Value::Object(fields), findings)) = document::read(body, None)
        && findings.is_empty()
        && fields.iter().all(yaml::is_same_in_json)
    {
        return Ok(Config {
            object: Object(fields),
            duplicates: Vec::new(),
        });
    }
    let bad = |message: String| ApiError::BadRequest(format!("error decoding YAML: {message}"));
    let document =
        yaml::read(body).map_err(|error| bad(format!("error converting YAML to JSON: {error}")))?;
    let duplicates = yaml::duplicates(&document);
    let fields = match document.value {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        other => {
            return Err(bad(format!(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type \
                 map[string]interface {{}}",
                go_kind(&other)
            )));
        }
    };
    Ok(Config {
        object: Object(fields),
        duplicates,
    })
}
