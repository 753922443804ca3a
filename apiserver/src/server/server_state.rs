//! The state that every request needs of the server. Go: `GenericAPIServer` of `server/genericapiserver.go`.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;

use super::chain::FlowControl;
use super::definitions::InCluster;
use super::health::Health;
use super::lifecycle::Lifecycle;
use super::metrics::Shared;
use super::served::Served;
use crate::authn::Authenticator;
use crate::authz::Authorizer;

/// What every request needs of the server.
pub(super) struct ServerState {
    /// What is served now. A request goes on with what it began with.
    pub(super) served: Arc<ArcSwap<Served>>,
    /// Definitions in the cluster, where these are served.
    pub(super) definitions: Option<Arc<InCluster>>,
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
