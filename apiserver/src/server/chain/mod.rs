//! The chain: everything that happens to a request between the connection and its resource, in this order.
//!
//! [`serve`] and [`pass`] are the whole of it, to be read from top to bottom; why each step stands where it stands is
//! said beside it. The order is that of k8s.io/apiserver's `DefaultBuildHandlerChain`, but for seats: there they are given
//! before authorization, here to who may do what it asks for.

mod audit_id;
mod deadline;
mod flow_control;
mod permit;
mod request_body;
pub(super) mod text;
mod work_estimator;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt as _;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, UPGRADE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body::Body as _;
use hyper::upgrade::OnUpgrade;

pub(super) use flow_control::FlowControl;
pub(super) use permit::Permit;
use request_body::RequestBody;

use super::connection::{Connection, stream};
use super::response_body::{Held, ResponseBody};
use super::routes::{self, Route};
use super::server_state::ServerState;
use super::websocket;
use crate::authn::{self, impersonation};
use crate::authz::Authorized;
use crate::endpoint::{self, InitialEvents};
use crate::request::{RequestInfo, Verb, media};
use crate::response::{Body, Response};
use crate::status::ApiError;
use crate::warnings::Warnings;

/// Answers one request. May be dropped at any await: then the client has left.
pub(super) async fn serve<B>(
    core: Arc<ServerState>,
    connection: Arc<Connection>,
    request: Request<B>,
) -> http::Response<ResponseBody>
where
    B: http_body::Body<Data = Bytes> + Unpin + Send,
    B::Error: std::fmt::Display,
{
    // Deadline and latency count from here, whatever the steps below wait for.
    let started = Instant::now();
    let (mut parts, body) = request.into_parts();
    let mut held = Held {
        // An idle connection is closed; this one is not idle until the answer is out.
        busy: Some(connection.activity.begin()),
        ..Held::default()
    };
    // kube-apiserver names each request. Its log, and ours, call it the same.
    let audit_id = audit_id::of(&parts.headers);
    // Anything below may have something to warn of, whichever answer it comes to.
    let warnings = Warnings::default();
    parts.extensions.insert(warnings.clone());

    // Outermost, so that a panic anywhere costs one answer and neither the connection nor the process.
    let passed = AssertUnwindSafe(pass(&core, &connection, &mut parts, body, &mut held, started))
        .catch_unwind()
        .await;
    let mut response = match passed {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => refuse(&error, &parts, held.permit.is_some()),
        Err(_) => panicked(&core, &parts),
    };
    let has_place = held
        .permit
        .as_mut()
        .is_none_or(|permit| permit.answered(&response));
    if !has_place {
        response = too_many(&core);
    }
    warnings.write(response.headers_mut());
    finish_head(&core, &connection, &mut response, audit_id);
    // hyper leaves the body out by itself over HTTP/1.1 alone.
    if parts.method == Method::HEAD {
        without_body(&mut response);
    }
    if let Some(record) = &mut held.record {
        record.answered(response.status().as_u16());
        record.queued(held.permit.as_ref().map_or(Duration::ZERO, Permit::queued));
    }
    if held.says_goodbye {
        // With the answer, as Go does, and not before: clients take a GOAWAY that overtakes their request for its failure.
        connection.activity.close();
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return upgraded(response, held, &core, connection, &mut parts);
    }
    response.map(|body| ResponseBody::new(body, held, &core.life))
}

/// The head of an answer whose body goes on under another protocol.
fn upgraded(
    response: Response,
    held: Held,
    core: &ServerState,
    connection: Arc<Connection>,
    parts: &mut Parts,
) -> http::Response<ResponseBody> {
    let (head, body) = response.into_parts();
    if let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() {
        let upgraded = websocket::Upgraded {
            upgrade,
            held,
            connection,
            life: core.life.clone(),
        };
        match body {
            Body::Stream(events) => {
                let media = head.headers.get(CONTENT_TYPE);
                let is_text = media.is_some_and(|media| media.as_bytes().starts_with(media::JSON.as_bytes()));
                upgraded.watch(events, is_text);
            }
            Body::Upgraded(session) => upgraded.session(session),
            Body::Ready(_) | Body::Made(_) | Body::Connected(_) => {}
        }
    }
    http::Response::from_parts(
        head,
        ResponseBody::new(Body::empty(), Held::default(), &core.life),
    )
}

