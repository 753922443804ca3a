//! What the ServiceAccounts of the charts may do, and what they may not.
//!
//! One table, asked twice: of the rendered roles without a cluster, and of the kube-apiserver by `kubectl auth can-i`.

use super::access::{AccessCheck, Subject};

/// The whole table, for charts installed in `release_namespace`.
#[must_use]
pub fn rbac_matrix(release_namespace: &str) -> Vec<AccessCheck> {
    [
        of_the_cluster(),
        of_namespaces(),
        events(),
        for_all(release_namespace),
    ]
    .concat()
}

/// The same with the value `namespaces: [NAMESPACE]`.
#[must_use]
pub fn narrow_rbac_matrix(release_namespace: &str, namespace: &str) -> Vec<AccessCheck> {
    let mut checks = [of_the_cluster(), for_all(release_namespace)].concat();
    for check in of_namespaces() {
        checks.push(check.clone().within(namespace));
        checks.push(check.clone().within("kube-public").denied());
        checks.push(check.denied());
    }
    for check in events() {
        checks.push(check.clone().within("default"));
        checks.push(check.within("kube-public").denied());
    }
    let within_own = |check: AccessCheck| check.within(release_namespace);
    let secrets = ask("", "secrets", &["get", "create", "update"]);
    checks.extend(secrets.into_iter().map(within_own));
    let slices = ask("discovery.k8s.io", "endpointslices", &["list"]);
    checks.extend(slices.into_iter().map(|check| check.within("default")));
    for (group, resource) in [("apps", "deployments"), ("", "configmaps"), ("", "secrets")] {
        checks.extend(
            deny(group, resource, READ)
                .into_iter()
                .map(|check| check.within("default")),
        );
    }
    checks
}

/// What does not depend on where servers may run.
fn for_all(release_namespace: &str) -> Vec<AccessCheck> {
    [
        in_own_namespace(release_namespace),
        in_kube_system(),
        bindings(),
        never(release_namespace),
        probe(release_namespace),
    ]
    .concat()
}

/// One question for each verb; `resource` may end in `/SUBRESOURCE`.
fn ask(group: &'static str, resource: &'static str, verbs: &[&'static str]) -> Vec<AccessCheck> {
    let (resource, subresource) = match resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource)),
        None => (resource, None),
    };
    let check = |verb: &&'static str| AccessCheck {
        subject: Subject::Operator,
        verb,
        group,
        resource,
        subresource,
        namespace: None,
        name: None,
        allowed: true,
    };
    verbs.iter().map(check).collect()
}

