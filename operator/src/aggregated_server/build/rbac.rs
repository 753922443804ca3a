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

fn subject(names: &Names, service_account: &str) -> Vec<Subject> {
    vec![Subject {
        kind: "ServiceAccount".into(),
        name: service_account.into(),
        namespace: Some(names.namespace.clone()),
        ..Subject::default()
    }]
}

fn cluster_binding(names: &Names, purpose: &str, role: &str, service_account: &str) -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: metadata(names.binding(purpose), None, names),
        role_ref: role_ref("ClusterRole", role),
        subjects: Some(subject(names, service_account)),
    }
}

/// TokenReview and SubjectAccessReview.
#[must_use]
pub fn delegation(names: &Names, service_account: &str) -> ClusterRoleBinding {
    cluster_binding(names, "auth-delegator", DELEGATION_ROLE, service_account)
}

/// What the informers of an extension apiserver list and watch.
#[must_use]
pub fn informers(names: &Names, service_account: &str) -> ClusterRoleBinding {
    cluster_binding(names, "informers", INFORMER_ROLE, service_account)
}

/// The ConfigMap that tells how the aggregator authenticates.
#[must_use]
pub fn authentication_reader(names: &Names, service_account: &str) -> RoleBinding {
    RoleBinding {
        metadata: metadata(names.binding("auth-reader"), Some(KUBE_SYSTEM), names),
        role_ref: role_ref("Role", AUTHENTICATION_READER_ROLE),
        subjects: Some(subject(names, service_account)),
    }
}
