use serde_json::json;

use super::*;
use crate::{
    aggregated_server::{
        build,
        names::owner_reference,
        testing::{context, names},
    },
    fake_client::{Answer, fake_client},
};

#[tokio::test]
async fn an_event_tells_of_a_child_that_was_taken_up_again() {
    let names = names();
    let desired = build::service_account(&names);
    let mut live = json!(desired);
    live["metadata"]["uid"] = "a".into();
    live["metadata"]["resourceVersion"] = "7".into();
    live["metadata"]["ownerReferences"] = json!([owner_reference("wardle", "dead")]);
    let server = json!({ "metadata": { "name": "wardle", "uid": names.uid } });
    let ctx = context(fake_client(move |request| {
        let is_server = request.path.ends_with("/aggregatedservers/wardle");
        Answer::ok(if is_server { server.clone() } else { live.clone() })
    }));
    let children = Children {
        ctx: &ctx,
        names: &names,
        writes: Writes::Allowed,
    };
    let mut outcome = PassResult::default();
    children.apply(&desired, Reason::ApplyFailed, &mut outcome).await;
    assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
    let events: Vec<_> = outcome.event_records.iter().collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].reason, "Adopted");
    assert_eq!(
        events[0].note,
        "ServiceAccount wardle/wardle: belonged to an AggregatedServer wardle that was deleted"
    );
}

#[tokio::test]
async fn a_child_of_a_former_server_that_changes_meanwhile_is_deleted_by_a_later_pass() {
    let names = names();
    let mut live = build::service_account(&names);
    live.metadata.uid = Some("a".into());
    live.metadata.resource_version = Some("7".into());
    live.metadata.owner_references = Some(vec![owner_reference("wardle", "dead")]);
    let server = json!({ "metadata": { "name": "wardle", "uid": names.uid } });
    let ctx = context(fake_client(move |request| {
        if request.method == "GET" {
            return Answer::ok(server.clone());
        }
        let preconditions = json!({ "uid": "a", "resourceVersion": "7" });
        assert_eq!(request.body["preconditions"], preconditions);
        Answer::status(409, "Conflict")
    }));
    let children = Children {
        ctx: &ctx,
        names: &names,
        writes: Writes::Allowed,
    };
    let mut outcome = PassResult::default();
    assert!(!children.remove_live(&live, &mut outcome).await);
    assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
    assert!(outcome.hurry);
}
