//! Answers to requests for documents: which one, in which form, and when not again.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, EXPIRES, IF_NONE_MATCH,
    LOCATION, VARY,
};
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::{Document, Documents};
use crate::response::{Body, Response};

const JSON: &str = "application/json";
/// How long a document may be kept whose hash is in its address.
const A_YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

impl Documents {
    /// The answer to a GET of a path that begins with `/openapi/`; `None` where there is nothing at such a path.
    ///
    /// Documents are JSON. Who accepts nothing but Protobuf gets 406.
    #[must_use]
    pub fn answer(
        &self,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Option<Response> {
        match path.strip_prefix("/openapi/")? {
            "v2" => Some(self.v2(headers)),
            "v3" | "v3/" => Some(ready(&self.v3_index, headers, [])),
            other => other
                .strip_prefix("v3/")
                .map(|path| self.v3(path, query, headers, now)),
        }
    }

    fn v2(&self, headers: &HeaderMap) -> Response {
        let vary = [(VARY, "Accept-Encoding".to_owned()), (VARY, "Accept".to_owned())];
        if !accepts_json(headers) {
            return empty(StatusCode::NOT_ACCEPTABLE, vary);
        }
        let mut response = ready(&self.v2, headers, vary);
        if response.status() == StatusCode::OK
            && takes_gzip(headers)
            && let Some(gzipped) = self.v2_gzip.get_or_init(|| gzip(&self.v2.bytes))
        {
            *response.body_mut() = Body::from(gzipped.clone());
            let headers = response.headers_mut();
            headers.insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
        }
        response
    }

    fn v3(&self, path: &str, query: Option<&str>, headers: &HeaderMap, now: Timestamp) -> Response {
        let vary = (VARY, "Accept".to_owned());
        if !accepts_json(headers) {
            return empty(StatusCode::NOT_ACCEPTABLE, [vary]);
        }
        let Some(document) = self.v3.get(path) else {
            // So does Kubernetes.
            return empty(StatusCode::OK, []);
        };
        let asked = query
            .into_iter()
            .flat_map(|query| query.split('&'))
            .find_map(|pair| pair.strip_prefix("hash="))
            .unwrap_or_default();
        if asked.is_empty() {
            return ready(document, headers, [vary]);
        }
        if asked != document.hash {
            let right = format!("/openapi/v3/{path}?hash={}", document.hash);
            let etag = (ETAG, format!("\"{}\"", document.hash));
            return empty(StatusCode::MOVED_PERMANENTLY, [vary, etag, (LOCATION, right)]);
        }
        let kept = (CACHE_CONTROL, "public, immutable".to_owned());
        // The end of time is further than a year away.
        let expires = now
            .checked_add(A_YEAR)
            .unwrap_or(now)
            .strftime("%a, %d %b %Y %H:%M:%S UTC");
        ready(document, headers, [vary, kept, (EXPIRES, expires.to_string())])
    }
}

/// The document, or nothing where the client has it already.
fn ready(
    document: &Document,
    headers: &HeaderMap,
    further: impl IntoIterator<Item = (HeaderName, String)>,
) -> Response {
    let etag = format!("\"{}\"", document.hash);
    let has_it = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag == etag);
    let status = if has_it {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    };
    let mut response = empty(status, further.into_iter().chain([(ETAG, etag)]));
    if !has_it {
        *response.body_mut() = Body::from(document.bytes.clone());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(JSON));
    }
    response
}

fn empty(status: StatusCode, headers: impl IntoIterator<Item = (HeaderName, String)>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    for (name, value) in headers {
        // All values are made of printable characters here.
        if let Ok(value) = value.parse() {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn clauses(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|clause| !clause.is_empty())
}

/// Whether one of the accepted media types is JSON's, or nothing is said.
fn accepts_json(headers: &HeaderMap) -> bool {
    let mut clauses = clauses(headers, ACCEPT).peekable();
    clauses.peek().is_none()
        || clauses.any(|clause| {
            let mut parts = clause.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let refused = parts.any(is_zero_quality);
            !refused && matches!(media.as_str(), JSON | "application/*" | "*/*")
        })
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    clauses(headers, ACCEPT_ENCODING).any(|clause| {
        let mut parts = clause.split(';').map(str::trim);
        parts
            .next()
            .is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"))
            && !parts.any(is_zero_quality)
    })
}

fn is_zero_quality(parameter: &str) -> bool {
    let quality = parameter
        .strip_prefix("q=")
        .and_then(|quality| quality.parse::<f32>().ok());
    quality == Some(0.0)
}

fn gzip(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}
