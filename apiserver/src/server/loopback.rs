//! A client of a server in the server's own process, without a socket. Go: `LoopbackClientConfig` of `server/config_selfclient.go`.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use kube::Client;
use kube::client::Body;
use tokio::sync::watch;

use super::Builder;
use super::connection::{Activity, Connection, Connections, stream};
use super::handler::{Handler, HandlerBody};
use super::layer::{BoxError, LayerBody};
use crate::authn::Peer;
use crate::status::ApiError;

/// What a client of kube's asks for where nobody says a namespace.
const NAMESPACE: &str = "default";

/// A server to be asked by its own program. Clones are one.
///
/// Requests have the whole handler chain of others: they are decoded, admitted, counted, and waited for at the end. They come from the
/// user `system:apiserver` of `system:masters`, who may do everything, waits for no seats, and may act as somebody else (impersonation): then
/// it waits for that user's seats, which a plugin must not do, since the request that it is asked about holds one of them.
/// Watches end when the server drains; one that its holder keeps and does not read holds the end up, for 8 s at most. Nothing can be upgraded: what connects by a WebSocket needs a connection.
#[derive(Clone, Debug)]
pub struct Loopback(watch::Receiver<Option<Served>>);

/// The server that never comes: it did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server did not start")]
pub struct NotStarted;

/// A server that runs, for [`Loopback`]. It does not keep the server.
#[derive(Clone)]
pub(super) struct Served {
    handler: Weak<Handler>,
    connection: Arc<Connection>,
}

/// Where a [`Loopback`] is told its server.
#[derive(Debug)]
pub(super) struct LoopbackSender(watch::Sender<Option<Served>>);

impl std::fmt::Debug for Served {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Served")
    }
}

impl Default for LoopbackSender {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl LoopbackSender {
    fn loopback(&self) -> Loopback {
        Loopback(self.0.subscribe())
    }

    /// The server serves from now on.
    pub(super) fn serves(&self, served: Served) {
        self.0.send_replace(Some(served));
    }
}

impl Builder {
    /// The server that is being described, for plugins and checks of its own that ask it. A task is given a client of it
    /// ([`TaskContext::client`](super::TaskContext::client)).
    #[must_use]
    pub fn loopback(&self) -> Loopback {
        self.server.loopback.loopback()
    }
}

impl Loopback {
    /// A client of the server; waits until it serves. What the client asks for after the server's end is answered with 503.
    ///
    /// # Errors
    /// The server did not start.
    pub async fn client(&self) -> Result<Client, NotStarted> {
        let mut served = self.0.clone();
        let served = served.wait_for(Option::is_some).await;
        let served = served.ok().and_then(|served| served.clone());
        served.map(|served| served.client()).ok_or(NotStarted)
    }
}

impl Served {
    pub(super) fn new(handler: &Arc<Handler>) -> Self {
        // A connection that nobody counts among the clients', and that no other makes room for.
        let (slot, _) = Connections::new(1).admit(IpAddr::from([127, 0, 0, 1]));
        slot.authenticated();
        Self {
            handler: Arc::downgrade(handler),
            connection: Arc::new(Connection {
                peer: Peer::this_process(),
                // Over HTTP/1.1 an answer would speak of the connection.
                is_http2: true,
                activity: Activity::new(),
                slot,
            }),
        }
    }

    /// A client. Must be called within a runtime.
    pub(super) fn client(&self) -> Client {
        let served = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let served = served.clone();
            // Boxed: a request takes room for all of the chain.
            Box::pin(async move { Ok::<_, Infallible>(served.answer(request).await) })
        });
        Client::new(service, NAMESPACE)
    }

    async fn answer(&self, request: Request<Body>) -> http::Response<AnswerBody> {
        let Some(handler) = self.handler.upgrade() else {
            return gone();
        };
        let answered = stream::apart(handler.serve(Arc::clone(&self.connection), request)).await;
        answered.map(|body| AnswerBody(Some(body)))
    }
}

/// The body of an answer. What the answer holds of the server goes with its end, although its reader keeps it: over a connection it
/// goes then too.
struct AnswerBody(Option<HandlerBody>);

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let frame = ready!(stream::apart_now(|| Pin::new(&mut *body).poll_frame(context)));
        if !matches!(frame, Some(Ok(_))) || body.is_end_stream() {
            stream::apart_now(|| self.0 = None);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        stream::apart_now(|| self.0 = None);
    }
}

/// The server has ended.
fn gone() -> http::Response<AnswerBody> {
    let error = ApiError::ServiceUnavailable {
        message: "apiserver has shut down".to_owned(),
        retry_after: 1,
    };
    let status = serde_json::to_vec(&error.status()).unwrap_or_default();
    let body = Full::from(status).map_err(|never| match never {});
    let body = HandlerBody::Layer(LayerBody::new(body));
    let mut response = http::Response::new(AnswerBody(Some(body)));
    *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
    response
}
