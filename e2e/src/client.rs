//! Talking to a cluster's API from this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::discovery::Discovery;
use kube::{Client, Config, ResourceExt as _};

/// Who owns the fields that the harness applies.
const FIELD_MANAGER: &str = "annex-e2e";

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(200);

/// A cluster's API that could not be reached or refused something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kubeconfig.
    #[error("failed to read the kubeconfig {}", path.display())]
    Kubeconfig {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: Box<KubeconfigError>,
    },
    /// The client.
    #[error("failed to make a client from the kubeconfig {}", path.display())]
    Connect {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: Box<kube::Error>,
    },
    /// Asking the server for its kinds.
    #[error("failed to ask the server for its kinds")]
    Discover(#[source] Box<kube::Error>),
    /// A manifest that is no YAML, or none of Kubernetes.
    #[error("failed to read a manifest")]
    Manifest(#[source] serde_saphyr::Error),
    /// A kind that the server does not serve.
    #[error("the server has no kind {0}")]
    UnknownKind(String),
    /// The server refused an object.
    #[error("failed to apply {kind} {name}")]
    Apply {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// Something did not come about.
    #[error("waited {} s in vain for {what}: {last}", limit.as_secs())]
    Timeout {
        /// What for.
        what: String,
        /// How long.
        limit: Duration,
        /// What was there instead.
        last: String,
    },
}

/// A client for the cluster of a kubeconfig's current context.
///
/// # Errors
/// When the file is missing or makes no sense.
pub async fn connect(kubeconfig: &Path) -> Result<Client, Error> {
    connect_with(kubeconfig, read_kubeconfig(kubeconfig)?).await
}

/// The same, but a request is made once. By default a client tries again where it was answered 429, 503 or 504, and
/// whoever counts failures sees none.
///
/// # Errors
/// When the file is missing or makes no sense.
pub async fn connect_without_retries(kubeconfig: &Path) -> Result<Client, Error> {
    let mut config = configuration(kubeconfig, read_kubeconfig(kubeconfig)?).await?;
    config.default_retry = false;
    make(kubeconfig, config)
}

fn read_kubeconfig(path: &Path) -> Result<Kubeconfig, Error> {
    Kubeconfig::read_from(path).map_err(|source| Error::Kubeconfig {
        path: path.to_owned(),
        source: source.into(),
    })
}

async fn connect_with(kubeconfig: &Path, content: Kubeconfig) -> Result<Client, Error> {
    make(kubeconfig, configuration(kubeconfig, content).await?)
}

async fn configuration(kubeconfig: &Path, content: Kubeconfig) -> Result<Config, Error> {
    Config::from_custom_kubeconfig(content, &KubeConfigOptions::default())
        .await
        .map_err(|source| Error::Kubeconfig {
            path: kubeconfig.to_owned(),
            source: source.into(),
        })
}

fn make(kubeconfig: &Path, config: Config) -> Result<Client, Error> {
    Client::try_from(config).map_err(|source| Error::Connect {
        path: kubeconfig.to_owned(),
        source: source.into(),
    })
}

/// A client for a server of the same cluster and the same user, other than the kubeconfig's.
///
/// # Errors
/// When the file is missing or makes no sense, or the URL does not.
pub async fn connect_to(kubeconfig: &Path, url: &str) -> Result<Client, Error> {
    let mut file = read_kubeconfig(kubeconfig)?;
    for cluster in file
        .clusters
        .iter_mut()
        .filter_map(|named| named.cluster.as_mut())
    {
        cluster.server = Some(url.to_owned());
    }
    connect_with(kubeconfig, file).await
}

/// A client for another server than the kubeconfig's, as the same user: the server called `name` in its certificate,
/// which `authorities`, in PEM, vouch for. A request is made once.
///
/// # Errors
/// When the file is missing or makes no sense, or the URL or the authorities do not.
pub async fn connect_directly(
    kubeconfig: &Path,
    url: &str,
    name: &str,
    authorities: &str,
) -> Result<Client, Error> {
    let mut file = read_kubeconfig(kubeconfig)?;
    for cluster in file
        .clusters
        .iter_mut()
        .filter_map(|named| named.cluster.as_mut())
    {
        cluster.server = Some(url.to_owned());
        cluster.tls_server_name = Some(name.to_owned());
        cluster.certificate_authority = None;
        cluster.certificate_authority_data = Some(BASE64.encode(authorities));
    }
    let mut config = configuration(kubeconfig, file).await?;
    config.default_retry = false;
    make(kubeconfig, config)
}

/// Applies every object of a YAML text, server-side, in the text's order.
///
/// # Errors
/// At the first object that is refused.
pub async fn apply_yaml(client: &Client, yaml: &str) -> Result<(), Error> {
    let objects: Vec<DynamicObject> = serde_saphyr::from_multiple(yaml).map_err(Error::Manifest)?;
    let discovery = Discovery::new(client.clone())
        .run()
        .await
        .map_err(|source| Error::Discover(source.into()))?;
    for object in objects {
        apply(client, &discovery, &object).await?;
    }
    Ok(())
}

async fn apply(client: &Client, discovery: &Discovery, object: &DynamicObject) -> Result<(), Error> {
    let kind = object
        .types
        .as_ref()
        .map(|types| types.kind.clone())
        .unwrap_or_default();
    let (resource, capabilities) = discovery
        .resolve_object(object)
        .ok_or_else(|| Error::UnknownKind(kind.clone()))?;
    let namespace = object
        .namespace()
        .unwrap_or_else(|| client.default_namespace().to_owned());
    let api =
        Api::<DynamicObject>::dynamic(client.clone(), &resource, &capabilities.scope).constrain(&namespace);
    let name = object.name_any();
    api.patch(
        &name,
        &PatchParams::apply(FIELD_MANAGER).force(),
        &Patch::Apply(object),
    )
    .await
    .map_err(|source| Error::Apply {
        kind,
        name,
        source: source.into(),
    })?;
    Ok(())
}

/// The body of a `GET` of any path, such as `/readyz`.
///
/// # Errors
/// When the server cannot be reached or answers with an error.
pub async fn get(client: &Client, path: &str) -> Result<String, kube::Error> {
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(kube::Error::HttpError)?;
    client.request_text(request).await
}

/// Waits until `look` finds what is wanted. It answers with what it found, or with what is there instead.
///
/// # Errors
/// When the limit passes: with what was there last.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, Error> {
    let deadline = tokio::time::Instant::now() + limit;
    let mut last = "no answer".to_owned();
    loop {
        match tokio::time::timeout_at(deadline, look()).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(instead)) => last = instead,
            Err(_) => {
                return Err(Error::Timeout {
                    what: what.to_owned(),
                    limit,
                    last,
                });
            }
        }
        if tokio::time::Instant::now() + POLL > deadline {
            return Err(Error::Timeout {
                what: what.to_owned(),
                limit,
                last,
            });
        }
        tokio::time::sleep(POLL).await;
    }
}
