//! Servers that can be used past the aggregator say so, and are served all the same: one that obeys `X-Remote-User` of whoever connects,
//! and one that asks nobody who they are. That wardle is protected is shown by
//! `safety/access`.

use annex_crds::v1alpha1::Reason;

use super::{
    super::{Failure, World, ensure, test_server::TestServer},
    clean,
    named::event,
};

const NAMESPACE: &str = "fault-bypass";
const OBEYS: &str = "fault-obeys";
const OPEN: &str = "fault-open";

/// Two servers that are not protected.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.namespace(NAMESPACE).await?;
    let obeys = TestServer::new(OBEYS, NAMESPACE).args(&["--mode=obeyed-header"]);
    let open = TestServer::new(OPEN, NAMESPACE);
    tokio::try_join!(
        told(world, &obeys, Reason::ClaimedIdentityObeyed),
        told(world, &open, Reason::AnonymousAllowed),
    )?;
    clean(world, &[OBEYS, OPEN], NAMESPACE).await
}

async fn told(world: &World, server: &TestServer, reason: Reason) -> Result<(), Failure> {
    world.apply(&server.yaml()).await?;
    world
        .condition(server.name, "BypassProtected", "False", Some(reason.as_str()))
        .await?;
    event(world, server.name, reason.as_str(), "pod ").await?;
    world.ready(server.name).await?;
    let line = format!("get --raw {}", server.object_path());
    let echo = world.kubectl(&line).await?;
    ensure(echo.contains("Echo"), || format!("{}: {echo}", server.name))
}