/// Every step that can end a request.
async fn pass<B>(
    core: &ServerState,
    connection: &Connection,
    parts: &mut Parts,
    body: B,
    held: &mut Held,
    started: Instant,
) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin + Send,
    B::Error: std::fmt::Display,
{
    // First: every step below decides by what is asked for.
    let info = RequestInfo::parse(&parts.method, &parts.uri).map_err(unreadable)?;
    let connects = {
        let served = core.served.load();
        held.record = Some(core.metrics.begin(&served.subject(&info), started));
        served.endpoints.connects(&info)
    };
    // Before anything that takes time: who drains waits for everybody who came in here.
    held.ticket = Some(core.life.enter().ok_or_else(shutting_down)?);
    let query = parts.uri.query().unwrap_or_default();
    if deadline::is_long_running(&info, connects) {
        let decided = decide(core, connection, parts, body, held, info).await;
        let is_whole = |response: &Response| matches!(response.body(), Body::Ready(_) | Body::Made(_));
        if decided.as_ref().is_ok_and(is_whole) {
            // Only what comes in time may be taken as it comes.
            stream::must_finish_by(tokio::time::Instant::now() + core.request_timeout);
        }
        return decided;
    }
    let allotted = deadline::of(query, core.request_timeout)?;
    // Around all that waits for somebody else: the cluster's word, the client's body, the storage.
    let until = tokio::time::Instant::from_std(started) + allotted;
    if tokio::time::Instant::now() >= until {
        return Err(timed_out(core));
    }
    let decided = tokio::time::timeout_at(until, decide(core, connection, parts, body, held, info)).await;
    // The rest of the time is the client's, to take its answer in.
    stream::must_finish_by(until.max(tokio::time::Instant::now() + LEAST_TO_TAKE));
    decided.unwrap_or_else(|_| Err(timed_out(core)))
}

/// An answer that was only just made may still be taken.
const LEAST_TO_TAKE: Duration = Duration::from_secs(10);

/// Who asks, whether they may, and what it is.
async fn decide<B>(
    core: &ServerState,
    connection: &Connection,
    parts: &mut Parts,
    body: B,
    held: &mut Held,
    info: RequestInfo,
) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin + Send,
    B::Error: std::fmt::Display,
{
    // Takes every credential, and every header that claims an identity, out of the request: nothing behind sees them.
    let user = core.authenticator.authenticate(parts, &connection.peer).await;
    if user.as_ref().is_ok_and(|user| !authn::is_anonymous(user)) {
        // It does not have to make room for strangers any more.
        connection.slot.authenticated();
    } else if connection.is_http2 && !connection.slot.is_front_proxy() {
        // One connection carries many requests; strangers shall not hold theirs open (as Go, against HTTP/2 floods). A
        // front proxy's carries those of everybody else too.
        held.says_goodbye = true;
    }
    // After authentication: only then is known whose rights it is that allow to act as somebody else.
    let user = match impersonation::impersonate(&core.authorizer, parts, user?, &info).await {
        Ok(user) => user,
        Err(error) => {
            parts.extensions.insert(NotImpersonated);
            return Err(error);
        }
    };
    // Before seats are asked for: who waits for the cluster's word holds up nobody else, and what is refused needs none.
    let authorized = core.authorizer.authorize(user, info, &parts.uri).await?;
    let warnings = parts.extensions.remove::<Warnings>().unwrap_or_default();
    let authorized = authorized.warning(warnings);
    let permit = held.permit.insert(Permit::default());
    // Last: what follows can be had with this proof only.
    act(core, &authorized, parts, body, permit).await
}

/// What was asked for, once there are seats for it.
async fn act<B>(
    core: &ServerState,
    authorized: &Authorized,
    parts: &mut Parts,
    body: B,
    permit: &mut Permit,
) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin + Send,
    B::Error: std::fmt::Display,
{
    let info = authorized.info();
    // What is served now, to the request's end.
    let served = &*core.served.load_full();
    // Who asks whether the server lives is answered, whatever else it does.
    if !info.is_resource && matches!(Route::of(&info.path), Route::Health(..)) {
        return routes::serve(core, served, authorized, parts).await;
    }
    if let Some(definitions) = &core.definitions
        && info.is_resource
        && served.endpoints.is_complete()
        && !served.endpoints.knows(info)
    {
        // Before seats are asked for, as for authorization: it waits for the cluster's word.
        return Err(match definitions.unknown(info).boxed().await {
            ApiError::UnknownPath => served.endpoints.unknown_in(info),
            error => error,
        });
    }
    let query = parts.uri.query().unwrap_or_default();
    let flow = core.flow_control.flow(authorized, query, &served.endpoints);
    let is_long = deadline::is_long_running(info, served.endpoints.connects(info));
    if is_long && flow.long_running(permit).is_err() {
        return Ok(too_many(core));
    }
    if flow.has_body() && served.endpoints.streams_body(info) {
        // Its place among the watches is what it holds: seats are for work, and here somebody sends for as long as they like.
        return endpoint::serve(&served.endpoints, authorized, parts, RequestBody::admitted(body)).await;
    }
    if flow.has_body() {
        let body = RequestBody::gated(body, &parts.headers, flow, permit);
        let answered = endpoint::serve(&served.endpoints, authorized, parts, body).await;
        return if permit.is_rejected() {
            Ok(too_many(core))
        } else {
            answered
        };
    }
    match flow.seat(permit).await {
        Ok(seat) => flow.begin(seat, permit),
        Err(_) => return Ok(too_many(core)),
    }
    if info.is_resource && info.verb == Verb::Watch {
        // They are made while they are sent, by what outlives this.
        parts
            .extensions
            .insert(InitialEvents::holding(permit.take_seat()));
    }
    if info.is_resource {
        endpoint::serve(&served.endpoints, authorized, parts, RequestBody::admitted(body)).await
    } else {
        routes::serve(core, served, authorized, parts).await
    }
}

