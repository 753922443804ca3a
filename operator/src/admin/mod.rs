//! Health and metrics endpoints of the operator itself: `/livez`, `/readyz` and `/metrics` over plain HTTP.
//!
//! Everything about a connection is bounded, so that whoever reaches the port can cost the operator little: the number
//! of connections, the size of a request's head, and the time that one connection may take with its single request.

mod health;

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

pub use health::{Health, HealthCheck, Heartbeat, Work};
use http::{Method, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::metrics::{self, Metrics};

/// Connections at the same time; others wait in the listener's queue.
const MAX_CONNECTIONS: usize = 64;
/// Time for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a connection, which serves one request.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Size of a request's head, and of the buffer for it; hyper takes no less than 8 KiB.
const MAX_HEAD: usize = 16 * 1024;
/// Pause after a failed accept: the usual cause is that file descriptors ran out, and trying at once burns a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What the endpoints show.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Behind `/livez` and `/readyz`.
    pub health: Health,
    /// Behind `/metrics`.
    pub metrics: Metrics,
}

/// The admin server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on {address}")]
pub struct ListenFailed {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Listens on `address`. Where the address is `[::]` and the machine has no IPv6, on `0.0.0.0`.
///
/// # Errors
/// The address is taken, or not this machine's.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenFailed> {
    let failed = |source| ListenFailed { address, source };
    match TcpListener::bind(address).await {
        Err(error) if is_any_v6(address) && error.kind() != io::ErrorKind::AddrInUse => {
            let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            // The first error says more about the address that was asked for.
            TcpListener::bind(v4).await.map_err(|_| failed(error))
        }
        result => result.map_err(failed),
    }
}

fn is_any_v6(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

impl Admin {
    /// Serves the endpoints; ends only by being dropped, which closes all connections.
    pub async fn serve(self, listener: TcpListener) -> Infallible {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let permit = Arc::clone(&permits).acquire_owned().await.ok();
            match listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(self.clone(), stream, permit));
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection to the admin address");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }

    /// The answer to a request, by its method, path and query.
    fn answer(&self, method: &Method, path: &str, query: Option<&str>) -> Response<Full<Bytes>> {
        let checks = match path {
            "/livez" => self.health.live(),
            "/readyz" => self.health.ready(),
            "/metrics" => Vec::new(),
            _ => return text(StatusCode::NOT_FOUND, "not found\n"),
        };
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            response
                .headers_mut()
                .insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match path {
            "/metrics" => self.scrape(),
            _ => health_response(path.trim_start_matches('/'), &checks, is_verbose(query)),
        }
    }

    fn scrape(&self) -> Response<Full<Bytes>> {
        match self.metrics.encode() {
            Ok(body) => {
                let mut response = text(StatusCode::OK, body);
                let media_type = header::HeaderValue::from_static(metrics::CONTENT_TYPE);
                response.headers_mut().insert(header::CONTENT_TYPE, media_type);
                response
            }
            Err(error) => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("failed to encode metrics: {error}\n"),
            ),
        }
    }
}

async fn serve_connection(admin: Admin, stream: TcpStream, permit: Option<OwnedSemaphorePermit>) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let uri = request.uri();
        let response = admin.answer(request.method(), uri.path(), uri.query());
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        // One request for a connection: kubelet and Prometheus ask seldom, and an idle connection costs a place.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION_TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection to the admin address failed"),
        Err(_) => tracing::debug!("a connection to the admin address took too long"),
    }
    drop(permit);
}

/// `?verbose`, with or without a value, as kube-apiserver reads it.
fn is_verbose(query: Option<&str>) -> bool {
    let mut parameters = query.unwrap_or_default().split('&');
    parameters.any(|parameter| parameter.split('=').next() == Some("verbose"))
}

