//! The library to write Kubernetes extension apiservers with.
//!
//! **Not built yet**: admission webhooks, admission policies and resource quotas do not apply to the objects of these
//! servers.
//!
//! A request's way, and the modules that it passes:
//!
//! ```text
//! server -> request -> authn -> authz -> endpoint -> admission, registry -> storage -> watch
//! ```

pub mod admission;
pub mod authn;
pub mod authz;
pub mod background;
pub mod config;
#[cfg(test)]
mod costs;
pub mod decode;
pub mod discovery;
pub mod endpoint;
mod flowcontrol;
pub mod kubernetes;
mod lookup;
pub mod managed_fields;
mod memory;
pub mod object;
mod offload;
pub mod openapi;
pub mod protobuf;
pub mod registry;
pub mod request;
pub mod resource;
pub mod response;
pub mod rest;
pub mod schema;
pub mod server;
pub mod status;
pub mod storage;

pub use prometheus_client;

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// What macros of this library write into programs that use it.
#[doc(hidden)]
pub mod reexports {
    pub use k8s_openapi;
    pub use kube;
}
