//! `cargo e2e bench operator`: fleets of AggregatedServers under Annex, beside the same objects applied without it, on a cluster of the
//! bench's own.
//!
//! ```text
//! mod      the order of things                  one       one server, as a person makes it
//! fleet    AggregatedServers by the hundred     steady    the operator while nothing happens
//! by_hand  the same objects without Annex       rotation  all authorities at once, under handshakes
//! objects  the kinds of these objects           process   the operator's process: figures, restart, replicas
//! nodes    fake nodes: kwok, and stages.yaml    watched   waiting for many objects by one watch
//! server   the one server behind all Services   table     what is printed
//! ```
//!
//! The control plane is real, and so are Services, EndpointSlices, handshakes, discovery and the aggregator. Pods are not: kwok calls them
//! running, at the address of one server that has everybody's certificate.

mod by_hand;
mod fleet;
mod nodes;
mod objects;
mod one;
mod process;
mod rotation;
pub mod server;
mod steady;
mod table;
mod watched;

use std::path::PathBuf;
use std::time::Instant;

use kube::Client;

use super::error::Error;
use crate::cluster::{self, State};
use crate::components::Options as Cluster;
use crate::layout::Layout;
use crate::product::{self, Wanted};
use crate::programs::{self, Program};
use crate::scenarios::Failure;
use crate::scenarios::audit::Audit;
use crate::tools::{LOCAL_REGISTRY, Tools};
use crate::{client, install, progress};

use by_hand::Manifests;
use process::Operator;
use table::{Table, seconds};

/// More servers than anybody has.
const MOST: usize = 2_000;

/// How many lines of the operator's log are shown where something failed.
const LOG_LINES: &str = "--tail=30";

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many AggregatedServers, one run after the other.
    pub servers: Vec<usize>,
    /// How often one server alone is made, on either side.
    pub rounds: usize,
    /// The operator's program; `None`: it is built from the sources.
    pub operator: Option<PathBuf>,
    /// Leave the cluster there at the end.
    pub keep: bool,
}

/// Measures, and returns the table. The cluster must not be there: it is made for the bench, and taken down after it.
///
/// # Errors
/// Whatever did not come about in time, or could not be looked at. What was measured by then has been told.
pub async fn operator(layout: &Layout, options: &Options) -> Result<String, Error> {
    if options.rounds == 0 || options.servers.is_empty() {
        return Err(Error::Wrong(
            "at least one round and one number of servers".to_owned(),
        ));
    }
    if let Some(wrong) = options.servers.iter().find(|count| !(1..=MOST).contains(*count)) {
        return Err(Error::Wrong(format!(
            "{wrong} servers: 1 to {MOST} can be measured"
        )));
    }
    if cluster::state(layout)? != State::Absent {
        return Err(Error::Wrong(format!(
            "the cluster {0} is there already, and the bench makes one of its own: `cargo e2e --name {0} down` takes it down",
            layout.name()
        )));
    }
    let mut table = Table::default();
    let measured = measure(layout, options, &mut table).await;
    if options.keep {
        progress::say(format!("the cluster {} stays", layout.name()));
    } else {
        cluster::down(layout).await?;
    }
    measured.map(|()| table.render())
}

/// The cluster, as all parts of the bench have it.
struct Bench<'a> {
    layout: &'a Layout,
    client: Client,
    tools: Tools,
}

impl Bench<'_> {
    /// The operator's requests from now on.
    fn audit(&self) -> Result<Audit, Error> {
        audited(Audit::of(self.layout))
    }
}

/// The audit log's failures, as the bench's.
fn audited<T>(result: Result<T, Failure>) -> Result<T, Error> {
    result.map_err(|error| Error::Wrong(format!("the audit log cannot be read: {error}")))
}

async fn measure(layout: &Layout, options: &Options, table: &mut Table) -> Result<(), Error> {
    let kind = Cluster {
        fast_controllers: true,
        audit_operator_reads: true,
        ..Cluster::default()
    };
    programs::ensure(&[Program::Kwok]).await?;
    match &options.operator {
        Some(program) => {
            cluster::up(layout, kind).await?;
            product::load_operator(layout, program).await?;
        }
        None => drop(product::cluster_and_images(layout, kind, Wanted::Operator).await?),
    }
    let bench = Bench {
        layout,
        client: client::connect(&layout.kubeconfig()).await?,
        tools: Tools::new(&layout.kubeconfig(), LOCAL_REGISTRY)
            .await?
            .with_cache(&layout.path("kubectl")),
    };
    let measured = on_cluster(&bench, options, table).await;
    if measured.is_err() {
        tell(&bench).await;
    }
    measured
}

