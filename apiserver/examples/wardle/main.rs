//! The sample API of Kubernetes, `wardle.example.com`: takes the place of the Go sample-apiserver, and runs without a
//! cluster with `--standalone`.

use annex_apiserver::server::Server;

#[allow(clippy::field_reassign_with_default, reason = "so it reads as what it does")]
mod resources;

fn main() -> std::process::ExitCode {
    Server::builder("wardle")
        .openapi("Wardle", "0.1")
        .resource(resources::flunders())
        .resource(resources::fischers())
        .build()
        .main()
}
