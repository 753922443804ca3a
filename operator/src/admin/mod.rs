//! The operator's own endpoints over plain HTTP: `/livez` and `/readyz` on one address, `/metrics` on another. Who may
//! read metrics can be limited by a NetworkPolicy; the kubelet must always reach the probes.

mod health;
mod listener;
#[cfg(test)]
mod tests;
mod watches;

use std::convert::Infallible;

pub use health::{Health, HealthCheck, Heartbeat, Work};
use http::{Method, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
pub use listener::{ListenFailed, listen};
use tokio::net::TcpListener;
pub use watches::{Log, Watches, watch_name};

use crate::metrics::{self, Metrics};

/// What the endpoints show.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Behind `/livez` and `/readyz`.
    pub health: Health,
    /// Behind `/metrics`.
    pub metrics: Metrics,
}

impl Admin {
    /// Serves `/livez` and `/readyz`; ends only by being dropped, which closes all connections.
    pub async fn serve_health(self, listener: TcpListener) -> Infallible {
        listener::serve(listener, move |request| {
            let uri = request.uri();
            self.health_answer(request.method(), uri.path(), uri.query())
        })
        .await
    }

    /// Serves `/metrics`; ends only by being dropped, which closes all connections.
    pub async fn serve_metrics(self, listener: TcpListener) -> Infallible {
        listener::serve(listener, move |request| {
            self.metrics_answer(request.method(), request.uri().path())
        })
        .await
    }

    fn health_answer(&self, method: &Method, path: &str, query: Option<&str>) -> Response<Full<Bytes>> {
        let checks = match path {
            "/livez" => self.health.live(),
            "/readyz" => self.health.ready(),
            _ => return not_found(),
        };
        reading(method)
            .unwrap_or_else(|| health_response(path.trim_start_matches('/'), &checks, is_verbose(query)))
    }

    fn metrics_answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if path != "/metrics" {
            return not_found();
        }
        reading(method).unwrap_or_else(|| self.scrape())
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

fn not_found() -> Response<Full<Bytes>> {
    text(StatusCode::NOT_FOUND, "not found\n")
}

/// The refusal of a method that does not read.
fn reading(method: &Method) -> Option<Response<Full<Bytes>>> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    let allowed = header::HeaderValue::from_static("GET, HEAD");
    response.headers_mut().insert(header::ALLOW, allowed);
    Some(response)
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
