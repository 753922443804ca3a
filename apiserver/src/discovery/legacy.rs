//! `APIGroupList`, `APIGroup`, `APIResourceList`: discovery in one request for each group-version.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::groups::{Group, GroupVersion, SUBRESOURCE_VERBS};
use crate::resource::{Resource, SCALE, Scope};

/// `/apis`. Go leaves its apiVersion out; so does this.
pub(super) fn group_list(groups: &[Group], address: &str) -> Value {
    let groups: Vec<Value> = groups
        .iter()
        .map(|group| {
            let mut value = described(group);
            value["serverAddressByClientCIDRs"] =
                json!([{ "clientCIDR": "0.0.0.0/0", "serverAddress": address }]);
            value
        })
        .collect();
    json!({ "kind": "APIGroupList", "groups": groups })
}

/// `/apis/GROUP`
pub(super) fn group(group: &Group) -> Value {
    let mut value = described(group);
    value["kind"] = "APIGroup".into();
    value["apiVersion"] = "v1".into();
    value
}

fn described(group: &Group) -> Value {
    let versions: Vec<Value> = group
        .versions
        .iter()
        .map(|version| {
            json!({
                "groupVersion": format!("{}/{}", group.name, version.name),
                "version": version.name,
            })
        })
        .collect();
    let preferred = versions.first().cloned();
    json!({ "name": group.name, "versions": versions, "preferredVersion": preferred })
}

/// `/apis/GROUP/VERSION`
pub(super) fn resource_list(group: &Group, version: &GroupVersion) -> Value {
    let resources: Vec<Value> = version
        .resources
        .iter()
        .flat_map(|resource| {
            let subresources = described_subresources(resource, &version.name);
            std::iter::once(described_resource(resource)).chain(subresources)
        })
        .collect();
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": format!("{}/{}", group.name, version.name),
        "resources": resources,
    })
}

fn described_resource(resource: &Resource) -> Value {
    let mut value = json!({
        "name": resource.names.plural,
        "singularName": resource.names.singular,
        "namespaced": resource.scope == Scope::Namespaced,
        "kind": resource.names.kind,
        "verbs": resource.rest.verbs(),
    });
    if resource.rest.is_stored() {
        value["storageVersionHash"] = storage_version_hash(resource).into();
    }
    for (field, names) in [
        ("shortNames", &resource.names.short_names),
        ("categories", &resource.names.categories),
    ] {
        if !names.is_empty() {
            value[field] = json!(names);
        }
    }
    value
}

fn described_subresources<'a>(resource: &'a Resource, version: &str) -> impl Iterator<Item = Value> + 'a {
    let served = resource.version(version);
    let names = served
        .into_iter()
        .flat_map(|version| version.subresources.names());
    names.map(|name| {
        let mut value = json!({
            "name": format!("{}/{name}", resource.names.plural),
            "singularName": "",
            "namespaced": resource.scope == Scope::Namespaced,
            "kind": resource.names.kind,
            "verbs": SUBRESOURCE_VERBS,
        });
        if name == SCALE {
            value["group"] = "autoscaling".into();
            value["version"] = "v1".into();
            value["kind"] = "Scale".into();
        }
        value
    })
}

/// Changes when objects are stored in another version, so that clients know when to migrate.
fn storage_version_hash(resource: &Resource) -> String {
    let stored = format!(
        "{}/{}/{}",
        resource.group, resource.storage_version, resource.names.kind
    );
    STANDARD.encode(&Sha256::digest(stored.as_bytes())[..8])
}
