//! `runtime.Unknown`, the envelope of every object (k8s.io/apimachinery/pkg/runtime/types_proto.go): four bytes, the object's
//! `apiVersion` and `kind`, and the bytes of its type.

use prost::Message;

use super::DecodeError;

/// What every object begins with: `k8s`, and the encoding of what follows.
pub const PREFIX: [u8; 4] = *b"k8s\0";

/// The tag of `raw`, the object's own bytes.
const RAW_TAG: u8 = 0x12;

/// What stands behind `raw`: `contentEncoding` and `contentType`, which are empty.
pub const TAIL: [u8; 4] = [0x1a, 0, 0x22, 0];

/// `runtime.TypeMeta`. Its fields have other numbers than those of `metav1.TypeMeta`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct TypeMeta {
    /// `apiVersion`
    #[prost(string, required, tag = "1")]
    pub api_version: String,
    /// `kind`
    #[prost(string, required, tag = "2")]
    pub kind: String,
}

/// `runtime.Unknown`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Unknown {
    /// What the object is; of a request's body it may be empty.
    #[prost(message, required, tag = "1")]
    pub type_meta: TypeMeta,
    /// The object.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub raw: Option<bytes::Bytes>,
    /// How `raw` is compressed: never.
    #[prost(string, required, tag = "3")]
    pub content_encoding: String,
    /// The media type of `raw`; empty: protobuf.
    #[prost(string, required, tag = "4")]
    pub content_type: String,
}

/// What stands before the bytes of an object whose length they have: [`TAIL`] follows them.
#[must_use]
pub fn head(api_version: &str, kind: &str, length: usize) -> Vec<u8> {
    let type_meta = TypeMeta {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
    };
    let mut out = Vec::with_capacity(32 + api_version.len() + kind.len());
    out.extend_from_slice(&PREFIX);
    push_message(0x0a, &type_meta, &mut out);
    push_tag(RAW_TAG, length, &mut out);
    out
}

/// An object in its envelope.
#[must_use]
pub fn enveloped(api_version: &str, kind: &str, object: &impl Message) -> Vec<u8> {
    let length = object.encoded_len();
    let mut out = head(api_version, kind, length);
    out.reserve(length + TAIL.len());
    push(object, &mut out);
    out.extend_from_slice(&TAIL);
    out
}

/// The envelope in a body.
///
/// # Errors
/// It is none.
pub fn open(body: &[u8]) -> Result<Unknown, DecodeError> {
    match body.strip_prefix(&PREFIX) {
        None => Err(DecodeError::NoPrefix),
        Some([]) => Err(DecodeError::Empty),
        Some(unknown) => Ok(Unknown::decode(unknown)?),
    }
}

/// How many bytes a field of so many bytes takes with its tag, which is of one byte, and its length.
#[must_use]
pub fn field_length(length: usize) -> usize {
    1 + prost::length_delimiter_len(length) + length
}

/// Writes a tag of one byte, and the length of what is to follow.
pub fn push_tag(tag: u8, length: usize, out: &mut Vec<u8>) {
    out.push(tag);
    // It fails for want of room alone, and this grows.
    let _ = prost::encode_length_delimiter(length, out);
}

/// Writes a message as a field.
pub fn push_message(tag: u8, message: &impl Message, out: &mut Vec<u8>) {
    push_tag(tag, message.encoded_len(), out);
    push(message, out);
}

fn push(message: &impl Message, out: &mut Vec<u8>) {
    // It fails for want of room alone, and this grows.
    let _ = message.encode(out);
}
