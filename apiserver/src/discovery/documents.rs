//! A document that is ready to be sent.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha512};

use super::aggregated;
use crate::protobuf;
use crate::request::media::{self, Format, Wanted};
use crate::response::{Body, Response};

/// A document of discovery, as JSON.
#[derive(Debug)]
pub struct Document {
    value: Value,
    compact: Bytes,
    /// In protobuf, where it is a document of discovery.
    protobuf: Option<Bytes>,
    etag: Option<HeaderValue>,
}

impl Document {
    pub(super) fn new(value: &Value) -> Self {
        Self {
            value: value.clone(),
            compact: line(value.to_string()),
            protobuf: protobuf::discovery::encode(value).map(Bytes::from),
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

    /// The document.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The answer to a GET of a client that sent `headers`, for a document with an entity tag.
    #[must_use]
    pub fn answer_tagged(&self, headers: &HeaderMap) -> Response {
        let is_known = self.etag.is_some() && headers.get(IF_NONE_MATCH) == self.etag.as_ref();
        let mut response = if is_known {
            let mut unchanged = Response::new(Body::empty());
            *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
            unchanged
        } else {
            match &self.protobuf {
                Some(bytes) if aggregated::format(headers) == Some(Format::Protobuf) => {
                    with_type(bytes.clone(), aggregated::PROTOBUF_MEDIA_TYPE)
                }
                _ => with_type(self.compact.clone(), aggregated::MEDIA_TYPE),
            }
        };
        let own = response.headers_mut();
        if let Some(etag) = &self.etag {
            own.insert(ETAG, etag.clone());
        }
        own.insert(VARY, HeaderValue::from_static("Accept"));
        own.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
        response
    }

    /// The answer to a GET.
    #[must_use]
    pub fn answer(&self, wanted: Wanted) -> Response {
        match (wanted.format, wanted.pretty) {
            (Format::Protobuf, _) => with_type(self.protobuf.clone().unwrap_or_default(), media::PROTOBUF),
            (Format::Json, false) => with_type(self.compact.clone(), media::JSON),
            (Format::Json, true) => with_type(Bytes::from(format!("{:#}", self.value)), media::JSON),
            (Format::Yaml, _) => {
                // A value of JSON is always one of YAML.
                let yaml = serde_saphyr::to_string(&self.value).unwrap_or_default();
                with_type(Bytes::from(yaml), media::YAML)
            }
        }
    }
}

fn with_type(body: Bytes, media_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Go's encoder ends a document with a line break.
fn line(mut text: String) -> Bytes {
    text.push('\n');
    Bytes::from(text)
}
