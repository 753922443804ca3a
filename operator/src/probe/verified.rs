//! HTTP with a peer whose certificate was verified first.
//!
//! [`connect`] is the only way to a [`Connection`], and a [`Token`] can be sent on nothing else, so that no secret
//! goes to a peer that the bundle does not vouch for.

use std::fmt;
use std::net::SocketAddr;

use http::header::{ACCEPT, AUTHORIZATION, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::Limits;
use super::connection_tasks::{ConnectionTasks, Spawner};
use super::error_text::tidy;
use super::tls::{self, HandshakeError, Served};
use crate::pki::{Certificate, TrustFault, verify_chain};

/// The largest answer that is read.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The largest block of response headers that is read.
const MAX_HEADER_BYTES: usize = 64 * 1024;
const CLIENT_NAME: &str = concat!("annex-operator/", env!("CARGO_PKG_VERSION"));

/// A bearer token. It has no `Display`, and its `Debug` hides the contents.
#[derive(Clone)]
pub struct Token {
    secret: String,
    header: HeaderValue,
}

/// The text cannot stand in a header, so it is no bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a bearer token")]
pub struct InvalidToken;

impl Token {
    /// Takes a token such as TokenRequest issues.
    ///
    /// # Errors
    ///
    /// When it is empty or holds characters that no token has.
    pub fn new(secret: String) -> Result<Self, InvalidToken> {
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidToken);
        }
        let mut header = HeaderValue::try_from(format!("Bearer {secret}")).map_err(|_| InvalidToken)?;
        header.set_sensitive(true);
        Ok(Self { secret, header })
    }

    /// `text` without the token, for what a peer sent back: it may have echoed it.
    pub(super) fn redact(&self, text: &str) -> String {
        text.replace(&self.secret, "[redacted]")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Why there is no verified connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// No TLS handshake.
    #[error("cannot complete a TLS handshake")]
    Handshake(#[source] HandshakeError),
    /// The handshake succeeded, but the bundle does not vouch for what was presented.
    #[error("the served certificate is not trusted")]
    Trust(#[source] TrustFault),
    /// The peer is trusted, but does not start HTTP.
    #[error("cannot start HTTP: {0}")]
    Http(String),
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The path cannot stand in a URI, or does not begin with a slash.
    #[error("`{0}` is not a path")]
    InvalidPath(String),
    /// The answer was not complete in time.
    #[error("no complete answer in time")]
    TimedOut,
    /// The body exceeds [`MAX_BODY_BYTES`].
    #[error("the answer has more than {MAX_BODY_BYTES} bytes")]
    BodyTooLarge,
    /// The connection or the protocol broke.
    #[error("the request failed: {0}")]
    Failed(String),
}

/// A header's name, in lower case, and its value.
pub type Header = (&'static str, &'static str);

/// A complete answer. Redirects are answers like any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The body, at most [`MAX_BODY_BYTES`].
    pub body: Bytes,
}

/// A connection to a peer that proved, with a certificate that the bundle vouches for, to be the expected server.
pub struct Connection {
    sender: Sender,
    /// Held for its drop, which ends what drives `sender`.
    _tasks: ConnectionTasks,
    server_name: String,
    limits: Limits,
    served: Served,
}

enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leaf = &self.served.leaf.fingerprint;
        f.debug_struct("Connection")
            .field("server_name", &self.server_name)
            .field("leaf", leaf)
            .finish()
    }
}

/// Connects to `addr`, verifies what it presents against `bundle` for `server_name` at `now`, and only then starts
/// HTTP: version 2 if the peer offers it, as the kube-aggregator does.
///
/// # Errors
///
/// See [`ProbeError`]. An untrusted peer has received nothing but a handshake.
pub async fn connect(
    addr: SocketAddr,
    server_name: &str,
    bundle: &[Certificate],
    now: Timestamp,
    limits: &Limits,
) -> Result<Connection, ProbeError> {
    let (stream, served) = tls::open(addr, server_name, limits)
        .await
        .map_err(ProbeError::Handshake)?;
    if let Err(fault) = verify_chain(&served.chain, bundle, server_name, now) {
        tls::close(stream).await;
        return Err(ProbeError::Trust(fault));
    }
    let tasks = ConnectionTasks::default();
    let sender = timeout(limits.handshake, start_http(stream, tasks.spawner()))
        .await
        .map_err(|_| ProbeError::Http("no answer in time".to_owned()))?
        .map_err(|error| ProbeError::Http(tidy(&error.to_string())))?;
    Ok(Connection {
        sender,
        _tasks: tasks,
        server_name: server_name.to_owned(),
        limits: *limits,
        served,
    })
}

