//! A watch that goes on beside other requests.

use std::collections::VecDeque;
use std::time::Duration;

use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::play::renamed;

/// What a bookmark says that ends the initial events.
const INITIAL_END: &str = "k8s.io/initial-events-end";

/// The body of a watch, and what of it was read and not looked at.
pub(super) struct Watch {
    body: Body,
    group: String,
    buffer: Vec<u8>,
    waiting: VecDeque<Value>,
}

impl Watch {
    pub(super) fn new(body: Body, group: &str) -> Self {
        Self {
            body,
            group: group.to_owned(),
            buffer: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// The events up to the first of the object `last`, or up to the end; what came instead stands as a text behind them.
    pub(super) async fn events(&mut self, last: Option<&str>, limit: Duration) -> Vec<Value> {
        let end = Instant::now() + limit;
        let mut events = Vec::new();
        loop {
            match timeout_at(end, self.next()).await {
                Ok(Some(event)) if is_by_the_clock(&event) => {}
                Ok(Some(event)) => {
                    let is_last = last.is_some() && event["object"]["metadata"]["name"].as_str() == last;
                    events.push(event);
                    if is_last {
                        return events;
                    }
                }
                Ok(None) => {
                    events.push(json!("the end"));
                    return events;
                }
                Err(_) => {
                    events.push(json!(format!("nothing more for {} s", limit.as_secs())));
                    return events;
                }
            }
        }
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.buffer.extend_from_slice(&data);
            }
            let Some(end) = self.buffer.iter().rposition(|byte| *byte == b'\n') else {
                continue;
            };
            let lines: Vec<u8> = self.buffer.drain(..=end).collect();
            let lines = renamed(&lines.into(), &self.group);
            let events = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            self.waiting.extend(events.map(|line| {
                serde_json::from_slice(line)
                    .unwrap_or_else(|_| json!(String::from_utf8_lossy(line).into_owned()))
            }));
        }
    }
}

/// The resourceVersion of an event's object.
pub(super) fn revision(event: &Value) -> Option<u64> {
    event["object"]["metadata"]["resourceVersion"]
        .as_str()?
        .parse()
        .ok()
}

/// A bookmark that tells no end of initial events: when it comes is a matter of the clock.
fn is_by_the_clock(event: &Value) -> bool {
    event["type"] == "BOOKMARK" && !event.to_string().contains(INITIAL_END)
}
