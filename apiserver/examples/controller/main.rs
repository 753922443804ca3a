//! A server with its controller in one process: essays, whose `/status` says how long it takes to read them. The controller is one of
//! kube's, runs as a task of the leader, and asks its own server without a socket; it has a flag, a metric and a readiness check.
//!
//! `cargo run -p annex-apiserver --example controller -- --standalone --data-dir essays-data --secure-port 8443`

use annex_apiserver::prelude::*;

mod essays;
mod reading_times;
mod server;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    Server::main_with(|flags: server::Flags| Ok(server::describe(&flags)))
}
