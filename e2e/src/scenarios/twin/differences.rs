//! Where two servers answer differently, and why.

use super::answer::Answer;
use super::request::Request;
use crate::scenarios::{Failure, failure};

/// One declared difference.
#[derive(Clone, Copy, Debug)]
pub(super) struct Difference {
    /// The request's title.
    pub(super) request: &'static str,
    /// Why the answers differ.
    pub(super) reason: &'static str,
}

/// Compares the answers of the Go server with ours: an undeclared difference fails, and so does a declared one that is
/// none.
///
/// # Errors
/// What differs, or no longer does.
pub(super) fn compare(
    declared: &[Difference],
    requests: &[Request],
    go: &[Answer],
    ours: &[Answer],
) -> Result<usize, Failure> {
    let mut wrong = Vec::new();
    for ((request, go), ours) in requests.iter().zip(go).zip(ours) {
        let declared = declared
            .iter()
            .find(|difference| difference.request == request.title);
        match (go == ours, declared) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(_)) => wrong.push(format!("{:?} is declared to differ, and does not", request.title)),
            (false, None) => wrong.push(described(request, go, ours)),
        }
    }
    if wrong.is_empty() {
        return Ok(requests.len());
    }
    Err(failure(format!(
        "{} of {} answers are not as declared:\n{}",
        wrong.len(),
        requests.len(),
        wrong.join("\n")
    )))
}

fn described(request: &Request, go: &Answer, ours: &Answer) -> String {
    format!(
        "  {:?}: {} {}\n    Go:   {}\n    ours: {}",
        request.title,
        request.method,
        request.path,
        go.shown(),
        ours.shown()
    )
}
