//! The children of a pass, in their order.

use annex_crds::v1alpha1::{Child, Reason};

use super::Pass;
use crate::{
    aggregated_server::{
        build::{self, network},
        certificates::{CertificateState, ServingRecord},
        children::Children,
        context::Memory,
        pass_result::PassResult,
    },
    pki::bundle,
};

impl Pass<'_> {
    /// The order: side by side who runs it and may do what, what it reads, and where it is found; then itself.
    pub(super) async fn apply_children(
        &self,
        children: &Children<'_>,
        keys: &CertificateState,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) {
        let names = &self.names;
        let secret = |namespace: &str, name: String| Child {
            api_version: "v1".into(),
            kind: "Secret".into(),
            namespace: Some(namespace.to_owned()),
            name,
        };
        outcome
            .children
            .push(secret(&names.operator_namespace, names.ca_secret()));
        outcome
            .children
            .push(secret(&names.namespace, names.serving_secret.clone()));
        let bundle_pem = bundle::to_pem(&keys.bundle);
        let record = ServingRecord::of(keys).and_then(|record| record.annotation());
        let Some(workload) = &self.server.spec.workload else {
            self.publish(children, &bundle_pem, record, outcome).await;
            return;
        };
        let service = network::service(names);
        let (mut of_accounts, mut of_service) = (PassResult::default(), PassResult::default());
        tokio::join!(
            Box::pin(self.publish(children, &bundle_pem, record, outcome)),
            Box::pin(self.apply_accounts(children, workload, &mut of_accounts)),
            Box::pin(children.apply(&service, Reason::ApplyFailed, &mut of_service)),
        );
        outcome.service_account = of_accounts.service_account.take();
        outcome.extend(of_accounts);
        outcome.extend(of_service);
        self.apply_workload(children, workload, keys, memory, outcome)
            .await;
    }

    /// Publishes the bundle for clients that talk to the server directly.
    async fn publish(
        &self,
        children: &Children<'_>,
        bundle_pem: &str,
        record: Option<String>,
        outcome: &mut PassResult,
    ) {
        let published = build::config_map(&self.names, bundle_pem, record);
        let known = self.surroundings.config_map.as_deref();
        children
            .apply_over(&published, known, Reason::ApplyFailed, outcome)
            .await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::{
        aggregated_server::{
            certificates::Policy,
            children::Writes,
            dereference::Surroundings,
            testing::{context, names, server, surroundings},
        },
        applier::Known,
        fake_client::{Answer, fake_client},
    };

    /// The other operator in a hand-over has rotated since this pass read the ConfigMap and the Secret.
    #[tokio::test]
    async fn a_bundle_that_was_published_since_stays_and_is_no_failure() {
        let (server, names) = (server(), names());
        let mut old = build::config_map(&names, "old", None);
        old.metadata.uid = Some("c".into());
        old.metadata.resource_version = Some("1".into());
        old.metadata.managed_fields = serde_json::from_value(json!([{
            "manager": annex_crds::MANAGER, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": { "f:data": {} },
        }]))
        .unwrap();
        let there = json!(old);
        let ctx = context(fake_client(move |request| {
            if request.method == "GET" {
                return Answer::ok(there.clone());
            }
            assert_eq!(request.method, "PATCH", "{request:?}");
            let version = &request.body["metadata"]["resourceVersion"];
            assert_eq!(version, "1", "no write without the version that was read");
            Answer::status(409, "Conflict")
        }));
        let pass = Pass {
            ctx: &ctx,
            server: &server,
            policy: Policy::new(&server, &names),
            surroundings: Surroundings {
                config_map: Some(Arc::new(Known::new(&old.metadata, None))),
                ..surroundings()
            },
            plans: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
            names: names.clone(),
        };
        let children = Children {
            writes: Writes::Allowed,
            ctx: &ctx,
            names: &names,
        };
        let mut outcome = PassResult::default();
        pass.publish(&children, "older", None, &mut outcome).await;
        assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
        assert!(outcome.hurry, "the next pass sees what there is");
        assert_eq!(outcome.children.len(), 1, "it is still there");
    }
}
