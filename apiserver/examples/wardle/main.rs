//! The sample API of Kubernetes, `wardle.example.com`: takes the place of the Go sample-apiserver, and runs without a
//! cluster with `--standalone`.

use std::process::ExitCode;

use annex_apiserver::server::Server;

#[allow(
    unreachable_pub,
    clippy::field_reassign_with_default,
    reason = "a test uses it too"
)]
mod resources;

fn main() -> ExitCode {
    Server::builder("wardle")
        .openapi("Wardle", "0.1")
        .resource(resources::flunders())
        .resource(resources::fischers())
        .build()
        .main()
}
