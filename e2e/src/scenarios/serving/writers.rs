//! Writers that go on whatever happens, and remember what was acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kube::Client;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::flunder;
use crate::client;
use crate::scenarios::{Failure, World};

/// How many write at once.
const WRITERS: usize = 8;

/// Writers at work.
pub(super) struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<BTreeMap<String, String>>>,
}

impl Writers {
    /// Begins to create flunders in `namespace`, each writer one after the other.
    pub(super) async fn begin(world: &World, namespace: &str) -> Result<Self, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let client = client::connect_without_retries(world.tools.kubeconfig()).await?;
        let tasks = (0..WRITERS)
            .map(|writer| {
                tokio::spawn(write(
                    client.clone(),
                    namespace.to_owned(),
                    writer,
                    Arc::clone(&stop),
                ))
            })
            .collect();
        Ok(Self { stop, tasks })
    }

    /// Ends; returns the name and the uid of each flunder whose creation was answered with success.
    pub(super) async fn end(self) -> Result<BTreeMap<String, String>, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let mut acknowledged = BTreeMap::new();
        for task in self.tasks {
            acknowledged.extend(task.await?);
        }
        Ok(acknowledged)
    }
}

async fn write(
    client: Client,
    namespace: String,
    writer: usize,
    stop: Arc<AtomicBool>,
) -> BTreeMap<String, String> {
    let mut acknowledged = BTreeMap::new();
    for number in 0_usize.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("written-{writer}-{number}");
        // A failure says nothing of whether it took place; only success does.
        if let Ok(uid) = create(&client, &namespace, &name).await {
            acknowledged.insert(name, uid);
        }
    }
    acknowledged
}

/// Creates a flunder through the aggregator, and returns its uid.
///
/// # Errors
/// It was not acknowledged.
pub(super) async fn create(client: &Client, namespace: &str, name: &str) -> Result<String, kube::Error> {
    let path = format!("/apis/wardle.example.com/v1alpha1/namespaces/{namespace}/flunders");
    let request = http::Request::post(path)
        .header("content-type", "application/json")
        .body(flunder(name).to_string().into_bytes())
        .map_err(kube::Error::HttpError)?;
    let created: Value = client.request(request).await?;
    Ok(created["metadata"]["uid"].as_str().unwrap_or_default().to_owned())
}
