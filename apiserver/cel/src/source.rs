//! The text of an expression, its positions, and what is wrong with it in the words of cel-go: `ERROR: <input>:1:5: … | …`.

use std::fmt::{self, Write};

/// How many errors of an expression are told.
const MAX_ERRORS: usize = 100;

/// Lines longer than this are not shown, in bytes.
const MAX_SNIPPET: usize = 16_384;

/// The text of an expression, with where its lines begin. Positions are counted in characters.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    text: String,
    /// Where each line begins: its character and its byte.
    lines: Vec<(u32, usize)>,
}

impl Source {
    pub(crate) fn new(text: &str) -> Self {
        let mut lines = vec![(0, 0)];
        for (at, (byte, c)) in text.char_indices().enumerate() {
            if c == '\n' {
                lines.push((u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1), byte + 1));
            }
        }
        Self {
            text: text.to_owned(),
            lines,
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The place of a character.
    pub(crate) fn place(&self, offset: u32) -> Place {
        if self.text.is_empty() {
            // The end of nothing is before its first character, to ANTLR.
            return Place { line: 1, column: -1 };
        }
        let line = self.lines.partition_point(|(begin, _)| *begin <= offset).max(1);
        let begin = self.lines.get(line - 1).map_or(0, |(begin, _)| *begin);
        Place {
            line: i64::try_from(line).unwrap_or(i64::MAX),
            column: i64::from(offset - begin),
        }
    }

    fn snippet(&self, line: i64) -> Option<&str> {
        let line = usize::try_from(line).ok().filter(|line| *line >= 1)?;
        let (_, begin) = *self.lines.get(line - 1)?;
        if self.text.is_empty() {
            return None;
        }
        let end = self.lines.get(line).map_or(self.text.len(), |(_, next)| next - 1);
        self.text.get(begin..end)
    }
}

/// A line, counted from 1, and a column, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1; -1 where an error is of the whole expression.
    pub line: i64,
    /// The character of the line, from 0; -1 where an error is of the whole expression.
    pub column: i64,
}

impl Place {
    /// An error that is nowhere in particular.
    pub(crate) const NOWHERE: Self = Self { line: -1, column: -1 };
}

/// One thing that is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Where.
    pub place: Place,
    /// What, in cel-go's words.
    pub message: String,
}

/// What is wrong with an expression. `Display` is what cel-go's `Issues.String()` returns, and what Kubernetes shows.
#[derive(Debug, Clone)]
pub struct Issues {
    source: Source,
    issues: Vec<Issue>,
    truncated: usize,
}

impl Issues {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            issues: Vec::new(),
            truncated: 0,
        }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn report(&mut self, place: Place, message: impl Into<String>) {
        if self.issues.len() < MAX_ERRORS {
            self.issues.push(Issue {
                place,
                message: message.into(),
            });
        } else {
            self.truncated += 1;
        }
    }

    pub(crate) fn report_at(&mut self, offset: Option<u32>, message: impl Into<String>) {
        let place = offset.map_or(Place::NOWHERE, |offset| self.source.place(offset));
        self.report(place, message);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.issues.is_empty()
    }

    /// The errors, in the order in which they were found.
    #[must_use]
    pub fn all(&self) -> &[Issue] {
        &self.issues
    }
}

impl std::error::Error for Issues {}

impl fmt::Display for Issues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<&Issue> = self.issues.iter().collect();
        sorted.sort_by_key(|issue| issue.place);
        for (at, issue) in sorted.into_iter().enumerate() {
            if at > 0 {
                f.write_char('\n')?;
            }
            let Issue { place, message } = issue;
            write!(f, "ERROR: <input>:{}:{}: {message}", place.line, place.column + 1)?;
            if let Some(snippet) = self
                .source
                .snippet(place.line)
                .filter(|line| line.len() <= MAX_SNIPPET)
            {
                write!(f, "\n | {}\n | ", snippet.replace('\t', " "))?;
                let mut chars = snippet.chars();
                for _ in 0..place.column {
                    match chars.next() {
                        Some(c) if c.len_utf8() > 1 => f.write_char('\u{FF0E}')?,
                        Some(_) => f.write_char('.')?,
                        None => break,
                    }
                }
                f.write_char(if chars.next().is_some_and(|c| c.len_utf8() > 1) {
                    '\u{FF3E}'
                } else {
                    '^'
                })?;
            }
        }
        if self.truncated > 0 {
            write!(f, "\n{} more errors were truncated", self.truncated)?;
        }
        Ok(())
    }
}
