//! Who fights over a child: a controller that writes an APIService every second, and a policy of the cluster that changes a Deployment at
//! admission. Both are named, neither is answered in a hot loop, requests go on, and it ends with them.

use std::time::Duration;

use annex_crds::v1alpha1::Reason;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{
    super::{Failure, World, audit::Audit, ensure, follow::Task, test_server::TestServer},
    clean,
    named::event,
};
use crate::progress;

const NAMESPACE: &str = "fault-contested";
const FOUGHT: &str = "fault-fought";
const MUTATED: &str = "fault-mutated";
/// The field manager of the other controller.
const RIVAL: &str = "other-controller";
/// How long they fight once that is told: twenty writes of the other, one of Annex at most.
const FIGHT: Duration = Duration::from_secs(20);
/// How many writes of one object that leaves: three at once, and one later.
const WRITES: usize = 5;

const POLICY: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: { name: fault-contested }
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
    - { apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments] }
  matchConditions:
  - { name: one, expression: \"object.metadata.namespace == 'fault-contested' && object.metadata.name == 'fault-mutated'\" }
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: >-
        [JSONPatch{op: \"add\", path: \"/spec/template/spec/terminationGracePeriodSeconds\", value: 2}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: { name: fault-contested }
spec: { policyName: fault-contested }
";

/// A server each.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.namespace(NAMESPACE).await?;
    let contested = async { tokio::try_join!(fought(world), mutated(world)) };
    let seen = contested.await;
    no_policy(world).await?;
    seen?;
    clean(world, &[FOUGHT, MUTATED], NAMESPACE).await
}

async fn fought(world: &World) -> Result<(), Failure> {
    let server = TestServer::new(FOUGHT, NAMESPACE);
    world.apply(&server.yaml()).await?;
    world.ready(FOUGHT).await?;
    let mut audit = Audit::from_now(world)?;
    let rival = rival(world, &server.api_service());
    let message = contested(world, FOUGHT).await?;
    let expected = format!(
        "APIService {}: spec.groupPriorityMinimum is changed again and again by {RIVAL} (Update)",
        server.api_service()
    );
    ensure(message == expected, || {
        format!("{FOUGHT} is contested: {message}")
    })?;
    event(world, FOUGHT, "Contested", &expected).await?;
    // What is shown is that little comes; there is no condition to wait for.
    tokio::time::sleep(FIGHT).await;
    let writes = audit.writes_of_the_operator()?;
    let of_it = format!("patch apiservices/{} ", server.api_service());
    let count = writes.iter().filter(|write| write.starts_with(&of_it)).count();
    progress::say(format!(
        "    {count} writes of the APIService while it was fought over"
    ));
    ensure((1..=WRITES).contains(&count), || {
        format!("the operator wrote the APIService {count} times: {writes:?}")
    })?;
    ready(world, FOUGHT, &server).await?;
    drop(rival);
    world
        .condition(FOUGHT, "Contested", "False", Some(Reason::Uncontested.as_str()))
        .await?;
    let services: Api<APIService> = Api::all(world.client.clone());
    let left = services.get(&server.api_service()).await?.spec;
    ensure(
        left.as_ref()
            .is_some_and(|spec| spec.group_priority_minimum == 1000),
        || format!("the other's value is left: {left:?}"),
    )
}

/// Writes its priority every second, whatever is there.
fn rival(world: &World, name: &str) -> Task {
    let services: Api<APIService> = Api::all(world.client.clone());
    let (name, params) = (
        name.to_owned(),
        PatchParams {
            field_manager: Some(RIVAL.to_owned()),
            ..PatchParams::default()
        },
    );
    Task::spawn(async move {
        let patch = Patch::Merge(json!({ "spec": { "groupPriorityMinimum": 1500 } }));
        loop {
            // One that fails is followed by another.
            let _ = services.patch(&name, &params, &patch).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
}

async fn mutated(world: &World) -> Result<(), Failure> {
    no_policy(world).await?;
    world.apply(POLICY).await?;
    let create = format!(
        "-n {NAMESPACE} create deployment {MUTATED} --image=a --dry-run=server -o jsonpath={{..terminationGracePeriodSeconds}}"
    );
    world
        .eventually("the policy to be enforced", async || {
            match world.kubectl(&create).await {
                Ok(seconds) if seconds == "2" => Ok(()),
                Ok(other) => Err(other),
                Err(error) => Err(error.to_string()),
            }
        })
        .await?;
    let server = TestServer::new(MUTATED, NAMESPACE);
    let mut audit = Audit::from_now(world)?;
    world.apply(&server.yaml()).await?;
    world.ready(MUTATED).await?;
    let message = contested(world, MUTATED).await?;
    let expected = format!(
        "Deployment {NAMESPACE}/{MUTATED}: spec.template.spec.terminationGracePeriodSeconds is changed at admission"
    );
    ensure(message == expected, || {
        format!("{MUTATED} is contested: {message}")
    })?;
    event(world, MUTATED, "Contested", &expected).await?;
    tokio::time::sleep(FIGHT).await;
    let writes = audit.writes_of_the_operator()?;
    let of_it = format!("patch deployments/{MUTATED} ");
    let count = writes.iter().filter(|write| write.starts_with(&of_it)).count();
    progress::say(format!(
        "    {count} patches of the Deployment that a policy changes"
    ));
    ensure((1..=WRITES).contains(&count), || {
        format!("the operator wrote the Deployment {count} times: {writes:?}")
    })?;
    ready(world, MUTATED, &server).await?;
    no_policy(world).await?;
    world
        .condition(MUTATED, "Contested", "False", Some(Reason::Uncontested.as_str()))
        .await?;
    let seconds =
        format!("-n {NAMESPACE} get deployment {MUTATED} -o jsonpath={{..terminationGracePeriodSeconds}}");
    let left = world.kubectl(&seconds).await?;
    ensure(left == "1", || format!("the policy's value is left: {left}"))
}

async fn no_policy(world: &World) -> Result<(), Failure> {
    for kind in ["mutatingadmissionpolicybinding", "mutatingadmissionpolicy"] {
        world.delete(kind, "fault-contested").await?;
    }
    Ok(())
}

/// Waits until the server's status tells of a contest; returns the message.
async fn contested(world: &World, server: &str) -> Result<String, Failure> {
    world
        .condition(server, "Contested", "True", Some(Reason::Contested.as_str()))
        .await?;
    let conditions = world
        .servers()
        .get(server)
        .await?
        .status
        .unwrap_or_default()
        .conditions;
    let told = conditions
        .into_iter()
        .find(|condition| condition.type_ == "Contested");
    Ok(told.map(|condition| condition.message).unwrap_or_default())
}

/// It is served, and says so.
async fn ready(world: &World, name: &str, server: &TestServer) -> Result<(), Failure> {
    world.condition(name, "Ready", "True", None).await?;
    let line = format!("get --raw {}", server.object_path());
    world.kubectl(&line).await.map(|_| ())
}
