//! A connection to one member: TCP, TLS, HTTP/2.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tonic::client::GrpcService;

use super::tls::TlsFiles;
use crate::storage::etcd::options::ConnectError;

/// As kube-apiserver's client waits for a connection.
const DIAL_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a connection with calls on it is asked whether it lives, and how long it may take to say so. An idle one is
/// not asked, as etcd would end it for that.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// What etcd may send on one stream before this side has read it. A watch that nobody reads holds so much.
const STREAM_WINDOW: u32 = 1 << 20;
/// The connection's own window never is what is short: else a few watches that nobody reads would stop all others.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(in crate::storage::etcd) enum DialError {
    #[error("failed to connect: {0}")]
    Connect(#[source] std::io::Error),
    #[error(transparent)]
    Files(#[from] ConnectError),
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] std::io::Error),
    #[error("no HTTP/2: {0}")]
    Http(#[source] hyper::Error),
    #[error("the member does not say its version: {0}")]
    Status(String),
    #[error("no connection within {DIAL_TIMEOUT:?}")]
    Overdue,
}

/// Where a member listens.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// As it was configured, for messages.
    pub(super) name: Arc<str>,
    host: String,
    port: u16,
    tls: Option<ServerName<'static>>,
    origin: Uri,
}

impl Endpoint {
    /// Reads `http://HOST:PORT`, `https://HOST:PORT`, or either without its scheme: TLS where `secure`.
    pub(super) fn parse(text: &str, secure: bool) -> Result<Self, ConnectError> {
        let wrong = |reason: &str| ConnectError::Endpoint {
            endpoint: text.to_owned(),
            reason: reason.to_owned(),
        };
        let scheme = if secure { "https" } else { "http" };
        let full = if text.contains("://") {
            text.to_owned()
        } else {
            format!("{scheme}://{text}")
        };
        let uri: Uri = full
            .trim_end_matches('/')
            .parse()
            .map_err(|_| wrong("it is no URL"))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("only http and https are known")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(wrong("it has no host"));
        }
        let tls = is_tls
            .then(|| ServerName::try_from(host.clone()))
            .transpose()
            .map_err(|_| wrong("its host is neither a DNS name nor an address"))?;
        Ok(Self {
            name: text.into(),
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            host,
            tls,
            origin: uri,
        })
    }
}

/// A connection on which calls are made. Its clones are the same connection.
#[derive(Clone)]
pub(super) struct Connection {
    sender: SendRequest<Body>,
    origin: Uri,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects to `endpoint`.
    pub(super) async fn dial(endpoint: &Endpoint, files: &TlsFiles) -> Result<Self, DialError> {
        tokio::time::timeout(DIAL_TIMEOUT, dial(endpoint, files))
            .await
            .map_err(|_| DialError::Overdue)?
    }

    /// Whether no call can be made on it any more.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    pub(super) fn origin(&self) -> Uri {
        self.origin.clone()
    }
}

async fn dial(endpoint: &Endpoint, files: &TlsFiles) -> Result<Connection, DialError> {
    let tcp = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
        .await
        .map_err(DialError::Connect)?;
    tcp.set_nodelay(true).map_err(DialError::Connect)?;
    let sender = match &endpoint.tls {
        None => handshake(tcp).await?,
        Some(name) => {
            let connector = TlsConnector::from(files.config().await?);
            let tls = connector
                .connect(name.clone(), tcp)
                .await
                .map_err(DialError::Tls)?;
            handshake(tls).await?
        }
    };
    Ok(Connection {
        sender,
        origin: endpoint.origin.clone(),
    })
}

async fn handshake<T>(io: T) -> Result<SendRequest<Body>, DialError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(TokioIo::new(io))
        .await
        .map_err(DialError::Http)?;
    // It ends with its last sender and its last stream. Why it broke is told to the calls on it.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// A call that got no answer of etcd's.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// It was not sent.
    #[error("{0}")]
    Unsent(String),
    /// It may have been.
    #[error("{0}")]
    Broken(String),
}

impl GrpcService<Body> for Connection {
    type ResponseBody = Incoming;
    type Error = SendError;
    type Future = BoxFuture<'static, Result<Response<Incoming>, SendError>>;

    /// HTTP/2 queues what its peer does not take yet; every call has a deadline.
    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let sent = self.sender.try_send_request(request);
        async move {
            sent.await.map_err(|mut error| {
                let was_sent = error.take_message().is_none();
                let reason = with_causes(&error.into_error());
                if was_sent {
                    SendError::Broken(reason)
                } else {
                    SendError::Unsent(reason)
                }
            })
        }
        .boxed()
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, secure: bool) -> Option<(String, u16, bool)> {
        let endpoint = Endpoint::parse(text, secure).ok()?;
        Some((endpoint.host, endpoint.port, endpoint.tls.is_some()))
    }

    #[test]
    fn endpoints_are_read_as_go_reads_them() {
        let found = |host: &str, port, tls| Some((host.to_owned(), port, tls));
        assert_eq!(
            parsed("http://127.0.0.1:2379", true),
            found("127.0.0.1", 2379, false)
        );
        assert_eq!(
            parsed("https://etcd.svc:2379/", false),
            found("etcd.svc", 2379, true)
        );
        assert_eq!(parsed("https://[::1]:2379", false), found("::1", 2379, true));
        assert_eq!(parsed("etcd-0:2379", false), found("etcd-0", 2379, false));
        assert_eq!(parsed("etcd-0:2379", true), found("etcd-0", 2379, true));
        for wrong in ["unix:///run/etcd", "ftp://a:1", "http://", "", "https://a b"] {
            assert_eq!(parsed(wrong, true), None, "{wrong}");
        }
    }
}
