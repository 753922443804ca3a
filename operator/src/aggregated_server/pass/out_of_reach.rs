//! A server in a namespace where this operator neither reads nor writes, see `--namespaces`.

use annex_crds::v1alpha1::AggregatedServer;

use super::claims::standing;
use crate::aggregated_server::{
    context::Context, finding::Finding, names::Names, pass_result::PassResult, validate,
};

/// Of a server where this operator neither reads nor writes. What was made of it before stays as it is, and is told as before: its
/// certificates go on to their end, and whoever waits for that has to hear of it. APIServices are in no namespace.
pub(super) fn out_of_reach(
    ctx: &Context,
    server: &AggregatedServer,
    names: &Names,
    refusal: Finding,
) -> PassResult {
    ctx.prober.forget(&names.uid);
    let known = server.status.clone().unwrap_or_default();
    let live = |name: &str| ctx.informers.api_services.get("", name)?.object.get().0.ok();
    PassResult {
        apis: standing(&validate::plan_apis(server), names, live),
        certificates: known.certificates,
        service_account: known.service_account_name,
        children: known.children,
        findings: vec![refusal],
        ..PassResult::default()
    }
}

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::{Child, Reason};
    use jiff::Timestamp;
    use kube::runtime::watcher;
    use serde_json::json;

    use super::super::run;
    use crate::{
        aggregated_server::{
            build,
            testing::{context, names, server},
            validate,
        },
        fake_client::fake_client,
        namespaces::Namespaces,
    };

    /// Where the operator has no rights it asks for nothing: the answer would be 403, and say little.
    #[tokio::test]
    async fn a_server_in_another_namespace_is_refused_without_a_request() {
        let client = fake_client(|request| panic!("{} {}", request.method, request.path));
        let mut ctx = context(client);
        ctx.namespaces = Namespaces::new(&["a".into(), "b".into()]);
        let mut server = server();
        let child = Child {
            api_version: "v1".into(),
            kind: "Secret".into(),
            namespace: Some("wardle".into()),
            name: "wardle-serving-cert".into(),
        };
        let status = server.status.get_or_insert_default();
        status.children = vec![child.clone()];
        status.service_account_name = Some("wardle".into());
        let certificates = json!({ "servingNotAfter": "2030-01-01T00:00:00Z", "rotationCount": 1 });
        status.certificates = serde_json::from_value(certificates).unwrap();
        let known = status.clone();
        let plan = &validate::plan_apis(&server)[0];
        let mut live = json!(build::api_service::api_service(
            &names(),
            plan,
            443,
            "",
            Default::default()
        ));
        live["metadata"]["uid"] = "a".into();
        live["status"] = json!({ "conditions": [{ "type": "Available", "status": "True" }] });
        let live = serde_json::from_value(live).unwrap();
        ctx.informers.api_services.observe(watcher::Event::Apply(live));
        let outcome = run(&ctx, &server, Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(outcome.findings.len(), 1);
        assert_eq!(outcome.findings[0].reason, Reason::NamespaceRefused);
        let message = &outcome.findings[0].message;
        assert!(
            message.contains("namespace wardle") && message.ends_with("a, b"),
            "{message}"
        );
        assert_eq!(outcome.children, [child], "what was made before is still there");
        assert_eq!(outcome.certificates, known.certificates);
        assert_eq!(outcome.service_account, known.service_account_name);
        let stand: Vec<_> = outcome
            .apis
            .iter()
            .map(|api| (api.registered, api.available))
            .collect();
        assert_eq!(stand, [(true, true), (false, false)]);
        assert!(!outcome.observed);
    }
}
