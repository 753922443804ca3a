//! Verdicts of Go's `regexp` about patterns and strings. `e2e/go/regexp` makes the data; `PATTERNS=FILE` takes other data than what is
//! kept here.

#![allow(clippy::expect_used, reason = "what does not hold is a test that fails")]

use annex_re2::{Error, Pattern};
use serde::Deserialize;

#[derive(Deserialize)]
struct Verdict {
    pattern: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    strings: Vec<String>,
    #[serde(default)]
    matches: String,
}

#[test]
fn patterns_and_strings_have_the_verdicts_of_go() {
    let text = match std::env::var("PATTERNS") {
        Ok(file) => std::fs::read_to_string(file).expect("the file"),
        Err(_) => include_str!("data/pattern_verdicts.json").to_owned(),
    };
    let verdicts: Vec<Verdict> = serde_json::from_str(&text).expect("the data");
    let (mut large, mut wrong) = (0, Vec::new());
    for Verdict {
        pattern,
        error,
        strings,
        matches,
    } in &verdicts
    {
        match Pattern::new(pattern) {
            Ok(compiled) => {
                let ours: String = strings
                    .iter()
                    .map(|s| if compiled.is_match(s) { 'y' } else { 'n' })
                    .collect();
                if !error.is_empty() || ours != *matches {
                    wrong.push(format!(
                        "{pattern:?}\n  Go: {error}{matches}\nours: {ours} of {strings:?}"
                    ));
                }
            }
            Err(Error::Depth(_) | Error::Size) if error.is_empty() => large += 1,
            Err(ours) if ours.to_string() == *error => {}
            Err(ours) => wrong.push(format!("{pattern:?}\n  Go: {error}{matches}\nours: {ours}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    assert!(
        large * 100 < verdicts.len(),
        "{large} of {} are too large",
        verdicts.len()
    );
}
