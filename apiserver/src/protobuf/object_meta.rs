//! `metav1.ObjectMeta` and what is in it, with the field numbers of k8s.io/apimachinery's
//! `pkg/apis/meta/v1/generated.proto`; `Time` as `time_proto.go` writes it.

use bytes::Bytes;
use prost::Message;
use serde::Deserialize;

use super::envelope::{self, field_length, push_message};
use super::json;

/// `metav1.ObjectMeta`.
#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "they are the fields of the API, by their names")]
pub struct ObjectMeta {
    #[prost(string, required, tag = "1")]
    #[serde(deserialize_with = "json::or_default")]
    pub name: String,
    #[prost(string, required, tag = "2")]
    #[serde(deserialize_with = "json::or_default")]
    pub generate_name: String,
    #[prost(string, required, tag = "3")]
    #[serde(deserialize_with = "json::or_default")]
    pub namespace: String,
    #[prost(string, required, tag = "4")]
    #[serde(deserialize_with = "json::or_default")]
    pub self_link: String,
    #[prost(string, required, tag = "5")]
    #[serde(deserialize_with = "json::or_default")]
    pub uid: String,
    #[prost(string, required, tag = "6")]
    #[serde(deserialize_with = "json::or_default")]
    pub resource_version: String,
    #[prost(int64, required, tag = "7")]
    #[serde(deserialize_with = "json::or_default")]
    pub generation: i64,
    #[prost(message, required, tag = "8")]
    #[serde(deserialize_with = "json::or_default")]
    pub creation_timestamp: Time,
    #[prost(message, optional, tag = "9")]
    pub deletion_timestamp: Option<Time>,
    #[prost(int64, optional, tag = "10")]
    pub deletion_grace_period_seconds: Option<i64>,
    #[prost(message, repeated, tag = "11")]
    #[serde(deserialize_with = "json::map")]
    pub labels: Vec<Pair>,
    #[prost(message, repeated, tag = "12")]
    #[serde(deserialize_with = "json::map")]
    pub annotations: Vec<Pair>,
    #[prost(message, repeated, tag = "13")]
    #[serde(deserialize_with = "json::list")]
    pub owner_references: Vec<OwnerReference>,
    #[prost(string, repeated, tag = "14")]
    #[serde(deserialize_with = "json::list")]
    pub finalizers: Vec<String>,
    #[prost(message, repeated, tag = "17")]
    #[serde(deserialize_with = "json::list")]
    pub managed_fields: Vec<ManagedFieldsEntry>,
}

/// An entry of a map of texts.
#[derive(Clone, PartialEq, Eq, Message)]
#[expect(missing_docs, reason = "they are the two parts of an entry")]
pub struct Pair {
    #[prost(string, required, tag = "1")]
    pub key: String,
    #[prost(string, required, tag = "2")]
    pub value: String,
}

/// `metav1.Time`, to the second, as in JSON. Go's zero time has no fields at all.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Time {
    /// Since 1970 in UTC.
    #[prost(int64, optional, tag = "1")]
    pub seconds: Option<i64>,
    /// Always 0, which is written.
    #[prost(int32, optional, tag = "2")]
    pub nanos: Option<i32>,
}

/// Go's zero time, the beginning of the year 1.
const ZERO_TIME: i64 = -62_135_596_800;

impl Time {
    /// So many seconds after the beginning of 1970.
    pub(super) const fn at(seconds: i64) -> Self {
        if seconds == ZERO_TIME {
            return Self {
                seconds: None,
                nanos: None,
            };
        }
        Self {
            seconds: Some(seconds),
            nanos: Some(0),
        }
    }
}

/// `metav1.OwnerReference`.
#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "they are the fields of the API, by their names")]
pub struct OwnerReference {
    #[prost(string, required, tag = "1")]
    #[serde(deserialize_with = "json::or_default")]
    pub kind: String,
    #[prost(string, required, tag = "3")]
    #[serde(deserialize_with = "json::or_default")]
    pub name: String,
    #[prost(string, required, tag = "4")]
    #[serde(deserialize_with = "json::or_default")]
    pub uid: String,
    #[prost(string, required, tag = "5")]
    #[serde(deserialize_with = "json::or_default")]
    pub api_version: String,
    #[prost(bool, optional, tag = "6")]
    pub controller: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    pub block_owner_deletion: Option<bool>,
}

/// `metav1.ManagedFieldsEntry`.
#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "they are the fields of the API, by their names")]
pub struct ManagedFieldsEntry {
    #[prost(string, required, tag = "1")]
    #[serde(deserialize_with = "json::or_default")]
    pub manager: String,
    #[prost(string, required, tag = "2")]
    #[serde(deserialize_with = "json::or_default")]
    pub operation: String,
    #[prost(string, required, tag = "3")]
    #[serde(deserialize_with = "json::or_default")]
    pub api_version: String,
    #[prost(message, optional, tag = "4")]
    pub time: Option<Time>,
    #[prost(string, required, tag = "6")]
    #[serde(deserialize_with = "json::or_default")]
    pub fields_type: String,
    #[prost(message, optional, tag = "7")]
    pub fields_v1: Option<FieldsV1>,
    #[prost(string, required, tag = "8")]
    #[serde(deserialize_with = "json::or_default")]
    pub subresource: String,
}

/// `metav1.FieldsV1`: a set of fields, as the JSON that it is.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct FieldsV1 {
    /// The JSON.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub raw: Option<Bytes>,
}

/// The tag of the metadata of a `metav1.PartialObjectMetadata`, which has nothing else.
const METADATA_TAG: u8 = 0x0a;

/// The kind in its envelope.
const PARTIAL_OBJECT_METADATA: &str = "PartialObjectMetadata";

impl ObjectMeta {
    /// Reads the JSON of an object's `metadata`. What is none of its fields is left out.
    ///
    /// # Errors
    /// A field is of another type.
    pub fn from_json(metadata: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(metadata)
    }

    /// How many bytes a PartialObjectMetadata of it has.
    #[must_use]
    pub fn partial_length(&self) -> usize {
        field_length(self.encoded_len())
    }

    /// Writes a PartialObjectMetadata without an envelope, as it is an item of a list.
    pub fn push_partial(&self, out: &mut Vec<u8>) {
        push_message(METADATA_TAG, self, out);
    }

    /// Writes a PartialObjectMetadata of `api_version`, a version of `meta.k8s.io`.
    pub fn push_object(&self, api_version: &str, out: &mut Vec<u8>) {
        let length = self.partial_length();
        out.reserve(length + 96);
        out.extend_from_slice(&envelope::head(api_version, PARTIAL_OBJECT_METADATA, length));
        self.push_partial(out);
        out.extend_from_slice(&envelope::TAIL);
    }
}
