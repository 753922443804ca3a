//! Objects in other versions (Go: `merge/update.go`, Converter).

use std::error::Error;

use crate::typed::TypedValue;

/// Why an object cannot be had in a version.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConversionError {
    /// There is no such version, or no longer. Managers of it are forgotten.
    #[error("there is no version {0}")]
    MissingVersion(String),
    /// It failed.
    #[error(transparent)]
    Failed(#[from] Box<dyn Error + Send + Sync>),
}

/// Converts objects from the version that they are in to others.
pub trait Converter {
    /// `object` in `version`, with the type that it has there.
    ///
    /// # Errors
    /// Where there is no such version, or it fails.
    fn convert(&self, object: &TypedValue, version: &str) -> Result<TypedValue, ConversionError>;
}

impl<C: Converter + ?Sized> Converter for &C {
    fn convert(&self, object: &TypedValue, version: &str) -> Result<TypedValue, ConversionError> {
        (**self).convert(object, version)
    }
}

/// `object` in `version`; `None` where there is no such version.
///
/// # Errors
/// Where it fails.
pub(super) fn convert_if_served(
    converter: &impl Converter,
    object: &TypedValue,
    version: &str,
) -> Result<Option<TypedValue>, Box<dyn Error + Send + Sync>> {
    match converter.convert(object, version) {
        Ok(object) => Ok(Some(object)),
        Err(ConversionError::MissingVersion(_)) => Ok(None),
        Err(ConversionError::Failed(error)) => Err(error),
    }
}
