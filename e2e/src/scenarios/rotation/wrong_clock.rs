//! The clock of the operator's node is wrong, by libfaketime: certificates are issued and judged by the API server's clock, and a person
//! is told.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::server::{Server, WARDLE};
use super::steps::Steps;
use crate::install::NAMESPACE;
use crate::process::Record;
use crate::scenarios::{Failure, World, ensure, failure, operator};
use crate::{exec, packages, paths, product, progress};

const NAME: &str = "rotation-clock";

/// What libfaketime makes of the time, and how far that is from the true one, in seconds. The API server's own certificate must be valid
/// by it, or nobody could ask the API server anything.
const CLOCKS: [(&str, f64); 2] = [("+200d", 200.0 * 86_400.0), ("-12h", -12.0 * 3_600.0)];

/// How far from what was asked for the metric may be.
const ABOUT: f64 = 600.0;
/// How long before it is issued a certificate may begin to be valid.
const BACKDATED: Duration = Duration::from_secs(3_600);

/// How long an answer, or the end of the operator, may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server is made, and its authority rotated, by an operator on this machine, for each of the clocks.
pub(super) async fn by_faketime(world: &World) -> Result<(), Failure> {
    let library = packages::ensure_faketime().await?;
    let program = build().await?;
    operator::without(world, async {
        for (shift, seconds) in CLOCKS {
            let operator = Operator::start(world, &program, &library, shift).await?;
            let result = made_and_rotated(world, &operator, shift, seconds).await;
            operator.stop().await?;
            result?;
        }
        Ok(())
    })
    .await
}

async fn made_and_rotated(
    world: &World,
    operator: &Operator,
    shift: &str,
    seconds: f64,
) -> Result<(), Failure> {
    let server = Server::make(world, NAME, WARDLE, 1, "{}").await?;
    issued_now(world, &server, shift).await?;
    let steps = Steps::follow(world.servers(), server.name());
    server.annotate(world, "annex.dev/rotate-ca=clock").await?;
    let rotation = server.ended(&steps).await?;
    issued_now(world, &server, shift).await?;
    let skew = operator.skew(world).await?;
    progress::say(format!("    {shift}: told as {skew:.0} s; authority: {rotation}"));
    ensure((skew - seconds).abs() < ABOUT, || {
        format!("the clock is {seconds} s off, and told to be {skew} s")
    })?;
    let line = format!(
        "get events -A --field-selector reason=ClockSkewed,involvedObject.name={NAME} -o jsonpath={{.items[*].note}}{{.items[*].message}}"
    );
    world
        .eventually("an Event of the clock", async || {
            let told = world.kubectl(&line).await.map_err(|error| error.to_string())?;
            if told.contains("the clock of the operator's node") {
                Ok(())
            } else {
                Err(format!("told: {told:?}"))
            }
        })
        .await?;
    server.remove(world).await
}

/// The authority and the leaf are valid from a moment ago by the true clock.
async fn issued_now(world: &World, server: &Server, shift: &str) -> Result<(), Failure> {
    for (what, der) in [
        ("the authority", server.authority(world).await?),
        ("the leaf", server.leaf(world).await?),
    ] {
        let (_, certificate) = X509Certificate::from_der(&der)?;
        let from = certificate.validity().not_before.timestamp();
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
        let age = now - from;
        ensure((0..=i64::try_from(BACKDATED.as_secs())?).contains(&age), || {
            format!("with a clock of {shift}, {what} is valid from {age} s before now")
        })?;
    }
    Ok(())
}

/// The operator as a program of this machine: a static one cannot be told another time.
async fn build() -> Result<PathBuf, Failure> {
    let target = paths::cache()?.join("target");
    let arguments = ["build", "--locked", "--quiet", "--package", "annex-operator"];
    let mut cargo = exec::command("cargo", arguments);
    cargo
        .current_dir(product::workspace())
        .env("CARGO_TARGET_DIR", &target);
    let built = exec::run_visibly(&mut cargo);
    progress::step("building the operator for this machine", built).await?;
    Ok(target.join("debug/annex-operator"))
}

struct Operator {
    process: Child,
    metrics: SocketAddr,
}

impl Operator {
    async fn start(world: &World, program: &Path, library: &Path, shift: &str) -> Result<Self, Failure> {
        let [health, metrics] = [free().await?, free().await?];
        let log = std::fs::File::create(world.node()?.log("operator-wrong-clock"))?;
        let process = Command::new(program)
            .args(["run", "--leader-elect=true", &format!("--namespace={NAMESPACE}")])
            .arg(format!("--health-address={health}"))
            .arg(format!("--metrics-address={metrics}"))
            .env("KUBECONFIG", world.tools.kubeconfig())
            .env("LD_PRELOAD", library)
            .env("FAKETIME", shift)
            // What only measures durations is right on any machine.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { process, metrics })
    }

    /// What it says of its clock, in seconds, once it says anything.
    async fn skew(&self, world: &World) -> Result<f64, Failure> {
        world
            .eventually("a metric of the clock", async || {
                let metrics = self.metrics().await.map_err(|error| error.to_string())?;
                let mut lines = metrics.lines();
                let line = lines.find_map(|line| line.strip_prefix("annex_clock_skew_seconds "));
                let value = line.ok_or("there is none")?;
                value.trim().parse::<f64>().map_err(|error| error.to_string())
            })
            .await
    }

    async fn metrics(&self) -> Result<String, Failure> {
        let answered = async {
            let mut stream = TcpStream::connect(self.metrics).await?;
            stream
                .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok(answer)
        };
        tokio::time::timeout(PATIENCE, answered).await?
    }

    /// By its own will it gives the lease back.
    async fn stop(self) -> Result<(), Failure> {
        let id = self.process.id().map(i32::try_from).transpose()?;
        let process = id.and_then(Record::of);
        let process = process.ok_or_else(|| failure("the operator has ended by itself"))?;
        process.stop(PATIENCE).await;
        Ok(())
    }
}

/// An address that nobody listens on.
async fn free() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?)
}
