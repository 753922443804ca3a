//! Resources that are not stored: a metrics API that `kubectl top` reads, a review that is answered and forgotten, objects that
//! another API keeps, and machines to whose subresources one connects. Each has a file of its own; what the metrics are is measured
//! in `usage`.
//!
//! `cargo run -p annex-apiserver --example computed -- --standalone --secure-port 8443`

use annex_apiserver::server::Server;

mod config_maps;
mod greetings;
mod machines;
mod metrics;
mod name_reviews;
mod page;
mod proxy;
mod sum;
mod usage;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let samples = usage::measured();
    Server::builder("computed")
        .openapi("Computed", "0.1")
        .resource(metrics::nodes(&samples))
        .resource(metrics::pods(&samples))
        .resource(name_reviews::resource())
        .resource(greetings::resource())
        .resource(machines::resource())
        .build()
        .main()
}
