//! The cases that are known to differ, by their expressions, with why.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::io::Read;

/// Lines of data, from this crate or from a file that the environment names.
pub(crate) fn data(variable: &str, compressed: &[u8]) -> String {
    if let Ok(file) = std::env::var(variable) {
        return std::fs::read_to_string(file).expect("the file");
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(compressed)
        .read_to_string(&mut text)
        .expect("the data");
    text
}

/// What begins the reasons of expressions with several errors of syntax, of which the first is the same.
const BEHIND_THE_FIRST: &str = "another error of ANTLR's behind the first";

/// The first error of syntax of an expression, with its place.
fn first(text: &str) -> Option<&str> {
    let errors = text.trim_start_matches("ERROR: ").split("\nERROR: ");
    errors
        .into_iter()
        .find(|error| error.contains(": Syntax error: "))
}

/// Counts what passes, by suites.
pub(crate) struct Tally {
    known: HashMap<&'static str, &'static str>,
    suites: BTreeMap<String, (usize, usize, usize)>,
    seen: HashMap<&'static str, usize>,
    /// Whether the data is that of this crate.
    whole: bool,
    wrong: Vec<String>,
}

impl Tally {
    /// `test` is whose cases are known, `variable` what may name a file with others.
    pub(crate) fn new(test: &str, variable: &str) -> Self {
        let lines = include_str!("../data/known.txt")
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let known = lines.map(|line| line.split_once("\t").expect("a test"));
        let known = known
            .filter(|(of, _)| *of == test)
            .map(|(_, line)| line.split_once("\t").expect("an expression and a reason"));
        Self {
            known: known.collect(),
            suites: BTreeMap::new(),
            seen: HashMap::new(),
            whole: std::env::var(variable).is_err(),
            wrong: Vec::new(),
        }
    }

    /// A case, under the name by which it may be known, with what both say.
    pub(crate) fn case(&mut self, suite: &str, name: &str, theirs: &str, ours: &str) {
        let counts = self.suites.entry(suite.to_owned()).or_default();
        counts.0 += 1;
        let escaped = name.escape_debug().to_string();
        if theirs == ours {
            counts.1 += 1;
        } else if let Some((name, reason)) = self.known.get_key_value(escaped.as_str())
            && (!reason.starts_with(BEHIND_THE_FIRST) || first(theirs) == first(ours))
        {
            counts.2 += 1;
            *self.seen.entry(name).or_default() += 1;
        } else {
            self.wrong.push(format!(
                "{suite}: {escaped}\n  theirs: {theirs}\n    ours: {ours}"
            ));
        }
    }

    /// Whether all pass but what is known not to, which does not, and there are as many cases as there should be.
    pub(crate) fn finish(self, cases: usize) {
        let mut report = String::new();
        for (suite, (all, passed, known)) in &self.suites {
            let _ = writeln!(
                report,
                "{suite}: {passed} of {all} pass, {known} are known not to"
            );
        }
        println!("{report}");
        if let Ok(file) = std::env::var("WRONG") {
            let suite = self.suites.keys().next().map_or("", String::as_str);
            std::fs::write(format!("{file}.{suite}"), self.wrong.join("\n")).expect("the file");
        }
        assert!(
            self.wrong.is_empty(),
            "{report}{} differ:\n{}",
            self.wrong.len(),
            self.wrong[..self.wrong.len().min(30)].join("\n")
        );
        if self.whole {
            let all: usize = self.suites.values().map(|(all, ..)| all).sum();
            assert_eq!(all, cases, "{report}");
            let once: HashMap<_, _> = self.known.keys().map(|name| (*name, 1)).collect();
            assert_eq!(self.seen, once, "each known case differs once");
        }
    }
}
