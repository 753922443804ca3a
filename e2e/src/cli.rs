//! The command line of `cargo e2e`.

use std::error::Error as _;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::components::{Component, Options};
use crate::layout::{DEFAULT_NAME, Layout};
use crate::programs::{self, Program};
use crate::scenarios::{self, Selection};
use crate::{
    bench, charts, client, cluster, demo, images, layout, node, product, progress, provisioner, selftest,
    tools,
};

/// The cluster of `bench operator`.
const BENCH_NAME: &str = "bench";

/// A real single-node Kubernetes on this machine, and the tests that need one.
#[derive(Debug, Parser)]
#[command(name = "cargo e2e", bin_name = "cargo e2e", version)]
struct Cli {
    /// The cluster's name, for several beside each other.
    #[arg(long, global = true, env = "ANNEX_E2E_NAME", default_value = DEFAULT_NAME)]
    name: String,
    /// Use the cluster of this kubeconfig's current context instead of one made here.
    #[arg(long, global = true, env = "ANNEX_KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The registry, and path in it, of the images on a cluster that was made elsewhere; `localhost` where they were
    /// loaded under the names that `cargo e2e images` prints.
    #[arg(long, global = true, env = "ANNEX_E2E_REGISTRY", default_value = tools::LOCAL_REGISTRY, value_name = "PREFIX")]
    registry: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the cluster, or mend the one that stands.
    Up {
        /// Let kube-apiserver connect to a service's endpoints by itself rather than to its ClusterIP.
        #[arg(long)]
        aggregator_routing: bool,
    },
    /// Take the cluster down without a trace.
    Down,
    /// Say what there is of the cluster.
    Status,
    /// Print the path of the administrator's kubeconfig.
    Kubeconfig,
    /// Print a component's log.
    Logs {
        /// Whose log.
        component: Component,
        /// Only that many of its last lines.
        #[arg(long)]
        tail: Option<usize>,
    },
    /// Stop a component and start it again.
    Restart {
        /// Which one.
        component: Component,
    },
    /// Run kubectl against the cluster.
    #[command(disable_help_flag = true)]
    Kubectl {
        /// kubectl's own arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run helm against the cluster.
    #[command(disable_help_flag = true)]
    Helm {
        /// helm's own arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run a program of this machine inside the node, such as `ctr`, `ip` or `iptables`.
    #[command(disable_help_flag = true)]
    Node {
        /// The program and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
    /// Make the product's images and load them; prints a line each: reference and archive.
    Images {
        /// The image of the server that misbehaves for tests, rather than the product's.
        #[arg(long)]
        test_server: bool,
    },
    /// Load OCI or docker archives that somebody else made.
    Load {
        /// The name that pods use, where the archive holds one image.
        #[arg(long = "as", value_name = "REFERENCE")]
        reference: Option<String>,
        /// The archives.
        #[arg(required = true, value_name = "ARCHIVE")]
        archives: Vec<PathBuf>,
    },
    /// Check the charts with the real helm.
    Charts {
        /// Generate what is generated in them instead.
        #[arg(long)]
        write: bool,
    },
    /// Bring the cluster up and show the main job on it; everything stays, to be played with.
    Demo,
    /// Test Annex on a cluster: up, images, install, then every scenario.
    Test {
        /// Also those that take long.
        #[arg(long)]
        long: bool,
        /// Annex and the images are there already: neither make nor install them.
        #[arg(long)]
        installed: bool,
        /// List them instead.
        #[arg(long)]
        list: bool,
        /// Only those whose name contains one of these.
        filters: Vec<String>,
    },
    /// Ask two servers that run already the same requests, as the scenarios `twin/*` do; the object's namespaces are made by whoever
    /// started them.
    Play {
        /// The kubeconfig of the Go server.
        #[arg(long, value_name = "FILE")]
        go: Option<PathBuf>,
        /// The kubeconfig of ours; without one the definition of the group `twin.example.com` is asked beside itself or, if `--definition` is
        /// not given either, beside a server that is started for it, as is a kube-apiserver.
        #[arg(long, value_name = "FILE")]
        ours: Option<PathBuf>,
        /// Ask a CustomResourceDefinition at the kube-apiserver of this kubeconfig rather than the Go server.
        #[arg(long, value_name = "FILE")]
        definition: Option<PathBuf>,
        /// Their API group; `twin.example.com` is that of the definition of `twin/crd`, which ours has to serve.
        #[arg(long, default_value = "gadgets.example.com")]
        group: String,
        /// Send so many random requests rather than those that are written down.
        #[arg(long)]
        random: Option<usize>,
        /// What the first random sequence is made of.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Of `twin/crd` only the sequences whose titles contain this.
        #[arg(long, default_value = "")]
        only: String,
        /// Write what the definition of `twin/crd` says into this directory.
        #[arg(long, value_name = "DIRECTORY")]
        record: Option<PathBuf>,
    },
    /// Test the cluster itself: up, pods, volumes, down.
    Selftest,
    /// Measure; no part of any test.
    Bench {
        /// What.
        #[command(subcommand)]
        what: Measured,
    },
    /// Print the path of one of the programs that are built from Go modules, such as `etcd`; it is built where it must.
    Program {
        /// The program's file name. Not called `name`: that is the cluster's, of every command.
        #[arg(value_name = "NAME")]
        program: String,
    },
    /// Make and remove the volumes of the default StorageClass; the cluster runs it.
    #[command(hide = true)]
    Provisioner {
        /// Where the volumes are.
        #[arg(long)]
        directory: PathBuf,
        /// The node that they are on.
        #[arg(long)]
        node: String,
    },
    /// Answer for all AggregatedServers of `bench operator`; the bench runs it.
    #[command(hide = true)]
    BenchServer {
        /// Where to listen.
        #[arg(long)]
        address: SocketAddr,
    },
}

#[derive(Debug, Subcommand)]
enum Measured {
    /// Fleets of AggregatedServers beside the same objects without Annex, on a cluster that is made for it and called `bench` unless --name
    /// names another; long.
    Operator {
        /// How many; may be given several times.
        #[arg(long, default_values_t = [100])]
        servers: Vec<usize>,
        /// How often one server alone is made, on either side.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Measure this program, a static one, such as that of an older commit, instead of the one that is built from the sources.
        #[arg(long, value_name = "FILE")]
        operator: Option<PathBuf>,
        /// Leave the cluster there at the end.
        #[arg(long)]
        keep: bool,
    },
    /// Annex's sample API beside the Go sample-apiserver, on this machine's loopback.
    Server {
        /// How often each takes its turn.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Objects that are created, got and listed.
        #[arg(long, default_value_t = 5000)]
        objects: usize,
        /// Also one round with 100,000 objects.
        #[arg(long)]
        long: bool,
        /// Measure this program, such as one of an older commit, instead of the one that is built from the sources.
        #[arg(long, value_name = "FILE")]
        wardle: Option<PathBuf>,
    },
}

/// A command that failed.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Layout(#[from] layout::Error),
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    #[error(transparent)]
    Programs(#[from] programs::Error),
    #[error(transparent)]
    Provisioner(#[from] provisioner::Error),
    #[error(transparent)]
    Client(#[from] client::Error),
    #[error(transparent)]
    Selftest(#[from] selftest::Error),
    #[error(transparent)]
    Product(#[from] product::Error),
    #[error(transparent)]
    Charts(#[from] charts::Error),
    #[error(transparent)]
    Demo(#[from] demo::Error),
    #[error(transparent)]
    Scenarios(#[from] scenarios::Error),
    #[error(transparent)]
    Bench(#[from] bench::Error),
    #[error("failed to play two servers")]
    Play(#[source] scenarios::Failure),
    #[error("this command is about a cluster made here, and --kubeconfig names another")]
    NotOurs,
    #[error("no program is called {0}")]
    UnknownProgram(String),
    #[error("failed to run {program}")]
    Exec { program: String, source: std::io::Error },
}

/// Does what the command line says.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    let log = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "warn,kube_client=off,annex_e2e=info".into());
    tracing_subscriber::fmt()
        .with_env_filter(log)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match dispatch(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// The error and what caused it, one below the other.
fn report(error: &Error) {
    progress::say(format!("error: {error}"));
    let mut cause = error.source();
    while let Some(error) = cause {
        progress::say(format!("  because: {error}"));
        cause = error.source();
    }
}

async fn dispatch(cli: Cli) -> Result<(), Error> {
    let layout = Layout::new(&cli.name)?;
    let registry = cli.registry;
    match (cli.command, cli.kubeconfig) {
        (Command::Provisioner { directory, node }, Some(kubeconfig)) => {
            Ok(provisioner::run(&kubeconfig, &directory, &node).await?)
        }
        (Command::BenchServer { address }, Some(kubeconfig)) => {
            Ok(bench::operator::server::run(&kubeconfig, address).await?)
        }
        (Command::Kubectl { arguments }, kubeconfig) => {
            become_client(&layout, Program::Kubectl, kubeconfig, &arguments).await
        }
        (Command::Helm { arguments }, kubeconfig) => {
            become_client(&layout, Program::Helm, kubeconfig, &arguments).await
        }
        (Command::Kubeconfig, Some(kubeconfig)) => {
            println!("{}", kubeconfig.display());
            Ok(())
        }
        (Command::Test { list: true, .. }, _) => {
            for scenario in scenarios::all() {
                println!("{}{}", scenario.name, if scenario.long { " (long)" } else { "" });
            }
            Ok(())
        }
        (
            Command::Test {
                long,
                installed,
                filters,
                ..
            },
            kubeconfig,
        ) => Ok(scenarios::run(
            layout,
            kubeconfig,
            &Selection {
                long,
                registry,
                installed,
                filters,
            },
        )
        .await?),
        (
            Command::Play {
                go,
                ours,
                definition,
                group,
                random,
                seed,
                only,
                record,
            },
            _,
        ) => {
            let options = scenarios::ByHand {
                go,
                ours,
                definition,
                group,
                random,
                seed,
                only,
                record,
            };
            scenarios::play_by_hand(&options).await.map_err(Error::Play)
        }
        (Command::Charts { write }, _) => check_charts(write).await,
        (Command::Program { program }, _) => print_program(program).await,
        (Command::Images { test_server }, Some(_)) => print_images(&make_images(test_server).await?),
        (Command::Demo, Some(kubeconfig)) => Ok(demo::run(&kubeconfig, &registry).await?),
        (Command::Up { .. }, Some(kubeconfig)) => {
            progress::say(format!(
                "nothing to do: the cluster is that of {}",
                kubeconfig.display()
            ));
            Ok(())
        }
        (_, Some(_)) | (Command::Provisioner { .. } | Command::BenchServer { .. }, None) => {
            Err(Error::NotOurs)
        }
        (command, None) => with_our_cluster(&layout, command).await,
    }
}

/// Prints where a Go program is.
async fn print_program(name: String) -> Result<(), Error> {
    let program = Program::named(&name).ok_or(Error::UnknownProgram(name))?;
    println!("{}", programs::path(program).await?.display());
    Ok(())
}

async fn with_our_cluster(layout: &Layout, command: Command) -> Result<(), Error> {
    match command {
        Command::Up { aggregator_routing } => {
            let options = Options {
                aggregator_routing,
                ..Options::default()
            };
            Ok(cluster::up(layout, options).await?)
        }
        Command::Down => Ok(cluster::down(layout).await?),
        Command::Status => status(layout).await,
        Command::Kubeconfig => {
            cluster::require_up(layout)?;
            println!("{}", layout.kubeconfig().display());
            Ok(())
        }
        Command::Logs { component, tail } => {
            println!(
                "{}",
                cluster::log_tail(layout, component, tail.unwrap_or(usize::MAX))?
            );
            Ok(())
        }
        Command::Restart { component } => Ok(cluster::restart_component(layout, component).await?),
        Command::Node { command } => {
            cluster::require_up(layout)?;
            let mut words = command.into_iter();
            let mut node = node::command(layout, words.next().unwrap_or_default());
            node.args(words);
            Err(become_program(node.into_std()))
        }
        Command::Bench { what } => measure(layout, what).await,
        Command::Selftest => Ok(selftest::run().await?),
        Command::Images { test_server } => {
            cluster::require_up(layout)?;
            make_and_load(layout, test_server).await
        }
        Command::Load { reference, archives } => {
            for reference in product::load(layout, &archives, reference.as_deref()).await? {
                println!("{reference}");
            }
            Ok(())
        }
        Command::Demo => {
            print_images(
                &product::cluster_and_images(layout, Options::default(), product::Wanted::Demo).await?,
            )?;
            demo::run(&layout.kubeconfig(), tools::LOCAL_REGISTRY).await?;
            println!("\n# The cluster stays.");
            if let Some(directory) = std::env::var_os("CARGO_TARGET_DIR") {
                println!(
                    "# In your shell first, or cargo builds its harness again elsewhere:  export CARGO_TARGET_DIR={}",
                    directory.display()
                );
            }
            println!("# Play with it:  cargo e2e kubectl get flunders");
            println!("# or:  export KUBECONFIG=$(cargo e2e kubeconfig)");
            println!("# Take it down:  cargo e2e down");
            Ok(())
        }
        Command::Kubectl { .. }
        | Command::Program { .. }
        | Command::Test { .. }
        | Command::Helm { .. }
        | Command::Play { .. }
        | Command::Charts { .. }
        | Command::BenchServer { .. }
        | Command::Provisioner { .. } => Err(Error::NotOurs),
    }
}

async fn measure(layout: &Layout, what: Measured) -> Result<(), Error> {
    let table = match what {
        Measured::Operator {
            servers,
            rounds,
            operator,
            keep,
        } => {
            let options = bench::operator::Options {
                servers,
                rounds,
                operator,
                keep,
            };
            // Nobody's cluster is loaded so, and taken down, because no other was named.
            let own = (layout.name() == DEFAULT_NAME).then(|| Layout::new(BENCH_NAME));
            let own = own.transpose()?;
            bench::operator::operator(own.as_ref().unwrap_or(layout), &options).await?
        }
        Measured::Server {
            rounds,
            objects,
            long,
            wardle,
        } => {
            let options = bench::Options {
                rounds,
                objects,
                long,
                wardle,
            };
            bench::server(layout, options).await?
        }
    };
    print!("{table}");
    Ok(())
}

async fn make_images(test_server: bool) -> Result<Vec<images::Built>, product::Error> {
    product::build(if test_server {
        product::Wanted::TestServer
    } else {
        product::Wanted::Product
    })
    .await
}

/// Makes the images, loads them, and prints a line each.
async fn make_and_load(layout: &Layout, test_server: bool) -> Result<(), Error> {
    let built = progress::step("making images", make_images(test_server)).await?;
    let archives: Vec<PathBuf> = built.iter().map(|image| image.archive.clone()).collect();
    progress::step("loading images", product::load(layout, &archives, None)).await?;
    print_images(&built)
}

fn print_images(built: &[images::Built]) -> Result<(), Error> {
    for image in built {
        println!("{}\t{}", image.reference, image.archive.display());
    }
    Ok(())
}

async fn check_charts(write: bool) -> Result<(), Error> {
    if write {
        for path in charts::sync(&charts::Layout::of_workspace())? {
            println!("{}", path.display());
        }
        return Ok(());
    }
    let helm = programs::path(Program::Helm).await?;
    println!("{}", charts::check(&helm)?);
    Ok(())
}

async fn status(layout: &Layout) -> Result<(), Error> {
    let state = match cluster::state(layout)? {
        cluster::State::Absent => "absent",
        cluster::State::Up => "up",
        cluster::State::Remains => "remains of an earlier one; `up` and `down` clean them away",
    };
    println!("cluster {}: {state}", layout.name());
    if cluster::state(layout)? != cluster::State::Up {
        return Ok(());
    }
    for (component, process) in cluster::processes(layout)? {
        let process = process.map_or_else(|| "not running".to_owned(), |pid| format!("process {pid}"));
        println!("  {:<24} {process}", component.name());
    }
    let client = client::connect(&layout.kubeconfig()).await?;
    let answer = match client::get(&client, "/readyz").await {
        Ok(text) => text,
        Err(error) => error.to_string(),
    };
    println!("API server https://{}:6443: {answer}", layout.outer_address());
    println!("kubeconfig {}", layout.kubeconfig().display());
    Ok(())
}

/// Becomes kubectl or helm, so that signals, terminal and exit status are theirs.
async fn become_client(
    layout: &Layout,
    program: Program,
    kubeconfig: Option<PathBuf>,
    arguments: &[OsString],
) -> Result<(), Error> {
    let kubeconfig = match kubeconfig {
        Some(other) => other,
        None => {
            cluster::require_up(layout)?;
            layout.kubeconfig()
        }
    };
    let mut command = std::process::Command::new(programs::path(program).await?);
    command.args(arguments).env("KUBECONFIG", kubeconfig);
    Err(become_program(command))
}

fn become_program(mut command: std::process::Command) -> Error {
    let program = command.get_program().to_string_lossy().into_owned();
    Error::Exec {
        program,
        source: command.exec(),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Cli, Command};
    use crate::layout::DEFAULT_NAME;
    use crate::programs::Program;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_program_is_no_cluster() {
        let name = Program::KubeControllerManager.name();
        let cli = Cli::try_parse_from(["cargo e2e", "program", name]).expect("a command line");
        assert_eq!(cli.name, DEFAULT_NAME);
        assert!(matches!(cli.command, Command::Program { program } if program == name));
    }
}
