//! Where the two servers answer differently, and why: what docs/wardle-differences.md lists.

use super::answer::Answer;
use super::request::Request;
use crate::scenarios::{Failure, failure};

/// The page that lists them for people.
#[cfg(test)]
const PAGE: &str = include_str!("../../../../docs/wardle-differences.md");

/// One declared difference.
#[derive(Clone, Copy, Debug)]
pub(super) struct Difference {
    /// The request's title.
    pub(super) request: &'static str,
    /// Why the answers differ.
    pub(super) reason: &'static str,
}

/// Every request whose answers differ.
pub(super) const DECLARED: &[Difference] = &[
    Difference {
        request: "a group that is not there",
        reason: "the index of paths names the checks and hooks that each server has",
    },
    Difference {
        request: "a check that is not there",
        reason: "the index of paths names the checks and hooks that each server has",
    },
    Difference {
        request: "a path that is none",
        reason: "the index of paths names the checks and hooks that each server has",
    },
    Difference {
        request: "create with a body in protobuf",
        reason: "answers 415: a Flunder has no protobuf; Go finds that out when it reads the body, 400",
    },
    Difference {
        request: "get in protobuf or JSON",
        reason: "answers JSON, the client's second choice, as for a CustomResourceDefinition; Go refuses its own first choice",
    },
    Difference {
        request: "create with another kind",
        reason: "says in other words that a Fischer is no Flunder",
    },
    Difference {
        request: "delete with options of another kind",
        reason: "says in other words that a Flunder is no DeleteOptions",
    },
    Difference {
        request: "merge patch to another kind",
        reason: "the message shows the patched object with its fields in another order",
    },
    Difference {
        request: "merge patch with a wrong type",
        reason: "the message shows the patched object with its fields in another order",
    },
    Difference {
        request: "merge patch with an unknown field, strictly",
        reason: "the message shows the patched object with its fields in another order",
    },
    Difference {
        request: "apply what is no JSON",
        reason: "quotes another YAML parser",
    },
    Difference {
        request: "list with a continue token that is none",
        reason: "quotes another JSON parser",
    },
    Difference {
        request: "replace another object's uid",
        reason: "tells the failed precondition without the key and code of Go's storage",
    },
];

/// Compares the answers of the Go server with ours: an undeclared difference fails, and so does a declared one that is
/// none.
///
/// # Errors
/// What differs, or no longer does.
pub(super) fn compare(requests: &[Request], go: &[Answer], ours: &[Answer]) -> Result<usize, Failure> {
    let mut wrong = Vec::new();
    for ((request, go), ours) in requests.iter().zip(go).zip(ours) {
        let declared = DECLARED
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
        shown(go),
        shown(ours)
    )
}

fn shown(answer: &Answer) -> String {
    let body: Vec<String> = answer.body.iter().map(ToString::to_string).collect();
    let headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values)| format!("{name}: {}", values.join(" | ")))
        .collect();
    format!("{} [{}] {}", answer.code, headers.join("; "), body.join(" ⏎ "))
}

#[cfg(test)]
mod tests {
    use super::super::request;
    use super::*;

    #[test]
    fn every_declared_difference_is_of_a_request_and_stands_in_the_docs() {
        let requests = request::all();
        for difference in DECLARED {
            assert!(
                requests.iter().any(|request| request.title == difference.request),
                "{difference:?}"
            );
            let row = format!("| {} | {} |", difference.request, difference.reason);
            assert!(PAGE.contains(&row), "docs/wardle-differences.md lacks: {row}");
        }
    }
}
