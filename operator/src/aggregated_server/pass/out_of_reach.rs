//! A server in a namespace where this operator neither reads nor writes, see `--namespaces`.

use annex_crds::v1alpha1::AggregatedServer;

use super::claims::unregistered;
use crate::aggregated_server::{
    context::Context, finding::Finding, names::Names, pass_result::PassResult, validate,
};

/// Of a server where this operator neither reads nor writes. What was made of it before stays as it is, and is told as before.
pub(super) fn out_of_reach(
    ctx: &Context,
    server: &AggregatedServer,
    names: &Names,
    refusal: Finding,
) -> PassResult {
    ctx.prober.forget(&names.uid);
    let children = server.status.as_ref().map(|status| status.children.clone());
    PassResult {
        apis: unregistered(&validate::plan_apis(server)),
        children: children.unwrap_or_default(),
        findings: vec![refusal],
        ..PassResult::default()
    }
}

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::{Child, Reason};
    use jiff::Timestamp;

    use super::super::run;
    use crate::{
        aggregated_server::testing::{context, server},
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
        server.status.get_or_insert_default().children = vec![child.clone()];
        let outcome = run(&ctx, &server, Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(outcome.findings.len(), 1);
        assert_eq!(outcome.findings[0].reason, Reason::NamespaceRefused);
        let message = &outcome.findings[0].message;
        assert!(
            message.contains("namespace wardle") && message.ends_with("a, b"),
            "{message}"
        );
        assert_eq!(outcome.children, [child], "what was made before is still there");
        assert_eq!(outcome.apis.len(), 2);
        assert!(!outcome.observed);
    }
}
