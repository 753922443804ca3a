//! From options to an authenticator that keeps itself up to date.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::task::JoinSet;

use super::config_map::{self, LookupError, Wanted};
use super::request_header::Headers;
use super::tokens::{ReviewedTokens, Tokens};
use super::trust::{Authorities, FrontProxy, Trust, TrustStore};
use super::{Authenticator, Options, RequestHeaderOptions};
use crate::background::{BackgroundTask, supervise};

/// How often files are read again. Their dates say nothing about a volume that swaps directories.
const POLL: Duration = Duration::from_secs(5);

/// Why authentication cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A flag makes no sense.
    #[error("{0}")]
    Option(String),
    /// A file of authorities cannot be used.
    #[error("unable to load the authorities in {path}: {message}")]
    Authorities {
        /// Which.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// The cluster does not tell whom to trust.
    #[error("unable to load configmap based request-header-client-ca-file")]
    Lookup(#[source] LookupError),
}

/// The authenticator that `options` describe. `client` reaches the cluster that reviews tokens and says whom to trust;
/// without it tokens mean nothing. It follows files and the cluster for as long as it lives.
///
/// # Errors
/// A flag, a file, or the cluster's configuration cannot be used. That the cluster has none yet is no error: until it
/// has, nobody is believed.
pub async fn build(options: Options, client: Option<Client>) -> Result<Authenticator, StartError> {
    options.request_header.check().map_err(StartError::Option)?;
    let store = Arc::new(TrustStore::new(from_files(&options)?));
    let mut followers = JoinSet::new();
    let mut background = Vec::new();
    let mut task = |name: &str| {
        let task = BackgroundTask::new(name);
        background.push(task.clone());
        task
    };
    let files = Files {
        clients: options.client_ca_file.clone(),
        front_proxy: options.request_header.client_ca_file.clone(),
    };
    let wanted = Wanted {
        clients: files.clients.is_none() && !options.skip_lookup,
        front_proxy: files.front_proxy.is_none() && !options.skip_lookup,
    };
    if files.clients.is_some() || files.front_proxy.is_some() {
        let store = Arc::clone(&store);
        followers.spawn(supervise(
            task("authority-files"),
            move || follow_files(files.clone(), Arc::clone(&store)),
            || {},
        ));
    }
    if wanted.clients || wanted.front_proxy {
        match &client {
            None => tracing::warn!(
                "no cluster to look up configmap/{} in {}: client certificates and front proxies that no file names will not work",
                config_map::NAME,
                config_map::NAMESPACE
            ),
            Some(client) => {
                look_up(client, &store, wanted, &options).await?;
                let (client, store) = (client.clone(), Arc::clone(&store));
                followers.spawn(supervise(
                    task("authentication-configmap"),
                    move || config_map::follow(client.clone(), Arc::clone(&store), wanted),
                    || {},
                ));
            }
        }
    }
    let tokens = match client {
        Some(client) => Tokens::Reviewed(ReviewedTokens::new(client, options.token_cache_ttl)),
        None => Tokens::None,
    };
    Ok(Authenticator::new(store, tokens, followers).with_background(background))
}

async fn look_up(
    client: &Client,
    store: &TrustStore,
    wanted: Wanted,
    options: &Options,
) -> Result<(), StartError> {
    let Err(error) = config_map::read(client, store, wanted).await else {
        return Ok(());
    };
    if matches!(error, LookupError::Get { forbidden: true, .. }) {
        tracing::warn!(
            %error,
            "usually fixed by 'kubectl create rolebinding -n {} ROLEBINDING_NAME --role=extension-apiserver-authentication-reader --serviceaccount=YOUR_NS:YOUR_SA'",
            config_map::NAMESPACE
        );
    }
    // As in Go the authorities of clients alone never keep a server from starting.
    if options.tolerate_lookup_failure || !wanted.front_proxy {
        tracing::warn!(%error, "continuing without authentication configuration; this may treat all requests as anonymous");
        return Ok(());
    }
    Err(StartError::Lookup(error))
}

/// Files of authorities.
#[derive(Clone)]
struct Files {
    clients: Option<PathBuf>,
    front_proxy: Option<PathBuf>,
}

fn from_files(options: &Options) -> Result<Trust, StartError> {
    let load = |path: &Option<PathBuf>| path.as_deref().map(authorities_in).transpose();
    Ok(Trust {
        clients: load(&options.client_ca_file)?,
        front_proxy: match load(&options.request_header.client_ca_file)? {
            None => FrontProxy::default(),
            authorities => front_proxy(&options.request_header, authorities),
        },
    })
}

fn front_proxy(options: &RequestHeaderOptions, authorities: Option<Arc<Authorities>>) -> FrontProxy {
    FrontProxy {
        authorities,
        allowed_names: options.allowed_names.clone(),
        headers: Headers::new(
            &options.username_headers,
            &options.uid_headers,
            &options.group_headers,
            &options.extra_headers_prefix,
        ),
    }
}

fn authorities_in(path: &Path) -> Result<Arc<Authorities>, StartError> {
    let unusable = |message: String| StartError::Authorities {
        path: path.to_owned(),
        message,
    };
    let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let authorities = Authorities::parse(&pem).map_err(|error| unusable(error.to_string()))?;
    Ok(Arc::new(authorities))
}

/// Reads the files again and again, for ever; what is wrong in them changes nothing.
async fn follow_files(files: Files, store: Arc<TrustStore>) {
    let mut failing = String::new();
    loop {
        tokio::time::sleep(POLL).await;
        let mut failures = String::new();
        for (path, front_proxy) in [(&files.clients, false), (&files.front_proxy, true)] {
            let Some(path) = path.clone() else { continue };
            let read = tokio::task::spawn_blocking(move || authorities_in(&path)).await;
            match read {
                Ok(Ok(authorities)) => take_over(&store, authorities, front_proxy),
                Ok(Err(error)) => failures.push_str(&error.to_string()),
                Err(error) => failures.push_str(&error.to_string()),
            }
        }
        if failures != failing && !failures.is_empty() {
            tracing::warn!(error = failures, "keeping the authorities that were");
        }
        failing = failures;
    }
}

fn take_over(store: &TrustStore, authorities: Arc<Authorities>, front_proxy: bool) {
    let changed = store.change(|trust| {
        let place = if front_proxy {
            &mut trust.front_proxy.authorities
        } else {
            &mut trust.clients
        };
        *place = Some(authorities);
    });
    if changed {
        tracing::info!(
            front_proxy,
            "took over new authorities of client certificates from a file"
        );
    }
}

#[cfg(test)]
mod tests;
