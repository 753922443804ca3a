//! Sending the requests, one after the other.

use std::time::Duration;

use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;

use super::answer::{Answer, Memory};
use super::request::{Request, filled};
use crate::scenarios::{Failure, failure};

/// No answer takes longer: the watches among them end after a second.
const LIMIT: Duration = Duration::from_secs(60);

/// The answers to all requests, in their order.
///
/// # Errors
/// One could not be sent, or had no answer.
pub(super) async fn play(client: &Client, requests: &[Request]) -> Result<Vec<Answer>, Failure> {
    let mut memory = Memory::default();
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        let sent = tokio::time::timeout(LIMIT, send(client, request, &mut memory)).await;
        let answer = sent
            .map_err(|_| {
                failure(format!(
                    "no answer to {:?} within {} s",
                    request.title,
                    LIMIT.as_secs()
                ))
            })?
            .map_err(|error| failure(format!("no answer to {:?}: {error}", request.title)))?;
        answers.push(answer);
    }
    Ok(answers)
}

async fn send(client: &Client, request: &Request, memory: &mut Memory) -> Result<Answer, Failure> {
    let mut built = http::Request::builder()
        .method(request.method.as_str())
        .uri(filled(&request.path, &memory.said).as_slice())
        // Some answers are prettier for curl and browsers.
        .header("user-agent", "annex-e2e/twin");
    for (name, value) in &request.headers {
        built = built.header(name, value);
    }
    let body = filled(&request.body, &memory.said);
    let response = client.send(built.body(Body::from(body))?).await?;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await?.to_bytes();
    Ok(Answer::read(
        parts.status.as_u16(),
        &parts.headers,
        &bytes,
        memory,
    ))
}
