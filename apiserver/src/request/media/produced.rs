//! What the router asks of `Accept` before a verb is served: `Route.matchesAccept` of go-restful, which k8s.io/apiserver
//! registers its handlers with.

use http::HeaderMap;
use http::header::ACCEPT;

use super::{JSON, PROTOBUF, YAML, all_types, header_text};
use crate::status::ApiError;

/// Whether any media type that the client accepts, whatever its parameters, is one that is made. `is_list`: watches are at the
/// same path.
///
/// # Errors
/// [`ApiError::NotProduced`].
pub fn check_produced(headers: &HeaderMap, is_list: bool) -> Result<(), ApiError> {
    let header = header_text(headers, &ACCEPT);
    let is_produced = |clause: &str| {
        let name = clause.split(';').next().unwrap_or_default().trim_matches(' ');
        matches!(name, "*/*" | JSON | YAML | PROTOBUF)
    };
    if header.is_empty() || header.split(',').any(is_produced) {
        return Ok(());
    }
    let mut types = all_types();
    if is_list {
        types.extend([JSON, PROTOBUF].map(|name| format!("{name};stream=watch")));
    }
    Err(ApiError::NotProduced(types))
}
