//! The name under which the logs of all servers know a request.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header.
pub(super) const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// The most bytes of a name that is echoed: a client must not choose how much is logged.
const MOST_BYTES: usize = 64;

/// What the client, or the proxy before it, calls the request; a new name where it does not.
pub(super) fn of(headers: &HeaderMap) -> HeaderValue {
    headers
        .get(AUDIT_ID)
        .filter(|given| !given.is_empty() && given.len() <= MOST_BYTES)
        .cloned()
        .unwrap_or_else(random)
}

fn random() -> HeaderValue {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    // Of a generator in this process: the system's costs a call for each request.
    let name = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    let text = name.hyphenated().encode_lower(&mut text);
    // Hexadecimal digits and hyphens are always a header's value.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUDIT_ID, given.parse().unwrap());
        headers
    }

    #[test]
    fn a_name_is_kept_and_otherwise_made() {
        assert_eq!(of(&headers("abc")), "abc");
        let made = of(&HeaderMap::new());
        assert_eq!(made.len(), 36);
        assert_ne!(of(&headers("")), "");
        assert_ne!(of(&headers(&"x".repeat(65))), "x".repeat(65));
    }
}
