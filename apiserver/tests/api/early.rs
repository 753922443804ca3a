//! Answers that come before the whole body did: they arrive, and the body is taken in within bounds.

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use http::Request;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Client, encrypted};
use crate::fixture::{PATIENCE, Served, THINGS, serve};

/// The message of 413.
const TOO_LARGE: &str = "Request entity too large: limit is 3145728";

/// A body of more than 3 MiB.
fn large() -> Value {
    "x".repeat(5 << 20).into()
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_whole_over_both_protocols() {
    let served = serve().await;
    let body = large();
    for http2 in [true, false] {
        for attempt in 0..10 {
            let mut client = Client::connect(served.address, &served.trust, http2, Some(&served.token)).await;
            let answer = client.post(THINGS, &body).await;
            assert_eq!(answer.code, 413, "HTTP/2: {http2}, attempt {attempt}");
            assert_eq!(answer.json()["message"], TOO_LARGE);
            // The connection is as good as before.
            assert_eq!(
                client.get("/livez").await.code,
                200,
                "HTTP/2: {http2}, attempt {attempt}"
            );
        }
    }
}

#[tokio::test]
async fn every_early_answer_arrives_whatever_its_reason() {
    let served = serve().await;
    let body = large();
    for http2 in [true, false] {
        for (code, token, method, path) in [
            (401, Some("wrong"), "POST", THINGS),
            (403, None, "POST", THINGS),
            (404, Some(served.token.as_str()), "POST", "/nowhere"),
            (
                404,
                Some(served.token.as_str()),
                "POST",
                "/apis/test.example.com/v1/nothings",
            ),
            (405, Some(served.token.as_str()), "POST", "/version"),
            (
                415,
                Some(served.token.as_str()),
                "PATCH",
                &format!("{THINGS}/one"),
            ),
            (200, Some(served.token.as_str()), "GET", THINGS),
        ] {
            let mut client = Client::connect(served.address, &served.trust, http2, token).await;
            let answer = client.ask(method, path, &[], Some(&body)).await;
            assert_eq!(
                answer.code, code,
                "HTTP/2: {http2}, {method} {path}: {}",
                answer.body
            );
            assert!(!answer.body.is_empty());
        }
    }
}

async fn raw(served: &Served) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(served.address).await.unwrap();
    let stream = encrypted(stream, &served.trust, true).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(async { drop(connection.await) });
    sender.ready().await.unwrap()
}

fn post(served: &Served) -> Request<()> {
    Request::post(format!("https://localhost{THINGS}"))
        .header("authorization", format!("Bearer {}", served.token))
        .header("content-type", "application/json")
        .body(())
        .unwrap()
}

/// Sends `bytes` as the window allows.
async fn send(stream: &mut h2::SendStream<Bytes>, bytes: usize) -> Result<(), h2::Error> {
    let mut left = bytes;
    while left > 0 {
        stream.reserve_capacity(left.min(1 << 16));
        let room = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
        let room = room.unwrap_or_else(|| Err(Reason::STREAM_CLOSED.into()))?;
        let piece = room.min(left);
        stream.send_data(Bytes::from(vec![b' '; piece]), false)?;
        left -= piece;
    }
    Ok(())
}

#[tokio::test]
async fn the_answer_ends_at_once_and_the_stream_is_not_reset_while_the_client_sends() {
    let served = serve().await;
    for _ in 0..10 {
        let mut sender = raw(&served).await;
        let (response, mut stream) = sender.send_request(post(&served), false).unwrap();
        // No length is announced: only the bytes say that it is too large.
        send(&mut stream, 4 << 20).await.unwrap();
        let response = timeout(PATIENCE, response).await.unwrap().unwrap();
        assert_eq!(response.status(), 413);
        let mut body = response.into_body();
        let mut text = Vec::new();
        while let Some(data) = body.data().await {
            text.extend_from_slice(&data.unwrap());
        }
        let status: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(status["message"], TOO_LARGE);
        // The answer has ended, and the rest of the body is still welcome.
        send(&mut stream, 8 << 20).await.unwrap();
        stream.send_data(Bytes::new(), true).unwrap();
    }
}

#[tokio::test]
async fn a_body_without_end_is_given_up_without_an_error() {
    let served = serve().await;
    let mut sender = raw(&served).await;
    let (response, mut stream) = sender.send_request(post(&served), false).unwrap();
    send(&mut stream, 4 << 20).await.unwrap();
    assert_eq!(timeout(PATIENCE, response).await.unwrap().unwrap().status(), 413);
    let endless = async {
        loop {
            if let Err(error) = send(&mut stream, 1 << 20).await {
                return error;
            }
        }
    };
    let error = timeout(PATIENCE, endless).await.expect("it is given up");
    let reason = std::future::poll_fn(|context| stream.poll_reset(context)).await;
    assert_eq!(
        reason.ok().or_else(|| error.reason()),
        Some(Reason::NO_ERROR),
        "{error}"
    );
}
