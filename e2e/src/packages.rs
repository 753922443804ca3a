//! What the node takes from the distribution: programs on the `PATH`, and the CNI plugins.

use std::path::{Path, PathBuf};

use crate::exec::{self, command, on_path};
use crate::progress;

/// A program, and the Debian package that has it.
const PROGRAMS: [(&str, &str); 11] = [
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("containerd-shim-runc-v2", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("conntrack", "conntrack"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("setsid", "util-linux"),
    ("mount", "mount"),
];

/// Where distributions put the CNI plugins.
const PLUGIN_DIRECTORIES: [&str; 3] = ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"];

/// The Debian package of the CNI plugins.
const PLUGIN_PACKAGE: &str = "containernetworking-plugins";

/// Packages that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only root can make a node.
    #[error("a node needs root: namespaces, mounts and cgroups are made for it")]
    NotRoot,
    /// `apt-get` failed.
    #[error("failed to install {packages}")]
    Install {
        /// Which packages.
        packages: String,
        /// What `apt-get` said.
        source: exec::Error,
    },
    /// This machine has no `apt-get`, or it did not help.
    #[error("missing on this machine: {0}; on Debian they come with the packages that bear these names")]
    Missing(String),
}

/// The directory of the CNI plugins, if they are installed.
#[must_use]
pub fn cni_plugins() -> Option<PathBuf> {
    PLUGIN_DIRECTORIES
        .into_iter()
        .map(PathBuf::from)
        .find(|directory| directory.join("bridge").is_file())
}

/// Installs what is missing, and nothing else.
///
/// # Errors
/// Without root, or when something is missing that cannot be installed.
pub async fn ensure() -> Result<(), Error> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Error::NotRoot);
    }
    install_missing(missing).await
}

/// What images are made with, and its Debian package: the C compiler of static programs.
const IMAGE_TOOLS: [(&str, &str); 1] = [("musl-gcc", "musl-tools")];

/// Installs what images are made with, if it is missing.
///
/// # Errors
/// When it is missing and cannot be installed.
pub async fn ensure_image_tools() -> Result<(), Error> {
    install_missing(|| {
        IMAGE_TOOLS
            .into_iter()
            .filter(|(program, _)| !on_path(program))
            .map(|(_, package)| package)
            .collect()
    })
    .await
}

/// The library that tells programs another time, of the Debian package `libfaketime`.
const FAKETIME: &str = "libfaketime.so.1";

/// The path of libfaketime, which is installed if it is missing.
///
/// # Errors
/// When it is missing and cannot be installed.
pub async fn ensure_faketime() -> Result<PathBuf, Error> {
    let find = || {
        let libraries = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let mut paths = libraries.map(|entry| entry.path().join("faketime").join(FAKETIME));
        paths.find(|path| path.is_file())
    };
    install_missing(|| find().is_none().then_some("libfaketime").into_iter().collect()).await?;
    find().ok_or_else(|| Error::Missing(FAKETIME.to_owned()))
}

async fn install_missing(missing: impl Fn() -> Vec<&'static str>) -> Result<(), Error> {
    let wanted = missing();
    if wanted.is_empty() {
        return Ok(());
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(Error::Missing(wanted.join(", ")));
    }
    progress::step(
        &format!("installing Debian packages: {}", wanted.join(", ")),
        install(&wanted),
    )
    .await?;
    match missing() {
        none if none.is_empty() => Ok(()),
        still => Err(Error::Missing(still.join(", "))),
    }
}

fn missing() -> Vec<&'static str> {
    let programs = PROGRAMS
        .into_iter()
        .filter(|(program, _)| !on_path(program))
        .map(|(_, package)| package);
    let plugins = cni_plugins().is_none().then_some(PLUGIN_PACKAGE);
    let mut packages: Vec<_> = programs.chain(plugins).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

async fn install(packages: &[&str]) -> Result<(), Error> {
    let failed = |source| Error::Install {
        packages: packages.join(", "),
        source,
    };
    // Somebody else may be installing: wait for them rather than fail.
    let options = ["-qq", "-o", "DPkg::Lock::Timeout=300"];
    exec::run_visibly(command("apt-get", options).arg("update"))
        .await
        .map_err(failed)?;
    let mut install = command("apt-get", options);
    install
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages);
    exec::run_visibly(install.env("DEBIAN_FRONTEND", "noninteractive"))
        .await
        .map_err(failed)
}
