//! Why there is no result (Go: `merge/update.go`).

use std::fmt::{self, Display, Formatter};

use super::{Conflicts, ConversionError};
use crate::fieldpath::ApiVersion;
use crate::typed;

/// Why an update or apply has no result. The messages are whole, as Go's are: they go into a Status.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Others manage what is applied with other values.
    #[error(transparent)]
    Conflicts(#[from] Conflicts),
    /// An object cannot be had in a version that a manager uses.
    #[error("{step}{cause}")]
    Conversion {
        /// What it is needed for.
        step: Step,
        /// Why.
        cause: ConversionError,
    },
    /// Values do not fit their types.
    #[error("{step}{cause}")]
    Typed {
        /// What failed.
        step: Step,
        /// Why.
        cause: typed::Error,
    },
}

/// A step of an update or apply. Shown, it is what stands before the cause.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Managed fields as the schema has them now. Go tells the cause alone.
    Reconcile,
    /// The live object in the version of a manager.
    ConvertLive,
    /// The new object in the version of a manager.
    ConvertNew,
    /// What is different between the live object and the new one.
    Compare,
    /// The applied configuration on the live object.
    Merge,
    /// The fields of an object.
    FieldSet,
    /// What is no longer applied is removed.
    Prune(Prune),
}

/// A step of the removal of what is no longer applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prune {
    /// The merged object in the version of the last time.
    ConvertMerged,
    /// The merged object in the version of managers whose fields are added back.
    ConvertMergedAt(ApiVersion),
    /// The pruned object in the version of managers whose fields are added back.
    ConvertPrunedAt(ApiVersion),
    /// The fields of the merged object in that version.
    MergedFieldSetAt(ApiVersion),
    /// The fields of the pruned object in that version.
    PrunedFieldSetAt(ApiVersion),
    /// The pruned object in the version of the last time.
    ConvertPruned,
    /// The fields of the merged object in the version of the last time.
    MergedFieldSet,
    /// The fields of the pruned object in the version of the last time.
    PrunedFieldSet,
    /// The pruned object in the version that is applied. Go tells the cause alone.
    ConvertBack,
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reconcile => "",
            Self::ConvertLive => "failed to convert old object: ",
            Self::ConvertNew => "failed to convert new object: ",
            Self::Compare => "failed to compare objects: ",
            Self::Merge => "failed to merge config: ",
            Self::FieldSet => "failed to get field set: ",
            Self::Prune(step) => return write!(f, "failed to prune fields: {step}"),
        })
    }
}

impl Display for Prune {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const LAST: &str = "last applied version: ";
        let owned = |f: &mut Formatter<'_>, what: &str, version: &ApiVersion| {
            write!(
                f,
                "failed add back owned items: failed to {what} object at version {version}: "
            )
        };
        let dangling = |f: &mut Formatter<'_>, what: &str| {
            write!(f, "failed add back dangling items: failed to {what} {LAST}")
        };
        match self {
            Self::ConvertMerged => write!(f, "failed to convert merged object to {LAST}"),
            Self::ConvertMergedAt(version) => owned(f, "convert merged", version),
            Self::ConvertPrunedAt(version) => owned(f, "convert pruned", version),
            Self::MergedFieldSetAt(version) => owned(f, "create field set from merged", version),
            Self::PrunedFieldSetAt(version) => owned(f, "create field set from pruned", version),
            Self::ConvertPruned => dangling(f, "convert pruned object to"),
            Self::MergedFieldSet => dangling(f, "create field set from merged object in"),
            Self::PrunedFieldSet => dangling(f, "create field set from pruned object in"),
            Self::ConvertBack => Ok(()),
        }
    }
}

/// Says in which step something failed.
pub(super) trait InStep<T> {
    /// # Errors
    /// Of the step.
    fn in_step(self, step: Step) -> Result<T, Error>;
}

impl<T> InStep<T> for Result<T, typed::Error> {
    fn in_step(self, step: Step) -> Result<T, Error> {
        self.map_err(|cause| Error::Typed { step, cause })
    }
}

impl<T> InStep<T> for Result<T, typed::ValidationErrors> {
    fn in_step(self, step: Step) -> Result<T, Error> {
        self.map_err(|errors| Error::Typed {
            step,
            cause: errors.into(),
        })
    }
}

impl<T> InStep<T> for Result<T, Box<dyn std::error::Error + Send + Sync>> {
    fn in_step(self, step: Step) -> Result<T, Error> {
        self.map_err(|error| Error::Conversion {
            step,
            cause: ConversionError::Failed(error),
        })
    }
}

impl<T> InStep<T> for Result<T, ConversionError> {
    fn in_step(self, step: Step) -> Result<T, Error> {
        self.map_err(|cause| Error::Conversion { step, cause })
    }
}
