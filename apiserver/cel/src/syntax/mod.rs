//! From the text of an expression to its parts: tokens, grammar, macros.

mod lexer;
mod macros;
mod parser;
mod recovery;
mod token;
mod unescape;

use crate::ast::{Expr, Id};
use crate::source::{Issues, Source};

/// An expression, parsed.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) expr: Expr,
    pub(crate) places: Places,
}

/// Where each part stands: its first character. A part that was taken back stands nowhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Vec<Option<u32>>);

impl Places {
    /// Where a part begins.
    pub(crate) fn offset(&self, id: Id) -> Option<u32> {
        self.0.get(id as usize).copied().flatten()
    }

    /// How many parts have numbers, one more for 0, which is none's.
    pub(crate) fn len(&self) -> usize {
        self.0.len().max(1)
    }

    fn add(&mut self, offset: Option<u32>) -> Id {
        if self.0.is_empty() {
            self.0.push(None);
        }
        self.0.push(offset);
        Id::try_from(self.0.len() - 1).unwrap_or(Id::MAX)
    }

    /// Takes a part back.
    fn forget(&mut self, id: Id) {
        let at = id as usize;
        if at + 1 == self.0.len() {
            self.0.pop();
        } else if let Some(offset) = self.0.get_mut(at) {
            *offset = None;
        }
    }
}

/// How long an expression may be, in characters.
const MAX_CHARACTERS: usize = 100_000;

/// Parses an expression.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Parsed, Issues> {
    let mut issues = Issues::new(Source::new(text));
    let characters = if text.len() > MAX_CHARACTERS {
        text.chars().count()
    } else {
        0
    };
    if characters > MAX_CHARACTERS {
        let message =
            format!("expression code point size exceeds limit: size: {characters}, limit {MAX_CHARACTERS}");
        issues.report_at(None, message);
        return Err(issues);
    }
    let (parsed, issues) = parser::Parser::new(issues).parse();
    if issues.is_empty() {
        Ok(parsed)
    } else {
        Err(issues)
    }
}
