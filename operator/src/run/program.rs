//! The commands, and what each says and exits with.

use std::future::Future;

use kube::{Client, Config};

use super::{ControllerDeps, READ_TIMEOUT, client_config, install_crypto_provider, run};
use crate::{
    args::{Cli, Command},
    check_uninstall::{self, ListFailed, Verdict},
    error_chain::error_chain,
    telemetry,
};

/// Does what the command line says; gives the process' exit code. `controller` is what `run` runs.
///
/// The process should exit with it at once: a runtime that is dropped waits for what still computes, and a process
/// that lost its lease must not wait.
pub async fn execute<F, Fut>(cli: Cli, controller: F) -> i32
where
    F: FnOnce(ControllerDeps) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    if let Err(error) = telemetry::init(&cli.log) {
        eprintln!("error: {}", error_chain(&error));
        return 1;
    }
    install_crypto_provider();
    match cli.command {
        Command::Run(args) => match run(*args, controller).await {
            Ok(()) => {
                tracing::info!("stopped");
                0
            }
            Err(error) => {
                tracing::error!(error = error_chain(&error), "exits");
                1
            }
        },
        Command::CheckUninstall => report(check().await),
    }
}

/// Why `check-uninstall` has no verdict.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error("failed to find the cluster's configuration")]
    InferConfig(#[source] kube::config::InferConfigError),
    #[error("failed to create the Kubernetes client")]
    CreateClient(#[source] kube::Error),
    #[error(transparent)]
    List(#[from] ListFailed),
}

async fn check() -> Result<Verdict, CheckError> {
    let config = client_config(
        Config::infer().await.map_err(CheckError::InferConfig)?,
        READ_TIMEOUT,
    );
    let client = Client::try_from(config).map_err(CheckError::CreateClient)?;
    Ok(check_uninstall::check(client).await?)
}

/// Prints the verdict for whoever reads the hook's log; gives the exit code.
fn report(verdict: Result<Verdict, CheckError>) -> i32 {
    match verdict {
        Ok(verdict @ Verdict::Clear) => {
            println!("{verdict}");
            0
        }
        Ok(verdict @ Verdict::InUse(_)) => {
            eprintln!("{verdict}");
            1
        }
        Err(error) => {
            eprintln!(
                "error: {}\nThe CRDs must stay as long as it is not known whether they are in use.",
                error_chain(&error)
            );
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_of_the_check() {
        assert_eq!(report(Ok(Verdict::Clear)), 0);
        assert_eq!(report(Ok(Verdict::InUse(Vec::new()))), 1);
        let refused = kube::Error::Api(
            kube::core::Status::failure("no", "Forbidden")
                .with_code(403)
                .boxed(),
        );
        assert_eq!(report(Err(CheckError::CreateClient(refused))), 1);
    }
}
