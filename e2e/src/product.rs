//! The images that tests and the demo need: made, and loaded into the cluster.

use std::path::{Path, PathBuf};

use crate::{
    cluster,
    components::{self, Options},
    images::{self, Built, ImageSpec, catalog, programs::Program as RustProgram},
    layout::Layout,
    packages, paths, programs, progress,
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
    /// The cluster did not come up.
    #[error(transparent)]
    Cluster(Box<cluster::Error>),
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

/// Which images are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The operator's, and that of the server that it is shown with.
    Demo,
    /// The operator's alone.
    Operator,
    /// Those of the demo, and the Go peers that servers run beside.
    Product,
    /// That of the server that misbehaves for tests.
    TestServer,
    /// All of these.
    Tests,
}

impl Wanted {
    fn rust(self) -> &'static [RustProgram] {
        match self {
            Self::Demo | Self::Product => {
                &[RustProgram::Operator, RustProgram::Apiserver, RustProgram::Wardle]
            }
            Self::Operator => &[RustProgram::Operator],
            Self::TestServer => &[RustProgram::E2eServer],
            Self::Tests => &[
                RustProgram::Operator,
                RustProgram::Apiserver,
                RustProgram::Wardle,
                RustProgram::Widgets,
                RustProgram::Peer,
                RustProgram::Computed,
                RustProgram::Controller,
                RustProgram::Greeter,
                RustProgram::E2eServer,
            ],
        }
    }

    fn go(self) -> &'static [programs::Program] {
        match self {
            Self::Operator | Self::Demo | Self::TestServer => &[],
            Self::Product => &[programs::Program::SampleApiserver, programs::Program::Etcd],
            Self::Tests => &[
                programs::Program::SampleApiserver,
                programs::Program::GoPeer,
                programs::Program::Etcd,
            ],
        }
    }
}

/// Makes images: the Rust programs first, which need nothing of Go, so that both kinds can be built at once.
///
/// # Errors
/// The first that could not be made.
pub async fn build(wanted: Wanted) -> Result<Vec<Built>, Error> {
    packages::ensure_image_tools().await?;
    let mut specs = Vec::new();
    let built = rust_programs(wanted.rust()).await?;
    for (program, path) in wanted.rust().iter().zip(&built) {
        specs.push(match program {
            RustProgram::Operator => catalog::operator(path),
            RustProgram::Apiserver => catalog::apiserver(path),
            RustProgram::Wardle => catalog::wardle(path),
            RustProgram::Widgets => catalog::widgets(path),
            RustProgram::Peer => catalog::peer(path),
            RustProgram::Computed => catalog::computed(path),
            RustProgram::Controller => catalog::controller(path),
            RustProgram::Greeter => catalog::greeter(path),
            RustProgram::E2eServer => catalog::e2e_server(path),
        });
    }
    for program in wanted.go() {
        let path = programs::path(*program).await?;
        specs.push(match program {
            programs::Program::Etcd => catalog::etcd(&path),
            programs::Program::GoPeer => catalog::go_peer(&path),
            _ => catalog::sample_apiserver(&path),
        });
    }
    write(&specs).await
}

/// Makes the operator's image of this program, which must be static, and loads it.
///
/// # Errors
/// It could not be made, or was not taken.
pub async fn load_operator(layout: &Layout, program: &Path) -> Result<(), Error> {
    let archives: Vec<PathBuf> = write(&[catalog::operator(program)])
        .await?
        .into_iter()
        .map(|image| image.archive)
        .collect();
    load(layout, &archives, None).await?;
    Ok(())
}

/// Brings the cluster up and makes the images meanwhile: where neither is built yet, the one is fetched and linked while the other
/// compiles.
///
/// # Errors
/// The first that failed.
pub async fn cluster_and_images(
    layout: &Layout,
    options: Options,
    wanted: Wanted,
) -> Result<Vec<Built>, Error> {
    // One after the other: both ask Debian's package manager.
    packages::ensure().await?;
    packages::ensure_image_tools().await?;
    let up = async {
        cluster::up(layout, options)
            .await
            .map_err(|error| Error::Cluster(error.into()))
    };
    let images = progress::step("making images", build(wanted));
    let ((), built) = tokio::try_join!(progress::of("cluster", up), progress::of("images", images))?;
    let archives: Vec<PathBuf> = built.iter().map(|image| image.archive.clone()).collect();
    progress::step("loading images", load(layout, &archives, None)).await?;
    Ok(built)
}

/// The target directory is outside of the clone, as the Makefile's is, so that the next clone need not begin anew.
async fn rust_programs(programs: &[RustProgram]) -> Result<Vec<PathBuf>, Error> {
    let target = paths::cache()?.join("target");
    Ok(images::programs::build(&workspace(), &target, programs).await?)
}

/// The sample API on the library, as its image has it.
///
/// # Errors
/// It could not be built.
pub(crate) async fn wardle() -> Result<PathBuf, Error> {
    let built = rust_programs(&[RustProgram::Wardle]).await?;
    built
        .into_iter()
        .next()
        .ok_or_else(|| images::programs::Error::NoExecutable(RustProgram::Wardle.name()).into())
}

/// The API server of kinds that are declared, as its image has it.
///
/// # Errors
/// It could not be built.
pub(crate) async fn annex_apiserver() -> Result<PathBuf, Error> {
    let built = rust_programs(&[RustProgram::Apiserver]).await?;
    built
        .into_iter()
        .next()
        .ok_or_else(|| images::programs::Error::NoExecutable(RustProgram::Apiserver.name()).into())
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
