//! `APIGroupList`, `APIGroup`, `APIResourceList`: discovery in one request for each group-version.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::groups::{Group, GroupVersion};
use crate::resource::{Advertised, Resource, Scope};

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
        "verbs": resource.advertised_verbs(),
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

fn described_subresources(resource: &Resource, version: &str) -> Vec<Value> {
    let described = |served: Advertised<'_>| {
        let mut value = json!({
            "name": format!("{}/{}", resource.names.plural, served.name),
            "singularName": "",
            "namespaced": resource.scope == Scope::Namespaced,
            "kind": resource.names.kind,
            "verbs": served.verbs,
        });
        if let Some([of_group, of_version, kind]) = served.kind {
            value["kind"] = kind.into();
            // Else they are those of the list.
            if (of_group, of_version) != (resource.group.as_str(), version) {
                value["group"] = of_group.into();
                value["version"] = of_version.into();
            }
        }
        value
    };
    resource.advertised(version).into_iter().map(described).collect()
}

/// Changes when objects are stored in another version, so that clients know when to migrate.
fn storage_version_hash(resource: &Resource) -> String {
    let stored = format!(
        "{}/{}/{}",
        resource.group, resource.storage_version, resource.names.kind
    );
    STANDARD.encode(&Sha256::digest(stored.as_bytes())[..8])
}
