//! One of two sides: a server that serves the definitions, and the group that it has them under.

use std::time::Duration;

use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::client;
use crate::scenarios::{Failure, failure};

/// The group of `definitions/`, which requests and answers are told by.
pub(in crate::scenarios::twin) const GROUP: &str = "twin.example.com";
/// What stands in `definitions/`.
pub(super) const DEFINITIONS: [&str; 2] = [
    include_str!("definitions/machines.yaml"),
    include_str!("definitions/sites.yaml"),
];
/// Their resources.
pub(super) const RESOURCES: [&str; 2] = ["machines", "sites"];
/// How long a definition may take to be served.
const LIMIT: Duration = Duration::from_secs(60);

/// A server, however it came to serve the definitions, and its name for their group.
#[derive(Clone)]
pub(super) struct Side {
    pub(super) client: Client,
    pub(super) group: String,
}

impl Side {
    pub(super) fn new(client: Client, group: &str) -> Self {
        Self {
            client,
            group: group.to_owned(),
        }
    }

    /// Makes the definitions at a kube-apiserver, and waits until they are served.
    ///
    /// # Errors
    /// It refuses them, or does not serve them.
    pub(super) async fn define(&self) -> Result<(), Failure> {
        for definition in DEFINITIONS {
            client::apply_yaml(&self.client, &definition.replace(GROUP, &self.group)).await?;
        }
        for resource in RESOURCES {
            let path = format!("/apis/{}/v1/{resource}", self.group);
            let served = async || {
                client::get(&self.client, &path)
                    .await
                    .map_err(|error| error.to_string())
            };
            client::eventually("the definitions to be served", LIMIT, served).await?;
        }
        Ok(())
    }

    /// Makes a namespace, where the server has such objects.
    ///
    /// # Errors
    /// It is refused.
    pub(super) async fn namespace(&self, name: &str) -> Result<(), Failure> {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        let (code, _) = self.send("POST", "/api/v1/namespaces", "", &namespace).await?;
        match code {
            201 | 404 | 409 => Ok(()),
            code => Err(failure(format!("the namespace {name} is answered {code}"))),
        }
    }

    /// Removes all objects of a namespace, and with `cluster` those of the cluster too, whatever holds them.
    ///
    /// # Errors
    /// A request is not answered.
    pub(super) async fn sweep(&self, namespace: &str, cluster: bool) -> Result<(), Failure> {
        self.sweep_all(&format!(
            "/apis/{}/v1/namespaces/{namespace}/machines",
            self.group
        ))
        .await?;
        if cluster {
            self.sweep_all(&format!("/apis/{}/v1/sites", self.group)).await?;
        }
        Ok(())
    }

    async fn sweep_all(&self, path: &str) -> Result<(), Failure> {
        let (_, list) = self.send("GET", path, "", &Value::Null).await?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        if items.is_empty() {
            return Ok(());
        }
        for item in items
            .iter()
            .filter(|item| !item["metadata"]["finalizers"].is_null())
        {
            let name = item["metadata"]["name"].as_str().unwrap_or_default();
            let free = json!({ "metadata": { "finalizers": null } });
            let path = format!("{path}/{name}");
            self.send("PATCH", &path, "application/merge-patch+json", &free)
                .await?;
        }
        self.send("DELETE", path, "", &Value::Null).await?;
        Ok(())
    }

    /// The code and the JSON of an answer.
    async fn send(
        &self,
        method: &str,
        path: &str,
        form: &str,
        body: &Value,
    ) -> Result<(u16, Value), Failure> {
        let form = if form.is_empty() { "application/json" } else { form };
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", form);
        let response = self.client.send(request.body(Body::from(body))?).await?;
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await?.to_bytes();
        Ok((code, serde_json::from_slice(&bytes).unwrap_or_default()))
    }
}
