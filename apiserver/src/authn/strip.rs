//! Credentials that nobody after authentication is to see.

use http::header::{AUTHORIZATION, HeaderMap};

use super::request_header::Headers;
use super::websocket;

/// Removes the token, from a WebSocket's subprotocols too, and all headers that a front proxy could have set: the usual ones, whoever sent them, and the
/// configured ones.
pub(super) fn credentials(headers: &mut HeaderMap, standard: &Headers, configured: &Headers) {
    headers.remove(AUTHORIZATION);
    websocket::strip(headers);
    standard.strip(headers);
    if configured != standard {
        configured.strip(headers);
    }
}
