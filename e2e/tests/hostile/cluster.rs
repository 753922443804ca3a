//! The cluster that the server asks: TokenReview and SubjectAccessReview over plain HTTP, at a busy kube-apiserver's pace.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use annex_e2e::attack::{GROUP, ONE, RESOURCE};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::callers::NAMESPACE;

/// Reviews that are answered at once, and how long each takes: 200 in a second.
const AT_ONCE: usize = 4;
const TAKES: Duration = Duration::from_millis(20);

/// A token is its user's name with this before it.
pub const TOKEN: &str = "token-of-";

/// Starts it; it ends with its runtime.
pub async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let room = Arc::new(Semaphore::new(AT_ONCE));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let room = room.clone();
            let service = service_fn(move |request| answer(request, room.clone()));
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    address
}

async fn answer(
    request: Request<Incoming>,
    room: Arc<Semaphore>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut review: Value = serde_json::from_slice(&body).unwrap_or_default();
    let place = room.acquire().await;
    tokio::time::sleep(TAKES).await;
    drop(place);
    let spec = &review["spec"];
    let status = if path.ends_with("/tokenreviews") {
        token(spec["token"].as_str().unwrap_or_default())
    } else if path.ends_with("/subjectaccessreviews") {
        json!({ "allowed": allows(spec) })
    } else {
        return Ok(Response::builder().status(404).body(Full::default()).unwrap());
    };
    review["status"] = status;
    let response = Response::builder()
        .status(201)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(review.to_string())));
    Ok(response.unwrap())
}

fn token(token: &str) -> Value {
    match token.strip_prefix(TOKEN) {
        Some(user) => json!({
            "authenticated": true,
            "user": { "username": user, "groups": ["system:authenticated"] },
        }),
        None => json!({ "authenticated": false }),
    }
}

/// Roles: who may what with the attacked resource.
fn allows(spec: &Value) -> bool {
    let asked = &spec["resourceAttributes"];
    if asked["group"] != GROUP || asked["resource"] != RESOURCE || asked["namespace"] != NAMESPACE {
        return false;
    }
    let verbs: &[&str] = match spec["user"].as_str().unwrap_or_default() {
        "owner" | "user" | "direct-user" => &["get", "list", "watch", "create", "update", "patch", "delete"],
        "creator" => &["create"],
        "patcher" => &["patch"],
        "reader" => &["list", "watch"],
        // By resourceNames.
        "reader-of-one" if asked["name"] == ONE => &["get", "list", "watch"],
        _ => &[],
    };
    verbs.iter().any(|verb| asked["verb"] == *verb)
}
