//! Who asks: front proxy, client certificate, token; in this order, as k8s.io/apiserver's delegated authentication.
//!
//! The first that knows the user says who it is. One that finds a credential wrong does not end the search, but when
//! nobody after it knows the user the request is refused: only who shows no credential at all is anonymous.

mod authenticator;
mod bearer;
mod client_certificate;
mod config_map;
pub mod impersonation;
mod options;
mod peer;
mod request_header;
mod start;
mod strip;
#[cfg(test)]
pub(crate) mod testing;
mod tokens;
mod trust;
mod websocket;

pub use authenticator::{Authenticator, is_anonymous};
pub use options::{Options, RequestHeaderOptions};
pub use peer::{Peer, Standing};
pub use start::{StartError, build};
