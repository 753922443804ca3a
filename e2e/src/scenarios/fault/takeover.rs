//! Who stands by for a group-version takes it over when its holder goes, without a person: another AggregatedServer, a helm release, a
//! CustomResourceDefinition, and an APIService that somebody made by hand.

use std::path::Path;
use std::time::Instant;

use annex_crds::v1alpha1::Reason;

use super::{
    super::{Failure, World, audit::Audit, ensure, test_server::TestServer},
    claims::define,
    clean,
    named::LIMIT,
};
use crate::progress;

const NAMESPACE: &str = "fault-takeover";
const HOLDER: &str = "fault-holder";
const AFTER_SERVER: &str = "fault-after-server";
const AFTER_RELEASE: &str = "fault-after-release";
const AFTER_DEFINITION: &str = "fault-after-definition";
const AFTER_HAND: &str = "fault-after-hand";
const RELEASE: &str = "fault-takeover";

/// A server that stands by, what its holder is called in status, and the command that takes the holder away.
struct StandBy {
    server: TestServer,
    reason: Reason,
    holder: String,
}

/// All four at once.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.namespace(NAMESPACE).await?;
    let holder = TestServer::new(HOLDER, NAMESPACE);
    let directory = tempfile::tempdir()?;
    let stand_by = |name, reason, holder: &str| StandBy {
        server: TestServer::new(name, NAMESPACE),
        reason,
        holder: holder.to_owned(),
    };
    let mut all = [
        stand_by(
            AFTER_SERVER,
            Reason::Conflict,
            &format!("AggregatedServer {HOLDER}"),
        ),
        stand_by(
            AFTER_RELEASE,
            Reason::Conflict,
            &format!("helm release {NAMESPACE}/{RELEASE}"),
        ),
        stand_by(
            AFTER_DEFINITION,
            Reason::CrdShadowed,
            "CustomResourceDefinition echoes.",
        ),
        stand_by(AFTER_HAND, Reason::Conflict, "field manager by-hand"),
    ];
    all[0].server.group.clone_from(&holder.group);
    world.apply(&holder.yaml()).await?;
    world.ready(HOLDER).await?;
    let chart = directory.path().display().to_string();
    write_chart(directory.path(), &all[1].server)?;
    world
        .tools
        .helm(&["install", RELEASE, &chart, "--namespace", NAMESPACE])
        .await?;
    let definition = define(world, &all[2].server.group).await?;
    let by_hand = ["apply", "--server-side", "--field-manager=by-hand", "-f", "-"];
    let service = api_service(&all[3].server);
    world.tools.kubectl_with(&by_hand, &service).await?;

    let mut audit = Audit::from_now(world)?;
    for one in &all {
        world.apply(&one.server.yaml()).await?;
    }
    for one in &all {
        stands_by(world, one).await?;
    }
    let writes = audit.writes_of_the_operator()?;
    let of_theirs = |write: &&String| {
        all.iter()
            .any(|one| write.contains(&format!("apiservices/{} ", one.server.api_service())))
    };
    let written = writes.iter().find(of_theirs);
    ensure(written.is_none(), || {
        format!("who stands by has written: {written:?}")
    })?;

    let api_service = all[3].server.api_service();
    tokio::try_join!(
        takes_over(world, &all[0], world.delete("aggregatedserver", HOLDER)),
        takes_over(world, &all[1], async {
            let uninstall = ["uninstall", RELEASE, "--namespace", NAMESPACE];
            Ok(world.tools.helm(&uninstall).await.map(|_| ())?)
        }),
        takes_over(world, &all[2], world.delete("crd", &definition)),
        takes_over(world, &all[3], world.delete("apiservice", &api_service)),
    )?;
    clean(
        world,
        &[AFTER_SERVER, AFTER_RELEASE, AFTER_DEFINITION, AFTER_HAND],
        NAMESPACE,
    )
    .await
}

/// It runs, and says for whom it waits.
async fn stands_by(world: &World, one: &StandBy) -> Result<(), Failure> {
    let (name, reason) = (one.server.name, one.reason.as_str());
    world.condition(name, "Registered", "False", Some(reason)).await?;
    let line = format!("-n {NAMESPACE} rollout status deployment {name} --timeout=120s");
    world.kubectl(&line).await?;
    // Once more: what is told must not change with what is known of it.
    let conditions = world
        .servers()
        .get(name)
        .await?
        .status
        .unwrap_or_default()
        .conditions;
    let told = conditions
        .iter()
        .find(|condition| condition.type_ == "Registered");
    let message = told
        .map(|condition| condition.message.as_str())
        .unwrap_or_default();
    ensure(message.contains(&one.holder), || {
        format!("{name} does not name {}: {message}", one.holder)
    })
}

async fn takes_over(
    world: &World,
    one: &StandBy,
    going: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let mut followed = world.follow(one.server.name).await?;
    going.await?;
    let gone = Instant::now();
    let (ready, ()) = followed
        .find("Ready", |server| {
            let conditions = server.status.iter().flat_map(|status| &status.conditions);
            let mut ready =
                conditions.filter(|condition| condition.type_ == "Ready" && condition.status == "True");
            ready.next().map(|_| ()).ok_or_else(|| "not Ready".to_owned())
        })
        .await?;
    let took = ready.saturating_duration_since(gone);
    progress::say(format!(
        "    {}: took over {:.1} s after {} had gone",
        one.server.name,
        took.as_secs_f64(),
        one.holder
    ));
    ensure(took <= LIMIT, || {
        format!(
            "{} took over only after {:.1} s",
            one.server.name,
            took.as_secs_f64()
        )
    })?;
    let line = format!("get --raw {}", one.server.object_path());
    world.kubectl(&line).await.map(|_| ())
}

/// An APIService that leads to the server's own Service: it is served by whoever claims it.
fn api_service(server: &TestServer) -> String {
    let TestServer { name, group, .. } = server;
    format!(
        "apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {{ name: v1.{group} }}
spec:
  group: {group}
  version: v1
  groupPriorityMinimum: 1000
  versionPriority: 1
  insecureSkipTLSVerify: true
  service: {{ namespace: {NAMESPACE}, name: {name} }}
"
    )
}

fn write_chart(directory: &Path, server: &TestServer) -> std::io::Result<()> {
    std::fs::write(
        directory.join("Chart.yaml"),
        "apiVersion: v2\nname: adapter\nversion: 0.1.0\n",
    )?;
    let templates = directory.join("templates");
    std::fs::create_dir(&templates)?;
    std::fs::write(templates.join("apiservice.yaml"), api_service(server))
}
