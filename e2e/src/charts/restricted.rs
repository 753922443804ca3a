//! The `restricted` Pod Security Standard, as far as a pod's spec says it, and this project's own additions: a read-only
//! root file system and a memory limit.

use serde_json::Value;

/// Volume types that `restricted` admits.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// What in this PodSpec the standard, or this project, does not admit; a line each.
pub(super) fn violations(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if spec[field] == true {
            found.push(format!("{field} is true"));
        }
    }
    let pod = &spec["securityContext"];
    if pod.get("sysctls").is_some_and(|sysctls| !is_empty(sysctls)) {
        found.push("securityContext.sysctls are set".to_owned());
    }
    for volume in items(&spec["volumes"]) {
        found.extend(volume_violation(volume));
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in items(&spec[list]) {
            let name = container["name"].as_str().unwrap_or("?");
            let violations = container_violations(container, pod);
            found.extend(
                violations
                    .into_iter()
                    .map(|violation| format!("container {name}: {violation}")),
            );
        }
    }
    if items(&spec["containers"]).is_empty() {
        found.push("it has no container".to_owned());
    }
    found
}

fn volume_violation(volume: &Value) -> Option<String> {
    let name = volume["name"].as_str().unwrap_or("?");
    let kinds = volume
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.keys())
        .filter(|key| *key != "name");
    let refused: Vec<_> = kinds
        .filter(|kind| !VOLUMES.contains(&kind.as_str()))
        .cloned()
        .collect();
    (!refused.is_empty()).then(|| format!("volume {name} is of type {}", refused.join(", ")))
}

fn container_violations(container: &Value, pod: &Value) -> Vec<String> {
    let own = &container["securityContext"];
    // A container's field wins over the pod's.
    let effective = |field: &str| own.get(field).or_else(|| pod.get(field)).unwrap_or(&Value::Null);
    let seccomp = &effective("seccompProfile")["type"];
    let capabilities = &own["capabilities"];
    let added = items(&capabilities["add"]);
    let host_ports = items(&container["ports"])
        .iter()
        .any(|port| port["hostPort"].as_u64().is_some_and(|p| p != 0));
    let rules = [
        (own["privileged"] == true, "it is privileged"),
        (
            own["allowPrivilegeEscalation"] != false,
            "allowPrivilegeEscalation is not false",
        ),
        (effective("runAsNonRoot") != true, "runAsNonRoot is not true"),
        (effective("runAsUser") == 0, "runAsUser is 0"),
        (
            seccomp != "RuntimeDefault" && seccomp != "Localhost",
            "no seccomp profile",
        ),
        (
            !items(&capabilities["drop"]).iter().any(|name| name == "ALL"),
            "it does not drop ALL capabilities",
        ),
        (
            added.iter().any(|name| name != "NET_BIND_SERVICE"),
            "it adds capabilities",
        ),
        (
            own.get("procMount").is_some_and(|mount| mount != "Default"),
            "procMount is not Default",
        ),
        (host_ports, "it takes a port of the host"),
        (
            own["readOnlyRootFilesystem"] != true,
            "readOnlyRootFilesystem is not true",
        ),
        (
            container["resources"]["limits"].get("memory").is_none(),
            "it has no memory limit",
        ),
    ];
    rules
        .into_iter()
        .filter(|(violated, _)| *violated)
        .map(|(_, text)| text.to_owned())
        .collect()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn is_empty(value: &Value) -> bool {
    items(value).is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn admitted() -> Value {
        json!({
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "volumes": [{ "name": "tmp", "emptyDir": {} }],
            "containers": [{
                "name": "a",
                "ports": [{ "containerPort": 80 }],
                "resources": { "limits": { "memory": "1Mi" } },
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                },
            }],
        })
    }

    #[test]
    fn the_standard_admits() {
        assert_eq!(violations(&admitted()), Vec::<String>::new());
    }

    #[test]
    fn each_rule_refuses() {
        let container = "/containers/0/securityContext";
        for (at, field, value, expected) in [
            ("", "hostNetwork", json!(true), "hostNetwork is true"),
            (
                "/volumes/0",
                "hostPath",
                json!({ "path": "/" }),
                "volume tmp is of type hostPath",
            ),
            (
                "/securityContext",
                "sysctls",
                json!([{ "name": "a" }]),
                "securityContext.sysctls are set",
            ),
            (
                "/securityContext",
                "runAsUser",
                json!(0),
                "container a: runAsUser is 0",
            ),
            (
                "/securityContext",
                "seccompProfile",
                json!({}),
                "container a: no seccomp profile",
            ),
            (
                container,
                "runAsNonRoot",
                json!(false),
                "container a: runAsNonRoot is not true",
            ),
            (
                container,
                "privileged",
                json!(true),
                "container a: it is privileged",
            ),
            (
                container,
                "allowPrivilegeEscalation",
                json!(true),
                "container a: allowPrivilegeEscalation is not false",
            ),
            (
                container,
                "readOnlyRootFilesystem",
                json!(null),
                "container a: readOnlyRootFilesystem is not true",
            ),
            (
                container,
                "procMount",
                json!("Unmasked"),
                "container a: procMount is not Default",
            ),
            (
                container,
                "capabilities",
                json!({ "drop": [] }),
                "container a: it does not drop ALL capabilities",
            ),
            (
                container,
                "capabilities",
                json!({ "drop": ["ALL"], "add": ["SYS_ADMIN"] }),
                "container a: it adds capabilities",
            ),
            (
                "/containers/0/ports/0",
                "hostPort",
                json!(80),
                "container a: it takes a port of the host",
            ),
            (
                "/containers/0",
                "resources",
                json!({}),
                "container a: it has no memory limit",
            ),
            ("", "containers", json!([]), "it has no container"),
        ] {
            let mut spec = admitted();
            spec.pointer_mut(at).unwrap()[field] = value;
            assert_eq!(violations(&spec), [expected], "{at}/{field}");
        }
    }
}
