//! The operator itself, as the charts install it: stopped, restarted, and who leads.

use std::future::Future;
use std::time::Duration;

use super::{Failure, World, audit::Audit, failure};
use crate::install::NAMESPACE;

/// Its Deployment, and the Lease of its leader.
const NAME: &str = "annex-operator";
/// Its pods.
const SELECTOR: &str = "app.kubernetes.io/name=annex";

/// More than its resync period, so that it looks at each server at least once.
const WINDOW: Duration = Duration::from_secs(25);

/// Waits until no operator, however many there are, has written anything for a while but a Lease.
pub(super) async fn silent(world: &World) -> Result<(), Failure> {
    let mut audit = Audit::from_now(world)?;
    world
        .eventually("every operator to be silent", async || {
            // What is shown is that nothing comes.
            tokio::time::sleep(WINDOW).await;
            let writes = audit
                .writes_of_the_operator()
                .map_err(|error| error.to_string())?;
            if writes.is_empty() {
                Ok(())
            } else {
                Err(writes.join("\n    "))
            }
        })
        .await
}

/// How many pods it is to have.
pub(super) async fn replicas(world: &World) -> Result<u32, Failure> {
    let path = "jsonpath={.spec.replicas}";
    let text = world
        .kubectl(&format!("-n {NAMESPACE} get deployment {NAME} -o {path}"))
        .await?;
    Ok(text.parse()?)
}

/// Scales it, and waits until that many pods are ready, and no other is left.
pub(super) async fn scale(world: &World, replicas: u32) -> Result<(), Failure> {
    let line = format!("-n {NAMESPACE} scale deployment {NAME} --replicas={replicas}");
    world.kubectl(&line).await?;
    settled(world, replicas).await
}

/// Waits until as many pods as wanted are ready, and no other is left.
pub(super) async fn settled(world: &World, replicas: u32) -> Result<(), Failure> {
    let ready =
        "jsonpath={range .items[*]}{.metadata.deletionTimestamp}{.status.containerStatuses[0].ready},{end}";
    let wanted = "true,".repeat(usize::try_from(replicas)?);
    world
        .eventually(&format!("{replicas} operator pods, all ready"), async || {
            let pods = world
                .tools
                .kubectl(&["-n", NAMESPACE, "get", "pods", "-l", SELECTOR, "-o", ready])
                .await;
            match pods {
                Ok(pods) if pods == wanted => Ok(()),
                Ok(pods) => Err(format!("ready: {pods}")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
}

/// Does `work` while there is no operator, and brings it back, also after a failure.
pub(super) async fn without(
    world: &World,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let before = replicas(world).await?;
    scale(world, 0).await?;
    let result = work.await;
    scale(world, before).await?;
    result
}

/// Deletes every pod of it, as an upgrade or a drain does, and waits until another process leads.
pub(super) async fn restart(world: &World) -> Result<(), Failure> {
    let before = leader(world).await?;
    let line = format!("-n {NAMESPACE} delete pods -l {SELECTOR} --wait=false");
    world.kubectl(&line).await?;
    other_leader(world, &before).await.map(|_| ())
}

/// The process that leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leader {
    /// Unlike that of any other process, also of the same pod.
    pub(super) identity: String,
    /// Its pod.
    pub(super) pod: String,
}

/// Who leads, once somebody does.
pub(super) async fn leader(world: &World) -> Result<Leader, Failure> {
    world
        .eventually("a leader of the operator", async || holder(world).await)
        .await
}

/// Waits until somebody else than `before` leads.
pub(super) async fn other_leader(world: &World, before: &Leader) -> Result<Leader, Failure> {
    let what = format!("another leader of the operator than {}", before.identity);
    world
        .eventually(&what, async || {
            let now = holder(world).await?;
            if now.identity == before.identity {
                Err(format!("{} leads still", now.identity))
            } else {
                Ok(now)
            }
        })
        .await
}

async fn holder(world: &World) -> Result<Leader, String> {
    let line = format!("-n {NAMESPACE} get lease {NAME} -o jsonpath={{.spec.holderIdentity}}");
    let identity = world.kubectl(&line).await.map_err(|error| error.to_string())?;
    let (pod, _) = identity.rsplit_once('_').ok_or("nobody leads")?;
    Ok(Leader {
        pod: pod.to_owned(),
        identity,
    })
}

/// The leader's pod, deleted as a node that fails deletes it: at once.
pub(super) async fn delete_pod(world: &World, leader: &Leader) -> Result<(), Failure> {
    let line = format!(
        "-n {NAMESPACE} delete pod {} --grace-period=0 --force --wait=false",
        leader.pod
    );
    world
        .kubectl(&line)
        .await
        .map(|_| ())
        .map_err(|error| failure(error.to_string()))
}
