//! The documents of discovery: `APIGroupList`, `APIGroup` and `APIResourceList` with the field numbers of k8s.io/apimachinery's
//! `pkg/apis/meta/v1/generated.proto`, `APIGroupDiscoveryList` with those of k8s.io/api's `apidiscovery/v2/generated.proto`.

use prost::Message;
use serde::Deserialize;
use serde_json::Value;

use super::envelope::enveloped;
use super::list::ListMeta;
use super::object_meta::ObjectMeta;

/// A document in its envelope. `None`: it is none of these kinds, or no such document.
#[must_use]
pub fn encode(document: &Value) -> Option<Vec<u8>> {
    let text = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    match kind {
        "APIGroupList" => read::<APIGroupList>(document).map(|list| enveloped(api_version, kind, &list)),
        "APIGroup" => read::<APIGroup>(document).map(|group| enveloped(api_version, kind, &group)),
        "APIResourceList" => {
            read::<APIResourceList>(document).map(|list| enveloped(api_version, kind, &list))
        }
        "APIGroupDiscoveryList" => {
            read::<APIGroupDiscoveryList>(document).map(|list| enveloped(api_version, kind, &list))
        }
        _ => None,
    }
}

fn read<'a, T: Deserialize<'a>>(document: &'a Value) -> Option<T> {
    T::deserialize(document).ok()
}

#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(default)]
struct APIGroupList {
    #[prost(message, repeated, tag = "1")]
    groups: Vec<APIGroup>,
}

#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct APIGroup {
    #[prost(string, required, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    versions: Vec<GroupVersionForDiscovery>,
    #[prost(message, required, tag = "3")]
    preferred_version: GroupVersionForDiscovery,
    #[prost(message, repeated, tag = "4")]
    #[serde(rename = "serverAddressByClientCIDRs")]
    server_address_by_client_cidrs: Vec<ServerAddressByClientCIDR>,
}

#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GroupVersionForDiscovery {
    #[prost(string, required, tag = "1")]
    group_version: String,
    #[prost(string, required, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ServerAddressByClientCIDR {
    #[prost(string, required, tag = "1")]
    #[serde(rename = "clientCIDR")]
    client_cidr: String,
    #[prost(string, required, tag = "2")]
    server_address: String,
}

#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct APIResourceList {
    #[prost(string, required, tag = "1")]
    group_version: String,
    #[prost(message, repeated, tag = "2")]
    resources: Vec<APIResource>,
}

#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct APIResource {
    #[prost(string, required, tag = "1")]
    name: String,
    #[prost(bool, required, tag = "2")]
    namespaced: bool,
    #[prost(string, required, tag = "3")]
    kind: String,
    #[prost(message, optional, tag = "4")]
    verbs: Option<Verbs>,
    #[prost(string, repeated, tag = "5")]
    short_names: Vec<String>,
    #[prost(string, required, tag = "6")]
    singular_name: String,
    #[prost(string, repeated, tag = "7")]
    categories: Vec<String>,
    #[prost(string, required, tag = "8")]
    group: String,
    #[prost(string, required, tag = "9")]
    version: String,
    #[prost(string, required, tag = "10")]
    storage_version_hash: String,
}

#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(transparent)]
struct Verbs {
    #[prost(string, repeated, tag = "1")]
    items: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(default)]
struct APIGroupDiscoveryList {
    #[prost(message, required, tag = "1")]
    #[serde(skip)]
    metadata: ListMeta,
    #[prost(message, repeated, tag = "2")]
    items: Vec<APIGroupDiscovery>,
}

#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(default)]
struct APIGroupDiscovery {
    #[prost(message, required, tag = "1")]
    metadata: ObjectMeta,
    #[prost(message, repeated, tag = "2")]
    versions: Vec<APIVersionDiscovery>,
}

#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(default)]
struct APIVersionDiscovery {
    #[prost(string, required, tag = "1")]
    version: String,
    #[prost(message, repeated, tag = "2")]
    resources: Vec<APIResourceDiscovery>,
    #[prost(string, required, tag = "3")]
    freshness: String,
}

#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct APIResourceDiscovery {
    #[prost(string, required, tag = "1")]
    resource: String,
    #[prost(message, optional, tag = "2")]
    response_kind: Option<GroupVersionKind>,
    #[prost(string, required, tag = "3")]
    scope: String,
    #[prost(string, required, tag = "4")]
    singular_resource: String,
    #[prost(string, repeated, tag = "5")]
    verbs: Vec<String>,
    #[prost(string, repeated, tag = "6")]
    short_names: Vec<String>,
    #[prost(string, repeated, tag = "7")]
    categories: Vec<String>,
    #[prost(message, repeated, tag = "8")]
    subresources: Vec<APISubresourceDiscovery>,
}

/// Without the types that a subresource takes beside its own, of which there are none.
#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct APISubresourceDiscovery {
    #[prost(string, required, tag = "1")]
    subresource: String,
    #[prost(message, optional, tag = "2")]
    response_kind: Option<GroupVersionKind>,
    #[prost(string, repeated, tag = "4")]
    verbs: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Message, Deserialize)]
#[serde(default)]
struct GroupVersionKind {
    #[prost(string, required, tag = "1")]
    group: String,
    #[prost(string, required, tag = "2")]
    version: String,
    #[prost(string, required, tag = "3")]
    kind: String,
}
