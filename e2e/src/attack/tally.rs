//! What an attack was answered.

use std::collections::BTreeMap;
use std::fmt;

use http::StatusCode;

/// Answers by their code, and failures.
#[derive(Debug, Default)]
pub(super) struct Tally {
    answered: BTreeMap<u16, usize>,
    failed: usize,
    unanswered: usize,
}

impl Tally {
    pub(super) fn answer(&mut self, status: StatusCode) {
        *self.answered.entry(status.as_u16()).or_default() += 1;
    }

    /// The connection or the stream was ended.
    pub(super) fn failure(&mut self) {
        self.failed += 1;
    }

    /// Nothing came as long as the attack went on.
    pub(super) fn silence(&mut self) {
        self.unanswered += 1;
    }

    /// Also what another one counted.
    pub(super) fn add(&mut self, other: &Self) {
        for (code, count) in &other.answered {
            *self.answered.entry(*code).or_default() += count;
        }
        self.failed += other.failed;
        self.unanswered += other.unanswered;
    }

    /// All of them.
    pub(super) fn sum(&self) -> usize {
        self.answered.values().sum::<usize>() + self.failed + self.unanswered
    }

    /// How many were answered so.
    pub(super) fn count(&self, status: StatusCode) -> usize {
        self.answered.get(&status.as_u16()).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answered = self
            .answered
            .iter()
            .map(|(code, count)| format!("{count} × {code}"));
        let others = [(self.failed, "cut off"), (self.unanswered, "unanswered")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"));
        let parts: Vec<String> = answered.chain(others).collect();
        formatter.write_str(&parts.join(", "))
    }
}
