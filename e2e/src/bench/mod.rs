//! `cargo e2e bench`. `operator` is in the module of that name, and these are of `server`: the Go sample-apiserver and Annex's wardle in turn on loopback, with the same objects and
//! the same clients, in several rounds.
//!
//! ```text
//! mod     the rounds
//! subject the servers, each with its store      wire    HTTP/2 to them
//! user    as whom the requests are made         load    GET, LIST, create
//! table   medians and ratios                    fan_out watches
//! figures /proc and the median, pure
//! ```
//!
//! The clients share the processors with the servers, so that a rate is often theirs; the server's processor time for
//! each request, which the kernel counts, is the figure that holds.

mod error;
mod fan_out;
mod figures;
mod load;
pub mod operator;
mod subject;
mod table;
mod user;
mod wire;

use std::time::Duration;

use crate::certs::Authority;
use crate::components::Options as Cluster;
use crate::layout::Layout;
use crate::programs::{self, Program};
use crate::{client, cluster, packages, product, progress};

pub use error::Error;
use load::Applied;
use subject::{Bench, Running, Subject};
use table::Table;

/// The objects of the long run.
const MANY: usize = 100_000;

/// Creations before anything is measured.
const WARM_UP: usize = 64;

/// A namespace that every cluster has, for what is not measured.
const WARM_UP_NAMESPACE: &str = "kube-node-lease";

/// How long a server is left alone before its memory is read.
const REST: Duration = Duration::from_secs(1);

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often each server takes its turn.
    pub rounds: usize,
    /// Objects that are created, listed and got.
    pub objects: usize,
    /// One more round, with 100,000 objects.
    pub long: bool,
    /// The program of the sample API; `None`: it is built from the sources.
    pub wardle: Option<std::path::PathBuf>,
}

/// Measures, and returns the table. The cluster, which says who the clients are and what they may, is brought up.
///
/// # Errors
/// Whatever was answered otherwise than it should.
pub async fn server(layout: &Layout, options: Options) -> Result<String, Error> {
    if options.rounds == 0 || options.objects == 0 {
        return Err(Error::Wrong("at least one round with one object".to_owned()));
    }
    cluster::up(layout, Cluster::default()).await?;
    packages::ensure_image_tools()
        .await
        .map_err(product::Error::from)?;
    let client = client::connect(&layout.kubeconfig()).await?;
    let wardle = match &options.wardle {
        Some(program) => program.clone(),
        None => progress::step("building wardle", product::wardle()).await?,
    };
    let scratch = layout.cache().join("bench");
    std::fs::create_dir_all(&scratch).map_err(Error::system(format!("make {}", scratch.display())))?;
    let bench = Bench {
        sample_apiserver: programs::path(Program::SampleApiserver).await?,
        wardle,
        etcd: programs::path(Program::Etcd).await?,
        kubeconfig: layout.kubeconfig(),
        authority: Authority::new("the authority of the bench")?,
        token: user::make(&client).await?,
        scratch,
    };
    let measured = rounds(&bench, &options).await;
    let removed = user::remove(&client).await;
    let table = measured?;
    removed?;
    Ok(table.render())
}

async fn rounds(bench: &Bench, options: &Options) -> Result<Table, Error> {
    let mut table = Table::default();
    if cfg!(debug_assertions) {
        progress::say(
            "The clients are not optimised: rates are theirs. Use: cargo run --release -p annex-e2e -- bench server",
        );
    }
    for round in 1..=options.rounds {
        for subject in Subject::ALL {
            let what = format!("round {round} of {}: {}", options.rounds, subject.name());
            progress::step(&what, turn(bench, subject, options.objects, true, &mut table)).await?;
        }
    }
    if options.long {
        for subject in Subject::ALL {
            let what = format!("{MANY} objects: {}", subject.name());
            progress::step(&what, turn(bench, subject, MANY, false, &mut table)).await?;
        }
    }
    Ok(table)
}

/// A server's turn: started anew with an empty store, measured, ended.
async fn turn(
    bench: &Bench,
    subject: Subject,
    objects: usize,
    reads: bool,
    table: &mut Table,
) -> Result<(), Error> {
    let mut running = bench.start(subject).await?;
    if reads {
        let ready = milliseconds(running.ready_after);
        table.amount("start to ready", "ms", subject, ready, 0.0);
        memory(&running, "memory, idle", subject, table).await?;
    }
    load::create(&running, WARM_UP_NAMESPACE, WARM_UP).await?;
    let (created, p99) = load::create(&running, load::FILLED, objects).await?;
    table.work(&format!("create {objects}, 64 clients"), subject, created);
    table.amount(
        &format!("create {objects}, 64 clients, p99"),
        "ms",
        subject,
        milliseconds(p99),
        0.0,
    );
    memory(
        &running,
        &format!("memory, {objects} objects just created"),
        subject,
        table,
    )
    .await?;
    if reads {
        let got = load::get(&running, objects, "?resourceVersion=0").await?;
        table.work("GET, resourceVersion=0", subject, got);
        table.work("GET, default", subject, load::get(&running, objects, "").await?);
    }
    let listed = load::list(&running).await?;
    table.work(&format!("LIST {objects}, resourceVersion=0"), subject, listed);
    if reads {
        for (row, applied) in [
            ("apply that changes one field", Applied::Change),
            ("apply that changes nothing", Applied::Nothing),
        ] {
            table.work(row, subject, load::apply(&running, objects, applied).await?);
        }
        let told = fan_out::measure(&running).await?;
        table.work("watch, 10 × 100 streams, saturated", subject, told);
    }
    let listed_after = running.restart(&load::everything()).await?;
    table.amount(
        &format!("kill -9, then start to first LIST of {objects}"),
        "ms",
        subject,
        milliseconds(listed_after),
        0.0,
    );
    running.end().await
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

async fn memory(running: &Running, row: &str, subject: Subject, table: &mut Table) -> Result<(), Error> {
    tokio::time::sleep(REST).await;
    let (server, store) = running.memory()?;
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    table.amount(row, "MB", subject, megabytes(server), megabytes(store));
    Ok(())
}
