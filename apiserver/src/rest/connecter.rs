//! A subresource that is no object: a stream, a session, a request that goes on to somebody else. Go: `rest.Connecter`
//! (`k8s.io/apiserver/pkg/registry/rest/rest.go`), as `pods/log`, `pods/exec` and `pods/proxy` are.

use std::borrow::Cow;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt as _, Stream, StreamExt as _};
use http::header::{CONTENT_TYPE, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::websocket::{Session, WebSocket};
use super::{RequestBody, RequestContext};
use crate::object::Object;
use crate::request::Verb;
use crate::request::parameters::Parameters;
use crate::request::websocket::{Handshake, Offer};
use crate::response::{Body, Incomplete, Response};
use crate::status::ApiError;

/// Answers the requests for a subresource with whatever it likes: a body, a stream, a WebSocket.
///
/// Such a request is long-running: it has no deadline, and takes a place among the watches until its answer has ended. When the
/// server drains, a stream is broken off and a WebSocket is closed.
#[async_trait]
pub trait Connecter: Send + Sync + 'static {
    /// What may be done there, by the verbs that are authorized: `get`, `create`, `update`, `patch`, `delete`. Each other method
    /// is 405.
    fn verbs(&self) -> &[Verb] {
        &[Verb::Get]
    }

    /// Whether an upgraded connection only reads. Of one that does not, its client must be allowed to `create` the subresource
    /// too, whatever its method: who may only read must not execute (as of pods since Kubernetes 1.35, KEP-4006).
    fn only_reads(&self) -> bool {
        false
    }

    /// Whether a path may follow, as behind `proxy`.
    fn has_subpath(&self) -> bool {
        false
    }

    /// How many bytes of a body are passed on while they come ([`ConnectRequest::streamed_body`]), as to somebody else behind a proxy;
    /// `None`: a body is at most 3 MiB, and given whole.
    fn streams_body(&self) -> Option<u64> {
        None
    }

    /// The answer. Its head must be there within 34 s, of a body that is streamed: after its end; a stream may take as long as it likes.
    ///
    /// # Errors
    /// What the client is to be told.
    async fn connect(&self, request: ConnectRequest) -> Result<Response, ApiError>;
}

/// A request for a subresource that connects.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectRequest {
    /// Who asks, and for what.
    pub context: RequestContext,
    /// The object whose subresource it is, in the storage version; `None`: the resource is computed, and nobody gets its objects.
    pub object: Option<Object>,
    /// The method.
    pub method: Method,
    /// What follows the subresource, decoded: empty, or with one `/` before it. No segment of it is `.` or `..`.
    pub path: String,
    /// What stands behind the `?`.
    pub query: String,
    /// The headers. Those that say who the client is are taken out.
    pub headers: HeaderMap,
    /// The body, of 3 MiB at most; of a `get`, and where it is streamed, it is empty.
    pub body: Bytes,
    /// The body as it comes, where the connecter [streams](Connecter::streams_body) it; else empty. A client that sends nothing for 10 s
    /// ends the request, and so does a connecter that takes nothing for 30 s and does not drop it. When the answer's head is there
    /// nothing more comes: as over HTTP/1.1 in Go, an answer cannot begin while its request's body goes on.
    pub streamed_body: RequestBody,
    /// Whether the connection can change its protocol.
    pub(crate) can_upgrade: bool,
}

impl ConnectRequest {
    /// The first value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        Parameters::new(&self.query).first(name)
    }

    /// All values of a parameter, in their order.
    pub fn parameters(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        Parameters::new(&self.query).all(name)
    }

    /// Path and query as a URL has them, for who passes the request on. An empty path is `/`.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        let path = utf8_percent_encode(path, ESCAPED);
        if self.query.is_empty() {
            path.to_string()
        } else {
            format!("{path}?{}", self.query)
        }
    }

    /// Accepts a WebSocket, with the first of `protocols` that the client offers; without any, its first one. `serve` has it
    /// from then on; when its future ends, the WebSocket is closed.
    ///
    /// # Errors
    /// 400: the client asks for no WebSocket; 403: it offers none of the protocols.
    pub fn upgrade<F, R>(&self, protocols: &[&str], serve: F) -> Result<Response, ApiError>
    where
        F: FnOnce(WebSocket) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let handshake = self.handshake(protocols)?;
        let session = Session {
            protocol: handshake.protocol().map(str::to_owned),
            serve: Box::new(move |socket| serve(socket).boxed()),
        };
        let mut response = Response::new(Body::Upgraded(session));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        handshake.accept(response.headers_mut());
        Ok(response)
    }

    fn handshake(&self, protocols: &[&str]) -> Result<Handshake, ApiError> {
        let offer = Offer::of(&self.headers).map_err(|error| ApiError::BadRequest(error.to_string()))?;
        let Some(offer) = offer.filter(|_| self.can_upgrade) else {
            // The words of `UpgradeAwareHandler`, and to who comes with SPDY what is to be done.
            let mut message = "Upgrade request required".to_owned();
            if self.headers.contains_key(UPGRADE) {
                message.push_str(": to a WebSocket, over HTTP/1.1; no other protocol is spoken");
            }
            return Err(ApiError::BadRequest(message));
        };
        // Go refuses it with this code, and without a word.
        offer.choose(protocols).map_err(|error| ApiError::Forbidden {
            resource: None,
            name: String::new(),
            message: error.to_string(),
            causes: Vec::new(),
        })
    }
}

/// What a path of a URL cannot have as it is (RFC 3986, section 3.3), and `%` itself.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// An answer of one piece.
#[must_use]
pub fn answer(content_type: &'static str, body: impl Into<Bytes>) -> Response {
    with_type(content_type, Body::from(body.into()))
}

/// An answer that comes in pieces, for as long as there are any. Where one is an error, and where the server ends before, the
/// client sees an answer that is not whole.
#[must_use]
pub fn stream<S>(content_type: &'static str, pieces: S) -> Response
where
    S: Stream<Item = Result<Bytes, Incomplete>> + Send + 'static,
{
    with_type(content_type, Body::Connected(pieces.boxed()))
}

fn with_type(content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    let media = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}
