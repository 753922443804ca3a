//! What is served beside resources: discovery, health, version, metrics, and the index of all that.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;

use super::chain::text;
use super::definitions::{InCluster, REPORT_PATH};
use super::served::Served;
use super::server_state::ServerState;
use super::{health, metrics, version};
use crate::authz::Authorized;
use crate::discovery::{Discovery, Document, Found};
use crate::request::media;
use crate::response::{Body, Response};
use crate::status::ApiError;

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Index,
    /// All checks, or one of them.
    Health(health::Endpoint, Option<&'a str>),
    Version,
    Metrics,
    OpenApi,
    Discovery,
    /// The report of definitions.
    Definitions,
    Nothing,
}

impl<'a> Route<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        match path {
            "/" | "/index.html" => return Self::Index,
            "/version" | "/version/" => return Self::Version,
            "/metrics" => return Self::Metrics,
            "/apis" => return Self::Discovery,
            REPORT_PATH => return Self::Definitions,
            _ if path.starts_with("/apis/") => return Self::Discovery,
            _ if path.starts_with("/openapi/") => return Self::OpenApi,
            _ => {}
        }
        let name = path.strip_prefix('/').unwrap_or_default();
        let (name, check) = match name.split_once('/') {
            Some((name, check)) => (name, Some(check)),
            None => (name, None),
        };
        health::Endpoint::named(name).map_or(Self::Nothing, |endpoint| Self::Health(endpoint, check))
    }

    /// What metrics call it: one of a few words.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Index => "/",
            Self::Health(health::Endpoint::Healthz, _) => "/healthz",
            Self::Health(health::Endpoint::Livez, _) => "/livez",
            Self::Health(health::Endpoint::Readyz, _) => "/readyz",
            Self::Version => "/version",
            Self::Metrics => "/metrics",
            Self::OpenApi => "/openapi",
            Self::Discovery => "/apis",
            Self::Definitions => REPORT_PATH,
            Self::Nothing => "",
        }
    }
}

/// The paths that there are beside discovery and health.
pub(super) const PATHS: [&str; 5] = [
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/",
    "/version",
];

/// Answers a request that is about no resource.
///
/// # Errors
/// 404, 405, 406; 503 for what may yet come.
pub(super) async fn serve(
    core: &ServerState,
    served: &Served,
    request: &Authorized,
    parts: &Parts,
) -> Result<Response, ApiError> {
    let path = request.info().path.as_str();
    let query = parts.uri.query().unwrap_or_default();
    match Route::of(path) {
        Route::Index => Ok(index(served, StatusCode::OK)),
        Route::Health(endpoint, None) => Ok(health_of_all(core, endpoint, query).await),
        Route::Health(endpoint, Some(check)) => Ok(health_of_one(core, served, endpoint, check).await),
        Route::Version => only_get(parts, || Ok(json(StatusCode::OK, version::document()))),
        Route::Metrics => only_get(parts, || all_metrics(core)),
        Route::OpenApi => only_get(parts, || Ok(openapi(served, path, parts))),
        Route::Discovery => discovery(served, path, parts),
        Route::Definitions => match &core.definitions {
            Some(definitions) => report(definitions, served, parts).await,
            None => Ok(index(served, StatusCode::NOT_FOUND)),
        },
        Route::Nothing => Ok(index(served, StatusCode::NOT_FOUND)),
    }
}

fn only_get(
    parts: &Parts,
    answer: impl FnOnce() -> Result<Response, ApiError>,
) -> Result<Response, ApiError> {
    if parts.method == Method::GET {
        answer()
    } else {
        Err(ApiError::MethodNotAllowed)
    }
}

fn index(served: &Served, code: StatusCode) -> Response {
    json(code, served.documents.index.clone())
}

fn json(code: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = code;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn report(definitions: &InCluster, served: &Served, parts: &Parts) -> Result<Response, ApiError> {
    if parts.method != Method::GET {
        return Err(ApiError::MethodNotAllowed);
    }
    let report = definitions.report(served).await?;
    Ok(json(StatusCode::OK, report))
}

async fn health_of_all(core: &ServerState, endpoint: health::Endpoint, query: &str) -> Response {
    let excluded = health::excluded(query);
    let findings = core.health.ask(endpoint, &excluded).await;
    for finding in &findings {
        if let health::Outcome::Sick(why) = &finding.outcome {
            tracing::info!(
                endpoint = endpoint.name(),
                check = &*finding.name,
                why,
                "a health check failed"
            );
        }
    }
    let (code, body) = health::of_all(endpoint, &findings, &excluded, query);
    text::answer(code, body)
}

async fn health_of_one(
    core: &ServerState,
    served: &Served,
    endpoint: health::Endpoint,
    check: &str,
) -> Response {
    match core.health.ask_one(endpoint, check).await {
        Some(outcome) => {
            let (code, body) = health::of_one(&outcome);
            let mut response = text::answer(code, body);
            // As Go, which says it of errors and of all checks together, and not here.
            if code.is_success() {
                response.headers_mut().remove(X_CONTENT_TYPE_OPTIONS);
            }
            response
        }
        None => index(served, StatusCode::NOT_FOUND),
    }
}

fn all_metrics(core: &ServerState) -> Result<Response, ApiError> {
    let body = core
        .metrics
        .encode()
        .map_err(|error| ApiError::Internal(error.to_string()))?;
    let mut response = Response::new(Body::from(Bytes::from(body)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
    Ok(response)
}

fn openapi(served: &Served, path: &str, parts: &Parts) -> Response {
    served
        .documents
        .openapi
        .answer(path, parts.uri.query(), &parts.headers, Timestamp::now())
        .unwrap_or_else(|| index(served, StatusCode::NOT_FOUND))
}

fn discovery(served: &Served, path: &str, parts: &Parts) -> Result<Response, ApiError> {
    match served.documents.discovery.find(path) {
        Found::Groups(_, aggregated) if Discovery::wants_aggregated(&parts.headers) => {
            only_get(parts, || Ok(aggregated.answer_tagged(&parts.headers)))
        }
        Found::Groups(document, _) | Found::One(document) => only_get(parts, || negotiated(document, parts)),
        Found::NoVersion => Err(served.endpoints.unknown()),
        // What is not here yet must not look as if it were gone.
        Found::Elsewhere if !served.endpoints.is_complete() => Err(served.endpoints.unknown()),
        Found::Elsewhere => Ok(index(served, StatusCode::NOT_FOUND)),
    }
}

fn negotiated(document: &Document, parts: &Parts) -> Result<Response, ApiError> {
    let query = parts.uri.query().unwrap_or_default();
    media::check_produced(&parts.headers, false)?;
    media::document(&parts.headers, query).map(|wanted| document.answer(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        use health::Endpoint::{Livez, Readyz};
        for (path, route) in [
            ("/", Route::Index),
            ("/index.html", Route::Index),
            ("/readyz", Route::Health(Readyz, None)),
            ("/readyz/", Route::Health(Readyz, Some(""))),
            (
                "/livez/poststarthook/x",
                Route::Health(Livez, Some("poststarthook/x")),
            ),
            ("/livezz", Route::Nothing),
            ("/version/", Route::Version),
            ("/metrics", Route::Metrics),
            ("/metrics/slis", Route::Nothing),
            ("/debug/pprof", Route::Nothing),
            ("/apis", Route::Discovery),
            ("/apis/g/v", Route::Discovery),
            ("/openapi/v3/apis/g/v", Route::OpenApi),
            ("/api", Route::Nothing),
            ("/definitionz", Route::Definitions),
            ("", Route::Nothing),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }
}