/// The texts of kube-apiserver's health endpoints, which people and tools know.
fn health_response(endpoint: &str, checks: &[HealthCheck], verbose: bool) -> Response<Full<Bytes>> {
    let healthy = checks.iter().all(|check| check.failure.is_none());
    if healthy && !verbose {
        return text(StatusCode::OK, "ok");
    }
    let mut body = String::new();
    for HealthCheck { name, failure } in checks {
        match failure {
            None => body += &format!("[+]{name} ok\n"),
            Some(failure) => body += &format!("[-]{name} failed: {failure}\n"),
        }
    }
    body += &format!("{endpoint} check {}\n", if healthy { "passed" } else { "failed" });
    text(
        if healthy {
            StatusCode::OK
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        },
        body,
    )
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        header::HeaderValue::from_static("nosniff"),
    );
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn started() -> (SocketAddr, Admin, JoinSet<Infallible>) {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        let admin = Admin {
            health: Health::new(),
            metrics: Metrics::new(),
        };
        let mut task = JoinSet::new();
        task.spawn(admin.clone().serve(listener));
        (address, admin, task)
    }

    /// Sends bytes and reads until the server closes the connection.
    async fn exchange(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    async fn get(address: SocketAddr, path: &str) -> (u16, String) {
        let response = exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: annex\r\n\r\n")).await;
        let status = response.split(' ').nth(1).unwrap().parse().unwrap();
        (status, response.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    #[tokio::test]
    async fn livez_is_ok_from_the_start_and_verbose_on_request() {
        let (address, _, _task) = started().await;
        assert_eq!(get(address, "/livez").await, (200, "ok".to_owned()));
        let verbose = "[+]ping ok\n[+]reconcile ok\nlivez check passed\n";
        assert_eq!(get(address, "/livez?verbose").await, (200, verbose.to_owned()));
        assert_eq!(get(address, "/livez?exclude=x&verbose=true").await.1, verbose);
    }

    #[tokio::test]
    async fn readyz_follows_the_process() {
        let (address, admin, _task) = started().await;
        let (status, body) = get(address, "/readyz").await;
        assert_eq!(status, 500);
        assert_eq!(
            body,
            "[-]kubernetes-api failed: the API server has not been reached yet\n\
             [-]crd failed: the AggregatedServer resource is not served yet\n\
             [+]shutdown ok\nreadyz check failed\n"
        );
        admin.health.set_reached();
        assert_eq!(get(address, "/readyz").await.0, 500);
        admin.health.set_installed();
        assert_eq!(get(address, "/readyz").await, (200, "ok".to_owned()));
        admin.health.set_shutting_down();
        let (status, body) = get(address, "/readyz").await;
        assert_eq!(status, 500);
        assert!(
            body.contains("[-]shutdown failed: the process is shutting down\n"),
            "{body}"
        );
        assert_eq!(get(address, "/livez").await.0, 200);
    }

    #[tokio::test]
    async fn metrics_have_the_openmetrics_media_type() {
        let (address, _, _task) = started().await;
        let response = exchange(address, "GET /metrics HTTP/1.0\r\n\r\n").await;
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(
            head.to_lowercase()
                .contains("content-type: application/openmetrics-text; version=1.0.0"),
            "{head}"
        );
        assert!(
            body.contains("annex_leader 0\n") && body.ends_with("# EOF\n"),
            "{body}"
        );
    }

    #[tokio::test]
    async fn other_paths_and_methods_are_refused() {
        let (address, _, _task) = started().await;
        assert_eq!(get(address, "/").await.0, 404);
        assert_eq!(get(address, "/livez/").await.0, 404);
        let post = "POST /metrics HTTP/1.1\r\nHost: annex\r\nContent-Length: 0\r\n\r\n";
        let response = exchange(address, post).await;
        assert!(response.starts_with("HTTP/1.1 405 "), "{response}");
        assert!(
            response.to_lowercase().contains("\r\nallow: get, head\r\n"),
            "{response}"
        );
        let head = exchange(address, "HEAD /livez HTTP/1.1\r\nHost: annex\r\n\r\n").await;
        assert!(
            head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
            "{head}"
        );
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused() {
        let (address, _, _task) = started().await;
        let response = exchange(
            address,
            &format!("GET /livez HTTP/1.1\r\nX: {}\r\n", "x".repeat(MAX_HEAD)),
        )
        .await;
        assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
    }

    #[tokio::test]
    async fn silent_connections_are_closed_and_make_room() {
        let (address, _, _task) = started().await;
        let mut silent = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        // All places are taken: this one is served when the server has closed one of them.
        assert_eq!(get(address, "/livez").await.0, 200);
        for mut stream in silent {
            assert_eq!(stream.read(&mut [0; 512]).await.unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn a_taken_address_is_an_error_that_names_it() {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        let error = listen(address).await.unwrap_err();
        assert_eq!(error.to_string(), format!("failed to listen on {address}"));
    }
}
