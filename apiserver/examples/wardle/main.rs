//! The sample API of Kubernetes, `wardle.example.com`: takes the place of the Go sample-apiserver, and runs without a
//! cluster with `--standalone`.

mod resources;

use std::process::ExitCode;

use annex_apiserver::resource::typed::DescriptionError;
use annex_apiserver::server::Server;

fn main() -> Result<ExitCode, DescriptionError> {
    let server = Server::builder("wardle")
        .openapi("Wardle", "0.1")
        .resource(resources::flunders()?)
        .resource(resources::fischers()?)
        .build();
    Ok(server.main())
}
