//! Named ports: what probes, Services and NetworkPolicies name must be there, and the kubelet must reach what it probes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::inspect::{identity, pod_spec};

/// What is wrong with the ports in these documents; a line each.
pub(super) fn faults(documents: &[Value]) -> Vec<String> {
    let containers: Vec<&Value> = documents
        .iter()
        .filter_map(pod_spec)
        .flat_map(|spec| items(&spec["containers"]))
        .collect();
    let ports: BTreeSet<&str> = containers
        .iter()
        .flat_map(|container| items(&container["ports"]))
        .filter_map(|port| port["name"].as_str())
        .collect();
    let probed: BTreeSet<&str> = containers
        .iter()
        .flat_map(|container| [&container["livenessProbe"], &container["readinessProbe"]])
        .filter_map(|probe| probe["httpGet"]["port"].as_str())
        .collect();
    let mut faults = Vec::new();
    for port in probed.difference(&ports) {
        faults.push(format!("a probe asks port {port}, which no container has"));
    }
    for document in documents {
        let name = identity(document);
        let named: Vec<&str> = match document["kind"].as_str() {
            Some("Service") => items(&document["spec"]["ports"])
                .iter()
                .filter_map(|port| port["targetPort"].as_str())
                .collect(),
            Some("NetworkPolicy") => {
                faults
                    .extend(closed(document, &probed).map(|port| {
                        format!("{name}: the kubelet cannot reach port {port}, which it probes")
                    }));
                items(&document["spec"]["ingress"])
                    .iter()
                    .flat_map(|rule| items(&rule["ports"]))
                    .filter_map(|port| port["port"].as_str())
                    .collect()
            }
            _ => continue,
        };
        for port in named.into_iter().filter(|port| !ports.contains(port)) {
            faults.push(format!("{name}: no container has port {port}"));
        }
    }
    faults
}

/// The probed ports that a NetworkPolicy does not open to everyone: the kubelet's address is a node's, which no selector
/// of pods or namespaces names.
fn closed<'a>(policy: &Value, probed: &BTreeSet<&'a str>) -> impl Iterator<Item = &'a str> {
    let open: Vec<String> = items(&policy["spec"]["ingress"])
        .iter()
        .filter(|rule| rule["from"].is_null())
        .flat_map(|rule| items(&rule["ports"]))
        .filter_map(|port| port["port"].as_str().map(str::to_owned))
        .collect();
    probed
        .iter()
        .copied()
        .filter(move |port| !open.iter().any(|opened| opened == port))
        .collect::<Vec<_>>()
        .into_iter()
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ports_that_are_missing_or_closed_are_named() {
        let deployment = |probed: &str| {
            json!({ "kind": "Deployment", "metadata": { "name": "d" }, "spec": { "template": { "spec": { "containers": [{
                "ports": [{ "name": "health" }, { "name": "metrics" }],
                "livenessProbe": { "httpGet": { "port": probed } },
            }] } } } })
        };
        let policy = |from: Value| {
            json!({ "kind": "NetworkPolicy", "metadata": { "name": "p" }, "spec": { "ingress": [
                { "ports": [{ "port": "health" }], "from": from },
            ] } })
        };
        let service = |port: &str| json!({ "kind": "Service", "metadata": { "name": "s" }, "spec": { "ports": [{ "targetPort": port }] } });
        let sound = [deployment("health"), policy(Value::Null), service("metrics")];
        assert_eq!(faults(&sound), Vec::<String>::new());
        assert_eq!(
            faults(&[deployment("admin")]),
            ["a probe asks port admin, which no container has"]
        );
        assert_eq!(
            faults(&[deployment("health"), policy(json!([{ "namespaceSelector": {} }]))]),
            ["NetworkPolicy -/p: the kubelet cannot reach port health, which it probes"]
        );
        assert_eq!(
            faults(&[deployment("health"), service("admin")]),
            ["Service -/s: no container has port admin"]
        );
    }
}
