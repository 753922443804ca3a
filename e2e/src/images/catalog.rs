//! The images that there are, as data: the product's, and those that only the test cluster uses.
//!
//! Versions of Go programs follow the modules under `e2e/go`; a test holds them together.

use std::path::{Path, PathBuf};

/// The user and group that images run as, where the image says it: the number that "distroless" images made usual.
pub const NON_ROOT: &str = "65532:65532";

/// Has mimalloc give memory back after 10 ms. What a large request took would stay for a second, while others take theirs: a pod
/// of 256 MiB may die of that.
pub const MIMALLOC_PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY=10";

/// One image: a static program and how it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSpec {
    /// The name that a pod uses for it, registry and tag included.
    pub reference: String,
    /// The program on this machine.
    pub program: PathBuf,
    /// The program's name in the image's root directory; `/NAME` is the entrypoint.
    pub name: String,
    /// `NAME=VALUE`s of its environment, beside `PATH`.
    pub env: Vec<&'static str>,
    /// `UID:GID` that it runs as; none: whatever the pod says, else root.
    pub user: Option<String>,
    /// SPDX expression of the program's licence.
    pub licenses: String,
}

impl ImageSpec {
    fn new(name: &str, tag: &str, program: &Path, user: Option<&str>) -> Self {
        Self {
            reference: format!("localhost/{name}:{tag}"),
            program: program.to_owned(),
            name: name.to_owned(),
            env: Vec::new(),
            user: user.map(str::to_owned),
            licenses: "Apache-2.0".to_owned(),
        }
    }

    /// The path that runs when the container starts.
    pub fn entrypoint(&self) -> String {
        format!("/{}", self.name)
    }

    /// The tag of the reference; `latest` where it has none.
    pub fn tag(&self) -> &str {
        let last = self.reference.rsplit('/').next().unwrap_or(&self.reference);
        last.split_once(':').map_or("latest", |(_, tag)| tag)
    }

    /// The archive's file name: the last part of the reference, `NAME-TAG.tar`.
    pub fn archive_name(&self) -> String {
        let last = self.reference.rsplit('/').next().unwrap_or(&self.reference);
        let repository = last.split_once(':').map_or(last, |(repository, _)| repository);
        format!("{repository}-{}.tar", self.tag())
    }
}

/// The product's image: the operator, of this workspace's version.
pub fn operator(program: &Path) -> ImageSpec {
    with_mimalloc(ImageSpec::new(
        "annex-operator",
        env!("CARGO_PKG_VERSION"),
        program,
        Some(NON_ROOT),
    ))
}

/// The product's other image: the API server of declared kinds, of this workspace's version.
pub fn apiserver(program: &Path) -> ImageSpec {
    let (name, version) = ("annex-apiserver", env!("CARGO_PKG_VERSION"));
    with_mimalloc(ImageSpec::new(name, version, program, Some(NON_ROOT)))
}

/// The sample API on Annex's own library. No user, as the Go server's image: by itself it binds port 443, and it must
/// run as whatever a pod demands.
pub fn wardle(program: &Path) -> ImageSpec {
    with_mimalloc(ImageSpec::new("wardle", env!("CARGO_PKG_VERSION"), program, None))
}

/// An API with `/status` and `/scale` on Annex's own library. No user, as wardle.
pub fn widgets(program: &Path) -> ImageSpec {
    with_mimalloc(ImageSpec::new(
        "widgets",
        env!("CARGO_PKG_VERSION"),
        program,
        None,
    ))
}

/// A kind with a field of each form, in two versions, on Annex's own library. No user, as wardle.
pub fn peer(program: &Path) -> ImageSpec {
    with_mimalloc(ImageSpec::new("peer", env!("CARGO_PKG_VERSION"), program, None))
}

/// Resources that are not stored, on Annex's own library.
pub fn computed(program: &Path) -> ImageSpec {
    with_mimalloc(ImageSpec::new(
        "computed",
        env!("CARGO_PKG_VERSION"),
        program,
        Some(NON_ROOT),
    ))
}

/// A controller in its server's process, on Annex's own library.
pub fn controller(program: &Path) -> ImageSpec {
    with_mimalloc(ImageSpec::new(
        "controller",
        env!("CARGO_PKG_VERSION"),
        program,
        Some(NON_ROOT),
    ))
}

/// The start for a server of one's own.
pub fn greeter(program: &Path) -> ImageSpec {
    with_mimalloc(ImageSpec::new("greeter", "0.1.0", program, Some(NON_ROOT)))
}

