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
/// How long an answer is waited for that follows from what another object says, and how often it is looked.
const LAG: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);

/// The answers to all requests, in their order.
///
/// # Errors
/// One could not be sent, or had no answer.
pub(super) async fn play(client: &Client, requests: &[Request]) -> Result<Vec<Answer>, Failure> {
    let mut memory = Memory::default();
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        let sent = tokio::time::timeout(LIMIT, answered(client, request, &mut memory)).await;
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

/// The answer to a request; of one that waits for a code the first that has it.
async fn answered(client: &Client, request: &Request, memory: &mut Memory) -> Result<Answer, Failure> {
    let end = tokio::time::Instant::now() + LAG;
    loop {
        let answer = send(client, request, memory).await?;
        let Some(wanted) = request.until.filter(|wanted| *wanted != answer.code) else {
            return Ok(answer);
        };
        if tokio::time::Instant::now() >= end {
            let (code, lag) = (answer.code, LAG.as_secs());
            return Err(failure(format!("still {code} and not {wanted} after {lag} s")));
        }
        tokio::time::sleep(LOOK).await;
    }
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
