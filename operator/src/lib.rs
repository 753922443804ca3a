//! The Annex operator: one `AggregatedServer` becomes a running, trusted, registered and watched-over API.
//!
//! ```text
//! AggregatedServer -> dereference (reads) -> validate -> build (pure) -> apply -> status
//! ```

pub mod admin;
pub mod aggregated_server;
pub mod applier;
pub mod args;
pub mod check_uninstall;
pub mod clock;
pub mod conditions;
pub mod decode;
pub mod definitions;
pub mod error_chain;
#[cfg(test)]
mod fake_client;
#[cfg(test)]
mod fake_cluster;
pub mod metrics;
pub mod namespaces;
pub mod pki;
pub mod probe;
pub mod rate_limit;
pub mod run;
pub mod telemetry;
pub mod template;
pub mod webhook;
