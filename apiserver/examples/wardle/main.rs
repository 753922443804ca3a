//! The sample API of Kubernetes, `wardle.example.com`: takes the place of the Go sample-apiserver.

use annex_apiserver::server::Server;

#[allow(clippy::field_reassign_with_default, reason = "so it reads as what it does")]
mod resources;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    Server::builder("wardle")
        .openapi("Wardle", "0.1")
        .resource(resources::flunders())
        .resource(resources::fischers())
        .build()
        .main()
}
