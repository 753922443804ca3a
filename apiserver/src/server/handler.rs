//! What answers requests, by whichever way they come: over connections, or from this process itself.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use super::chain;
use super::connection::Connection;
use super::response_body::ResponseBody;
use super::server_state::ServerState;

/// What answers requests. Go: the handler chain of `server/config.go`.
pub(super) struct Handler {
    core: Arc<ServerState>,
}

impl Handler {
    /// The chain of `core`.
    pub(super) fn new(core: Arc<ServerState>) -> Self {
        Self { core }
    }

    /// Answers one request. May be dropped at any await: then the client has left.
    pub(super) async fn serve<B>(
        &self,
        connection: Arc<Connection>,
        request: Request<B>,
    ) -> Response<ResponseBody>
    where
        B: http_body::Body<Data = Bytes> + Unpin + Send,
        B::Error: std::fmt::Display,
    {
        chain::serve(Arc::clone(&self.core), connection, request).await
    }
}
