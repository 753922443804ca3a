//! `annex-e2e-server`: see [`annex_e2e_server`].

use std::future::Future;
use std::io::Write;
use std::process::ExitCode;

use annex_e2e_server::{Args, Command, args, client};
use clap::{CommandFactory, Parser};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let done = match (args.command, args.serve) {
        (Some(Command::Request(args)), _) => request(*args).await,
        (Some(Command::Wait), _) => wait().await,
        (None, Some(args)) => serve(args).await,
        (None, None) => Args::command()
            .error(clap::error::ErrorKind::MissingSubcommand, "nothing to do")
            .exit(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

async fn serve(args: args::ServeArgs) -> Result<(), Failure> {
    let shutdown = shutdown()?;
    Ok(annex_e2e_server::run(args, shutdown).await?)
}

async fn wait() -> Result<(), Failure> {
    shutdown()?.await;
    Ok(())
}

async fn request(args: args::RequestArgs) -> Result<(), Failure> {
    let answered = client::request(args).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "HTTP {}", answered.status.as_u16())?;
    out.write_all(&answered.body)?;
    Ok(out.flush()?)
}

/// Ends at SIGTERM or SIGINT. The first process of a container is not ended by either unless it asks for them, so they
/// are asked for before anything else happens.
fn shutdown() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// One line with the whole chain of causes.
fn report(error: &dyn std::error::Error) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    eprintln!("error: {text}");
}
