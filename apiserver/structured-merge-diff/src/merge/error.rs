//! Why there is no result (Go: `merge/update.go`).

use std::fmt::{self, Display, Formatter};

use super::{Conflicts, ConversionError};
use crate::typed;

/// Why an update or apply has no result. The messages are whole, as Go's are: they go into a Status.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Others manage what is applied with other values.
    #[error(transparent)]
    Conflicts(#[from] Conflicts),
    /// An object cannot be had in a version that a manager uses.
    #[error("failed to {step}: {cause}")]
    Conversion {
        /// What it is needed for.
        step: Step,
        /// Why.
        cause: ConversionError,
    },
    /// Values do not fit their types.
    #[error("failed to {step}: {cause}")]
    Typed {
        /// What failed.
        step: Step,
        /// Why.
        cause: typed::Error,
    },
}

/// A step of an update or apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The live object in the version of a manager.
    ConvertLive,
    /// The new object in the version of a manager.
    ConvertNew,
    /// The object that is pruned, in the version of a manager.
    ConvertPruned,
    /// Managed fields as the schema has them now.
    Reconcile,
    /// What is different between the live object and the new one.
    Compare,
    /// The applied configuration on the live object.
    Merge,
    /// The fields of an object.
    FieldSet,
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConvertLive => "convert old object",
            Self::ConvertNew => "convert new object",
            Self::ConvertPruned => "prune fields: failed to convert object",
            Self::Reconcile => "reconcile field set with schema",
            Self::Compare => "compare objects",
            Self::Merge => "merge config",
            Self::FieldSet => "get field set",
        })
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
