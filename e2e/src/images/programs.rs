//! The workspace's own programs, built static by cargo, so that each can be the only file of an image.
//!
//! The same sources give the same program wherever the checkout, cargo's home and the target directory lie: rustc and
//! the C compiler (aws-lc is C) are told to write stand-ins for those paths. One cargo run builds them all: the features that
//! dependencies are built with are those that all the programs need together, whichever are wanted, so that nothing is built twice.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::process::Command;

use super::platform::{self, Architecture};
use super::prefixes::Prefixes;

/// The C compiler of Debian's musl-tools.
const MUSL_GCC: &str = "musl-gcc";

/// The allocator of annex-apiserver, which its examples have anyway.
const ALLOCATOR: &str = "annex-apiserver/mimalloc";

/// A program of the workspace that goes into an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The operator.
    Operator,
    /// The API server of declared kinds (the package `annex-apiserver`).
    Apiserver,
    /// The sample API on Annex's own library (an example of the package `annex-apiserver`).
    Wardle,
    /// An API with `/status` and `/scale` on the same library (an example too).
    Widgets,
    /// A kind with a field of each form, in two versions (an example too).
    Peer,
    /// The library's example of resources that are not stored.
    Computed,
    /// The library's example of a controller in its server's process.
    Controller,
    /// The start for a server of one's own (the directory `template`).
    Greeter,
    /// The server that misbehaves for tests (the package `annex-e2e-server`).
    E2eServer,
}

impl Program {
    /// All of them.
    const ALL: [Self; 9] = [
        Self::Operator,
        Self::Apiserver,
        Self::Wardle,
        Self::Widgets,
        Self::Peer,
        Self::Computed,
        Self::Controller,
        Self::Greeter,
        Self::E2eServer,
    ];

    /// The cargo package.
    pub fn package(self) -> &'static str {
        match self {
            Self::Operator => "annex-operator",
            Self::Apiserver
            | Self::Wardle
            | Self::Widgets
            | Self::Peer
            | Self::Computed
            | Self::Controller => "annex-apiserver",
            Self::Greeter => "greeter",
            Self::E2eServer => "annex-e2e-server",
        }
    }

    /// What cargo calls a program of this kind.
    fn target(self) -> &'static str {
        match self {
            Self::Operator | Self::Apiserver | Self::Greeter | Self::E2eServer => "--bin",
            Self::Wardle | Self::Widgets | Self::Peer | Self::Computed | Self::Controller => "--example",
        }
    }

    /// The program's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "annex-operator",
            Self::Apiserver => "annex-apiserver",
            Self::Wardle => "wardle",
            Self::Widgets => "widgets",
            Self::Peer => "peer",
            Self::Computed => "computed",
            Self::Controller => "controller",
            Self::Greeter => "greeter",
            Self::E2eServer => "annex-e2e-server",
        }
    }
}

/// Why a program was not built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No images are made for this machine.
    #[error("this machine is not supported")]
    Host(#[source] platform::Error),
    /// A tool that the build needs cannot be started.
    #[error("failed to start {program}{}", hint(program))]
    Start {
        /// The tool.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A tool ran and failed; its own words are on standard error.
    #[error("{program} failed ({status})")]
    Failed {
        /// The tool and what it was to do.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// cargo ended well without naming the program that it built.
    #[error("cargo did not name the program {0} that it built")]
    NoExecutable(&'static str),
}

fn hint(program: &str) -> &'static str {
    match program {
        MUSL_GCC => ": install the Debian package musl-tools",
        "rustup" => {
            ": the Rust target for static programs is not installed, and rustup is not there to add it"
        }
        _ => "",
    }
}

/// Builds programs of the workspace at `workspace` for release, and returns the paths of their files in the same order.
///
/// cargo's progress goes to standard error. It builds in `CARGO_TARGET_DIR`, else in `target_dir`; what is fresh is
/// not built again.
///
/// # Errors
/// A tool that is missing or fails; rustc's own messages are on standard error.
pub async fn build(workspace: &Path, target_dir: &Path, programs: &[Program]) -> Result<Vec<PathBuf>, Error> {
    let target = Architecture::host().map_err(Error::Host)?.rust_target();
    output(Command::new(MUSL_GCC).arg("--version"), MUSL_GCC).await?;
    install_target(workspace, target).await?;
    let mut rustc = Command::new("rustc");
    let sysroot = line(rustc.args(["--print", "sysroot"]).current_dir(workspace), "rustc").await?;
    let target_dir =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| target_dir.to_owned(), PathBuf::from);
    let prefixes = Prefixes::new(&target_dir, Path::new(&sysroot));
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--locked"])
        .args(["--message-format=json-render-diagnostics", "--target", target])
        .args(selection(programs))
        .args(["--features", ALLOCATOR])
        .current_dir(workspace)
        .env("CARGO_ENCODED_RUSTFLAGS", prefixes.rustflags());
    cargo.env("CARGO_TARGET_DIR", &target_dir);
    for (name, value) in c_environment(target, &prefixes) {
        cargo.env(name, value);
    }
    let messages = output(&mut cargo, "cargo").await?;
    programs
        .iter()
        .map(|program| {
            executable(&messages, program.name()).ok_or_else(|| Error::NoExecutable(program.name()))
        })
        .collect()
}

/// What cargo is told to build: of all packages, the programs that are wanted.
fn selection(programs: &[Program]) -> Vec<&'static str> {
    let mut packages = Program::ALL.map(Program::package).to_vec();
    packages.dedup();
    let packages = packages.into_iter().flat_map(|package| ["--package", package]);
    // Always with the example: what examples depend on has a part in the features of the others.
    let targets = Program::ALL
        .into_iter()
        .filter(|program| *program == Program::Wardle || programs.contains(program))
        .flat_map(|program| [program.target(), program.name()]);
    packages.chain(targets).collect()
}