async fn on_cluster(bench: &Bench<'_>, options: &Options, table: &mut Table) -> Result<(), Error> {
    // One replica: it is the leader, and what a second one would cost is no matter of the number of servers.
    let install = async { install::install(&bench.tools, &["--set", "replicas=1"]).await };
    progress::step("installing Annex", install).await?;
    let most = options.servers.iter().max().copied().unwrap_or_default();
    let nodes = async {
        fleet::make_namespaces(&bench.client).await?;
        nodes::start(bench.layout, &bench.client, most).await
    };
    progress::step("making fake nodes", nodes).await?;
    progress::step("one server", one::measure(bench, options.rounds, table)).await?;
    for count in &options.servers {
        run(bench, *count, table).await?;
    }
    Ok(())
}

/// So many servers: under Annex, then without.
async fn run(bench: &Bench<'_>, count: usize, table: &mut Table) -> Result<(), Error> {
    let client = &bench.client;
    let operator = Operator::find(bench.layout, client).await?;
    let (mut audit, before) = (bench.audit()?, operator.cpu_time()?);
    let begin = Instant::now();
    let converge = async { futures::try_join!(fleet::apply(client, count), fleet::ready(client, count)) };
    progress::step(&format!("{count} servers with Annex"), converge).await?;
    let with_annex = begin.elapsed();
    let requests = audited(audit.requests_of_the_operator())?;
    let reads: usize = requests.reads.values().sum();
    table.alone(
        count,
        "all applied to all Ready: requests of the operator",
        &format!("{} writes, {reads} reads", requests.writes.len()),
    );
    let used = operator.cpu_time()?.saturating_sub(before);
    table.alone(
        count,
        "all applied to all Ready: processor time of the operator",
        &seconds(used),
    );
    steady::memory(&operator, "all Ready: memory", count, table)?;
    let steady = steady::measure(bench, &operator, count, table);
    progress::step("the steady state", steady).await?;
    let operator = progress::step("a restart", restart(bench, operator, count, table)).await?;
    let rotated = rotate(bench, &operator, count, table);
    progress::step("a new authority for each server", rotated).await?;
    let manifests = Manifests::of(client, &fleet::list(client).await?).await?;
    progress::step("deleting them", fleet::delete(client, count)).await?;
    process::scale(bench, 0).await?;
    let begin = Instant::now();
    let converge = async { futures::try_join!(manifests.apply(client), by_hand::available(client, count)) };
    progress::step(&format!("{count} servers by hand"), converge).await?;
    let by_hand = begin.elapsed();
    table.both(
        count,
        "all applied to all Ready, or available",
        with_annex,
        by_hand,
    );
    progress::step("deleting them", objects::delete(client, count)).await?;
    process::scale(bench, 1).await
}

async fn restart(
    bench: &Bench<'_>,
    operator: Operator,
    count: usize,
    table: &mut Table,
) -> Result<Operator, Error> {
    let mut audit = bench.audit()?;
    let limit = fleet::limit(count);
    let (operator, took) = operator
        .restart(bench.layout, &bench.client, count, limit)
        .await?;
    let writes = audited(audit.writes_of_the_operator())?;
    steady::name(&writes);
    table.alone(
        count,
        "restart: from the lease to the last server",
        &seconds(took),
    );
    table.alone(count, "restart: writes", &writes.len().to_string());
    Ok(operator)
}

async fn rotate(
    bench: &Bench<'_>,
    operator: &Operator,
    count: usize,
    table: &mut Table,
) -> Result<(), Error> {
    let servers = fleet::list(&bench.client).await?;
    let address = nodes::address(bench.layout);
    let rotated = rotation::rotate(&bench.client, &servers, address).await?;
    for failure in &rotated.failures {
        progress::say(format!("    handshake failed: {failure}"));
    }
    table.alone(
        count,
        "a new authority for each: all annotated to all rotated",
        &seconds(rotated.took),
    );
    table.alone(
        count,
        "meanwhile: handshakes with a sample that failed",
        &format!("{} of {}", rotated.failed, rotated.handshakes + rotated.failed),
    );
    steady::memory(operator, "all rotated: memory", count, table)
}

/// What the operator says where something failed, as far as it can be had.
async fn tell(bench: &Bench<'_>) {
    let arguments = [
        "-n",
        install::NAMESPACE,
        "logs",
        "deployment/annex-operator",
        LOG_LINES,
    ];
    match bench.tools.kubectl(&arguments).await {
        Ok(log) => progress::say(format!("the end of the operator's log:\n{log}")),
        Err(error) => progress::say(format!("there is no log of the operator: {error}")),
    }
}
