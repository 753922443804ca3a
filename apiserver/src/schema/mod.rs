//! What objects of a version look like: an OpenAPI v3 schema, compiled once.

use serde_json::Value;

/// The schema of one version of a kind.
#[derive(Clone, Debug)]
pub struct Schema {
    /// OpenAPI v3, self-contained: `type: object` with its properties; `metadata` is an empty object schema that
    /// stands for ObjectMeta.
    pub document: Value,
    /// A hash of the document: what encodings made by it are kept under.
    pub fingerprint: u64,
}
