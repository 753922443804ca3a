//! Two operators at once, as when a leader stalls, loses its Lease and goes on: they write over nothing of each other's, a rotation goes through, and then
//! both are silent.

use serde_json::{Value, json};

use super::super::{
    authority, load::Load, operator, stage, test_server::TestServer, world::LIMIT, world::World,
};
use crate::install::NAMESPACE;
use crate::progress;
use crate::scenarios::{Failure, failure};

const NAME: &str = "two-operators";
/// The operator's Deployment, and that of the second one.
const OPERATOR: &str = "annex-operator";
const SECOND: &str = "annex-operator-second";

/// A second operator without leader election, beside the first, while the authority is rotated under fresh handshakes.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let server = TestServer::new(NAME, NAME);
    stage::made(world, NAME, &server.yaml()).await?;
    begin(world).await?;
    let rotated = rotated(world, &server).await;
    // Whatever came of it, one is left.
    end(world).await?;
    rotated?;
    stage::cleared(world, NAME).await
}

async fn rotated(world: &World, server: &TestServer) -> Result<(), Failure> {
    let line = format!(
        "-n {NAMESPACE} rollout status deployment/{SECOND} --timeout={}s",
        LIMIT.as_secs()
    );
    world.kubectl(&line).await?;
    let load = Load::start(world, &server.target()).await?;
    let rotated = async {
        world
            .kubectl(&format!(
                "annotate aggregatedserver {NAME} annex.dev/rotate-ca=two"
            ))
            .await?;
        stage::rotated(world, NAME, 1).await?;
        authority::settled(world, server).await
    };
    let rotated = rotated.await;
    let tally = load.stop().await;
    progress::say(format!("    {tally}"));
    // What clients met says more than where the rotation stopped.
    tally.none_failed(&[])?;
    rotated?;
    operator::silent(world).await
}

/// Makes the second of the first: the same but for its name, its labels, by which nobody takes its pod for one of the first's, and who leads.
async fn begin(world: &World) -> Result<(), Failure> {
    let first = world
        .kubectl(&format!("-n {NAMESPACE} get deployment {OPERATOR} -o json"))
        .await?;
    let second = second_of(&serde_json::from_str(&first)?)?.to_string();
    // What an earlier failure left.
    end(world).await?;
    world.tools.kubectl_with(&["create", "-f", "-"], &second).await?;
    Ok(())
}

/// Takes the second away, and waits until its pod is gone with it.
async fn end(world: &World) -> Result<(), Failure> {
    let line = format!(
        "-n {NAMESPACE} delete deployment {SECOND} --ignore-not-found --cascade=foreground --wait --timeout=180s"
    );
    world.kubectl(&line).await.map(drop)
}

fn second_of(first: &Value) -> Result<Value, Failure> {
    let mut pod = first["spec"]["template"]["spec"].clone();
    let arguments = pod["containers"][0]["args"].as_array_mut();
    let leads = arguments
        .into_iter()
        .flatten()
        .find(|argument| *argument == "--leader-elect=true")
        .ok_or_else(|| failure("the operator has no flag --leader-elect=true"))?;
    *leads = json!("--leader-elect=false");
    let labels = json!({ "app": SECOND });
    Ok(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": SECOND, "namespace": NAMESPACE },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": pod },
        },
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::second_of;

    #[test]
    fn the_second_operator_asks_for_no_lease() {
        let first = |arguments: &[&str]| json!({ "spec": { "template": { "spec": { "containers": [{ "args": arguments }] } } } });
        let second = second_of(&first(&["run", "--leader-elect=true", "--workers=4"])).unwrap();
        let pod = &second["spec"]["template"]["spec"];
        assert_eq!(
            pod["containers"][0]["args"],
            json!(["run", "--leader-elect=false", "--workers=4"])
        );
        assert!(second_of(&first(&["run"])).is_err());
    }
}
