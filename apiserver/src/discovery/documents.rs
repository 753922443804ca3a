//! A document that is ready to be sent.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{ETAG, IF_NONE_MATCH, VARY, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha512};

use super::aggregated::MEDIA_TYPE;
use crate::response::{Body, Response};

/// A document of discovery, as JSON.
#[derive(Debug)]
pub struct Document {
    value: Value,
    compact: Bytes,
    etag: Option<HeaderValue>,
}

/// How a client wants a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negotiated {
    /// Compact JSON.
    Compact,
    /// JSON for people.
    Pretty,
    /// YAML.
    Yaml,
}

impl Document {
    pub(super) fn new(value: &Value) -> Self {
        Self {
            value: value.clone(),
            compact: line(value.to_string()),
            etag: None,
        }
    }

    /// With an entity tag, by which clients see that nothing has changed.
    pub(super) fn with_etag(value: &Value) -> Self {
        let mut tag = String::from("\"");
        for byte in Sha512::digest(value.to_string().as_bytes()) {
            // Writing to a text does not fail.
            let _ = write!(tag, "{byte:02X}");
        }
        tag.push('"');
        Self {
            etag: HeaderValue::from_str(&tag).ok(),
            ..Self::new(value)
        }
    }

    /// The answer to a GET with `headers`.
    #[must_use]
    pub fn answer(&self, headers: &HeaderMap, wanted: Negotiated) -> Response {
        let Some(etag) = &self.etag else {
            return self.plain(wanted);
        };
        let mut response = if headers.get(IF_NONE_MATCH) == Some(etag) {
            let mut unchanged = http::Response::new(Body::empty());
            *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
            unchanged
        } else {
            let mut whole = http::Response::new(Body::from(self.compact.clone()));
            whole.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
            whole
        };
        let own = response.headers_mut();
        own.insert(ETAG, etag.clone());
        own.insert(VARY, HeaderValue::from_static("Accept"));
        own.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
        response
    }

    fn plain(&self, wanted: Negotiated) -> Response {
        let (body, media_type) = match wanted {
            Negotiated::Compact => (self.compact.clone(), "application/json"),
            Negotiated::Pretty => (Bytes::from(format!("{:#}", self.value)), "application/json"),
            Negotiated::Yaml => (
                Bytes::from(serde_saphyr::to_string(&self.value).unwrap_or_default()),
                "application/yaml",
            ),
        };
        let mut response = http::Response::new(Body::from(body));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        response
    }
}

/// Go's encoder ends a document with a line break.
fn line(mut text: String) -> Bytes {
    text.push('\n');
    Bytes::from(text)
}
