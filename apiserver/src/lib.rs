#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! [`prelude`] has what most servers need. A request's way, and the modules that it passes:
//!
//! ```text
//! server -> request -> authn -> authz -> endpoint -> admission, registry -> storage -> watch
//! ```

pub mod admission;
pub mod authn;
pub mod authz;
#[doc(hidden)]
pub mod background;
pub mod config;
#[cfg(test)]
mod costs;
pub mod decode;
pub mod definition;
#[doc(hidden)]
pub mod discovery;
#[doc(hidden)]
pub mod endpoint;
mod flowcontrol;
#[doc(hidden)]
pub mod kubernetes;
mod lookup;
#[doc(hidden)]
pub mod managed_fields;
mod memory;
pub mod object;
mod offload;
#[doc(hidden)]
pub mod openapi;
pub mod prelude;
#[doc(hidden)]
pub mod protobuf;
#[doc(hidden)]
pub mod registry;
pub mod request;
pub mod resource;
pub mod response;
pub mod rest;
pub mod schema;
pub mod server;
pub mod status;
pub mod storage;
mod warnings;

pub use prometheus_client;

/// What macros of this library write into programs that use it.
#[doc(hidden)]
pub mod reexports {
    pub use k8s_openapi;
    pub use kube;
}