/// Marks a request whose impersonation was refused.
#[derive(Clone, Copy)]
struct NotImpersonated;

/// What every answer has.
fn finish_head(core: &ServerState, connection: &Connection, response: &mut Response, audit_id: HeaderValue) {
    let is_closing = core.life.is_draining();
    let headers = response.headers_mut();
    headers.insert(audit_id::AUDIT_ID, audit_id);
    // What is answered depends on who asks: no proxy may keep it. Discovery says something else of itself.
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    }
    if let Some(directives) = &core.strict_transport_security {
        headers.insert(STRICT_TRANSPORT_SECURITY, directives.clone());
    }
    // Over HTTP/2 the connection itself says goodbye.
    if is_closing && !connection.is_http2 && !headers.contains_key(UPGRADE) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// The head tells what a GET would have answered, its length included.
fn without_body(response: &mut Response) {
    let body = std::mem::replace(response.body_mut(), Body::empty());
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
}

fn refuse(error: &ApiError, parts: &Parts, is_authorized: bool) -> Response {
    if let Some(words) = error.plain_text() {
        let code = StatusCode::from_u16(error.status().code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return text::answer(code, format!("{words}\n"));
    }
    let mut response = endpoint::status(error, &parts.headers, parts.uri.query().unwrap_or_default());
    // As Go, whose filters say it of what they forbid, and whose plugins do not.
    let is_of_filter = match error {
        ApiError::Forbidden { .. } => !is_authorized,
        ApiError::BadRequest(_) => parts.extensions.get::<NotImpersonated>().is_some(),
        _ => false,
    };
    if is_of_filter {
        let value = HeaderValue::from_static("nosniff");
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, value);
    }
    response
}

fn unreadable(error: crate::request::RequestInfoError) -> ApiError {
    use crate::request::RequestInfoError::{Escape, NoResource};
    match error {
        Escape => ApiError::BadRequest(error.to_string()),
        NoResource(_) => ApiError::Internal(format!("failed to create RequestInfo: {error}")),
    }
}

fn shutting_down() -> ApiError {
    ApiError::ServiceUnavailable {
        message: "apiserver is shutting down".into(),
        retry_after: 1,
    }
}

fn timed_out(core: &ServerState) -> ApiError {
    core.metrics.terminated(StatusCode::GATEWAY_TIMEOUT.as_u16());
    ApiError::Timeout("request did not complete within the allotted timeout".into())
}

/// Go's words to who asked for what panicked.
pub(super) const PANICKED: &str = "This request caused apiserver to panic. Look in the logs for details.\n";

fn panicked(core: &ServerState, parts: &Parts) -> Response {
    core.metrics
        .terminated(StatusCode::INTERNAL_SERVER_ERROR.as_u16());
    // The panic's own words went to the log when it happened.
    tracing::error!(method = %parts.method, path = parts.uri.path(), "a request caused a panic");
    text::answer(StatusCode::INTERNAL_SERVER_ERROR, PANICKED)
}

fn too_many(core: &ServerState) -> Response {
    core.metrics.terminated(StatusCode::TOO_MANY_REQUESTS.as_u16());
    let mut response = text::answer(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many requests, please try again later.\n",
    );
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    /// Bytes of what a function of three arguments returns.
    fn size_of_result<A, B, C, R>(_: impl Fn(A, B, C) -> R) -> usize {
        size_of::<R>()
    }

    #[test]
    fn a_request_takes_little_room() {
        // It is moved on its way to its task, and lies there as long as a client reads or watches. What few requests
        // wait for, such as an answer of the cluster, is boxed where it begins.
        let size = size_of_result(serve::<Full<Bytes>>);
        assert!(size <= 4096, "{size}");
    }
}
