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

/// A Ready server is looked at again and again, and no request of the operator writes anything but its Lease.
async fn no_writes(world: &World) -> Result<(), Failure> {
    sample::start(world).await?;
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
