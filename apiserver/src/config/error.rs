//! What is wrong with a command line.

use std::fmt;

/// One thing that is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Ignoring the flag would be less safe than its owner believes.
    #[error("--{flag} is not supported by this server, and it would not be safe to ignore it: {why}")]
    Refused {
        /// The flag.
        flag: &'static str,
        /// What would happen.
        why: &'static str,
    },
    /// The flag's value makes no sense.
    #[error("--{flag}: {message}")]
    Value {
        /// The flag.
        flag: &'static str,
        /// Why.
        message: String,
    },
    /// Flags that do not go together, or that are missing.
    #[error("{0}")]
    Combination(String),
}

/// Everything that is wrong with a command line, so that it can be set right at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{error}")?;
        }
        Ok(())
    }
}
