//! Decoding of objects one by one: an object that this build cannot decode must not fail the LIST or end the watch that it
//! comes in (kube-core's `DeserializeGuard`, whose rule this is).
//!
//! kube-core's guard needs metadata that decode and JSON that is not too deep; here neither may fail the others. Three
//! ways are known in which the API server stores what a typed client refuses: a schema wider than the type, times beyond
//! what the type of a time holds (`9999-12-31T23:59:59Z`, also in `managedFields`, which clients may write), and nesting
//! beyond serde_json's limit of 128 below `x-kubernetes-preserve-unknown-fields`.

mod guarded;
mod managed;
mod metadata;

pub use guarded::{Guarded, Undecodable};
pub use managed::{Managed, OwnEntry};
pub use metadata::ObjectMetadata;
