//! Sending the requests, one after the other.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Bytes;
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
    Player::new(client).play(requests).await
}

/// A server that is asked, and what it said so far.
pub(super) struct Player<'a> {
    client: &'a Client,
    memory: Memory,
    /// The API group that requests name, and the one that the server calls so.
    renamed: Option<[&'static str; 2]>,
}

impl<'a> Player<'a> {
    /// One that was asked nothing yet.
    pub(super) fn new(client: &'a Client) -> Self {
        Self {
            client,
            memory: Memory::default(),
            renamed: None,
        }
    }

    /// One of a server that has the API group `from` as `to`: requests and answers are told as if it were the same.
    pub(super) fn renamed(client: &'a Client, from: &'static str, to: &'static str) -> Self {
        Self {
            renamed: Some([from, to]),
            ..Self::new(client)
        }
    }

    /// The answers to all requests, in their order.
    ///
    /// # Errors
    /// One could not be sent, or had no answer.
    pub(super) async fn play(&mut self, requests: &[Request]) -> Result<Vec<Answer>, Failure> {
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push(self.ask(request).await?);
        }
        Ok(answers)
    }

    /// The answer to one request.
    ///
    /// # Errors
    /// It could not be sent, or had no answer.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        let title = &request.title;
        tokio::time::timeout(LIMIT, self.answered(request))
            .await
            .map_err(|_| failure(format!("no answer to {title:?} within {} s", LIMIT.as_secs())))?
            .map_err(|error| failure(format!("no answer to {title:?}: {error}")))
    }

    /// The answer to a request; of one that waits for a code the first that has it.
    async fn answered(&mut self, request: &Request) -> Result<Answer, Failure> {
        let end = tokio::time::Instant::now() + LAG;
        loop {
            let answer = self.send(request).await?;
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

    async fn send(&mut self, request: &Request) -> Result<Answer, Failure> {
        let mut built = http::Request::builder()
            .method(request.method.as_str())
            .uri(self.outgoing(&request.path).as_slice())
            // Some answers are prettier for curl and browsers.
            .header("user-agent", "annex-e2e/twin");
        for (name, value) in &request.headers {
            built = built.header(name, value);
        }
        let body = self.outgoing(&request.body);
        let response = self.client.send(built.body(Body::from(body))?).await?;
        let (parts, body) = response.into_parts();
        let bytes = self.incoming(body.collect().await?.to_bytes());
        Ok(Answer::read(
            parts.status.as_u16(),
            &parts.headers,
            &bytes,
            &mut self.memory,
        ))
    }

    fn outgoing(&self, text: &str) -> Vec<u8> {
        match self.renamed {
            Some([from, to]) => filled(&text.replace(from, to), &self.memory.said),
            None => filled(text, &self.memory.said),
        }
    }

    fn incoming(&self, bytes: Bytes) -> Bytes {
        match (self.renamed, std::str::from_utf8(&bytes)) {
            (Some([from, to]), Ok(text)) => text.replace(to, from).into(),
            _ => bytes,
        }
    }
}
