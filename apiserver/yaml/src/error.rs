//! Why a body cannot be read, in Go's words.

use std::borrow::Cow;

/// Why a body cannot be read. Its text is Go's, `yaml: ` included where Go has it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is no YAML.
    #[error("yaml: {}{problem}", at(*.line))]
    Syntax {
        /// The line that Go names; 0 where it names none. For some problems it is the one before.
        line: usize,
        /// What is wrong.
        problem: Cow<'static, str>,
    },
    /// It is YAML, but has no value.
    #[error("yaml: {0}")]
    Value(Cow<'static, str>),
    /// It has a value that JSON cannot have.
    #[error("{0}")]
    NoJson(String),
}

fn at(line: usize) -> String {
    if line == 0 {
        String::new()
    } else {
        format!("line {line}: ")
    }
}

impl Error {
    pub(crate) fn value(problem: impl Into<Cow<'static, str>>) -> Self {
        Self::Value(problem.into())
    }

    /// It nests more deeply than is read.
    pub(crate) fn depth(line: usize) -> Self {
        Self::Syntax {
            line,
            problem: format!("exceeded max depth of {}", crate::MAX_DEPTH).into(),
        }
    }
}
