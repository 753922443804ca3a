//! What every cluster has beyond the bare API: images, DNS and a default StorageClass.

use std::path::PathBuf;

use crate::layout::Layout;
use crate::programs::{self, Program};
use crate::{archive, client, components};

/// The image of every pod's sandbox.
pub const PAUSE_IMAGE: &str = "localhost/pause:e2e";

/// The image of the cluster's DNS.
pub const DNS_IMAGE: &str = "localhost/coredns:v1.14.7";

const DNS: &str = include_str!("dns.yaml");
const STORAGE: &str = include_str!("storage.yaml");

/// An addon that could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that goes into an image.
    #[error(transparent)]
    Program(#[from] programs::Error),
    /// Writing an image's archive.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// containerd does not take an image.
    #[error(transparent)]
    Component(#[from] components::Error),
    /// The API does not take an object.
    #[error(transparent)]
    Client(#[from] client::Error),
}

/// Loads the images that the node itself needs.
///
/// # Errors
/// When an image cannot be made or loaded.
pub async fn load_images(layout: &Layout) -> Result<(), Error> {
    for (reference, program) in [(PAUSE_IMAGE, Program::Pause), (DNS_IMAGE, Program::CoreDns)] {
        components::import(layout, &image(reference, program).await?).await?;
    }
    Ok(())
}

/// The archive of an image of a built program, beside the program in the cache.
///
/// # Errors
/// When the program cannot be built or the archive not be written.
pub async fn image(reference: &str, program: Program) -> Result<PathBuf, Error> {
    let path = programs::path(program).await?;
    let archive = path.with_extension("tar");
    if !archive.is_file() {
        archive::write(reference, &path, &archive)?;
    }
    Ok(archive)
}

/// Installs DNS and the default StorageClass.
///
/// # Errors
/// When the API refuses an object.
pub async fn install(layout: &Layout, client: &kube::Client) -> Result<(), Error> {
    let dns = DNS
        .replace("${ADDRESS}", &layout.dns_address().to_string())
        .replace("${IMAGE}", DNS_IMAGE);
    client::apply_yaml(client, &dns).await?;
    client::apply_yaml(client, STORAGE).await?;
    Ok(())
}
