//! Regular expressions as Go's `regexp` reads them (RE2's syntax): what a schema's `pattern` and CEL's `matches` are.
//!
//! Go's `regexp.Compile` accepts other patterns than Rust's `regex` does, and reads some of what both accept otherwise: `\d`, `\s`,
//! `\w` and `\b` are of ASCII, `[a&&b]` is a class of two characters, `\Q…\E` quotes. So the syntax is parsed here as Go 1.26 parses
//! it, with its errors, and what matches is left to `regex-automata`, which takes linear time. The tables of `\p{…}` and of cases are
//! Go's: Unicode 15.0.
//!
//! What differs from Go:
//! - A pattern has a length of at most [`MAX_LENGTH`], a depth of at most [`MAX_DEPTH`] and, compiled, a size of at most
//!   [`MAX_COMPILED`]: what is larger is refused with [`Error::Length`], [`Error::Depth`] or [`Error::Size`], where Go takes it.
//! - Go counts the height and size of a pattern after common prefixes of alternatives are factored out, here they are counted as
//!   written: a pattern that comes very near to a limit may be refused on one side only, or with the other of the errors.
//! - A pattern with half of a surrogate pair (`\x{D800}`) matches nothing. Go's, beginning with `^`, takes U+FFFD for it.
//!
//! Text that is no UTF-8 cannot stand in a JSON string; so there is neither an error for it nor a way to match it.
//!
//! `tests/verdicts.rs` compares it with what Go said of patterns and strings, made by `e2e/go/regexp`: random ones and those of
//! `tests/data/patterns.json`, Go's own tests among them. Others than those, from `apiserver/re2`:
//!
//! ```sh
//! (cd ../../e2e/go/regexp && go run . cases $OLDPWD/tests/data/patterns.json 2 20000) > FILE
//! PATTERNS=FILE cargo test --release -p annex-re2
//! ```
//!
//! The tables of Unicode are made by `go run . tables > apiserver/re2/src/unicode/tables.rs`.

#![warn(missing_docs)]

mod class;
mod error;
mod escape;
mod hir;
mod node;
mod parser;
mod runes;
mod unicode;

use regex_automata::meta;

pub use error::{Error, SyntaxError};
pub use unicode::is_printable;

/// How long a pattern may be, in bytes.
pub const MAX_LENGTH: usize = 64 << 10;

/// How many parts of a pattern may be within each other, so that compiling it needs no large stack. Go takes a thousand.
pub const MAX_DEPTH: usize = 128;

/// How large a compiled pattern may be, in bytes: that of `.{1000}` is about a twentieth of it.
pub const MAX_COMPILED: usize = 10 << 20;

/// A pattern, compiled.
#[derive(Debug, Clone)]
pub struct Pattern(meta::Regex);

impl Pattern {
    /// Parses and compiles a pattern.
    ///
    /// # Errors
    /// What Go's `regexp.Compile` says of it, or that it is too large for this library.
    pub fn new(pattern: &str) -> Result<Self, Error> {
        if pattern.len() > MAX_LENGTH {
            return Err(Error::Length(pattern.len()));
        }
        let tree = parser::parse(pattern)?;
        if tree.height > MAX_DEPTH {
            return Err(Error::Depth(tree.height));
        }
        let hir = hir::of(&tree);
        let config = meta::Config::new().nfa_size_limit(Some(MAX_COMPILED));
        let built = meta::Builder::new().configure(config).build_from_hir(&hir);
        built.map(Self).map_err(|_| Error::Size)
    }

    /// How much memory the pattern takes as it is compiled, in bytes, without what matching adds.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.0.memory_usage()
    }

    /// Whether the pattern matches anywhere in the text, as Go's `MatchString` says.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The first match in the text, as Go's `FindString` says.
    #[must_use]
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        text.get(self.0.find(text)?.range())
    }

    /// All matches in the text that do not overlap, as Go's `FindAllString` says.
    pub fn find_all<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        self.0.find_iter(text).filter_map(|found| text.get(found.range()))
    }
}

#[cfg(test)]
mod tests;
