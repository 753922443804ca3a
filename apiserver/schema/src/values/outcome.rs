//! What validating a value comes to: `validate.Result`.

use super::MOST_ERRORS;
use super::issue::Issue;

/// The issues found, each once, and how many checks there were: of several alternatives that fail, the one with the most is shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    issues: Vec<Issue>,
    pub(super) matches: u64,
}

impl Outcome {
    /// A check that found nothing.
    pub(super) fn checked() -> Self {
        Self {
            issues: Vec::new(),
            matches: 1,
        }
    }

    /// One issue, and nothing else.
    pub(super) fn of(issue: Issue) -> Self {
        Self {
            issues: vec![issue],
            matches: 0,
        }
    }

    pub(super) fn issues(&self) -> &[Issue] {
        &self.issues
    }

    pub(super) fn is_valid(&self) -> bool {
        self.issues.is_empty()
    }

    pub(super) fn add(&mut self, issue: Issue) {
        let full = self.issues.len() >= MOST_ERRORS;
        if !full && !self.issues.iter().any(|known| known.is_same(&issue)) {
            self.issues.push(issue);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.matches += other.matches;
        if self.issues.is_empty() {
            self.issues = other.issues;
            return;
        }
        for issue in other.issues {
            self.add(issue);
        }
    }

    /// What was found counts no more.
    pub(super) fn forgiven(self) -> Self {
        Self {
            issues: Vec::new(),
            matches: self.matches,
        }
    }
}