fn deny(group: &'static str, resource: &'static str, verbs: &[&'static str]) -> Vec<AccessCheck> {
    ask(group, resource, verbs)
        .into_iter()
        .map(AccessCheck::denied)
        .collect()
}

const RBAC: &str = "rbac.authorization.k8s.io";
const READ: &[&str] = &["get", "list", "watch"];
const CHANGE: &[&str] = &["create", "patch", "delete"];

/// What is written and read without a namespace.
fn of_the_cluster() -> Vec<AccessCheck> {
    let mut checks = written(&[(RBAC, "clusterrolebindings")]);
    for verbs in [READ, CHANGE, &["update"]] {
        checks.extend(ask("apiregistration.k8s.io", "apiservices", verbs));
    }
    checks.extend(deny(
        "apiregistration.k8s.io",
        "apiservices",
        &["deletecollection"],
    ));
    checks.extend(read(&[
        ("annex.dev", "aggregatedservers"),
        ("", "namespaces"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
    ]));
    checks.extend(ask("annex.dev", "aggregatedservers/status", &["get", "update"]));
    checks.extend(ask("annex.dev", "aggregatedservers/finalizers", &["update"]));
    // Of definitions it writes the status, a finalizer and an annotation.
    let definitions = "aggregatedresourcedefinitions";
    checks.extend(ask("annex.dev", definitions, READ));
    checks.extend(ask("annex.dev", definitions, &["patch"]));
    checks.extend(deny(
        "annex.dev",
        definitions,
        &["create", "update", "delete", "deletecollection"],
    ));
    checks.extend(ask(
        "annex.dev",
        "aggregatedresourcedefinitions/status",
        &["get", "update"],
    ));
    let configurations = "validatingwebhookconfigurations";
    for check in ask("admissionregistration.k8s.io", configurations, &["get", "patch"]) {
        checks.push(check.clone().named("annex-operator"));
        checks.push(check.named("another").denied());
    }
    checks.extend(deny(
        "admissionregistration.k8s.io",
        configurations,
        &["list", "watch", "create", "update", "delete"],
    ));
    checks
}

/// Reconciling works on these in each namespace in which servers may run.
fn of_namespaces() -> Vec<AccessCheck> {
    let mut checks = written(&[
        ("apps", "deployments"),
        ("apps", "statefulsets"),
        ("", "services"),
        ("", "serviceaccounts"),
        ("", "configmaps"),
        ("policy", "poddisruptionbudgets"),
    ]);
    checks.extend(read(&[("", "pods"), ("discovery.k8s.io", "endpointslices")]));
    checks.extend(ask("", "secrets", &["get", "create", "update"]));
    checks.extend(deny(
        "",
        "secrets",
        &["list", "watch", "patch", "delete", "deletecollection"],
    ));
    // A volume is asked to grow, never made or taken.
    checks.extend(ask("", "persistentvolumeclaims", &["get", "patch"]));
    checks.extend(deny(
        "",
        "persistentvolumeclaims",
        &["list", "watch", "create", "update", "delete", "deletecollection"],
    ));
    // They are named where an endpoint does not answer, and never followed.
    checks.extend(ask("networking.k8s.io", "networkpolicies", &["list"]));
    checks.extend(deny(
        "networking.k8s.io",
        "networkpolicies",
        &[
            "get",
            "watch",
            "create",
            "update",
            "patch",
            "delete",
            "deletecollection",
        ],
    ));
    checks
}

fn events() -> Vec<AccessCheck> {
    ask("events.k8s.io", "events", &["create", "patch"])
}

fn written(resources: &[(&'static str, &'static str)]) -> Vec<AccessCheck> {
    let mut checks = Vec::new();
    for (group, resource) in resources {
        checks.extend(ask(group, resource, READ));
        checks.extend(ask(group, resource, CHANGE));
        checks.extend(deny(group, resource, &["update", "deletecollection"]));
    }
    checks
}

fn read(resources: &[(&'static str, &'static str)]) -> Vec<AccessCheck> {
    let mut checks = Vec::new();
    for (group, resource) in resources {
        checks.extend(ask(group, resource, READ));
        checks.extend(deny(group, resource, CHANGE));
        checks.extend(deny(group, resource, &["update", "deletecollection"]));
    }
    checks
}

fn in_own_namespace(own: &str) -> Vec<AccessCheck> {
    let group = "coordination.k8s.io";
    let mut checks = Vec::new();
    let lease = ask(group, "leases", &["get", "update"])
        .into_iter()
        .map(|check| check.within(own));
    for check in lease {
        checks.push(check.clone().named("annex-operator"));
        checks.push(check.clone().named("another").denied());
        checks.push(check.named("annex-operator").within("kube-system").denied());
    }
    let within_own = |check: AccessCheck| check.within(own);
    checks.extend(ask(group, "leases", &["create"]).into_iter().map(within_own));
    checks.extend(deny(group, "leases", &["create", "list", "watch", "delete"]));
    checks.extend(
        deny(group, "leases", &["list", "delete"])
            .into_iter()
            .map(within_own),
    );
    // The authorities; nowhere else.
    for secrets in ask("", "secrets", &["list", "watch"]) {
        checks.push(secrets.clone().within(own));
        checks.push(secrets.within("kube-system").denied());
    }
    for token in ask("", "serviceaccounts/token", &["create"]) {
        checks.push(token.clone().within(own).named("annex-probe"));
        checks.push(token.clone().within(own).named("annex-operator").denied());
        checks.push(token.clone().within(own).denied());
        checks.push(token.clone().within("kube-system").named("annex-probe").denied());
        checks.push(token.denied());
    }
    checks
}

fn in_kube_system() -> Vec<AccessCheck> {
    let mut checks = Vec::new();
    for check in [ask(RBAC, "rolebindings", READ), ask(RBAC, "rolebindings", CHANGE)].concat() {
        checks.push(check.clone().within("kube-system"));
        checks.push(check.clone().within("default").denied());
        checks.push(check.denied());
    }
    checks
}

/// The three roles that it may bind; every other binding would give a server more than delegation needs.
fn bindings() -> Vec<AccessCheck> {
    let mut checks = Vec::new();
    for bind in ask(RBAC, "clusterroles", &["bind"]) {
        checks.push(bind.clone().named("system:auth-delegator"));
        checks.push(bind.clone().named("annex:extension-apiserver"));
        for role in ["cluster-admin", "admin", "edit", "view", "annex-operator"] {
            checks.push(bind.clone().named(role).denied());
        }
        checks.push(bind.denied());
    }
    for bind in ask(RBAC, "roles", &["bind"]) {
        let reader = bind.clone().named("extension-apiserver-authentication-reader");
        checks.push(reader.clone().within("kube-system"));
        checks.push(reader.within("default").denied());
        checks.push(bind.clone().within("kube-system").denied());
        checks.push(
            bind.clone()
                .within("kube-system")
                .named("annex-operator-kube-system")
                .denied(),
        );
        checks.push(
            bind.within("kube-system")
                .named("system:controller:token-cleaner")
                .denied(),
        );
    }
    checks
}

fn never(own: &str) -> Vec<AccessCheck> {
    let mut checks = [
        deny("", "*", &["*", "get"]),
        deny(
            RBAC,
            "clusterroles",
            &["create", "update", "patch", "delete", "escalate"],
        ),
        deny(
            RBAC,
            "roles",
            &["create", "update", "patch", "delete", "escalate"],
        ),
        deny("", "pods/exec", &["create", "get"]),
        deny("", "pods/log", &["get"]),
        deny("", "pods/eviction", &["create"]),
        deny("", "pods/portforward", &["create"]),
        deny("", "pods/ephemeralcontainers", &["patch", "update"]),
        deny("", "services/proxy", &["get", "create"]),
        deny("", "nodes", READ),
        deny("", "nodes/proxy", &["get", "create"]),
        deny("", "users", &["impersonate"]),
        deny("", "groups", &["impersonate"]),
        deny("", "serviceaccounts", &["impersonate"]),
        deny("apps", "daemonsets", CHANGE),
        deny("apps", "statefulsets/scale", &["patch", "update"]),
        deny("", "persistentvolumeclaims/status", &["patch", "update"]),
        deny("", "persistentvolumes", READ),
        deny("", "persistentvolumes", CHANGE),
        deny("storage.k8s.io", "storageclasses", READ),
        deny("batch", "jobs", CHANGE),
        deny("certificates.k8s.io", "certificatesigningrequests", CHANGE),
        deny(
            "admissionregistration.k8s.io",
            "validatingwebhookconfigurations",
            CHANGE,
        ),
        deny(
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations",
            CHANGE,
        ),
        deny("authentication.k8s.io", "tokenreviews", &["create"]),
        deny("authorization.k8s.io", "subjectaccessreviews", &["create"]),
        deny("annex.dev", "aggregatedservers/status", &["patch"]),
        deny("annex.dev", "aggregatedservers/finalizers", &["patch"]),
        deny(
            "apiregistration.k8s.io",
            "apiservices/status",
            &["patch", "update"],
        ),
    ]
    .concat();
    // Its own namespace is no exception.
    checks.extend(
        deny("", "secrets", &["patch", "delete", "deletecollection"])
            .into_iter()
            .map(|check| check.within(own)),
    );
    checks.extend(
        deny("", "pods", CHANGE)
            .into_iter()
            .map(|check| check.within(own)),
    );
    checks
}

fn probe(own: &str) -> Vec<AccessCheck> {
    let questions = [
        deny("", "*", &["*"]),
        deny("annex.dev", "aggregatedservers", READ),
        deny("", "secrets", &["get", "list"]),
        deny("", "configmaps", READ),
        deny("", "pods", READ),
        deny("", "namespaces", READ),
        deny("", "serviceaccounts/token", &["create"]),
        deny("apiregistration.k8s.io", "apiservices", READ),
    ]
    .concat();
    let as_probe = |check: AccessCheck| AccessCheck {
        subject: Subject::Probe,
        ..check
    };
    let everywhere: Vec<_> = questions.into_iter().map(as_probe).collect();
    let in_own = everywhere.iter().cloned().map(|check| check.within(own));
    in_own.chain(everywhere.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_put_as_kubectl_takes_them() {
        let matrix = rbac_matrix("own");
        let token = matrix
            .iter()
            .find(|check| check.subresource == Some("token"))
            .unwrap();
        assert_eq!(
            token.can_i_arguments("own"),
            [
                "auth",
                "can-i",
                "create",
                "serviceaccounts/annex-probe",
                "--as=system:serviceaccount:own:annex-operator",
                "--as-group=system:serviceaccounts",
                "--as-group=system:serviceaccounts:own",
                "--as-group=system:authenticated",
                "--subresource=token",
                "--namespace=own",
            ]
        );
    }

    #[test]
    fn no_question_has_two_answers() {
        for matrix in [rbac_matrix("own"), narrow_rbac_matrix("own", "servers")] {
            for check in matrix.iter().filter(|check| check.allowed) {
                assert!(!matrix.contains(&check.clone().denied()), "{check:?}");
            }
        }
    }
}
