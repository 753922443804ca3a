//! One of two kube-apiservers does not reach a server that the other one, and the operator, reach: status names it, and says so once, though the
//! condition that both write goes back and forth.

use std::time::Duration;

use annex_crds::v1alpha1::Reason;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Api;

use super::{
    super::{Failure, World, ensure, load::ask, test_server::TestServer, world::describe},
    clean,
    named::named,
};
use crate::components::second_apiserver::SecondApiserver;

const NAME: &str = "fault-second-plane";
/// Longer than two turns of the condition, each of which takes the five seconds that the second kube-apiserver waits in vain.
const WATCHED: Duration = Duration::from_secs(15);

/// A second kube-apiserver whose packets to pods and Services vanish.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let layout = world.node()?;
    world.namespace(NAME).await?;
    let server = TestServer::new(NAME, NAME);
    world.apply(&server.yaml()).await?;
    world.ready(NAME).await?;
    let second = SecondApiserver::start(layout).await?;
    let told = cut(world, &server, &second).await;
    // Whatever came of it: no other scenario is to have two.
    second.stop().await?;
    told?;
    clean(world, &[NAME], NAME).await
}

async fn cut(world: &World, server: &TestServer, second: &SecondApiserver<'_>) -> Result<(), Failure> {
    let answers = async || ask(second.client(), &server.object_path()).await;
    world
        .eventually("an answer through the second kube-apiserver", answers)
        .await?;
    let before = last_change(world, server).await?;
    let deed = async { Ok(second.cut().await?) };
    let symptom = async {
        world
            .eventually("the condition to change", async || {
                match last_change(world, server).await {
                    Ok(change) if change != before => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            })
            .await
    };
    named(world, NAME, Reason::ControlPlaneUnreachable, deed, symptom).await?;
    // The first to tell may be the condition, in a moment in which the second kube-apiserver has written it.
    let address = second.address();
    world
        .eventually("the second kube-apiserver in the message", async || {
            let server = world
                .servers()
                .get(NAME)
                .await
                .map_err(|error| error.to_string())?;
            let conditions = server.status.unwrap_or_default().conditions;
            let told = conditions.iter().any(|condition| {
                condition.type_ == "Ready"
                    && condition.reason == Reason::ControlPlaneUnreachable.as_str()
                    && condition.message.contains(&address)
            });
            if told { Ok(()) } else { Err(describe(&conditions)) }
        })
        .await?;
    let version =
        async || -> Result<_, Failure> { Ok(world.servers().get(NAME).await?.metadata.resource_version) };
    let told = version().await?;
    tokio::time::sleep(WATCHED).await;
    let now = version().await?;
    ensure(told == now, || {
        format!("status should stand while nothing changes; the object went from version {told:?} to {now:?}")
    })?;
    ensure(answers().await.is_err(), || {
        "requests through the second kube-apiserver should fail still".to_owned()
    })?;
    second.mend().await?;
    world.ready(NAME).await?;
    world
        .eventually("an answer through the second kube-apiserver", answers)
        .await
}

/// When the aggregators' condition changed last.
async fn last_change(world: &World, server: &TestServer) -> Result<Option<Time>, Failure> {
    let api: Api<APIService> = Api::all(world.client.clone());
    let status = api.get(&server.api_service()).await?.status.unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    Ok(conditions
        .into_iter()
        .find(|condition| condition.type_ == "Available")
        .and_then(|condition| condition.last_transition_time))
}
