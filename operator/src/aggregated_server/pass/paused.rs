//! A server that is paused and has no authority to work with: none is made, so that no endpoint can be judged. What is there besides is
//! told all the same.

use annex_crds::{
    PAUSED_ANNOTATION,
    v1alpha1::{Child, Reason},
};

use kube::core::ObjectMeta;

use super::{Pass, claims::standing};
use crate::{
    aggregated_server::{
        certificates::{Authority, AuthorityFault},
        diagnose,
        live::{LiveWorkload, is_embedded},
        pass_result::PassResult,
        validate,
    },
    applier::Ownership,
};

impl Pass<'_> {
    /// Tells why there are no certificates, what of the server is there and what is not, and what Kubernetes says of it.
    pub(super) fn tell_without_authority(&self, outcome: &mut PassResult) {
        self.tell_of_missing_authority(outcome);
        let missing: Vec<String> = self
            .main_children()
            .into_iter()
            .filter(|(_, ownership)| ownership.is_none())
            .map(|(child, _)| {
                let namespace = child.namespace.as_deref().unwrap_or_default();
                format!("{} {namespace}/{}", child.kind, child.name)
            })
            .collect();
        if !missing.is_empty() {
            outcome.find(Reason::Paused, format!("not made yet: {}", missing.join(", ")));
        }
        let surroundings = &self.surroundings;
        outcome.findings.extend(diagnose::pods(&surroundings.pods));
        let unusable = validate::refuse_service(surroundings.service.as_ref(), &self.names, self.port());
        let is_to_be_made = self.server.spec.workload.is_some() && surroundings.service.is_none();
        match unusable {
            Some(_) if is_to_be_made => outcome.find(Reason::NoReadyEndpoints, "the Service is not made yet"),
            Some(unusable) => outcome.findings.push(unusable),
            None => {
                let endpoints = self.endpoints();
                let findings = diagnose::endpoints(&endpoints, &[], &surroundings.pods, self.now);
                outcome.findings.extend(findings);
            }
        }
        self.tell_what_stands(outcome);
    }

    /// Tells what is there of a server whose certificates cannot be looked at, and of these what was known.
    pub(super) fn tell_what_stands(&self, outcome: &mut PassResult) {
        let surroundings = &self.surroundings;
        let children = self.main_children().into_iter();
        let ours = children
            .filter(|(_, ownership)| ownership.is_some_and(|ownership| ownership != Ownership::Foreign));
        outcome.children.extend(ours.map(|(child, _)| child));
        let known = self.server.status.as_ref();
        outcome.certificates = known
            .map(|status| status.certificates.clone())
            .unwrap_or_default();
        outcome.apis = standing(&self.plans, &self.names, |name| {
            surroundings.api_services.get(name).cloned()
        });
        // Nobody takes note of what they answer.
        self.ctx.prober.forget(&self.names.uid);
    }

    fn tell_of_missing_authority(&self, outcome: &mut PassResult) {
        let secret = self.surroundings.authority_secret.as_ref();
        let fault = secret.map_or(Some(AuthorityFault::Missing), |secret| {
            Authority::read(secret).err()
        });
        let (reason, fault) = match fault {
            Some(AuthorityFault::Unusable(fault)) => (Reason::CaSecretInvalid, fault),
            _ => (Reason::NotIssued, AuthorityFault::Missing.to_string()),
        };
        let message = format!(
            "Secret {}/{}: {fault}; no authority is made while {PAUSED_ANNOTATION} is set",
            self.names.operator_namespace,
            self.names.ca_secret(),
        );
        outcome.find(reason, message);
    }

    /// The children that a server cannot do without, and whose they are, where they are there.
    fn main_children(&self) -> Vec<(Child, Option<Ownership>)> {
        let (names, surroundings) = (&self.names, &self.surroundings);
        let owner = names.owner_reference();
        let of = |metadata: &ObjectMeta| {
            let owners = metadata.owner_references.as_deref().unwrap_or_default();
            Ownership::of(owners, &owner)
        };
        let child = |api_version: &str, kind: &str, name: &str| Child {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: Some(names.namespace.clone()),
            name: name.to_owned(),
        };
        let secret = child("v1", "Secret", &names.serving_secret);
        let config_map = child("v1", "ConfigMap", &names.config_map());
        let mut children = vec![
            (
                secret,
                surroundings
                    .serving_secret
                    .as_ref()
                    .map(|secret| of(&secret.metadata)),
            ),
            (
                config_map,
                surroundings
                    .config_map
                    .as_ref()
                    .map(|known| Ownership::of(&known.owners, &owner)),
            ),
        ];
        if self.server.spec.workload.is_some() {
            let kind = if is_embedded(self.server) {
                "StatefulSet"
            } else {
                "Deployment"
            };
            let workload: Option<&LiveWorkload> = surroundings.workload.as_ref();
            children.push((
                child("v1", "Service", &names.service),
                surroundings.service.as_ref().map(|service| of(&service.metadata)),
            ));
            children.push((
                child("apps/v1", kind, &names.server),
                workload.map(|live| of(live.metadata())),
            ));
        }
        children
    }
}

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::AggregatedServer;
    use jiff::Timestamp;
    use serde_json::json;

    use super::super::run;
    use crate::{
        aggregated_server::{
            status,
            testing::{context, names, server},
        },
        fake_cluster::FakeCluster,
    };

    fn paused() -> AggregatedServer {
        let mut server = server();
        server.metadata.annotations =
            Some([(annex_crds::PAUSED_ANNOTATION.to_owned(), "true".to_owned())].into());
        server
    }

    #[tokio::test]
    async fn a_paused_server_without_an_authority_says_what_there_is() {
        let cluster = FakeCluster::default();
        let server = paused();
        cluster.put("/apis/annex.dev/v1alpha1/aggregatedservers/wardle", json!(server));
        cluster.put(
            "/api/v1/namespaces/wardle",
            json!({ "metadata": { "name": "wardle" } }),
        );
        cluster.put(
            "/api/v1/namespaces/wardle/configmaps/wardle-ca",
            json!({ "metadata": {
                "name": "wardle-ca", "namespace": "wardle", "uid": "c", "ownerReferences": [names().owner_reference()],
            } }),
        );
        let ctx = context(cluster.client());
        let outcome = run(&ctx, &server, Timestamp::now()).await.unwrap();
        let requests = cluster.requests();
        assert!(
            requests.iter().all(|request| request.starts_with("GET ")),
            "{requests:?}"
        );
        let status = status::compute(&server, &outcome, Timestamp::now());
        let condition = |type_: &str| {
            let condition = status
                .conditions
                .iter()
                .find(|condition| condition.type_ == type_);
            let condition = condition.unwrap();
            (
                condition.status.as_str(),
                condition.reason.as_str(),
                condition.message.as_str(),
            )
        };
        let secret = "Secret annex-system/wardle-ca: there is no Secret yet; no authority is made while annex.dev/paused is set";
        assert_eq!(condition("CertificatesReady"), ("False", "NotIssued", secret));
        let (progressing, reason, message) = condition("Progressing");
        assert_eq!((progressing, reason), ("True", "Paused"));
        let missing = "not made yet: Secret wardle/wardle-serving-cert, Service wardle/wardle, Deployment wardle/wardle";
        assert!(message.contains(missing), "{message}");
        assert_eq!(condition("Available").1, "NoReadyEndpoints");
        assert_eq!(condition("Ready").0, "False");
        let children: Vec<_> = status.children.iter().map(|child| child.kind.as_str()).collect();
        assert_eq!(children, ["ConfigMap"]);
        // And it stays so.
        let again = run(&ctx, &server, Timestamp::now()).await.unwrap();
        let mut told = server.clone();
        told.status = Some(status.clone());
        assert_eq!(status::compute(&told, &again, Timestamp::now()), status);
    }
}