/// Adds the Rust target where it is missing, as on a machine whose toolchain is older than the toolchain file's list.
async fn install_target(workspace: &Path, target: &str) -> Result<(), Error> {
    let mut rustc = Command::new("rustc");
    let libraries = line(
        rustc
            .args(["--print", "target-libdir", "--target", target])
            .current_dir(workspace),
        "rustc",
    )
    .await?;
    if Path::new(&libraries).is_dir() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    output(
        rustup.args(["target", "add", target]).current_dir(workspace),
        "rustup",
    )
    .await
    .map(drop)
}

/// What the C compiler of the `cc` crate is told for `target`, by the environment that the crate documents.
fn c_environment(target: &str, prefixes: &Prefixes) -> [(String, OsString); 2] {
    let suffix = target.replace('-', "_");
    [
        (format!("CC_{suffix}"), MUSL_GCC.into()),
        (format!("CFLAGS_{suffix}"), prefixes.cflags()),
    ]
}

/// The part of cargo's machine-readable messages that names what was built.
#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| message.target.as_ref().is_some_and(|target| target.name == name))
        // A package's library may be called as its program is.
        .find_map(|message| message.executable)
}

async fn line(command: &mut Command, program: &str) -> Result<String, Error> {
    output(command, program).await.map(|text| text.trim().to_owned())
}

/// What a tool writes to standard output; its standard error is ours.
async fn output(command: &mut Command, program: &str) -> Result<String, Error> {
    let start = |source| Error::Start {
        program: program.to_owned(),
        source,
    };
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let output = child.map_err(start)?.wait_with_output().await.map_err(start)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Error::Failed {
            program: program.to_owned(),
            status: output.status,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_compiler_is_set_for_the_target_alone() {
        let prefixes = Prefixes::new(Path::new("/annex"), Path::new("/rust"));
        let environment = c_environment("aarch64-unknown-linux-musl", &prefixes);
        assert_eq!(
            environment[0],
            ("CC_aarch64_unknown_linux_musl".to_owned(), "musl-gcc".into())
        );
        assert_eq!(environment[1].0, "CFLAGS_aarch64_unknown_linux_musl");
    }

    #[test]
    fn whatever_is_wanted_dependencies_have_the_same_features() {
        let only_operator = selection(&[Program::Operator]);
        let packages = [
            "--package",
            "annex-operator",
            "--package",
            "annex-apiserver",
            "--package",
            "greeter",
            "--package",
            "annex-e2e-server",
        ];
        assert_eq!(only_operator[..8], packages);
        assert_eq!(
            only_operator[8..],
            ["--bin", "annex-operator", "--example", "wardle"]
        );
        assert_eq!(
            selection(&[Program::E2eServer])[8..],
            ["--example", "wardle", "--bin", "annex-e2e-server"]
        );
    }

    #[test]
    fn the_program_is_found_among_cargos_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}"#,
            "\nnot JSON\n",
            r#"{"reason":"compiler-artifact","target":{"name":"annex-operator"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"annex-operator"},"executable":"/t/annex-operator"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(
            executable(messages, "annex-operator"),
            Some("/t/annex-operator".into())
        );
        assert_eq!(executable(messages, "annex-e2e-server"), None);
    }

    #[tokio::test]
    async fn a_missing_tool_and_a_failing_one_are_told_apart() {
        let missing = output(&mut Command::new("/does/not/exist"), MUSL_GCC)
            .await
            .expect_err("missing");
        assert!(
            missing
                .to_string()
                .contains("install the Debian package musl-tools"),
            "{missing}"
        );
        let failing = output(&mut Command::new("false"), "false")
            .await
            .expect_err("failing");
        assert!(matches!(failing, Error::Failed { .. }), "{failing}");
    }
}
