//! Users who work without pause and never try again: what fails is seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use kube::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::flunder;
use crate::client;
use crate::scenarios::{Failure, World, failure};

/// How many work at once.
const USERS: usize = 3;

/// Failures that are told one by one.
const TOLD: usize = 5;

/// What a user does again and again.
const TURN: [&str; 5] = ["POST", "GET", "PATCH", "LIST", "DELETE"];

/// Users at work.
pub(super) struct Users {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<Vec<(Duration, String)>>>,
}

impl Users {
    /// Begins to create, get, patch, list and delete flunders in `namespace` through the aggregator, each user over a connection of
    /// its own, one request after the other.
    ///
    /// # Errors
    /// A client cannot be made.
    pub(super) async fn begin(world: &World, namespace: &str) -> Result<Self, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let began = Instant::now();
        // Those who stopped before may have left an object.
        let run: u32 = rand::random();
        let mut tasks = Vec::new();
        for number in 0..USERS {
            let user = User {
                client: client::connect_without_retries(world.tools.kubeconfig()).await?,
                list: format!("/apis/wardle.example.com/v1alpha1/namespaces/{namespace}/flunders"),
                name: format!("user-{run:08x}-{number}"),
            };
            tasks.push(tokio::spawn(user.work(
                Arc::clone(&stop),
                Arc::clone(&answered),
                began,
            )));
        }
        Ok(Self {
            stop,
            answered,
            tasks,
        })
    }

    /// Waits until so many requests more were answered.
    ///
    /// # Errors
    /// They were not, for a long time.
    pub(super) async fn answered(&self, world: &World, more: usize) -> Result<(), Failure> {
        let wanted = self.answered.load(Ordering::Relaxed) + more;
        world
            .eventually(&format!("{more} answers"), async || {
                let now = self.answered.load(Ordering::Relaxed);
                if now >= wanted {
                    Ok(())
                } else {
                    Err(format!("{} are missing", wanted - now))
                }
            })
            .await
    }

    /// Ends; returns how many requests were answered.
    ///
    /// # Errors
    /// One failed.
    pub(super) async fn end(self) -> Result<usize, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let mut failures = Vec::new();
        for task in self.tasks {
            failures.extend(task.await?);
        }
        let answered = self.answered.load(Ordering::Relaxed);
        if failures.is_empty() {
            return Ok(answered);
        }
        failures.sort();
        let told: Vec<String> = failures
            .iter()
            .take(TOLD)
            .map(|(at, what)| format!("after {:.1} s {what}", at.as_secs_f64()))
            .collect();
        Err(failure(format!(
            "{} of {} requests failed: {}",
            failures.len(),
            failures.len() + answered,
            told.join("; ")
        )))
    }
}

struct User {
    client: Client,
    list: String,
    name: String,
}

impl User {
    async fn work(
        self,
        stop: Arc<AtomicBool>,
        answered: Arc<AtomicUsize>,
        began: Instant,
    ) -> Vec<(Duration, String)> {
        let mut failures = Vec::new();
        for number in 0_usize.. {
            let name = format!("{}-{number}", self.name);
            for what in TURN {
                if stop.load(Ordering::Relaxed) {
                    return failures;
                }
                match self.request(what, &name).await {
                    Ok(()) => {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(error) => {
                        failures.push((began.elapsed(), format!("{what} {name}: {error}")));
                        // A server that is away must not fill the memory.
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
        }
        Vec::new()
    }

    async fn request(&self, what: &str, name: &str) -> Result<(), String> {
        let one = format!("{}/{name}", self.list);
        let (method, path, body) = match what {
            "POST" => (Method::POST, &self.list, Some(flunder(name))),
            "GET" => (Method::GET, &one, None),
            "PATCH" => (
                Method::PATCH,
                &one,
                Some(json!({ "metadata": { "labels": { "touched": "true" } } })),
            ),
            "LIST" => (Method::GET, &self.list, None),
            _ => (Method::DELETE, &one, None),
        };
        let media = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", media)
            .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let answer = self.client.request::<Value>(request).await;
        answer.map(drop).map_err(|error| error.to_string())
    }
}
