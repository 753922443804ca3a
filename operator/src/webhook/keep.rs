//! The leader keeps the webhook's Secret, and the bundle in its configuration. The chart makes both; without it there is no webhook.

use std::time::Duration;

use annex_crds::MANAGER;
use k8s_openapi::{
    ByteString,
    api::{admissionregistration::v1::ValidatingWebhookConfiguration, core::v1::Secret},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::time::sleep;

use super::{CONFIGURATION, SECRET, SERVICE, keys, keys::Keys};
use crate::{clock::Clock, error_chain::error_chain, pki::IssueError};

/// How often it is looked whether all is as it should be.
const PERIOD: Duration = Duration::from_secs(60);
/// The same after a failure.
const AGAIN: Duration = Duration::from_secs(5);

/// Why the webhook cannot be kept.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error("failed to {what}")]
    Request {
        what: &'static str,
        #[source]
        source: kube::Error,
    },
    #[error("failed to issue the certificate of the webhook")]
    Issue(#[from] IssueError),
}

/// The name by which the kube-apiserver calls the webhook.
#[must_use]
pub(super) fn dns_name(namespace: &str) -> String {
    format!("{SERVICE}.{namespace}.svc")
}

/// Keeps them until it is dropped.
pub async fn keep(client: Client, namespace: String, clock: Clock) {
    let mut failure = None;
    loop {
        let pause = match keep_once(&client, &namespace, &clock).await {
            Ok(()) => {
                failure = None;
                PERIOD
            }
            Err(error) => {
                let words = error_chain(&error);
                if failure.as_ref() != Some(&words) {
                    tracing::warn!(error = words, "the webhook is not kept");
                }
                failure = Some(words);
                AGAIN
            }
        };
        sleep(pause).await;
    }
}

async fn keep_once(client: &Client, namespace: &str, clock: &Clock) -> Result<(), KeepError> {
    let failed = |what| move |source| KeepError::Request { what, source };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let secret = secrets.get_opt(SECRET).await.map_err(failed("read its Secret"))?;
    // Installed without the chart's webhook.
    let Some(mut secret) = secret else { return Ok(()) };
    let (name, now) = (dns_name(namespace), clock.now());
    let read = Keys::read(&secret, &name, now);
    let keys = match read.filter(|keys| !keys.are_due(now)) {
        Some(keys) => keys,
        None => {
            secret.data = Some(keys::renew(&secret, &name, now)?);
            let params = PostParams {
                field_manager: Some(MANAGER.to_owned()),
                ..PostParams::default()
            };
            secret = secrets
                .replace(SECRET, &params, &secret)
                .await
                .map_err(failed("write its Secret"))?;
            match Keys::read(&secret, &name, now) {
                Some(keys) => keys,
                None => return Ok(()),
            }
        }
    };
    publish(client, keys.bundle.as_bytes()).await
}

/// Puts the bundle into the configuration, where it is another one.
async fn publish(client: &Client, bundle: &[u8]) -> Result<(), KeepError> {
    let failed = |what| move |source| KeepError::Request { what, source };
    let api: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let live = api
        .get_opt(CONFIGURATION)
        .await
        .map_err(failed("read its configuration"))?;
    let Some(live) = live else { return Ok(()) };
    let mut webhooks = live.webhooks.unwrap_or_default();
    let bundle = ByteString(bundle.to_vec());
    if webhooks
        .iter()
        .all(|webhook| webhook.client_config.ca_bundle.as_ref() == Some(&bundle))
    {
        return Ok(());
    }
    for webhook in &mut webhooks {
        webhook.client_config.ca_bundle = Some(bundle.clone());
    }
    let patch = Patch::Merge(json!({
        "metadata": { "resourceVersion": live.metadata.resource_version },
        "webhooks": webhooks,
    }));
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let written = api.patch(CONFIGURATION, &params, &patch).await;
    written.map(drop).map_err(failed("write its configuration"))
}
