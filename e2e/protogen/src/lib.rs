//! The Rust code of etcd's gRPC API, made of the `.proto` files beside this crate, without `protoc`.

use std::path::{Path, PathBuf};

use tonic_prost_build::Builder;

/// Where the generated code lies in the repository.
#[must_use]
pub fn checked_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apiserver/src/storage/etcd/proto")
}

/// Generates one file for each protobuf package into `directory`: messages, clients, and servers for tests.
///
/// # Errors
/// A `.proto` file that does not compile, a directory that cannot be written.
pub fn generate(directory: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/etcd");
    let compiled = protox::compile(["rpc.proto"], [&sources])?;
    builder().out_dir(directory).compile_fds(compiled)?;
    Ok(())
}

fn builder() -> Builder {
    tonic_prost_build::configure()
        // Servers stand in for an etcd in tests alone.
        .server_mod_attribute("etcdserverpb", "#[cfg(test)]")
        // Connections are made by the client of `storage::etcd`.
        .build_transport(false)
        .bytes(".")
        .emit_rerun_if_changed(false)
}
