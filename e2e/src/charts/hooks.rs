//! Helm hooks: they are no part of the release, so each must clean up after itself.

use std::collections::BTreeSet;

use serde_json::Value;

const HOOK: &str = "helm.sh/hook";
const WEIGHT: &str = "helm.sh/hook-weight";
const DELETE_POLICY: &str = "helm.sh/hook-delete-policy";

/// With these three, nothing is left by a hook that succeeded, failed, or was abandoned.
const DELETE_POLICIES: [&str; 3] = ["before-hook-creation", "hook-failed", "hook-succeeded"];

/// What is wrong with the hooks among `documents`; a line each.
pub(super) fn faults(documents: &[Value]) -> Vec<String> {
    let hooks: Vec<_> = documents
        .iter()
        .filter(|document| annotation(document, HOOK).is_some())
        .collect();
    let mut faults: Vec<_> = hooks.iter().flat_map(|hook| hook_faults(hook)).collect();
    for job in hooks.iter().filter(|hook| hook["kind"] == "Job") {
        let late = hooks
            .iter()
            .filter(|other| other["kind"] != "Job" && rank(other) >= rank(job));
        faults.extend(late.map(|other| format!("hook {}: not made before {}", name(other), name(job))));
        if job["spec"]["backoffLimit"] != 0 || !job["spec"]["activeDeadlineSeconds"].is_u64() {
            faults.push(format!(
                "hook {}: it may be tried again, or run for ever",
                name(job)
            ));
        }
    }
    for binding in hooks.iter().filter(|hook| hook["kind"] == "ClusterRoleBinding") {
        let roles = hooks
            .iter()
            .filter(|other| other["kind"] == "ClusterRole" && rank(other) >= rank(binding));
        faults.extend(roles.map(|role| format!("hook {}: not made before its binding", name(role))));
    }
    faults
}

fn hook_faults(hook: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if annotation(hook, HOOK) != Some("pre-delete") {
        faults.push(format!("hook {}: not pre-delete", name(hook)));
    }
    let policies: BTreeSet<_> = annotation(hook, DELETE_POLICY)
        .unwrap_or_default()
        .split(',')
        .collect();
    if policies != DELETE_POLICIES.into_iter().collect() {
        faults.push(format!(
            "hook {}: would be left behind with {policies:?}",
            name(hook)
        ));
    }
    if rank(hook).is_none() {
        faults.push(format!("hook {}: has no weight", name(hook)));
    }
    faults
}

fn rank(hook: &Value) -> Option<i64> {
    annotation(hook, WEIGHT)?.parse().ok()
}

fn annotation<'a>(document: &'a Value, key: &str) -> Option<&'a str> {
    document["metadata"]["annotations"].get(key)?.as_str()
}

fn name(document: &Value) -> String {
    format!(
        "{}/{}",
        document["kind"].as_str().unwrap_or("?"),
        document["metadata"]["name"].as_str().unwrap_or("?")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hook(kind: &str, weight: &str) -> Value {
        json!({
            "kind": kind,
            "metadata": { "name": "x", "annotations": {
                HOOK: "pre-delete", WEIGHT: weight, DELETE_POLICY: "before-hook-creation,hook-succeeded,hook-failed",
            } },
            "spec": { "backoffLimit": 0, "activeDeadlineSeconds": 1 },
        })
    }

    #[test]
    fn order_and_policies_are_checked() {
        let good = [
            hook("ClusterRole", "-2"),
            hook("ClusterRoleBinding", "-1"),
            hook("Job", "0"),
        ];
        assert_eq!(faults(&good), Vec::<String>::new());
        assert_eq!(faults(&[hook("ServiceAccount", "0"), hook("Job", "0")]).len(), 1);
        assert_eq!(
            faults(&[hook("ClusterRole", "-1"), hook("ClusterRoleBinding", "-1")]).len(),
            1
        );
        let mut kept = hook("Job", "0");
        kept["metadata"]["annotations"][DELETE_POLICY] = json!("hook-succeeded");
        assert_eq!(faults(&[kept]).len(), 1);
        let mut patient = hook("Job", "0");
        patient["spec"]["backoffLimit"] = json!(6);
        assert_eq!(faults(&[patient]).len(), 1);
    }
}
