//! The one server behind all Services of the bench: it presents each AggregatedServer's certificate by the name that it is asked for
//! (SNI), as the serving Secrets have it, and answers discovery and `/readyz`. A command of its own, which runs in the node.
//!
//! It takes a Secret's change at once, where a kubelet would take its time: it is the operator that is measured.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::StreamExt as _;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use super::Error;
use crate::client;

/// Connections at once: a kube-apiserver keeps a few to each APIService.
const MAX_CONNECTIONS: usize = 12_000;
/// Certificates that are kept; what comes beyond them is not served.
const MAX_CERTIFICATES: usize = 4_000;
/// How long a client may take for its handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// The pause after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How serving Secrets are called.
const SECRET_SUFFIX: &str = "-serving-cert";

/// Serves until the process is ended.
///
/// # Errors
/// The kubeconfig is unusable, or the address is taken.
pub async fn run(kubeconfig: &Path, address: SocketAddr) -> Result<(), Error> {
    let client = client::connect(kubeconfig).await?;
    let certificates = Arc::new(Certificates::default());
    let listener = TcpListener::bind(address)
        .await
        .map_err(Error::system(format!("listen at {address}")))?;
    let mut tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&certificates) as Arc<dyn ResolvesServerCert>);
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    tokio::join!(
        follow(client, &certificates),
        accept(listener, TlsAcceptor::from(Arc::new(tls)))
    );
    Ok(())
}

/// Certificate and key by server name.
#[derive(Default)]
struct Certificates(RwLock<HashMap<String, Arc<CertifiedKey>>>);

// By hand: keys are nobody's to print.
impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(hello.server_name()?).cloned()
    }
}

impl Certificates {
    fn take(&self, secret: &Secret) {
        let Some(name) = server_name(secret) else { return };
        match certified(secret) {
            Ok(certified) => {
                let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
                if known.len() < MAX_CERTIFICATES || known.contains_key(&name) {
                    known.insert(name, Arc::new(certified));
                }
            }
            Err(error) => tracing::warn!(name, %error, "a serving Secret that cannot be used"),
        }
    }

    fn drop(&self, secret: &Secret) {
        if let Some(name) = server_name(secret) {
            self.0
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&name);
        }
    }
}

/// Follows the serving Secrets. It does not end.
async fn follow(client: Client, certificates: &Certificates) {
    let of_servers = watcher::Config::default().labels(annex_crds::SERVER_LABEL);
    let stream = watcher(Api::<Secret>::all(client), of_servers).default_backoff();
    let mut stream = std::pin::pin!(stream);
    while let Some(event) = stream.next().await {
        match event {
            Ok(watcher::Event::Apply(secret) | watcher::Event::InitApply(secret)) => {
                certificates.take(&secret);
            }
            Ok(watcher::Event::Delete(secret)) => certificates.drop(&secret),
            Ok(watcher::Event::Init | watcher::Event::InitDone) => {}
            Err(error) => tracing::warn!(%error, "Secrets cannot be followed, will try again"),
        }
    }
}

/// The name that the aggregator asks for, where the Secret is of a serving certificate.
fn server_name(secret: &Secret) -> Option<String> {
    let name = secret.metadata.name.as_deref()?.strip_suffix(SECRET_SUFFIX)?;
    Some(format!("{name}.{}.svc", secret.namespace()?))
}

/// What the Secret holds, or why it is of no use.
fn certified(secret: &Secret) -> Result<CertifiedKey, String> {
    let entry = |key: &str| {
        let data = secret.data.as_ref().and_then(|data| data.get(key));
        data.map(|bytes| bytes.0.as_slice())
            .ok_or_else(|| format!("it has no {key}"))
    };
    let chain = CertificateDer::pem_slice_iter(entry("tls.crt")?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(entry("tls.key")?).map_err(|error| error.to_string())?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| error.to_string())
}

/// Accepts connections. It does not end.
async fn accept(listener: TcpListener, acceptor: TlsAcceptor) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((connection, _)) => {
                tokio::spawn(serve(connection, acceptor.clone(), place));
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(connection: TcpStream, acceptor: TlsAcceptor, _place: OwnedSemaphorePermit) {
    // A client that goes away, or trusts nobody, is none of ours.
    let handshake = tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(connection));
    let Ok(Ok(stream)) = handshake.await else { return };
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, media, body) = content(request.uri().path());
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media));
    Ok(response)
}

/// Status, media type and body of the answer to a GET of `path`.
fn content(path: &str) -> (StatusCode, &'static str, String) {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts.as_slice() {
        ["readyz" | "livez" | "healthz"] => (StatusCode::OK, "text/plain", "ok".to_owned()),
        // One resource that can but be got: nobody lists or watches it.
        ["apis", group, version] => (
            StatusCode::OK,
            "application/json",
            json!({
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": format!("{group}/{version}"),
                "resources": [{
                    "name": "things",
                    "singularName": "thing",
                    "namespaced": true,
                    "kind": "Thing",
                    "verbs": ["get"],
                }],
            })
            .to_string(),
        ),
        _ => (
            StatusCode::NOT_FOUND,
            "application/json",
            json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404 })
                .to_string(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use kube::api::ObjectMeta;

    use super::*;
    use crate::certs::Authority;

    fn secret(name: &str, entries: &[(&str, String)]) -> Secret {
        Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some("bench-1".to_owned()),
                ..ObjectMeta::default()
            },
            data: Some(
                entries
                    .iter()
                    .map(|(key, text)| ((*key).to_owned(), ByteString(text.clone().into_bytes())))
                    .collect(),
            ),
            ..Secret::default()
        }
    }

    fn known(certificates: &Certificates) -> Vec<String> {
        certificates.0.read().unwrap().keys().cloned().collect()
    }

    #[test]
    fn a_serving_secret_is_served_by_its_services_name_until_it_goes() {
        let identity = Authority::new("test")
            .unwrap()
            .server("a", &["a.bench-1.svc"], &[])
            .unwrap();
        let entries = [("tls.crt", identity.certificate), ("tls.key", identity.key)];
        let certificates = Certificates::default();
        certificates.take(&secret("a-serving-cert", &entries));
        certificates.take(&secret("a-ca", &entries));
        certificates.take(&secret("b-serving-cert", &entries[..1]));
        assert_eq!(known(&certificates), ["a.bench-1.svc"]);
        certificates.drop(&secret("a-serving-cert", &[]));
        assert!(known(&certificates).is_empty());
    }

    #[test]
    fn discovery_is_of_the_group_version_that_is_asked_for() {
        let (status, _, body) = content("/apis/bench-0001.example.com/v1");
        assert_eq!(status, StatusCode::OK);
        let list: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(list["groupVersion"], "bench-0001.example.com/v1");
        assert_eq!(list["resources"][0]["verbs"], json!(["get"]));
        assert_eq!(content("/apis").0, StatusCode::NOT_FOUND);
        assert_eq!(content("/readyz").0, StatusCode::OK);
    }
}