async fn start_http(stream: TlsStream<TcpStream>, tasks: Spawner) -> Result<Sender, hyper::Error> {
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let io = TokioIo::new(stream);
    // How a connection ends shows in the request that it fails; the driver's own result says nothing more.
    if http2 {
        let (sender, driver) = http2::Builder::new(tasks.clone()).handshake(io).await?;
        tasks.spawn(async move { driver.await.unwrap_or_default() });
        Ok(Sender::Http2(sender))
    } else {
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(MAX_HEADER_BYTES)
            .handshake(io)
            .await?;
        tasks.spawn(async move { driver.await.unwrap_or_default() });
        Ok(Sender::Http1(sender))
    }
}

impl Connection {
    /// What the peer presented, and was trusted for.
    #[must_use]
    pub fn served(&self) -> &Served {
        &self.served
    }

    /// Sends a GET, with `token` as its bearer where there is one, and reads the whole answer. Redirects are not
    /// followed.
    ///
    /// After an error other than [`RequestError::InvalidPath`] the connection may be of no further use.
    ///
    /// # Errors
    ///
    /// See [`RequestError`].
    pub async fn get(&mut self, path: &str, token: Option<&Token>) -> Result<Response, RequestError> {
        self.send(path, token, &[]).await
    }

    /// The same with these headers, which hold no secret, and no token.
    ///
    /// # Errors
    ///
    /// See [`Connection::get`].
    pub async fn get_with(&mut self, path: &str, headers: &[Header]) -> Result<Response, RequestError> {
        self.send(path, None, headers).await
    }

    async fn send(
        &mut self,
        path: &str,
        token: Option<&Token>,
        headers: &[Header],
    ) -> Result<Response, RequestError> {
        let request = self
            .request(path, token, headers)
            .ok_or_else(|| RequestError::InvalidPath(path.to_owned()))?;
        timeout(self.limits.request, self.sender.exchange(request))
            .await
            .map_err(|_| RequestError::TimedOut)?
    }

    fn request(
        &self,
        path: &str,
        token: Option<&Token>,
        headers: &[Header],
    ) -> Option<Request<Empty<Bytes>>> {
        let path = PathAndQuery::try_from(path)
            .ok()
            .filter(|path| path.as_str().starts_with('/'))?;
        let mut request = Request::builder()
            .method(Method::GET)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, CLIENT_NAME);
        request = match self.sender {
            Sender::Http1(_) => request.uri(Uri::from(path)).header(HOST, &self.server_name),
            Sender::Http2(_) => {
                let uri = Uri::builder()
                    .scheme("https")
                    .authority(self.server_name.as_str())
                    .path_and_query(path);
                request.uri(uri.build().ok()?).version(Version::HTTP_2)
            }
        };
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, &token.header);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Empty::new()).ok()
    }
}

impl Sender {
    async fn exchange(&mut self, request: Request<Empty<Bytes>>) -> Result<Response, RequestError> {
        let response = self.send(request).await.map_err(|error| failed(&error))?;
        let status = response.status();
        match Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await {
            Ok(body) => Ok(Response {
                status,
                body: body.to_bytes(),
            }),
            Err(error) if error.is::<LengthLimitError>() => Err(RequestError::BodyTooLarge),
            Err(error) => Err(failed(error.as_ref())),
        }
    }

    async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> Result<http::Response<Incoming>, hyper::Error> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

/// hyper says what failed in the error and why in its source; a status message needs both.
fn failed(error: &(dyn std::error::Error + 'static)) -> RequestError {
    let text = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    RequestError::Failed(tidy(&text))
}

#[cfg(test)]
mod tests;
