//! Kubernetes' protobuf of the types of `meta.k8s.io`: `application/vnd.kubernetes.protobuf`, byte for byte as
//! k8s.io/apimachinery writes it (`pkg/runtime/serializer/protobuf/protobuf.go`, `pkg/apis/meta/v1/generated.pb.go`).
//!
//! An object is a [`envelope`], a `runtime.Unknown` that says its kind, around the bytes of its type. Go's generated code is
//! that of proto2: a field that is no pointer is written always, even where it is empty, and so are key and value of an entry
//! of a map, whose entries are sorted. The messages here say so with prost's `required`; a map is a list of its entries.

pub mod delete_options;
pub mod discovery;
pub mod envelope;
mod json;
pub mod list;
pub mod object_meta;
pub mod status;
pub mod watch_event;

#[cfg(test)]
mod facts;

/// Why bytes are no object.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They do not begin as every object does.
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    NoPrefix,
    /// Nothing follows what every object begins with.
    #[error("empty body")]
    Empty,
    /// They are no message of this type.
    #[error("proto: {0}")]
    Malformed(#[from] prost::DecodeError),
}
