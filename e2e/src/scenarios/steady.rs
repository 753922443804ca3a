//! In the steady state nothing is written.

use std::time::Duration;

use annex_crds::v1alpha1::AggregatedServer;

use super::{Failure, Lane, Scenario, World, audit::Audit, ensure, sample};

/// The scenarios of this file.
pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "steady/no-writes",
    lane: Lane::Alone,
    long: false,
    needs_node: true,
    run: |world| Box::pin(no_writes(world)),
}];

/// More than twice the operator's resync period, and less than the pause between two trials of a registration: the second begins a
/// minute after the first has failed.
const WINDOW: Duration = Duration::from_secs(50);

/// A Ready server is looked at again and again, and so are some that wait for somebody, one that was Ready and is away, and one whose
/// registration was taken back; and no request of the operator writes anything but its Lease.
async fn no_writes(world: &World) -> Result<(), Failure> {
    sample::start(world).await?;
    world.apply(WAITING).await?;
    for (name, reason) in WAITING_FOR {
        world.condition(name, "Ready", "False", Some(reason)).await?;
    }
    world.namespace(NAMESPACE).await?;
    away(world).await?;
    let mut trial = world.follow(REFUSING).await?;
    world
        .apply(&server(REFUSING, "--mode=untrusting-front-proxy"))
        .await?;
    world
        .condition(sample::NAME, "Progressing", "False", None)
        .await?;
    trial.find("a trial that failed", trial_failed).await?;
    told_of_the_trial(world).await?;
    let mut audit = Audit::from_now(world)?;
    // What is shown is that nothing comes; there is no condition to wait for.
    tokio::time::sleep(WINDOW).await;
    let writes = audit.writes_of_the_operator()?;
    ensure(writes.is_empty(), || {
        format!(
            "{} writes within {} s of the steady state:\n    {}",
            writes.len(),
            WINDOW.as_secs(),
            writes.join("\n    ")
        )
    })?;
    a_repair_is_seen(world, &mut audit).await?;
    for (name, _) in WAITING_FOR.into_iter().chain([(AWAY, ""), (REFUSING, "")]) {
        world.delete("aggregatedserver", name).await?;
    }
    world.delete("namespace", NAMESPACE).await?;
    sample::stop(world).await
}

/// A server that was Ready, and whose pods somebody took away.
async fn away(world: &World) -> Result<(), Failure> {
    world.apply(&server(AWAY, "--mode=serve")).await?;
    world.ready(AWAY).await?;
    let line = format!("-n {NAMESPACE} scale deployment {AWAY} --replicas=0");
    world.kubectl(&line).await?;
    world.condition(AWAY, "Available", "False", None).await
}

/// The registration was taken back, and the pause before the next trial has begun.
fn trial_failed(server: &AggregatedServer) -> Result<(), String> {
    let status = server.status.clone().unwrap_or_default();
    let registered = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Registered");
    let failed = registered.is_some_and(|condition| condition.reason == "TrialFailed");
    let left = status.children.iter().any(|child| child.kind == "APIService");
    if failed && !left {
        Ok(())
    } else {
        Err(format!("{registered:?}; registered still: {left}"))
    }
}

/// The Event about it is the last that is written of a failed trial.
async fn told_of_the_trial(world: &World) -> Result<(), Failure> {
    let line =
        format!("get events -A --field-selector involvedObject.name={REFUSING},reason=TrialFailed -o name");
    world
        .eventually("an Event about the failed trial", async || {
            let found = world.kubectl(&line).await.map_err(|error| error.to_string())?;
            if found.is_empty() {
                Err("none".to_owned())
            } else {
                Ok(())
            }
        })
        .await
}

/// An AggregatedServer of the test server.
fn server(name: &str, mode: &str) -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {name} }}
spec:
  namespace: {NAMESPACE}
  apis: [{{ group: {name}.example.com, version: v1 }}]
  workload:
    image: localhost/annex-e2e-server:dev
    args: [--group={name}.example.com, --version=v1, {mode}]
    template: {{ spec: {{ terminationGracePeriodSeconds: 1 }} }}
"
    )
}

/// Where the two servers of the test server run.
const NAMESPACE: &str = "steady";
const AWAY: &str = "steady-away";
const REFUSING: &str = "steady-refusing";

/// The log shows the operator's writes where there are some: silence above was no blindness.
async fn a_repair_is_seen(world: &World, audit: &mut Audit) -> Result<(), Failure> {
    world
        .kubectl("-n wardle delete configmap wardle-ca --wait=false")
        .await?;
    world
        .eventually("the operator's repair in the audit log", async || {
            let writes = audit
                .writes_of_the_operator()
                .map_err(|error| error.to_string())?;
            if writes.iter().any(|write| write.contains("configmaps/wardle-ca")) {
                Ok(())
            } else {
                Err(writes.join(", "))
            }
        })
        .await
}

const WAITING_FOR: [(&str, &str); 3] = [
    ("steady-namespace", "NamespaceNotFound"),
    ("steady-claim", "Conflict"),
    ("steady-service", "ServiceUnusable"),
];

const WAITING: &str = "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: { name: steady-namespace }
spec:
  namespace: steady-no-such-namespace
  apis: [{ group: namespace.example.com, version: v1 }]
  service: { name: none }
---
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: { name: steady-claim }
spec:
  namespace: wardle
  apis: [{ group: wardle.example.com, version: v1beta1 }]
  service: { name: wardle }
---
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: { name: steady-service }
spec:
  namespace: wardle
  apis: [{ group: service.example.com, version: v1 }]
  service: { name: none }
";
