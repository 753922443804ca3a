//! The API server of kinds that are declared, not programmed: it serves what definitions describe, from its own storage. Definitions are
//! CustomResourceDefinitions in files, or AggregatedResourceDefinitions in the cluster that it belongs to.

use std::path::PathBuf;
use std::process::ExitCode;

use annex_apiserver::server::{ClusterDefinitions, DefinitionFiles, DefinitionSource, Server};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(clap::Args)]
struct Flags {
    /// File with CustomResourceDefinitions, or directory with such files. They are read again when they change.
    #[arg(
        long,
        value_name = "PATH",
        required_unless_present = "server",
        conflicts_with = "server"
    )]
    resources: Option<PathBuf>,
    /// Serve no more what no file defines any more. Its objects stay stored.
    #[arg(long, requires = "resources")]
    allow_resource_removal: bool,
    /// The AggregatedServer that this is a replica of: its AggregatedResourceDefinitions in the cluster are served.
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// User who may read the report at /definitionz, beside those whom the cluster allows it: the operator's probe.
    #[arg(long, value_name = "USER", requires = "server")]
    definition_reader: Option<String>,
}

impl Flags {
    fn source(self) -> Result<DefinitionSource, &'static str> {
        match (self.server, self.resources) {
            (Some(server), _) => {
                let definitions = ClusterDefinitions::of(server);
                Ok(match self.definition_reader {
                    Some(reader) => definitions.reader(reader),
                    None => definitions,
                }
                .into())
            }
            (None, Some(path)) => Ok(DefinitionFiles {
                path,
                allow_removal: self.allow_resource_removal,
            }
            .into()),
            (None, None) => Err("there are no definitions to serve: --resources or --server is missing"),
        }
    }
}

fn main() -> ExitCode {
    Server::main_with(|flags: Flags| {
        Ok(Server::builder("annex-apiserver")
            .openapi("annex-apiserver", env!("CARGO_PKG_VERSION"))
            .etcd_prefix("/registry/annex.dev")
            .definitions(flags.source()?)
            .build())
    })
}
