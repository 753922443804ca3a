//! Why a pattern is refused.

use super::{MAX_COMPILED, MAX_DEPTH, MAX_LENGTH};

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Go's `regexp` refuses it.
    #[error("error parsing regexp: {kind}: `{expression}`")]
    Syntax {
        /// What is wrong.
        kind: SyntaxError,
        /// The part of the pattern that is wrong, as Go names it.
        expression: String,
    },
    /// It is longer than this library takes.
    #[error("a pattern of {0} bytes is too long: at most {MAX_LENGTH} are taken")]
    Length(usize),
    /// More is within each other than this library takes.
    #[error("the pattern nests too deeply: at most {MAX_DEPTH} levels are taken, it has {0}")]
    Depth(usize),
    /// It is larger, once compiled, than this library takes.
    #[error("the pattern is too large: compiled, it takes more than {MAX_COMPILED} bytes")]
    Size,
}

/// What Go's `regexp/syntax` finds wrong, in its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "Go's texts say it")]
pub enum SyntaxError {
    #[error("invalid character class range")]
    CharRange,
    #[error("invalid escape sequence")]
    Escape,
    #[error("invalid named capture")]
    NamedCapture,
    #[error("invalid or unsupported Perl syntax")]
    PerlOp,
    #[error("invalid nested repetition operator")]
    RepeatOp,
    #[error("invalid repeat count")]
    RepeatSize,
    #[error("missing closing ]")]
    MissingBracket,
    #[error("missing closing )")]
    MissingParen,
    #[error("missing argument to repetition operator")]
    MissingRepeatArgument,
    #[error("trailing backslash at end of expression")]
    TrailingBackslash,
    #[error("unexpected )")]
    UnexpectedParen,
    #[error("expression nests too deeply")]
    NestingDepth,
    #[error("expression too large")]
    Large,
}

impl SyntaxError {
    /// The error about this part of a pattern.
    pub(super) fn at(self, expression: &str) -> Error {
        Error::Syntax {
            kind: self,
            expression: expression.to_owned(),
        }
    }
}