fn with_mimalloc(spec: ImageSpec) -> ImageSpec {
    ImageSpec {
        env: vec![MIMALLOC_PURGE_DELAY],
        ..spec
    }
}

/// The server that misbehaves for a test, or records what it is sent (the package `annex-e2e-server`).
pub fn e2e_server(program: &Path) -> ImageSpec {
    ImageSpec::new("annex-e2e-server", "dev", program, Some(NON_ROOT))
}

/// Kubernetes' own example of an extension apiserver. No user: it must run as whatever a pod demands.
pub fn sample_apiserver(program: &Path) -> ImageSpec {
    ImageSpec::new("sample-apiserver", "v0.36.3", program, None)
}

/// The same kind as `peer` has on k8s.io/apiserver. No user: it must run as whatever a pod demands.
pub fn go_peer(program: &Path) -> ImageSpec {
    ImageSpec::new("go-peer", "v0.36.3", program, None)
}

/// etcd. No user: it must run as whatever a pod demands, its data directory being a flag and a volume.
pub fn etcd(program: &Path) -> ImageSpec {
    ImageSpec::new("etcd", "v3.6.16", program, None)
}

/// The cluster's DNS server. No user: port 53 is below 1024.
pub fn coredns(program: &Path) -> ImageSpec {
    ImageSpec::new("coredns", "v1.14.7", program, None)
}

/// The program that holds a pod's namespaces open. The reference goes into containerd's `sandbox_image`.
pub fn pause(program: &Path) -> ImageSpec {
    ImageSpec::new("pause", "dev", program, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_called_like_its_image() {
        let mut spec = etcd(Path::new("etcd"));
        assert_eq!(spec.archive_name(), "etcd-v3.6.16.tar");
        assert_eq!(spec.entrypoint(), "/etcd");
        spec.reference = "registry.example.com:5000/team/etcd".to_owned();
        assert_eq!(
            (spec.tag(), spec.archive_name().as_str()),
            ("latest", "etcd-latest.tar")
        );
    }

    #[test]
    fn tags_are_the_versions_that_the_go_modules_pin() {
        for (spec, module, go_mod) in [
            (
                sample_apiserver(Path::new("")),
                "k8s.io/sample-apiserver",
                include_str!("../../go/kubernetes/go.mod"),
            ),
            (
                go_peer(Path::new("")),
                "k8s.io/apiserver",
                include_str!("../../go/peer/go.mod"),
            ),
            (
                etcd(Path::new("")),
                "go.etcd.io/etcd/server/v3",
                include_str!("../../go/etcd/go.mod"),
            ),
            (
                coredns(Path::new("")),
                "github.com/coredns/coredns",
                include_str!("../../go/coredns/go.mod"),
            ),
        ] {
            let pinned = format!("{module} {}", spec.tag());
            assert!(
                go_mod.lines().any(|line| line.contains(&pinned)),
                "go.mod does not pin {pinned}"
            );
        }
    }

    #[test]
    fn the_dockerfile_makes_the_same_images() {
        let dockerfile = include_str!("../../../Dockerfile");
        let toolchain = include_str!("../../../rust-toolchain.toml");
        let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = "));
        let channel = channel.expect("a channel").trim_matches('"');
        let toolchain = format!("FROM rust:{channel}-bookworm AS build");
        assert!(dockerfile.lines().any(|found| found == toolchain), "{toolchain}");
        for spec in [operator(Path::new("")), apiserver(Path::new(""))] {
            let begin = format!("FROM scratch AS {}\n", spec.name);
            let (_, image) = dockerfile.split_once(&begin).expect("a stage of its name");
            let image = image.split("\n\n").next().unwrap_or_default();
            let env = spec.env.iter().map(|variable| format!("ENV {variable}"));
            let lines = [
                format!("USER {NON_ROOT}"),
                format!("ENTRYPOINT [\"{}\"]", spec.entrypoint()),
                format!("LABEL org.opencontainers.image.title=\"{}\"", spec.name),
                format!("LABEL org.opencontainers.image.version=\"{}\"", spec.tag()),
                format!("LABEL org.opencontainers.image.licenses=\"{}\"", spec.licenses),
            ];
            for line in lines.into_iter().chain(env) {
                assert!(
                    image.lines().any(|found| found == line),
                    "{} lacks {line:?}",
                    spec.name
                );
            }
        }
        // What `docker build .` makes.
        let last = dockerfile.rmatches("FROM scratch AS ").count();
        assert!(last == 2 && dockerfile.ends_with("ENTRYPOINT [\"/annex-operator\"]\n"));
    }
}
