//! The three bindings that every extension apiserver needs: delegated authentication and authorization, the aggregator's
//! client certificates, and what its informers read.

use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, RoleRef, Subject};

use super::metadata;
use crate::aggregated_server::names::{
    AUTHENTICATION_READER_ROLE, DELEGATION_ROLE, INFORMER_ROLE, KUBE_SYSTEM, Names,
};

fn role_ref(kind: &str, name: &str) -> RoleRef {
    RoleRef {
        api_group: Some("rbac.authorization.k8s.io".into()),
        kind: kind.into(),
        name: name.into(),
    }
}

fn subjects(names: &Names, service_accounts: &[String]) -> Vec<Subject> {
    let subject = |name: &String| Subject {
        kind: "ServiceAccount".into(),
        name: name.clone(),
        namespace: Some(names.namespace.clone()),
        ..Subject::default()
    };
    service_accounts.iter().map(subject).collect()
}

fn cluster_binding(
    names: &Names,
    purpose: &str,
    role: &str,
    service_accounts: &[String],
) -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: metadata(names.binding(purpose), None, names),
        role_ref: role_ref("ClusterRole", role),
        subjects: Some(subjects(names, service_accounts)),
    }
}

/// TokenReview and SubjectAccessReview.
#[must_use]
pub fn delegation(names: &Names, service_accounts: &[String]) -> ClusterRoleBinding {
    cluster_binding(names, "auth-delegator", DELEGATION_ROLE, service_accounts)
}

/// What the informers of an extension apiserver list and watch.
#[must_use]
pub fn informers(names: &Names, service_accounts: &[String]) -> ClusterRoleBinding {
    cluster_binding(names, "informers", INFORMER_ROLE, service_accounts)
}

/// The ConfigMap that tells how the aggregator authenticates.
#[must_use]
pub fn authentication_reader(names: &Names, service_accounts: &[String]) -> RoleBinding {
    RoleBinding {
        metadata: metadata(names.binding("auth-reader"), Some(KUBE_SYSTEM), names),
        role_ref: role_ref("Role", AUTHENTICATION_READER_ROLE),
        subjects: Some(subjects(names, service_accounts)),
    }
}
