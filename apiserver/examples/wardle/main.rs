//! Kubernetes' sample API, `wardle.example.com`, as a drop-in for the Go sample-apiserver.

mod resources;

use std::process::ExitCode;

use annex_apiserver::server::Server;

fn main() -> ExitCode {
    Server::builder("wardle")
        .resource(resources::flunders())
        .resource(resources::fischers())
        .build()
        .main()
}
