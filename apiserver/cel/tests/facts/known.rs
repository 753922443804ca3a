//! The cases that are known to differ, by their expressions, with why.

use std::collections::{BTreeMap, HashMap, HashSet};
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

/// Counts what passes, by suites.
pub(crate) struct Tally {
    known: HashMap<&'static str, &'static str>,
    suites: BTreeMap<String, (usize, usize, usize)>,
    seen: HashSet<&'static str>,
    wrong: Vec<String>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let lines = include_str!("../data/known.txt")
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let known = lines.map(|line| line.split_once("\t").expect("an expression and a reason"));
        Self {
            known: known.collect(),
            suites: BTreeMap::new(),
            seen: HashSet::new(),
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
        } else if let Some((name, _)) = self.known.get_key_value(escaped.as_str()) {
            counts.2 += 1;
            self.seen.insert(name);
        } else {
            self.wrong.push(format!(
                "{suite}: {escaped}\n  theirs: {theirs}\n    ours: {ours}"
            ));
        }
    }

    pub(crate) fn finish(self) {
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
    }
}
