//! Programs built from pinned Go modules, cached by what went into them.
//!
//! Each directory of `e2e/go` is a Go module whose go.mod and go.sum pin the programs' sources. A program is built
//! once for each content of these two files and of its own Go files, those of packages below it included, and the build's flags.

mod build;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use sha2::{Digest as _, Sha256};

use crate::{files, paths};

/// The Go release to build with. Kubernetes 1.36 built by Go 1.27 serves a broken OpenAPI document; the `go` command
/// fetches this release where it is another one itself.
const TOOLCHAIN: &str = "go1.26.8";

/// A program that could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no Go to build with.
    #[error(
        "no `go` on the PATH: install Go 1.21 or newer (https://go.dev/dl); it fetches {TOOLCHAIN} by itself"
    )]
    NoGo,
    /// No home.
    #[error(transparent)]
    Paths(#[from] paths::Error),
    /// The module's or the cache's files.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// The go.mod does not require the module whose version is stamped into the programs.
    #[error("{} does not require {module}", path.display())]
    NoVersion {
        /// Which go.mod.
        path: PathBuf,
        /// The module looked for.
        module: &'static str,
    },
    /// The `go` command could not be run.
    #[error("failed to run `go build`")]
    Run(#[source] std::io::Error),
    /// The build failed.
    #[error("failed to build {package} ({status}):\n{output}")]
    Build {
        /// The package.
        package: &'static str,
        /// How the `go` command ended.
        status: ExitStatus,
        /// Its last lines.
        output: String,
    },
    /// The built program could not be put into its place.
    #[error("failed to install {}", path.display())]
    Install {
        /// Where to.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Everything that is built from Go modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the programs' own names")]
pub enum Program {
    KubeApiserver,
    KubeControllerManager,
    KubeScheduler,
    Kubelet,
    KubeProxy,
    Kubectl,
    SampleApiserver,
    GoPeer,
    Etcd,
    Helm,
    Helm4,
    CoreDns,
    Pause,
    Informer,
    Writers,
    Kwok,
    NetworkPolicies,
}

/// How a program is built.
struct Recipe {
    /// The directory below `e2e/go`.
    module: &'static str,
    package: &'static str,
    name: &'static str,
}

/// The version that a Go module's programs are stamped with, and where.
struct Stamp {
    /// The required module whose version it is.
    of: &'static str,
    /// `-X` variables, with `VERSION`, `MAJOR` and `MINOR` to be replaced.
    variables: &'static [&'static str],
}

impl Program {
    /// What the cluster itself and the people in front of it need.
    pub const OF_CLUSTER: [Self; 10] = [
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubelet,
        Self::KubeProxy,
        Self::Kubectl,
        Self::Etcd,
        Self::Helm,
        Self::CoreDns,
        Self::Pause,
    ];

    fn recipe(self) -> Recipe {
        let (module, package, name) = match self {
            Self::KubeApiserver => (
                "kubernetes",
                "k8s.io/kubernetes/cmd/kube-apiserver",
                "kube-apiserver",
            ),
            Self::KubeControllerManager => (
                "kubernetes",
                "k8s.io/kubernetes/cmd/kube-controller-manager",
                "kube-controller-manager",
            ),
            Self::KubeScheduler => (
                "kubernetes",
                "k8s.io/kubernetes/cmd/kube-scheduler",
                "kube-scheduler",
            ),
            Self::Kubelet => ("kubernetes", "k8s.io/kubernetes/cmd/kubelet", "kubelet"),
            Self::KubeProxy => ("kubernetes", "k8s.io/kubernetes/cmd/kube-proxy", "kube-proxy"),
            Self::Kubectl => ("kubernetes", "k8s.io/kubernetes/cmd/kubectl", "kubectl"),
            Self::SampleApiserver => ("kubernetes", "k8s.io/sample-apiserver", "sample-apiserver"),
            Self::GoPeer => ("peer", "annex.dev/e2e/peer", "go-peer"),
            Self::Etcd => ("etcd", "go.etcd.io/etcd/server/v3", "etcd"),
            Self::Helm => ("helm", "helm.sh/helm/v3/cmd/helm", "helm"),
            Self::Helm4 => ("helm4", "helm.sh/helm/v4/cmd/helm", "helm4"),
            Self::CoreDns => ("coredns", "annex.dev/e2e/coredns", "coredns"),
            Self::Pause => ("pause", "annex.dev/e2e/pause", "pause"),
            Self::Informer => ("informer", "annex.dev/e2e/informer", "informer"),
            Self::Writers => ("writers", "annex.dev/e2e/writers", "writers"),
            Self::Kwok => ("kwok", "sigs.k8s.io/kwok/cmd/kwok", "kwok"),
            Self::NetworkPolicies => (
                "network-policies",
                "annex.dev/e2e/network-policies",
                "network-policies",
            ),
        };
        Recipe {
            module,
            package,
            name,
        }
    }

    fn stamp(self) -> Option<Stamp> {
        // Without it, Kubernetes' version-gated features see v0.0.0, and helm's charts a Kubernetes 1.20.
        match self.recipe().module {
            "kubernetes" => Some(Stamp {
                of: "k8s.io/kubernetes",
                variables: &[
                    "k8s.io/component-base/version.gitVersion=VERSION",
                    "k8s.io/component-base/version.gitMajor=MAJOR",
                    "k8s.io/component-base/version.gitMinor=MINOR",
                    "k8s.io/client-go/pkg/version.gitVersion=VERSION",
                    "k8s.io/client-go/pkg/version.gitMajor=MAJOR",
                    "k8s.io/client-go/pkg/version.gitMinor=MINOR",
                ],
            }),
            "helm" => Some(Stamp {
                of: "helm.sh/helm/v3",
                variables: &[
                    "helm.sh/helm/v3/internal/version.version=VERSION",
                    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36",
                    "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=36",
                ],
            }),
            _ => None,
        }
    }

    /// The program with this file name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::OF_CLUSTER
            .into_iter()
            .chain([
                Self::SampleApiserver,
                Self::GoPeer,
                Self::Informer,
                Self::Writers,
                Self::Helm4,
                Self::Kwok,
                Self::NetworkPolicies,
            ])
            .find(|program| program.name() == name)
    }

    /// The program's file name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.recipe().name
    }
}

