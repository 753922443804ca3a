//! `metav1.DeleteOptions`, which clients of typed APIs send as protobuf, with the field numbers of k8s.io/apimachinery's
//! `pkg/apis/meta/v1/generated.proto`.

use bytes::Bytes;
use prost::Message;
use serde::Serialize;

use super::DecodeError;
use super::envelope;

#[derive(Clone, PartialEq, Eq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
struct DeleteOptions {
    #[prost(int64, optional, tag = "1")]
    grace_period_seconds: Option<i64>,
    #[prost(message, optional, tag = "2")]
    preconditions: Option<Preconditions>,
    #[prost(bool, optional, tag = "3")]
    orphan_dependents: Option<bool>,
    #[prost(string, optional, tag = "4")]
    propagation_policy: Option<String>,
    #[prost(string, repeated, tag = "5")]
    dry_run: Vec<String>,
    #[prost(bool, optional, tag = "6")]
    ignore_store_read_error_with_cluster_breaking_potential: Option<bool>,
}

#[derive(Clone, PartialEq, Eq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
struct Preconditions {
    #[prost(string, optional, tag = "1")]
    uid: Option<String>,
    #[prost(string, optional, tag = "2")]
    resource_version: Option<String>,
}

/// How many bytes of memory the options in a body take at most, for each of its bytes: an empty text takes two there.
pub const MEMORY_OF_A_BYTE: usize = 32;

/// The JSON of the options in a body, with the `kind` and `apiVersion` of its envelope. What it is if that is another kind
/// is for whoever reads it to say: its fields are not read then.
///
/// # Errors
/// The body is no object in protobuf.
pub fn to_json(body: &[u8]) -> Result<serde_json::Value, DecodeError> {
    let unknown = envelope::open(body)?;
    let kind = unknown.type_meta.kind;
    let options = if matches!(kind.as_str(), "" | "DeleteOptions") {
        DeleteOptions::decode(unknown.raw.unwrap_or_else(Bytes::new))?
    } else {
        DeleteOptions::default()
    };
    // Fields of plain types have a JSON, always.
    let mut json = serde_json::to_value(options).unwrap_or_default();
    if let Some(fields) = json.as_object_mut() {
        fields.insert("kind".into(), kind.into());
        fields.insert("apiVersion".into(), unknown.type_meta.api_version.into());
    }
    Ok(json)
}
