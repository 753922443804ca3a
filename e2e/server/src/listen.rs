//! Ports, connections and their end: the edge between the network and [`super::api`].

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use super::api::{self, Answer, Api};
use super::args::{Mode, ServeArgs};
use super::record::{Recorded, Recorder};
use super::tls::{self, Serving};
use super::{DISCOVERY_DELAY, Error};

/// Larger request bodies are refused.
const BODY_LIMIT: usize = 1 << 20;
/// For a TLS handshake, and for a request's headers.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long requests may go on after the shutdown has begun.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// After a failed accept, mostly for lack of file descriptors: trying again at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The server with its ports open.
pub struct Server {
    secure: TcpListener,
    record: Option<TcpListener>,
    state: Arc<State>,
}

struct State {
    api: Api,
    serving: Serving,
    recorder: Recorder,
}

impl Server {
    /// Reads the certificate and opens the ports; port 0 is any free one.
    ///
    /// # Errors
    /// A certificate that cannot be used, a port that is taken.
    pub async fn bind(args: ServeArgs) -> Result<Self, Error> {
        let api = Api::new(args.mode, &args.group, &args.version, args.delay(DISCOVERY_DELAY));
        let serving = serving(&args).await?;
        let secure = listen(SocketAddr::new(args.bind_address, args.secure_port)).await?;
        let record = match args.record_port {
            Some(port) => Some(listen(SocketAddr::new(args.bind_address, port)).await?),
            None => None,
        };
        Ok(Self {
            secure,
            record,
            state: Arc::new(State {
                api,
                serving,
                recorder: Recorder::default(),
            }),
        })
    }

    /// Where HTTPS is served.
    ///
    /// # Errors
    /// The system does not say.
    pub fn secure_address(&self) -> std::io::Result<SocketAddr> {
        self.secure.local_addr()
    }

    /// Where the record is served, if it is.
    ///
    /// # Errors
    /// The system does not say.
    pub fn record_address(&self) -> std::io::Result<Option<SocketAddr>> {
        self.record.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Serves until `shutdown`, then lets requests in progress end for a while.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let connections = GracefulShutdown::new();
        let state = &self.state;
        tokio::select! {
            () = accept(&self.secure, &connections, |stream, watcher| secure(Arc::clone(state), stream, watcher)) => {}
            () = accept_optional(self.record.as_ref(), &connections, |stream, watcher| {
                plain(Arc::clone(state), stream, watcher)
            }) => {}
            () = shutdown => {}
        }
        drop((self.secure, self.record));
        if tokio::time::timeout(DRAIN_LIMIT, connections.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("connections were still open at the end");
        }
    }
}

async fn serving(args: &ServeArgs) -> Result<Serving, Error> {
    if args.mode == Mode::WrongSan {
        return Serving::self_signed(tls::WRONG_NAME).map_err(Error::Certificate);
    }
    match (&args.tls_cert_file, &args.tls_private_key_file) {
        (Some(certificates), Some(key)) => {
            let files = tls::Files {
                certificates: certificates.clone(),
                key: key.clone(),
            };
            Serving::from_files(files, !args.no_reload).await
        }
        _ => Err(Error::NoCertificate(args.mode)),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Listen { address, source })
}

/// Hands each connection to a task of its own. Never ends.
async fn accept<F, C>(listener: &TcpListener, connections: &GracefulShutdown, handle: F)
where
    F: Fn(TcpStream, Watcher) -> C,
    C: Future<Output = ()> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(handle(stream, connections.watcher()));
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn accept_optional<F, C>(listener: Option<&TcpListener>, connections: &GracefulShutdown, handle: F)
where
    F: Fn(TcpStream, Watcher) -> C,
    C: Future<Output = ()> + Send + 'static,
{
    match listener {
        Some(listener) => accept(listener, connections, handle).await,
        None => std::future::pending().await,
    }
}

async fn secure(state: Arc<State>, stream: TcpStream, watcher: Watcher) {
    let acceptor = state.serving.acceptor().await;
    let stream = match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!("a TLS handshake took too long"),
    };
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first());
    let peer = certificate.map(tls::common_name);
    serve(stream, watcher, move |request| {
        respond(Arc::clone(&state), peer.clone(), request)
    })
    .await;
}

async fn plain(state: Arc<State>, stream: TcpStream, watcher: Watcher) {
    serve(stream, watcher, move |request| {
        let response = http_response(recorded(&state.recorder, &request));
        async move { Ok(response) }
    })
    .await;
}

async fn serve<S, F, R>(stream: S, watcher: Watcher, handle: F)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>) -> R,
    R: Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE);
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service_fn(handle));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error, "a connection ended early");
    }
}

/// Records a request before anything else, so that also what is refused is on record.
async fn respond<B>(
    state: Arc<State>,
    peer: Option<String>,
    request: Request<B>,
) -> Result<Response<Full<Bytes>>, Infallible>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    state.recorder.record(Recorded::new(&parts, peer.as_deref()));
    if Limited::new(body, BODY_LIMIT).collect().await.is_err() {
        let message = format!("the request body is cut short or larger than {BODY_LIMIT} bytes");
        let answer = api::failure(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message);
        return Ok(http_response(answer));
    }
    let answer = state.api.answer(&parts, peer.is_some());
    tokio::time::sleep(answer.delay).await;
    tracing::debug!(method = %parts.method, uri = %parts.uri, status = answer.status.as_u16(), "answered");
    Ok(http_response(answer))
}

fn recorded<B>(recorder: &Recorder, request: &Request<B>) -> Answer {
    if request.uri().path() != "/recorded" {
        return api::failure(StatusCode::NOT_FOUND, "NotFound", "only /recorded is here");
    }
    if request.method() != Method::GET {
        return api::failure(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "the record can only be read",
        );
    }
    api::json_answer(StatusCode::OK, &serde_json::json!(recorder.recorded()))
}

fn http_response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(answer.body));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(answer.content_type),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn status(body: usize) -> StatusCode {
        let state = Arc::new(State {
            api: Api::new(Mode::Serve, "g.example.com", "v1", Duration::ZERO),
            serving: Serving::self_signed("unused").expect("a certificate"),
            recorder: Recorder::default(),
        });
        let request = Request::post("/apis")
            .body(Full::<Bytes>::from(vec![0; body]))
            .expect("a request");
        let response = respond(Arc::clone(&state), None, request)
            .await
            .expect("infallible");
        assert_eq!(
            state.recorder.recorded().len(),
            1,
            "what is refused is recorded too"
        );
        response.status()
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused() {
        assert_eq!(status(BODY_LIMIT + 1).await, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(status(BODY_LIMIT).await, StatusCode::METHOD_NOT_ALLOWED);
    }
}
