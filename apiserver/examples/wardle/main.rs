//! The sample API of Kubernetes, `wardle.example.com`: takes the place of the Go sample-apiserver, and runs without a
//! cluster with `--standalone`.

use std::process::ExitCode;

use annex_apiserver::server::Server;

mod resources;

fn main() -> ExitCode {
    Server::builder("wardle")
        .resource(resources::flunders())
        .resource(resources::fischers())
        .build()
        .main()
}
