//! The API server of kinds that are declared, not programmed: it serves what CustomResourceDefinitions describe, from its own storage.

use std::path::PathBuf;
use std::process::ExitCode;

use annex_apiserver::server::{DefinitionFiles, Server};

#[derive(clap::Args)]
struct Flags {
    /// File with CustomResourceDefinitions, or directory with such files. They are read again when they change.
    #[arg(long, value_name = "PATH")]
    resources: PathBuf,
    /// Serve no more what no file defines any more. Its objects stay stored.
    #[arg(long)]
    allow_resource_removal: bool,
}

fn main() -> ExitCode {
    Server::main_with(|flags: Flags| {
        let files = DefinitionFiles {
            path: flags.resources,
            allow_removal: flags.allow_resource_removal,
        };
        Ok(Server::builder("annex-apiserver")
            .openapi("annex-apiserver", env!("CARGO_PKG_VERSION"))
            .etcd_prefix("/registry/annex.dev")
            .definitions(files)
            .build())
    })
}
