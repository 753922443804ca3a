//! A client of HTTP/2 that may refuse to read and may never send what it announced.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;

use super::{Error, Target};

/// A name that every server takes for itself.
const AUTHORITY: &str = "https://localhost";

/// How much of an answer a client lets come before it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As much as others.
    Willing,
    /// SETTINGS_INITIAL_WINDOW_SIZE = 0: heads of answers and no byte of a body.
    Never,
}

/// The body of a request.
pub(super) enum Payload {
    /// These bytes.
    Whole(Option<Bytes>),
    /// Content-Length announces so many bytes, of which these come first and no others ever.
    Unsent { first: Option<Bytes>, announced: u64 },
}

impl Payload {
    /// None.
    pub(super) fn none() -> Self {
        Self::Whole(None)
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Unsent { first, .. } => match first.take() {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                None => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Unsent { announced, .. } => SizeHint::with_exact(*announced),
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: String,
    pub(super) headers: HeaderMap,
}

impl Ask {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: HeaderMap::new(),
        }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Result<Self, Error> {
        let value = http::HeaderValue::from_str(value).map_err(http::Error::from)?;
        self.headers.append(name, value);
        Ok(self)
    }
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// A connection. Its clones are streams of it; it is cut off when the last of them goes.
#[derive(Clone)]
pub(super) struct Connection {
    requests: SendRequest<Payload>,
    headers: HeaderMap,
    _driver: std::sync::Arc<Driver>,
}

struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    pub(super) async fn open(
        stream: TlsStream<TcpStream>,
        reading: Reading,
        target: &Target,
    ) -> Result<Self, Error> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        if reading == Reading::Never {
            builder.initial_stream_window_size(0);
        }
        let (requests, connection) = builder.handshake(TokioIo::new(stream)).await?;
        let driver = Driver(tokio::spawn(async move {
            // Who uses the connection sees the same.
            let _ = connection.await;
        }));
        Ok(Self {
            requests,
            headers: target.headers().clone(),
            _driver: std::sync::Arc::new(driver),
        })
    }

    /// Whether the server has ended it.
    pub(super) fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Makes a request; its answer's body is yet to be read.
    pub(super) async fn send(&mut self, ask: &Ask, payload: Payload) -> Result<Response<Incoming>, Error> {
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(format!("{AUTHORITY}{}", ask.path))
            .body(payload)?;
        request.headers_mut().extend(self.headers.clone());
        request.headers_mut().extend(ask.headers.clone());
        self.requests.ready().await?;
        Ok(self.requests.send_request(request).await?)
    }

    /// Makes a request and reads the answer to its end.
    pub(super) async fn exchange(&mut self, ask: &Ask, payload: Payload) -> Result<Answer, Error> {
        let (head, body) = self.send(ask, payload).await?.into_parts();
        Ok(Answer {
            status: head.status,
            body: body.collect().await?.to_bytes(),
        })
    }
}

/// Reads what comes of a body within this time: of a stream that does not end, its beginning.
pub(super) async fn read_for(mut body: Incoming, time: Duration) -> Vec<u8> {
    let mut read = Vec::new();
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                read.extend_from_slice(data);
            }
        }
    };
    // That it goes on is no failure.
    let _ = tokio::time::timeout(time, reading).await;
    read
}
