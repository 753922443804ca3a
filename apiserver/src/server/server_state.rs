//! The state that every request needs of the server. Go: `GenericAPIServer` of `server/genericapiserver.go`.

use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;

use super::chain::FlowControl;
use super::documents::Documents;
use super::health::Health;
use super::lifecycle::Lifecycle;
use super::metrics::{Shared, Subject};
use super::routes::Route;
use crate::authn::Authenticator;
use crate::authz::Authorizer;
use crate::endpoint::Endpoints;
use crate::request::RequestInfo;

/// What every request needs of the server.
pub(super) struct ServerState {
    pub(super) endpoints: Endpoints,
    /// What is told of the endpoints. Exchanged together with them.
    pub(super) documents: ArcSwap<Documents>,
    pub(super) authenticator: Authenticator,
    pub(super) authorizer: Authorizer,
    pub(super) health: Health,
    pub(super) metrics: Shared,
    pub(super) flow_control: FlowControl,
    pub(super) life: Lifecycle,
    /// How long a request may take that is no watch.
    pub(super) request_timeout: Duration,
    /// The header `Strict-Transport-Security`.
    pub(super) strict_transport_security: Option<HeaderValue>,
}

impl ServerState {
    /// What a request is counted as. Names that only a client knows are not kept.
    pub(super) fn subject<'a>(&self, info: &'a RequestInfo) -> Subject<'a> {
        if !info.is_resource {
            return Subject::of_path(info, Route::of(&info.path).label());
        }
        if self.documents.load().serves(info) {
            Subject::of_resource(info, self.endpoints.connects(info))
        } else {
            Subject::of_path(info, "")
        }
    }
}
