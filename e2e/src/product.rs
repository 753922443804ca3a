//! The images that tests and the demo need: made, and loaded into the cluster.

use std::path::{Path, PathBuf};

use crate::{
    components,
    images::{self, Built, ImageSpec, catalog},
    layout::Layout,
    packages, paths, programs,
};

/// Images that could not be made or loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cache has no place.
    #[error(transparent)]
    Paths(#[from] paths::Error),
    /// A package is missing.
    #[error(transparent)]
    Packages(#[from] packages::Error),
    /// A Go program could not be built.
    #[error(transparent)]
    GoPrograms(#[from] programs::Error),
    /// A Rust program could not be built.
    #[error("failed to build the program of an image")]
    Programs(#[from] images::programs::Error),
    /// An archive could not be made.
    #[error("failed to make an image")]
    Images(#[from] images::Error),
    /// containerd is not there.
    #[error(transparent)]
    Components(#[from] components::Error),
    /// The cluster is not up.
    #[error("the cluster is not up; make it with: cargo e2e up")]
    NotUp,
    /// containerd did not take an archive.
    #[error("failed to load an image")]
    Load(#[from] images::load::Error),
}

/// The repository's root, whose programs go into images.
#[must_use]
pub fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Makes the product's images, and those of the servers that it is shown with.
///
/// # Errors
/// The first that could not be made.
pub async fn build() -> Result<Vec<Built>, Error> {
    packages::ensure_image_tools().await?;
    let operator = rust_program(images::programs::Program::Operator).await?;
    let wardle = rust_program(images::programs::Program::Wardle).await?;
    let specs = [
        catalog::operator(&operator),
        catalog::wardle(&wardle),
        catalog::sample_apiserver(&programs::path(programs::Program::SampleApiserver).await?),
        catalog::etcd(&programs::path(programs::Program::Etcd).await?),
    ];
    write(&specs).await
}

/// Makes the image of the server that misbehaves for tests.
///
/// # Errors
/// It could not be made.
pub async fn build_test_server() -> Result<Vec<Built>, Error> {
    packages::ensure_image_tools().await?;
    let server = rust_program(images::programs::Program::E2eServer).await?;
    write(&[catalog::e2e_server(&server)]).await
}

/// The target directory is outside of the clone, as the Makefile's is, so that the next clone need not begin anew.
pub(crate) async fn rust_program(program: images::programs::Program) -> Result<PathBuf, Error> {
    let target = paths::cache()?.join("target");
    Ok(images::programs::build(&workspace(), &target, program).await?)
}

async fn write(specs: &[ImageSpec]) -> Result<Vec<Built>, Error> {
    Ok(images::build(specs, &paths::cache()?.join("images")).await?)
}

/// Loads archives into the cluster's containerd.
///
/// # Errors
/// The cluster is not up, or the first archive that it did not take.
pub async fn load(
    layout: &Layout,
    archives: &[PathBuf],
    reference: Option<&str>,
) -> Result<Vec<String>, Error> {
    let socket = components::containerd_socket(layout)?.ok_or(Error::NotUp)?;
    let mut references = Vec::new();
    for archive in archives {
        references.extend(images::load::load(&socket, archive, reference).await?);
    }
    Ok(references)
}
