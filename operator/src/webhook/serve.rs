//! Answers AdmissionReviews over TLS, on every replica of the operator. Whoever reaches the port can have documents judged and learns
//! nothing: connections, their time, their bytes and the documents that are judged at the same time are bounded.

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{SECRET, keep::dns_name, keys::Keys, review};
use crate::{clock::Clock, error_chain::error_chain};

/// Connections at the same time.
const CONNECTIONS: usize = 64;
/// Reviews that are in memory at the same time. One of them is judged.
const REVIEWS: usize = 4;
/// Time for a connection, which serves one request: the kube-apiserver waits for two seconds.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a review to arrive: the kube-apiserver has it ready, and others wait for the place.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes of a review: a definition, and what it was before. What has more is not judged here, and stands in status.
const MAX_BODY: usize = 3 * 1024 * 1024;
/// Pause after a failed accept: the usual cause is that file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How often the Secret is read.
const PERIOD: Duration = Duration::from_secs(60);
/// The same while there is no certificate.
const UNTIL_THERE: Duration = Duration::from_secs(2);

/// The certificate that is served now, if there is one. Clones share it.
#[derive(Clone, Default)]
pub struct Certificate(Arc<RwLock<Option<Arc<CertifiedKey>>>>);

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(..)")
    }
}

impl Certificate {
    fn get(&self) -> Option<Arc<CertifiedKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, keys: &Keys) -> Result<(), rustls::Error> {
        let pem = |_| rustls::Error::General("no PEM".to_owned());
        let chain = CertificateDer::pem_slice_iter(keys.certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(pem)?;
        let key = PrivateKeyDer::from_pem_slice(keys.key.expose().as_bytes()).map_err(pem)?;
        let signing = aws_lc_rs::sign::any_supported_type(&key)?;
        let certified = Arc::new(CertifiedKey::new(chain, signing));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(certified);
        Ok(())
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.get()
    }
}

/// Takes what the Secret holds, again and again, until it is dropped.
pub async fn follow(client: Client, namespace: String, clock: Clock, certificate: Certificate) {
    let secrets: Api<Secret> = Api::namespaced(client, &namespace);
    let name = dns_name(&namespace);
    let mut served = None;
    loop {
        match secrets.get_opt(SECRET).await {
            Ok(secret) => {
                let keys = secret.and_then(|secret| Keys::read(&secret, &name, clock.now()));
                if let Some(keys) = keys.filter(|keys| served.as_ref() != Some(keys)) {
                    match certificate.set(&keys) {
                        Ok(()) => served = Some(keys),
                        Err(error) => tracing::warn!(%error, "the webhook's certificate is of no use"),
                    }
                }
            }
            Err(error) => tracing::debug!(error = error_chain(&error), "the webhook's Secret is not read"),
        }
        sleep(if served.is_some() { PERIOD } else { UNTIL_THERE }).await;
    }
}

/// Answers on `listener`; ends only by being dropped. Before there is a certificate every handshake fails.
pub async fn serve(listener: TcpListener, certificate: Certificate) -> Infallible {
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions();
    let Ok(config) = config else {
        tracing::error!("the webhook has no version of TLS");
        return std::future::pending().await;
    };
    let config = config
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificate));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (places, reviews) = (Arc::new(Semaphore::new(CONNECTIONS)), Reviews::default());
    loop {
        // Who comes when all places are taken waits for one: each is free again after a few seconds.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (acceptor, reviews) = (acceptor.clone(), reviews.clone());
                tokio::spawn(async move {
                    let served = timeout(CONNECTION_TIMEOUT, serve_connection(stream, acceptor, reviews));
                    if served.await.is_err() {
                        tracing::debug!("a connection to the webhook took too long");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection to the webhook");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, acceptor: TlsAcceptor, reviews: Reviews) {
    let stream = match acceptor.accept(stream).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "a handshake with the webhook failed");
            return;
        }
    };
    let service = service_fn(|request: Request<Incoming>| {
        let reviews = reviews.clone();
        async move { Ok::<_, Infallible>(answer(request, &reviews).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // One request for a connection: definitions are written seldom, and an idle connection costs a place.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the webhook failed");
    }
}

/// What bounds the memory of reviews. Clones share it.
#[derive(Clone)]
pub(super) struct Reviews {
    /// Those that are in memory.
    pub(super) held: Arc<Semaphore>,
    /// The one that is judged.
    pub(super) judged: Arc<Semaphore>,
}

impl Default for Reviews {
    fn default() -> Self {
        Self {
            held: Arc::new(Semaphore::new(REVIEWS)),
            judged: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Reviews {
    /// Runs `judge`, which takes its time, where others need not wait for it. Its places are free again when it has ended, and not
    /// when nobody waits for it any more. `None`: it panicked.
    pub(super) async fn judge<T: Send + 'static>(
        &self,
        held: OwnedSemaphorePermit,
        judge: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let place = Arc::clone(&self.judged).acquire_owned().await.ok()?;
        let judged = tokio::task::spawn_blocking(move || {
            let judged = judge();
            drop((place, held));
            judged
        });
        judged.await.ok()
    }
}

async fn answer(request: Request<Incoming>, reviews: &Reviews) -> Response<Full<Bytes>> {
    if request.method() != Method::POST {
        return response(StatusCode::METHOD_NOT_ALLOWED, Bytes::new());
    }
    let Ok(held) = Arc::clone(&reviews.held).acquire_owned().await else {
        return response(StatusCode::SERVICE_UNAVAILABLE, Bytes::new());
    };
    let body = match timeout(
        BODY_TIMEOUT,
        Limited::new(request.into_body(), MAX_BODY).collect(),
    )
    .await
    {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return response(StatusCode::PAYLOAD_TOO_LARGE, Bytes::new()),
        Err(_) => return response(StatusCode::REQUEST_TIMEOUT, Bytes::new()),
    };
    let judged = reviews.judge(held, move || serde_json::to_vec(&review::answer(&body)?).ok());
    match judged.await.flatten() {
        Some(answer) => response(StatusCode::OK, answer.into()),
        None => response(StatusCode::BAD_REQUEST, Bytes::new()),
    }
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let media_type = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}