/// Builds those of the programs that the cache does not hold.
///
/// # Errors
/// Without Go, or when a build fails, with its last lines.
pub async fn ensure(programs: &[Program]) -> Result<(), Error> {
    for program in programs {
        path(*program).await?;
    }
    Ok(())
}

/// The built program, which is built now if the cache does not hold it. A static file of its own.
///
/// # Errors
/// Without Go, or when the build fails, with its last lines.
pub async fn path(program: Program) -> Result<PathBuf, Error> {
    let recipe = program.recipe();
    let source = paths::go_modules().join(recipe.module);
    let flags = linker_flags(program, &source)?;
    let directory =
        paths::cache()?
            .join("programs")
            .join(format!("{}-{}", recipe.module, key(&source, &flags)?));
    let path = directory.join(recipe.name);
    if !path.is_file() {
        files::make_directory(&directory)?;
        build::build(&recipe, &source, &flags, &path).await?;
    }
    Ok(path)
}

fn linker_flags(program: Program, source: &Path) -> Result<String, Error> {
    let mut flags = "-s -w".to_owned();
    if let Some(stamp) = program.stamp() {
        let path = source.join("go.mod");
        let go_mod = files::read(&path)?;
        let version = required_version(&go_mod, stamp.of).ok_or(Error::NoVersion {
            path,
            module: stamp.of,
        })?;
        let mut numbers = version.trim_start_matches('v').split('.');
        let (major, minor) = (
            numbers.next().unwrap_or_default(),
            numbers.next().unwrap_or_default(),
        );
        for variable in stamp.variables {
            let stamped = variable
                .replace("VERSION", version)
                .replace("MAJOR", major)
                .replace("MINOR", minor);
            flags.push_str(" -X ");
            flags.push_str(&stamped);
        }
    }
    Ok(flags)
}

/// The version of a module that a go.mod requires.
fn required_version<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().find_map(|line| {
        let mut words = line
            .trim_start()
            .trim_start_matches("require ")
            .split_whitespace();
        (words.next()? == module).then(|| words.next()).flatten()
    })
}

/// A short hash of all that decides what the build yields.
fn key(source: &Path, flags: &str) -> Result<String, Error> {
    let mut hash = Sha256::new();
    hash.update(TOOLCHAIN);
    hash.update(flags);
    let mut names: Vec<_> = ["go.mod", "go.sum"].map(|name| source.join(name)).into();
    names.retain(|path| path.is_file());
    names.extend(files::with_extension(source, "go")?);
    for path in names {
        hash.update(files::read(&path)?);
    }
    Ok(hash
        .finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{Program, linker_flags, required_version};

    #[test]
    fn finds_a_version_in_either_form_of_require() {
        let go_mod =
            "module x\n\nrequire (\n\ta.b/c v1.2.3 // indirect\n\ta.b/c/v2 v2.0.0\n)\nrequire d.e/f v0.1.0\n";
        assert_eq!(required_version(go_mod, "a.b/c"), Some("v1.2.3"));
        assert_eq!(required_version(go_mod, "a.b/c/v2"), Some("v2.0.0"));
        assert_eq!(required_version(go_mod, "d.e/f"), Some("v0.1.0"));
        assert_eq!(required_version(go_mod, "g.h/i"), None);
    }

    #[test]
    fn kubernetes_programs_know_their_version() {
        let source = crate::paths::go_modules().join("kubernetes");
        let flags = linker_flags(Program::Kubelet, &source).unwrap();
        assert!(
            flags.contains("-X k8s.io/component-base/version.gitVersion=v1.36."),
            "{flags}"
        );
        assert!(
            flags.contains("-X k8s.io/component-base/version.gitMinor=36 "),
            "{flags}"
        );
    }
}
