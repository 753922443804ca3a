//! The operator's program.

use annex_operator::{aggregated_server::controller, args::Cli, run::execute};
use clap::Parser as _;

/// musl's own takes a quarter of the processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() {
    // Without dropping the runtime, which would wait for what still computes.
    std::process::exit(execute(Cli::parse(), controller::run).await);
}
