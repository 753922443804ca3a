//! Where two servers answer differently, and why.

use serde_json::Value;

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
    let at = first_difference(&Value::from(go.body.clone()), &Value::from(ours.body.clone()));
    let at = at
        .map(|at| format!(" (first at {at:?} of the body)"))
        .unwrap_or_default();
    format!(
        "  {:?}: {} {}{at}\n    Go:   {}\n    ours: {}",
        request.title,
        request.method,
        request.path,
        go.shown(),
        ours.shown()
    )
}

/// The JSON pointer of the first part of a value that differs; `None`: they are the same.
fn first_difference(one: &Value, other: &Value) -> Option<String> {
    let within =
        |key: &str, one: &Value, other: &Value| Some(format!("/{key}{}", first_difference(one, other)?));
    match (one, other) {
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let mut pairs = one.iter().zip(other).enumerate();
            pairs.find_map(|(place, (one, other))| within(&place.to_string(), one, other))
        }
        (Value::Object(one), Value::Object(other)) => one
            .keys()
            .chain(other.keys())
            .find_map(|key| within(key, one.get(key)?, other.get(key)?))
            .or_else(|| (one != other).then(String::new)),
        _ => (one != other).then(String::new),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::first_difference;

    #[test]
    fn the_first_difference_is_found_where_it_is() {
        let one = json!([{ "a": { "b": [1, 2] }, "c": 1 }]);
        assert_eq!(first_difference(&one, &one), None);
        for (other, at) in [
            (json!([{ "a": { "b": [1, 3] }, "c": 1 }]), "/0/a/b/1"),
            (json!([{ "a": { "b": [1] }, "c": 1 }]), "/0/a/b"),
            (json!([{ "a": { "b": [1, 2] } }]), "/0"),
            (json!([]), ""),
        ] {
            assert_eq!(first_difference(&one, &other).as_deref(), Some(at), "{other}");
        }
    }
}
