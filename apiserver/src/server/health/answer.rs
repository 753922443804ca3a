//! What `/healthz` and its like answer, byte by byte.

use std::fmt::Write as _;

use http::StatusCode;

use super::{Endpoint, Finding, Outcome};
use crate::request::parameters::Parameters;

/// The checks that a query excludes.
pub(in crate::server) fn excluded(query: &str) -> Vec<String> {
    Parameters::new(query)
        .all("exclude")
        .map(std::borrow::Cow::into_owned)
        .collect()
}

/// The answer of all checks: `ok`, or line by line what is wrong where something is or the query says `verbose`.
pub(in crate::server) fn of_all(
    endpoint: Endpoint,
    findings: &[Finding],
    excluded: &[String],
    query: &str,
) -> (StatusCode, String) {
    let is_well = findings
        .iter()
        .all(|finding| !matches!(finding.outcome, Outcome::Sick(_)));
    if is_well && Parameters::new(query).first("verbose").is_none() {
        return (StatusCode::OK, "ok".to_owned());
    }
    let mut text = String::new();
    for finding in findings {
        let (sign, says) = match finding.outcome {
            Outcome::Well => ('+', "ok"),
            Outcome::Excluded => ('+', "excluded: ok"),
            // Whoever may ask for health need not learn of the server's inside.
            Outcome::Sick(_) => ('-', "failed: reason withheld"),
        };
        // Writing to a text does not fail.
        let _ = writeln!(text, "[{sign}]{} {says}", finding.name);
    }
    text.push_str(&unknown(findings, excluded));
    let (code, says) = if is_well {
        (StatusCode::OK, "passed")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "failed")
    };
    let _ = writeln!(text, "{} check {says}", endpoint.name());
    (code, text)
}

/// Names that were excluded and that no check has.
fn unknown(findings: &[Finding], excluded: &[String]) -> String {
    let mut names: Vec<&str> = excluded
        .iter()
        .map(String::as_str)
        .filter(|name| !findings.iter().any(|finding| finding.name == *name))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    names.sort_unstable();
    names.dedup();
    let quoted: Vec<String> = names.into_iter().map(|name| format!("{name:?}")).collect();
    format!(
        "warn: some health checks cannot be excluded: no matches for {}\n",
        quoted.join(",")
    )
}

/// The answer of one check.
pub(in crate::server) fn of_one(outcome: &Outcome) -> (StatusCode, String) {
    match outcome {
        Outcome::Well | Outcome::Excluded => (StatusCode::OK, "ok".to_owned()),
        Outcome::Sick(why) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("internal server error: {why}\n"),
        ),
    }
}
