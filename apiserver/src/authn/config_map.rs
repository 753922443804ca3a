//! The cluster's own word on whom to trust: ConfigMap kube-system/extension-apiserver-authentication.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Client};

use super::request_header::Headers;
use super::trust::{Authorities, AuthoritiesError, TrustStore};
use crate::kubernetes::failure;

pub(super) const NAMESPACE: &str = "kube-system";
pub(super) const NAME: &str = "extension-apiserver-authentication";

/// A first read takes no longer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Which parts of it count; the others come from files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) clients: bool,
    pub(super) front_proxy: bool,
}

/// Why the ConfigMap could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The cluster refused it or was not reached.
    #[error("unable to get configmap/{NAME} in {NAMESPACE}: {text}")]
    Get {
        /// Why.
        text: String,
        /// Whether it was refused: usually the RoleBinding to extension-apiserver-authentication-reader is missing.
        forbidden: bool,
    },
    /// It took too long.
    #[error("unable to get configmap/{NAME} in {NAMESPACE}: no answer within {} s", TIMEOUT.as_secs())]
    TimedOut,
    /// One of its lists is none.
    #[error("{key} in configmap/{NAME} is not a list of texts: {source}")]
    List {
        /// Which.
        key: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

/// Reads it once. That it is not there is no error: it may come.
pub(super) async fn read(client: &Client, store: &TrustStore, wanted: Wanted) -> Result<(), LookupError> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    let found = tokio::time::timeout(TIMEOUT, api.get_opt(NAME))
        .await
        .map_err(|_| LookupError::TimedOut)?
        .map_err(|error| LookupError::Get {
            text: failure(&error),
            forbidden: crate::kubernetes::is_forbidden(&error),
        })?;
    match found {
        Some(found) => apply(&found, store, wanted),
        None => Ok(()),
    }
}

/// Keeps `store` as the ConfigMap is, for ever. What is wrong in it, or gone, changes nothing.
pub(super) async fn follow(client: Client, store: Arc<TrustStore>, wanted: Wanted) {
    let api: Api<ConfigMap> = Api::namespaced(client, NAMESPACE);
    let config = watcher::Config::default().fields(&format!("metadata.name={NAME}"));
    let mut events = watch(api, config).default_backoff().boxed();
    let mut failing = false;
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(found) | Event::InitApply(found)) => {
                if let Err(error) = apply(&found, &store, wanted) {
                    tracing::warn!(%error, "keeping the front proxy's configuration that was");
                }
            }
            Ok(Event::Delete(_) | Event::Init) => {}
            Ok(Event::InitDone) => failing = false,
            Err(error) => {
                // The watcher tries again on its own, with growing pauses.
                if !failing {
                    tracing::warn!(%error, "configmap/{NAME} cannot be watched");
                }
                failing = true;
            }
        }
    }
}

/// Takes over what is good in it.
fn apply(found: &ConfigMap, store: &TrustStore, wanted: Wanted) -> Result<(), LookupError> {
    let empty = BTreeMap::new();
    let data = found.data.as_ref().unwrap_or(&empty);
    if wanted.clients
        && let Some(authorities) = bundle(data, "client-ca-file")
    {
        let changed = store.change(|trust| trust.clients = Some(authorities));
        if changed {
            tracing::info!("took over the cluster's authorities of client certificates");
        }
    }
    if !wanted.front_proxy {
        return Ok(());
    }
    let authorities = bundle(data, "requestheader-client-ca-file");
    let headers = headers(data);
    let changed = store.change(|trust| {
        let proxy = &mut trust.front_proxy;
        if let Some(authorities) = authorities {
            proxy.authorities = Some(authorities);
        }
        if let Ok((headers, allowed_names)) = &headers {
            proxy.headers = headers.clone();
            proxy.allowed_names.clone_from(allowed_names);
        }
    });
    if changed {
        tracing::info!("took over the cluster's front proxy");
    }
    headers.map(drop)
}

/// The bundle at `key`, unless there is none or it is bad.
fn bundle(data: &BTreeMap<String, String>, key: &str) -> Option<Arc<Authorities>> {
    match Authorities::parse(data.get(key)?.as_bytes()) {
        Ok(authorities) => Some(Arc::new(authorities)),
        Err(AuthoritiesError::Empty) => None,
        Err(error) => {
            tracing::warn!(%error, "{key} in configmap/{NAME} is unusable");
            None
        }
    }
}

fn headers(data: &BTreeMap<String, String>) -> Result<(Headers, Vec<String>), LookupError> {
    let headers = Headers::new(
        &list(data, "requestheader-username-headers")?,
        &list(data, "requestheader-uid-headers")?,
        &list(data, "requestheader-group-headers")?,
        &list(data, "requestheader-extra-headers-prefix")?,
    );
    Ok((headers, list(data, "requestheader-allowed-names")?))
}

fn list(data: &BTreeMap<String, String>, key: &'static str) -> Result<Vec<String>, LookupError> {
    match data.get(key).map(String::as_str) {
        None | Some("") => Ok(Vec::new()),
        Some(text) => {
            let values: Option<Vec<String>> =
                serde_json::from_str(text).map_err(|source| LookupError::List { key, source })?;
            Ok(values.unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests;
