//! Objects in the versions of their managers (Go: `managedfields/internal/versionconverter.go`).

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use annex_structured_merge_diff::merge::{ConversionError, Converter};
use annex_structured_merge_diff::typed::{Duplicates, ParseableType, TypedValue};
use serde_json::Value;

use crate::object::Object;

/// The types of a kind, by `apiVersion`: those of all versions that are served.
pub type Types = Arc<BTreeMap<String, ParseableType>>;

/// Converts objects of one kind to other versions.
pub trait ObjectConverter: Send + Sync {
    /// `object`, which is of another version, in the version `api_version`, its `apiVersion` included. Where Go converts to a
    /// hub and from there on, this does both.
    ///
    /// # Errors
    /// [`ConversionError::MissingVersion`]: it is not served, so that its managers are forgotten; or it fails.
    fn convert(&self, object: Object, api_version: &str) -> Result<Object, ConversionError>;
}

/// Converts typed values by the objects that they are.
#[derive(Clone)]
pub(super) struct VersionConverter {
    pub(super) types: Types,
    pub(super) converter: Arc<dyn ObjectConverter>,
}

impl Converter for VersionConverter {
    fn convert(&self, typed: &TypedValue, version: &str) -> Result<TypedValue, ConversionError> {
        let Value::Object(object) = &**typed.as_value() else {
            let null = "failed to convert value to unstructured for type <nil>";
            return Err(ConversionError::Failed(null.into()));
        };
        if object.get("apiVersion").and_then(Value::as_str) == Some(version) {
            return Ok(typed.clone());
        }
        let Some(parseable) = self.types.get(version) else {
            return Err(ConversionError::MissingVersion(version.to_owned()));
        };
        let converted = self.converter.convert(Object(object.clone()), version)?;
        parseable
            .typed(Value::Object(converted.0), Duplicates::Refuse)
            .map_err(|error| ConversionError::Failed(error.into()))
    }
}

impl Debug for VersionConverter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("VersionConverter")
            .field("versions", &self.types.keys())
            .finish_non_exhaustive()
    }
}
