//! What validating a value comes to: `validate.Result`.
//!
//! Of alternatives that are tried it is enough to know whether something is wrong, and how many checks there were: issues are made for
//! places of which somebody hears.

use super::MOST_ERRORS;
use super::issue::Issue;
use super::place::Place;

/// The issues found, each once, and how many checks there were: of several alternatives that fail, the one with the most is shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    issues: Vec<Issue>,
    /// Whether something was found of which nobody hears.
    unheard: bool,
    pub(super) matches: u64,
}

impl Outcome {
    /// A check that found nothing.
    pub(super) fn checked() -> Self {
        Self {
            matches: 1,
            ..Self::default()
        }
    }

    /// One issue, and nothing else.
    pub(super) fn of(place: &Place<'_>, issue: impl FnOnce() -> Issue) -> Self {
        let mut outcome = Self::default();
        outcome.find(place, issue);
        outcome
    }

    /// Adds an issue.
    pub(super) fn find(&mut self, place: &Place<'_>, issue: impl FnOnce() -> Issue) {
        if place.is_silent() {
            self.unheard = true;
        } else {
            self.add(issue());
        }
    }

    pub(super) fn issues(&self) -> &[Issue] {
        &self.issues
    }

    pub(super) fn is_valid(&self) -> bool {
        self.issues.is_empty() && !self.unheard
    }

    pub(super) fn add(&mut self, issue: Issue) {
        let full = self.issues.len() >= MOST_ERRORS;
        if !full && !self.issues.iter().any(|known| known.is_same(&issue)) {
            self.issues.push(issue);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.matches += other.matches;
        self.unheard |= other.unheard;
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
            matches: self.matches,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_issue_is_made_of_which_nobody_hears() {
        let silent = Place::ROOT.silently();
        let below = silent.property("spec");
        let mut outcome = Outcome::of(&below.index(3), || panic!("nobody hears of it"));
        assert!(!outcome.is_valid() && outcome.issues().is_empty());
        assert!(outcome.clone().forgiven().is_valid());
        let mut heard = Outcome::checked();
        heard.merge(std::mem::take(&mut outcome));
        assert!(!heard.is_valid());
        let made = Outcome::of(&Place::ROOT, || Issue::plain("heard".to_owned()));
        assert_eq!(made.issues().len(), 1);
    }
}
