//! What answers requests, by whichever way they come: over connections, or from this process itself.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt as _;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tower::ServiceExt as _;

use super::chain::{self, text};
use super::connection::Connection;
use super::layer::{BoxError, HandlerService, LayerBody, Via, WaitingLayer};
use super::response_body::ResponseBody;
use super::server_state::ServerState;

/// What answers requests: the handler chain, within the layers of the author's own.
pub(super) struct Handler {
    core: Arc<ServerState>,
    layered: Option<HandlerService>,
}

/// The body of an answer, of the chain or of a layer.
#[expect(
    clippy::large_enum_variant,
    reason = "every answer has one; without layers nothing more is allocated for it"
)]
pub(super) enum HandlerBody {
    Chain(ResponseBody),
    Layer(LayerBody),
}

impl Handler {
    /// The chain of `core` within `layers`.
    pub(super) fn new(core: Arc<ServerState>, layers: Vec<WaitingLayer>) -> Self {
        let layered = (!layers.is_empty()).then(|| HandlerService::layered(layers, Arc::clone(&core)));
        Self { core, layered }
    }

    /// What the chain needs of the server.
    pub(super) fn core(&self) -> Arc<ServerState> {
        Arc::clone(&self.core)
    }

    /// Answers one request. May be dropped at any await: then the client has left.
    pub(super) async fn serve<B>(
        &self,
        connection: Arc<Connection>,
        request: Request<B>,
    ) -> Response<HandlerBody>
    where
        B: Body<Data = Bytes> + Unpin + Send + 'static,
        B::Error: Display + Into<BoxError>,
    {
        let Some(layered) = &self.layered else {
            let answered = chain::serve(Arc::clone(&self.core), connection, request).await;
            return answered.map(HandlerBody::Chain);
        };
        // Boxed: who has no layers keeps no room for them.
        let answered = self.within(layered.clone(), connection, request.map(LayerBody::new));
        answered.boxed().await.map(HandlerBody::Layer)
    }

    /// The answer of the layers, which may fail and panic as the chain does not.
    async fn within(
        &self,
        layered: HandlerService,
        connection: Arc<Connection>,
        mut request: Request<LayerBody>,
    ) -> Response<LayerBody> {
        // Who drains waits for a request that is still with a layer, too.
        let _ticket = self.core.life.enter();
        let _busy = connection.activity.begin();
        request.extensions_mut().insert(Via(connection));
        let words = match AssertUnwindSafe(layered.oneshot(request)).catch_unwind().await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(error)) => {
                tracing::error!(error = &*error, "a layer of the program failed");
                "a layer of the server failed\n"
            }
            Err(_) => chain::PANICKED,
        };
        let code = StatusCode::INTERNAL_SERVER_ERROR;
        self.core.metrics.terminated(code.as_u16());
        text::answer(code, words).map(LayerBody::new)
    }
}

impl Body for HandlerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Self::Chain(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Self::Layer(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Chain(body) => body.is_end_stream(),
            Self::Layer(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Chain(body) => body.size_hint(),
            Self::Layer(body) => body.size_hint(),
        }
    }
}
