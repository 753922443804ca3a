//! A web page behind a machine: requests go on to it, and its answers come back, both piece by piece.

use std::net::SocketAddr;

use annex_apiserver::prelude::*;
use annex_apiserver::response::{Body, Incomplete, Response};
use futures::{StreamExt as _, TryStreamExt as _};
use http::{Request, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use crate::page;

/// Sends a request on, and its answer back.
pub(crate) async fn pass(mut request: ConnectRequest) -> Result<Response, ApiError> {
    static PAGE: OnceCell<SocketAddr> = OnceCell::const_new();
    let page = PAGE.get_or_try_init(page::serve).await.map_err(unavailable)?;
    let stream = TcpStream::connect(page).await.map_err(unavailable)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(unavailable)?;
    tokio::spawn(connection);
    let mut sent = Request::new(std::mem::take(&mut request.streamed_body));
    let uri = request.path_and_query().parse();
    *sent.uri_mut() = uri.map_err(|error: http::uri::InvalidUri| ApiError::BadRequest(error.to_string()))?;
    *sent.method_mut() = request.method;
    for name in [header::ACCEPT, header::CONTENT_TYPE] {
        if let Some(value) = request.headers.get(&name) {
            sent.headers_mut().insert(name, value.clone());
        }
    }
    let answer = sender.send_request(sent).await.map_err(unavailable)?;
    let pieces = |body: Incoming| {
        body.into_data_stream()
            .map_err(|error| Incomplete(error.to_string()))
    };
    Ok(answer.map(|body| Body::Connected(pieces(body).boxed())))
}

fn unavailable(error: impl std::fmt::Display) -> ApiError {
    ApiError::ServiceUnavailable {
        message: format!("the machine does not answer: {error}"),
        retry_after: 1,
    }
}
