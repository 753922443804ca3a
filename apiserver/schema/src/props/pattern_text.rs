//! A schema's `pattern`, compiled when it is first needed.

use std::sync::OnceLock;

use crate::pattern::{Error, Pattern};

/// A schema's `pattern`. An empty one is none.
#[derive(Debug, Clone, Default)]
pub struct PatternText {
    text: String,
    compiled: OnceLock<Result<Pattern, Error>>,
}

impl PatternText {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The pattern, compiled once.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn compiled(&self) -> Result<&Pattern, &Error> {
        self.compiled.get_or_init(|| Pattern::new(&self.text)).as_ref()
    }
}

impl PartialEq for PatternText {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl From<String> for PatternText {
    fn from(text: String) -> Self {
        Self {
            text,
            compiled: OnceLock::new(),
        }
    }
}
