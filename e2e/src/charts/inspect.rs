//! Checks of one rendering, whatever the chart and its values.

use serde_json::Value;

use super::{hooks, ports, rbac::Rbac, restricted, strict};

/// Keys under which certificates and keys are kept in objects.
const CERTIFICATE_KEYS: [&str; 4] = ["ca.crt", "caBundle", "tls.crt", "tls.key"];

/// What is wrong with these documents; a line each.
pub(super) fn faults(documents: &[Value]) -> Vec<String> {
    let mut faults = hooks::faults(documents);
    faults.extend(Rbac::from_documents(documents).faults().iter().cloned());
    faults.extend(doubles(documents));
    faults.extend(ports::faults(documents));
    for document in documents {
        let name = identity(document);
        let found = document_faults(document).into_iter();
        faults.extend(found.map(|fault| format!("{name}: {fault}")));
    }
    faults
}

fn document_faults(document: &Value) -> Vec<String> {
    let mut faults = strict::faults(document);
    if let Some(spec) = pod_spec(document) {
        faults.extend(restricted::violations(spec));
    }
    if document["metadata"]["labels"]["app.kubernetes.io/managed-by"] != "Helm" {
        faults.push("it has no labels of the chart".to_owned());
    }
    // The schema of a CRD may speak of certificates.
    if document["kind"] != "CustomResourceDefinition" {
        faults.extend(certificate_material("", document));
    }
    faults
}

/// Two documents for one object: helm would write both, in some order.
fn doubles(documents: &[Value]) -> Vec<String> {
    let mut names: Vec<_> = documents.iter().map(identity).collect();
    names.sort();
    names
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| format!("{}: rendered twice", pair[0]))
        .collect()
}

/// Kind, namespace and name.
pub(super) fn identity(document: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let metadata = &document["metadata"];
    format!(
        "{} {}/{}",
        text(&document["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"])
    )
}

/// The spec of the pods that a workload makes.
pub(super) fn pod_spec(document: &Value) -> Option<&Value> {
    let pointer = match document["kind"].as_str()? {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    };
    document.pointer(pointer)
}

fn certificate_material(path: &str, value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.contains("-----BEGIN") => vec![format!("{path} holds PEM")],
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, field)| {
                let path = format!("{path}/{key}");
                let named = CERTIFICATE_KEYS
                    .contains(&key.as_str())
                    .then(|| format!("{path} is for a certificate"));
                named
                    .into_iter()
                    .chain(certificate_material(&path, field))
                    .collect::<Vec<_>>()
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .flat_map(|item| certificate_material(path, item))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account(name: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": name, "labels": { "app.kubernetes.io/managed-by": "Helm" } },
        })
    }

    #[test]
    fn each_fault_is_named_with_its_object() {
        assert_eq!(faults(&[account("a"), account("b")]), Vec::<String>::new());
        assert_eq!(
            faults(&[account("a"), account("a")]),
            ["ServiceAccount -/a: rendered twice"]
        );
        let mut pem = account("a");
        pem["metadata"]["annotations"] = json!({ "x": "-----BEGIN CERTIFICATE-----" });
        assert_eq!(
            faults(&[pem]),
            ["ServiceAccount -/a: /metadata/annotations/x holds PEM"]
        );
        let mut bundle = account("a");
        bundle["metadata"]["annotations"] = json!({ "caBundle": "" });
        assert_eq!(faults(&[bundle]).len(), 1);
        let mut secret = json!({ "kind": "Secret", "metadata": account("a")["metadata"] });
        secret["data"] = json!({ "key": "eA==" });
        assert_eq!(faults(&[secret]).len(), 1);
    }
}
