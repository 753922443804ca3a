//! Credentials that nobody after authentication is to see.

use http::header::{AUTHORIZATION, HeaderMap};

use super::request_header::Headers;

/// Removes the token, and all headers that a front proxy could have set: the usual ones, whoever sent them, and the
/// configured ones.
pub(super) fn credentials(headers: &mut HeaderMap, standard: &Headers, configured: &Headers) {
    headers.remove(AUTHORIZATION);
    standard.strip(headers);
    if configured != standard {
        configured.strip(headers);
    }
}
