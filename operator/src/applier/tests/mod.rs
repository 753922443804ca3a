//! Objects and managedFields as kube-apiserver 1.36 records them, and what the applier makes of them.

mod contests;
mod known;
mod planning;
mod requests;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::rbac::v1::RoleBinding;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::core::ApiResource;
use serde_json::{Value, json};

use super::{APPLIED_HASH, Desired};

const OWNER: &str = "11111111-1111-1111-1111-111111111111";
const UID: &str = "8ac99d16-14a3-4fe4-a2ca-a9f98ca9f531";

fn owner_references() -> Value {
    json!([{
        "apiVersion": "annex.dev/v1alpha1", "kind": "AggregatedServer", "name": "wardle", "uid": OWNER,
        "controller": true, "blockOwnerDeletion": true,
    }])
}

fn desired<K>(object: Value) -> Desired
where
    K: kube::Resource<DynamicType = ()>,
{
    Desired::from_value(ApiResource::erase::<K>(&()), object, OWNER).expect("an owned object")
}

fn deployment() -> Desired {
    desired::<Deployment>(serde_json::from_str(include_str!("../fixtures/deployment.json")).expect("JSON"))
}

fn config_map() -> Desired {
    desired::<ConfigMap>(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "wardle-ca", "namespace": "default", "ownerReferences": owner_references() },
        "data": { "ca.crt": "PEM" },
    }))
}

fn service() -> Desired {
    desired::<Service>(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": "wardle", "namespace": "default", "ownerReferences": owner_references() },
        "spec": {
            "selector": { "a": "b" },
            "type": "ClusterIP",
            "ports": [{ "name": "https", "port": 443, "targetPort": "https" }],
        },
    }))
}

fn api_service() -> Desired {
    desired::<APIService>(json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": { "name": "v1alpha1.wardle.example.com", "ownerReferences": owner_references() },
        "spec": {
            "group": "wardle.example.com", "version": "v1alpha1",
            "groupPriorityMinimum": 1000, "versionPriority": 15,
            "caBundle": "UEVN",
            "service": { "name": "wardle", "namespace": "default", "port": 443 },
        },
    }))
}

fn role_binding() -> Desired {
    desired::<RoleBinding>(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": { "name": "wardle-reader", "namespace": "kube-system", "ownerReferences": owner_references() },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "extension-apiserver-authentication-reader",
        },
        "subjects": [{ "kind": "ServiceAccount", "name": "wardle", "namespace": "default" }],
    }))
}

/// Our entry of the deployment, recorded from the server's answer to its apply.
fn deployment_entry() -> Value {
    serde_json::from_str(include_str!("../fixtures/deployment-applied.json")).expect("JSON")
}

/// Our entry of another object, from the `fieldsV1` that the server recorded beside the metadata of all.
fn entry(desired: &Desired, mut fields: Value) -> Value {
    fields["f:metadata"] = json!({
        "f:annotations": { format!("f:{APPLIED_HASH}"): {} },
        "f:ownerReferences": { format!("k:{{\"uid\":\"{OWNER}\"}}"): {} },
    });
    json!({
        "manager": "annex-operator", "operation": "Apply", "apiVersion": desired.object()["apiVersion"],
        "fieldsType": "FieldsV1", "time": "2026-11-22T18:10:42Z", "fieldsV1": fields,
    })
}

fn foreign_entry(manager: &str, subresource: &str, fields: &Value) -> Value {
    let mut entry = json!({
        "manager": manager, "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields,
    });
    if !subresource.is_empty() {
        entry["subresource"] = subresource.into();
    }
    entry
}

/// The object as the server would answer it after it was applied.
fn live(desired: &Desired, managed_fields: impl IntoIterator<Item = Value>) -> Value {
    let mut object = desired.hashed();
    object["metadata"]["uid"] = UID.into();
    object["metadata"]["resourceVersion"] = "7".into();
    object["metadata"]["managedFields"] = managed_fields.into_iter().collect();
    object
}

const FORMER: &str = "22222222-2222-2222-2222-222222222222";

/// The same of a former owner: in its ownerReferences, and in what `entries` own of them.
fn of_former(object: &Value) -> Value {
    let text = object.to_string().replace(OWNER, FORMER);
    serde_json::from_str(&text).expect("JSON")
}

/// Takes a path out of an entry as the server does when another manager gets the field: what is left empty
/// above it goes too.
fn without(mut entry: Value, path: &[&str]) -> Value {
    fn remove(node: &mut Value, path: &[&str]) {
        let (first, rest) = path.split_first().expect("a path");
        let node = node.as_object_mut().expect("a node");
        if rest.is_empty() {
            node.remove(*first).expect("a field that is owned");
        } else {
            remove(&mut node[*first], rest);
            node.retain(|key, child| {
                key != first || child.as_object().is_some_and(|child| !child.is_empty())
            });
        }
    }
    remove(&mut entry["fieldsV1"], path);
    entry
}
