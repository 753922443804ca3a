//! The types that structured-merge-diff knows objects by, made of OpenAPI (Go: k8s.io/kube-openapi's `schemaconv`, and
//! `managedfields/typeconverter.go`).

mod error;
mod extensions;
mod object_meta;
mod open_api;

pub use error::SchemaError;
pub use open_api::parseable_type;

#[cfg(test)]
mod tests;
