//! In the steady state nothing is written.

use std::time::Duration;

use super::{Failure, Scenario, World, audit::Audit, ensure, sample};

/// The scenarios of this file.
pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "steady/no-writes",
    long: false,
    needs_node: true,
    run: |world| Box::pin(no_writes(world)),
}];

/// Three times the operator's resync period.
const WINDOW: Duration = Duration::from_secs(60);

/// A Ready server is looked at again and again, and so are some that wait for somebody, and no request of the operator
/// writes anything but its Lease.
async fn no_writes(world: &World) -> Result<(), Failure> {
    sample::start(world).await?;
    world.apply(WAITING).await?;
    for (name, reason) in WAITING_FOR {
        world.condition(name, "Ready", "False", Some(reason)).await?;
    }
    world
        .condition(sample::NAME, "Progressing", "False", None)
        .await?;
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
    for (name, _) in WAITING_FOR {
        world.delete("aggregatedserver", name).await?;
    }
    sample::stop(world).await
}

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
