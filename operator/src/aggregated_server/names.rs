//! The names of a server's children, each made in one place.

use annex_crds::{MANAGER, SERVER_LABEL, v1alpha1::AggregatedServer};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt as _};
use std::collections::BTreeMap;

use crate::applier::Ownership;

/// The shared ClusterRole of what an extension apiserver's informers read; the annex-crds chart ships it.
pub const INFORMER_ROLE: &str = "annex:extension-apiserver";
/// The ClusterRole of delegated authentication and authorization, which Kubernetes ships.
pub const DELEGATION_ROLE: &str = "system:auth-delegator";
/// The Role in kube-system that lets a server read how the aggregator authenticates, which Kubernetes ships.
pub const AUTHENTICATION_READER_ROLE: &str = "extension-apiserver-authentication-reader";
/// Where [`AUTHENTICATION_READER_ROLE`] lives.
pub const KUBE_SYSTEM: &str = "kube-system";

/// The volume of embedded storage: its name in the pod, and the beginning of its claim's.
pub const DATA_VOLUME: &str = "annex-data";

/// The claim of `server`'s embedded storage, as a StatefulSet's controller names it: by volume, StatefulSet and ordinal.
#[must_use]
pub fn claim(server: &str) -> String {
    format!("{DATA_VOLUME}-{server}-0")
}

/// The ownerReference of the children of AggregatedServer `name` with `uid`.
#[must_use]
pub fn owner_reference(name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: AggregatedServer::api_version(&()).into_owned(),
        kind: AggregatedServer::kind(&()).into_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Names and labels of everything that belongs to one AggregatedServer.
#[derive(Clone, Debug, PartialEq)]
pub struct Names {
    /// The AggregatedServer's own name.
    pub server: String,
    /// Its uid.
    pub uid: String,
    /// Where the server runs.
    pub namespace: String,
    /// Where the operator runs, and the authority's Secret lies.
    pub operator_namespace: String,
    /// The Service in front of the server: named as the server, or the one that `spec.service` names.
    pub service: String,
    /// The Secret of the serving certificate.
    pub serving_secret: String,
    /// DNS names beside the Service's own.
    extra_dns_names: Vec<String>,
}

impl Names {
    /// The names of `server`'s children, for an operator that runs in `operator_namespace`.
    #[must_use]
    pub fn new(server: &AggregatedServer, operator_namespace: &str) -> Self {
        let name = server.name_any();
        let spec = &server.spec;
        Self {
            uid: server.uid().unwrap_or_default(),
            namespace: spec.namespace.clone(),
            operator_namespace: operator_namespace.to_owned(),
            service: spec
                .service
                .as_ref()
                .map_or_else(|| name.clone(), |service| service.name.clone()),
            serving_secret: spec
                .certificates
                .secret_name
                .clone()
                .unwrap_or_else(|| format!("{name}-serving-cert")),
            extra_dns_names: spec.certificates.dns_names.clone(),
            server: name,
        }
    }

    /// The Secret, in the operator's namespace, of the certificate authority.
    #[must_use]
    pub fn ca_secret(&self) -> String {
        format!("{}-ca", self.server)
    }

    /// The ConfigMap, in the server's namespace, with the published bundle.
    #[must_use]
    pub fn config_map(&self) -> String {
        format!("{}-ca", self.server)
    }

    /// A binding of this server's, to the role that `purpose` tells. The server's name is unique in the cluster, so the
    /// binding's is too.
    #[must_use]
    pub fn binding(&self, purpose: &str) -> String {
        format!("annex:{}:{purpose}", self.server)
    }

    /// What the aggregator verifies, and the only name it needs: `<service>.<namespace>.svc`
    /// (kube-aggregator, remote_available_controller.go).
    #[must_use]
    pub fn server_name(&self) -> String {
        format!("{}.{}.svc", self.service, self.namespace)
    }

    /// Every name of the serving certificate, the aggregator's first, none twice.
    #[must_use]
    pub fn dns_names(&self) -> Vec<String> {
        let mut names = vec![self.server_name()];
        for name in &self.extra_dns_names {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Labels of every child.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("app.kubernetes.io/managed-by".to_owned(), MANAGER.to_owned()),
            (SERVER_LABEL.to_owned(), self.server.clone()),
        ])
    }

    /// Labels that select the server's pods. Immutable in a Deployment and a StatefulSet: never add one.
    #[must_use]
    pub fn selector(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(SERVER_LABEL.to_owned(), self.server.clone())])
    }

    /// The reference that makes a child go with its AggregatedServer, also when the operator is gone.
    #[must_use]
    pub fn owner_reference(&self) -> OwnerReference {
        owner_reference(&self.server, &self.uid)
    }

    /// What `object` is to this server. Read [`Ownership::of`] before acting on [`Ownership::Former`].
    #[must_use]
    pub fn ownership(&self, object: &impl Resource) -> Ownership {
        Ownership::of(
            object.meta().owner_references.as_deref().unwrap_or_default(),
            &self.owner_reference(),
        )
    }
}
