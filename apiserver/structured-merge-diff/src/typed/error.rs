//! What is wrong with a value, in Go's words (Go: `typed/helpers.go`).

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use serde_json::Value;

use super::ListItemError;
use super::go_value::{Plain, Syntax, type_name};
use crate::MAX_DEPTH;
use crate::fieldpath::{Path, PathElement};

/// Errors beyond these are not listed. Go lists all; a path may be long, and errors many.
const MAX_ERRORS: usize = 100;

/// Why typed values cannot be made, compared or merged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The two values are of different schemas.
    #[error("expected objects with types from the same schema")]
    DifferentSchemas,
    /// The two values are of different types.
    #[error("expected objects of the same type, but got {0:?} and {1:?}")]
    DifferentTypes(Option<Arc<str>>, Option<Arc<str>>),
    /// The value is nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The value, or its schema, is invalid.
    #[error(transparent)]
    Invalid(#[from] ValidationErrors),
}

/// One thing wrong with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationError {
    /// Where; empty: with the value as a whole.
    pub path: Path,
    /// What.
    pub problem: Problem,
}

impl Display for ValidationError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.problem.fmt(f)
    }
}

/// What is wrong with a value or its schema.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The schema has no type of this name, or nothing whose relationship could be overridden.
    #[error("schema error: no type found matching: {}", .0.as_deref().unwrap_or("inlined type"))]
    NoType(Option<Arc<str>>),
    /// A type is no scalar, list or map.
    #[error("schema error: invalid atom: {}", where_defined(.0.as_deref()))]
    InvalidAtom(Option<Arc<str>>),
    /// No number.
    #[error("expected numeric (int or float), got {}", type_name(.0))]
    NotNumeric(Value),
    /// No string.
    #[error("expected string, got &value.valueUnstructured{{Value:{}}}", Syntax(.0))]
    NotString(Value),
    /// No boolean.
    #[error("expected boolean, got &{{{}}}", Plain(.0))]
    NotBoolean(Value),
    /// No scalar.
    #[error("expected any scalar, got &{{{}}}", Plain(.0))]
    NotScalar(Value),
    /// No list.
    #[error("expected list, got &{{{}}}", Plain(.0))]
    NotList(Value),
    /// No map.
    #[error("expected map, got &{{{}}}", Plain(.0))]
    NotMap(Value),
    /// An item of a list that has no key or value to be known by.
    #[error("element {index}: {error}")]
    Element {
        /// The item's index.
        index: usize,
        /// Why.
        error: ListItemError,
    },
    /// Several items of a set or associative list are the same.
    #[error("duplicate entries for key {0}")]
    Duplicate(PathElement),
    /// A struct has no such field.
    #[error("field not declared in schema")]
    NotDeclared,
    /// Of two values, on the left (`lhs`) or the right (`rhs`).
    #[error("{0}: {1}")]
    Side(&'static str, Box<Self>),
    /// The fields that a manager owned do not fit the schema.
    #[error("could not resolve {}", .0.as_deref().unwrap_or("inlined type"))]
    Unresolved(Option<Arc<str>>),
}

fn where_defined(name: Option<&str>) -> String {
    name.map_or_else(|| "inlined".to_owned(), |name| format!("named type: {name}"))
}

/// What is wrong with a value: at least one thing, and at most 100 are listed.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationErrors(Vec<ValidationError>);

impl ValidationErrors {
    /// What is wrong.
    #[must_use]
    pub fn errors(&self) -> &[ValidationError] {
        &self.0
    }
}

impl Display for ValidationErrors {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            [error] => error.fmt(f),
            errors => {
                f.write_str("errors:")?;
                errors.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
        }
    }
}

impl std::error::Error for ValidationErrors {}

/// Problems as they are found, with the path below the value that is looked at, last element first.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<(Vec<PathElement>, Problem)>);

impl Problems {
    pub(super) fn push(&mut self, problem: Problem) {
        if self.0.len() < MAX_ERRORS {
            self.0.push((Vec::new(), problem));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many were found; not more than are listed.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    fn extend(&mut self, problems: Self) {
        let room = MAX_ERRORS - self.0.len();
        self.0.extend(problems.0.into_iter().take(room));
    }

    /// Adds what is wrong with what is at `element`.
    pub(super) fn extend_under(&mut self, element: &PathElement, mut problems: Self) {
        for (path, _) in &mut problems.0 {
            path.push(element.clone());
        }
        self.extend(problems);
    }

    /// # Errors
    /// Where there is a problem.
    pub(super) fn into_result(self) -> Result<(), ValidationErrors> {
        if self.is_empty() {
            return Ok(());
        }
        let error = |(path, problem): (Vec<PathElement>, _)| ValidationError {
            path: path.into_iter().rev().collect(),
            problem,
        };
        Err(ValidationErrors(self.0.into_iter().map(error).collect()))
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        let mut problems = Self::default();
        problems.push(problem);
        problems
    }
}
