//! What every cluster has beyond the bare API: images, DNS and a default StorageClass.

use std::path::{Path, PathBuf};

use crate::images::{self, ImageSpec, catalog};
use crate::layout::Layout;
use crate::programs::{self, Program};
use crate::{client, components};

const DNS: &str = include_str!("dns.yaml");
const STORAGE: &str = include_str!("storage.yaml");

/// An addon that could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that goes into an image.
    #[error(transparent)]
    Program(#[from] programs::Error),
    /// Making an image.
    #[error("failed to make an image of the cluster's own")]
    Image(#[from] images::Error),
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
    let pause = catalog::pause(&programs::path(Program::Pause).await?);
    let dns = catalog::coredns(&programs::path(Program::CoreDns).await?);
    for spec in [pause, dns] {
        components::import(layout, &image(spec).await?).await?;
    }
    Ok(())
}

/// The name of the image of every pod's sandbox.
#[must_use]
pub fn pause_image() -> String {
    catalog::pause(Path::new("pause")).reference
}

/// The archive of an image of a built program, beside the program in the cache.
///
/// # Errors
/// When the archive cannot be made.
pub async fn image(spec: ImageSpec) -> Result<PathBuf, Error> {
    let directory = spec.program.parent().unwrap_or_else(|| Path::new("/")).to_owned();
    let archive = directory.join(spec.archive_name());
    if !archive.is_file() {
        images::build(&[spec], &directory).await?;
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
        .replace("${IMAGE}", &catalog::coredns(Path::new("coredns")).reference);
    client::apply_yaml(client, &dns).await?;
    client::apply_yaml(client, STORAGE).await?;
    Ok(())
}
