//! A Kubernetes API of your own. `cargo run -- --standalone --data-dir ./data` serves it on this machine, `--help` says the rest.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    greeter::server().main()
}
