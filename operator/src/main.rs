//! The operator's program.

use annex_operator::{
    args::Cli,
    run::{ControllerDeps, execute},
};
use clap::Parser;

#[tokio::main]
async fn main() {
    let controller = |mut deps: ControllerDeps| async move {
        let _ = deps.shutdown.wait_for(|stop| *stop).await;
    };
    // Without dropping the runtime, which would wait for what still computes.
    std::process::exit(execute(Cli::parse(), controller).await);
}
