//! Rendered objects against the types of Kubernetes: a field that the API does not know is lost silently by the
//! apiserver (or refused by a strict client), so it is a fault here.

use k8s_openapi::{
    api::{
        admissionregistration::v1::{
            ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
        },
        apps::v1::Deployment,
        batch::v1::Job,
        coordination::v1::Lease,
        core::v1::{Secret, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Kinds of the Prometheus operator, for which there is no type here.
const UNTYPED: [&str; 2] = ["ServiceMonitor", "PrometheusRule"];

/// What in this object its type does not know; a line each.
pub(super) fn faults(document: &Value) -> Vec<String> {
    let known = match document["kind"].as_str().unwrap_or_default() {
        "ClusterRole" => round_trip::<ClusterRole>(document),
        "ClusterRoleBinding" => round_trip::<ClusterRoleBinding>(document),
        "CustomResourceDefinition" => round_trip::<CustomResourceDefinition>(document),
        "Deployment" => round_trip::<Deployment>(document),
        "Job" => round_trip::<Job>(document),
        "Lease" => round_trip::<Lease>(document),
        "NetworkPolicy" => round_trip::<NetworkPolicy>(document),
        "PodDisruptionBudget" => round_trip::<PodDisruptionBudget>(document),
        "Role" => round_trip::<Role>(document),
        "RoleBinding" => round_trip::<RoleBinding>(document),
        // One that is made for the operator to fill; what is rendered is in the release's own record, for everybody who reads that.
        "Secret" if document["data"].is_null() && document["stringData"].is_null() => {
            round_trip::<Secret>(document)
        }
        "Service" => round_trip::<Service>(document),
        "ValidatingAdmissionPolicy" => round_trip::<ValidatingAdmissionPolicy>(document),
        "ValidatingAdmissionPolicyBinding" => round_trip::<ValidatingAdmissionPolicyBinding>(document),
        "ValidatingWebhookConfiguration" => round_trip::<ValidatingWebhookConfiguration>(document),
        "ServiceAccount" => round_trip::<ServiceAccount>(document),
        kind if UNTYPED.contains(&kind) => return Vec::new(),
        kind => return vec![format!("a chart has no business with the kind {kind:?}")],
    };
    match known {
        Ok(known) => lost("", document, &known),
        Err(error) => vec![error.to_string()],
    }
}

fn round_trip<T: DeserializeOwned + Serialize>(document: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<T>(document.clone())?)
}

/// Paths that are in `given` and not, or not the same, in `known`.
fn lost(path: &str, given: &Value, known: &Value) -> Vec<String> {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => given
            .iter()
            .flat_map(|(key, value)| match known.get(key) {
                Some(known) => lost(&format!("{path}/{key}"), value, known),
                None => vec![format!("{path}/{key} is unknown to the API")],
            })
            .collect(),
        (Value::Array(given), Value::Array(known)) if given.len() == known.len() => {
            let pairs = given.iter().zip(known).enumerate();
            pairs
                .flat_map(|(index, (given, known))| lost(&format!("{path}/{index}"), given, known))
                .collect()
        }
        _ if given == known || as_float(given).is_some_and(|given| Some(given) == as_float(known)) => {
            Vec::new()
        }
        _ => vec![format!("{path} is read as {known}, not {given}")],
    }
}

/// Numbers of a schema are floating-point in the API's type.
fn as_float(value: &Value) -> Option<f64> {
    value.as_f64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn misspelt_fields_and_foreign_kinds_are_found() {
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "x" },
            "spec": { "ports": [{ "port": 80, "targetPort": "http" }] },
        });
        assert_eq!(faults(&service), Vec::<String>::new());
        service["spec"]["ports"][0]["nodeport"] = json!(1);
        assert_eq!(faults(&service), ["/spec/ports/0/nodeport is unknown to the API"]);
        service["spec"]["ports"] = json!("80");
        assert_eq!(faults(&service).len(), 1);
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "x" } });
        assert_eq!(faults(&secret), Vec::<String>::new());
        let filled = json!({ "apiVersion": "v1", "kind": "Secret", "data": { "key": "eA==" } });
        assert_eq!(faults(&filled).len(), 1);
    }
}
