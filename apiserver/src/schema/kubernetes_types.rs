//! What k8s-openapi's schemas of Kubernetes' own types do not say: how server-side apply and strategic merge patches merge their
//! lists and maps. `kubernetes_types.json` has it of the types of core/v1 and of metadata, as Kubernetes 1.36 publishes it
//! (`api/openapi-spec/v3/api__v1_openapi.json`): a LabelSelector is changed as a whole, containers are a map by their names.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// The keywords of types and of their fields, by the name of the type in Kubernetes' OpenAPI documents.
static TYPES: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("kubernetes_types.json")).unwrap_or_default());

/// Adds to the schema of the type `name` what Kubernetes' own schema of it says of merging. What the schema says itself stands.
pub(super) fn complete(name: &str, schema: &mut Map<String, Value>) {
    let Some(Value::Object(known)) = TYPES.get(name) else {
        return;
    };
    for (keyword, said) in known {
        match (keyword.as_str(), said) {
            ("properties", Value::Object(fields)) => {
                let Some(Value::Object(properties)) = schema.get_mut("properties") else {
                    continue;
                };
                for (field, said) in fields {
                    if let (Some(Value::Object(property)), Value::Object(said)) =
                        (properties.get_mut(field), said)
                    {
                        add(property, said);
                    }
                }
            }
            _ => {
                schema.entry(keyword).or_insert_with(|| said.clone());
            }
        }
    }
}

fn add(property: &mut Map<String, Value>, said: &Map<String, Value>) {
    for (keyword, value) in said {
        property.entry(keyword).or_insert_with(|| value.clone());
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::PodTemplateSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;
    use crate::schema::generate::document_of;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Spec {
        selector: LabelSelector,
        template: PodTemplateSpec,
    }

    #[test]
    fn types_of_kubernetes_are_merged_as_kubernetes_merges_them() {
        let document = document_of::<Spec>("v1");
        let at = |path: &str| document.pointer(path).cloned().unwrap_or_default();
        assert_eq!(at("/properties/selector/x-kubernetes-map-type"), json!("atomic"));
        let containers = "/properties/template/properties/spec/properties/containers";
        assert_eq!(
            at(&format!("{containers}/x-kubernetes-list-map-keys")),
            json!(["name"])
        );
        assert_eq!(
            at(&format!("{containers}/x-kubernetes-patch-merge-key")),
            json!("name")
        );
        let ports = format!("{containers}/items/properties/ports");
        assert_eq!(
            at(&format!("{ports}/x-kubernetes-list-map-keys")),
            json!(["containerPort", "protocol"])
        );
        assert_eq!(
            at(&format!("{ports}/items/properties/protocol/default")),
            json!("TCP")
        );
    }

    #[test]
    fn every_type_is_read() {
        assert!(TYPES.len() > 80, "{}", TYPES.len());
        assert!(TYPES.values().all(Value::is_object));
    }
}
