//! `cargo e2e`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    annex_e2e::cli::run().await
}
