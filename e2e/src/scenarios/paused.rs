//! A server that is paused (`annex.dev/paused`) stays as it is, broken or due as that may be; its status goes on, and all is made good when it ends.

use annex_crds::PAUSED_ANNOTATION;
use annex_crds::v1alpha1::Reason;

use super::{Failure, Lane, Scenario, World, ensure, stage, test_server::TestServer};

/// The scenarios of this file.
pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "status/paused",
    lane: Lane::Own,
    long: false,
    needs_node: false,
    run: |world| Box::pin(paused(world)),
}];

const NAME: &str = "status-paused";

async fn paused(world: &World) -> Result<(), Failure> {
    let server = TestServer::new(NAME, NAME);
    stage::made(world, NAME, &server.yaml()).await?;
    let annotate = async |annotation: &str| {
        let line = format!("annotate aggregatedserver {NAME} --overwrite {annotation}");
        world.kubectl(&line).await
    };
    annotate(&format!("{PAUSED_ANNOTATION}=true")).await?;
    let reason = Some(Reason::Paused.as_str());
    world.condition(NAME, "Progressing", "True", reason).await?;
    world.condition(NAME, "Ready", "True", None).await?;

    // A child that is gone, a new authority that is asked for, and a spec that is another.
    world
        .kubectl(&format!("-n {NAME} delete configmap {NAME}-ca"))
        .await?;
    annotate("annex.dev/rotate-ca=1").await?;
    let image =
        r#"[{"op":"replace","path":"/spec/workload/image","value":"localhost/annex-e2e-server:other"}]"#;
    world
        .tools
        .kubectl(&["patch", "aggregatedserver", NAME, "--type=json", "-p", image])
        .await?;
    world.observed(NAME).await?;
    let bundles = format!("-n {NAME} get configmaps -o name");
    let left = world.kubectl(&bundles).await?;
    ensure(!left.contains(&format!("{NAME}-ca")), || {
        format!("the ConfigMap is there again: {left}")
    })?;
    let image = format!("-n {NAME} get deployment {NAME} -o jsonpath={{..image}}");
    let runs = world.kubectl(&image).await?;
    ensure(runs == "localhost/annex-e2e-server:dev", || {
        format!("the Deployment was changed: {runs}")
    })?;
    let status = world.servers().get(NAME).await?.status.unwrap_or_default();
    ensure(status.certificates.rotation.is_none(), || {
        format!("a rotation has begun: {:?}", status.certificates)
    })?;
    world
        .kubectl(&format!("get --raw {}", server.object_path()))
        .await?;

    world.apply(&server.yaml()).await?;
    annotate(&format!("{PAUSED_ANNOTATION}-")).await?;
    world
        .eventually("the ConfigMap, and the rotation's end", async || {
            let made = world.kubectl(&bundles).await.map_err(|error| error.to_string())?;
            let server = world
                .servers()
                .get(NAME)
                .await
                .map_err(|error| error.to_string())?;
            let certificates = server.status.unwrap_or_default().certificates;
            let done = certificates.rotation.is_none() && certificates.rotation_count > 0;
            if done && made.contains(&format!("{NAME}-ca")) {
                Ok(())
            } else {
                Err(format!("{made}; {certificates:?}"))
            }
        })
        .await?;
    world.ready(NAME).await?;
    stage::cleared(world, NAME).await
}
