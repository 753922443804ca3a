//! A whole program: flags, logs, a runtime, a server, its end.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::start::StartError;
use super::{BoxError, Server};
use crate::config::{Args, Config, ConfigErrors, LogError, Logs, NoFlags, ParseError, parse_with};

/// How long threads of the runtime may take to end, once the server has.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// Why a program ends before its time.
#[derive(Debug, thiserror::Error)]
enum ProgramError {
    #[error("{0}")]
    Flags(#[from] ParseError),
    #[error("the server cannot be described")]
    Described(#[source] BoxError),
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    #[error("logging cannot be set up")]
    Logs(#[from] LogError),
    #[error("the system does not give what a server needs")]
    System(#[from] io::Error),
    #[error("the server cannot start")]
    Start(#[from] StartError),
}

impl Server {
    /// The whole `main` of a program: reads the command line, serves until SIGTERM or SIGINT, and ends in order. A
    /// second signal ends it at once.
    #[must_use]
    pub fn main(self) -> ExitCode {
        self.run(std::env::args_os())
    }

    /// The same with another command line; its first argument is the program's name.
    #[must_use]
    pub fn run(self, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
        Self::run_with(arguments, |_: NoFlags| Ok(self))
    }

    /// The whole `main` of a program that has flags of its own: a struct with `#[derive(clap::Args)]`, whose values `describe`
    /// makes the server of. `--help` shows them in a section of their own; a name that the library has already is an error of the
    /// start.
    ///
    /// ```
    /// use annex_apiserver::resource::Resource;
    /// use annex_apiserver::server::Server;
    /// # fn greetings(text: String) -> Resource { unimplemented!("{text}") }
    ///
    /// #[derive(clap::Args)]
    /// struct Flags {
    ///     /// What is said where a Greeting does not say it.
    ///     #[arg(long, default_value = "hello")]
    ///     default_text: String,
    /// }
    ///
    /// fn run() -> std::process::ExitCode {
    ///     Server::main_with(|flags: Flags| {
    ///         Ok(Server::builder("greeter").resource(greetings(flags.default_text)).build())
    ///     })
    /// }
    /// ```
    #[must_use]
    pub fn main_with<A: clap::Args>(describe: impl FnOnce(A) -> Result<Self, BoxError>) -> ExitCode {
        Self::run_with(std::env::args_os(), describe)
    }

    /// The same with another command line; its first argument is the program's name.
    #[must_use]
    pub fn run_with<A: clap::Args>(
        arguments: impl IntoIterator<Item = OsString>,
        describe: impl FnOnce(A) -> Result<Self, BoxError>,
    ) -> ExitCode {
        let ended = match parse_with(arguments) {
            Ok((args, own)) => Self::run_args(&args, || describe(own)),
            Err(ParseError::CommandLine(error)) => {
                // Where nobody reads it, nobody misses it.
                let _ = error.print();
                return if error.use_stderr() {
                    ExitCode::FAILURE
                } else {
                    ExitCode::SUCCESS
                };
            }
            Err(error) => Err(error.into()),
        };
        match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(io::stderr(), "error: {}", chain(&error));
                ExitCode::FAILURE
            }
        }
    }

    fn run_args(args: &Args, describe: impl FnOnce() -> Result<Self, BoxError>) -> Result<(), ProgramError> {
        // Before anything of the program's own, which may log, and make clients.
        Logs::from_args(args, std::env::var("RUST_LOG").ok()).install()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let server = {
            let _entered = runtime.enter();
            describe().map_err(ProgramError::Described)?
        };
        let config = Config::from_args(args, &server.defaults())?;
        let ended = runtime.block_on(server.serve(config));
        // What blocks a thread is not waited for: its server has ended.
        runtime.shutdown_timeout(LAST_THREADS);
        ended
    }

    async fn serve(self, config: Config) -> Result<(), ProgramError> {
        let mut signals = Signals::new()?;
        let running = tokio::select! {
            running = self.start(config) => running?,
            () = signals.next() => return Ok(()),
        };
        tracing::info!(address = %running.address()?, "serving");
        if let Some(path) = running.kubeconfig() {
            writeln!(io::stdout(), "export KUBECONFIG={}", path.display())?;
        }
        signals.next().await;
        tokio::select! {
            () = running.shutdown() => {}
            () = signals.next() => tracing::warn!("ended at once by a second signal"),
        }
        Ok(())
    }
}

struct Signals {
    term: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// An error with all that caused it.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}
