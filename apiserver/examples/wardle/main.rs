//! The sample API of Kubernetes, `wardle.example.com`: takes the place of the Go sample-apiserver.

use annex_apiserver::server::Server;

mod ban_flunder;
#[allow(clippy::field_reassign_with_default, reason = "so it reads as what it does")]
mod resources;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let mut wardle = Server::builder("wardle")
        .openapi("Wardle", "0.1")
        .resource(resources::flunders())
        .resource(resources::fischers());
    let fischers = wardle.lister();
    wardle
        .admission(ban_flunder::NAME, ban_flunder::BanFlunder::new(fischers))
        .build()
        .main()
}
