//! Layers of the author's own around the handler chain, as tower has them. Go: a `BuildHandlerChainFunc` of `server/config.go` that wraps
//! `DefaultBuildHandlerChain`.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service};

use super::Builder;
use super::chain::{self, text};
use super::connection::Connection;
use super::server_state::ServerState;

/// Whatever can go wrong in a layer.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The body of a request or of an answer, as layers see it: pieces as they come.
#[derive(Debug)]
pub struct LayerBody(UnsyncBoxBody<Bytes, BoxError>);

/// What answers requests below a layer: the next layer, or the handler chain. Its errors are other layers'.
#[derive(Clone, Debug)]
pub struct HandlerService(BoxCloneSyncService<Request<LayerBody>, Response<LayerBody>, BoxError>);

/// A layer that waits for what it wraps.
pub(super) type WaitingLayer = Box<dyn FnOnce(HandlerService) -> HandlerService + Send + Sync>;

impl LayerBody {
    /// `body` as it is.
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(body.map_err(Into::into).boxed_unsync())
    }
}

impl http_body::Body for LayerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Service<Request<LayerBody>> for HandlerService {
    type Response = Response<LayerBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<LayerBody>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<LayerBody>) -> Self::Future {
        self.0.call(request)
    }
}

impl Builder {
    /// Puts a layer of tower's around the handler chain. Of several the first sees a request first, and its answer last.
    ///
    /// A layer stands behind TLS and the bounds of connections and heads, and before all else: nobody is authenticated yet, the
    /// headers still hold tokens and what a client says of itself, and a body has no bound. It sees what this program asks itself too
    /// ([`Builder::loopback`]). Deadline, seats, metrics and Audit-ID are the chain's: what a layer answers by itself has none, and the
    /// time that it takes is its own. It must pass a request's extensions on. An error of a layer is 500, and so is a panic.
    ///
    /// ```
    /// use annex_apiserver::server::{HandlerService, LayerBody, Server};
    /// use tower::ServiceExt as _;
    /// use tower::layer::layer_fn;
    ///
    /// let builder = Server::builder("greeter").layer(layer_fn(|inner: HandlerService| {
    ///     inner.map_response(|mut response: http::Response<LayerBody>| {
    ///         let name = http::HeaderValue::from_static("greeter");
    ///         response.headers_mut().insert("x-served-by", name);
    ///         response
    ///     })
    /// }));
    /// ```
    #[must_use]
    pub fn layer<L, S, B>(mut self, layer: L) -> Self
    where
        L: Layer<HandlerService, Service = S> + Send + Sync + 'static,
        S: Service<Request<LayerBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.server
            .layers
            .push(Box::new(move |inner| HandlerService::of(layer.layer(inner))));
        self
    }
}

impl HandlerService {
    fn of<S, B>(service: S) -> Self
    where
        S: Service<Request<LayerBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        use tower::ServiceExt as _;
        let service = service
            .map_response(|response: Response<B>| response.map(LayerBody::new))
            .map_err(Into::into);
        Self(BoxCloneSyncService::new(service))
    }

    /// `layers` around the chain of `core`, the first outermost.
    pub(super) fn layered(layers: Vec<WaitingLayer>, core: Arc<ServerState>) -> Self {
        let chain = tower::service_fn(move |mut request: Request<LayerBody>| {
            let core = Arc::clone(&core);
            Box::pin(async move {
                let Some(Via(connection)) = request.extensions_mut().remove() else {
                    return Ok(without_extensions());
                };
                let answered = chain::serve(core, connection, request).await;
                Ok::<_, Infallible>(answered.map(LayerBody::new))
            })
        });
        let chain = Self::of(chain);
        layers.into_iter().rev().fold(chain, |inner, layer| layer(inner))
    }
}

/// By which connection a request came, between a layer and the chain.
#[derive(Clone)]
pub(super) struct Via(pub(super) Arc<Connection>);

/// Without its extensions nobody knows by which connection a request came, and so who sent it.
fn without_extensions() -> Response<LayerBody> {
    tracing::error!("a layer of the program does not pass the extensions of requests on");
    let answer = text::answer(
        StatusCode::INTERNAL_SERVER_ERROR,
        "a layer of the server lost the request's connection\n",
    );
    answer.map(LayerBody::new)
}
