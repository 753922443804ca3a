//! Brings an image archive into a containerd, so that pods of that node find the image without a registry.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{ChildStdin, Command};
use tokio::task::JoinHandle;

use super::inspect::{self, Contents};
use super::platform::{self, Architecture};

/// The containerd namespace that a kubelet's images live in.
const NAMESPACE: &str = "k8s.io";
/// One `ctr` command; an import unpacks the layers, which takes its time for large images on slow disks.
const TIME_LIMIT: Duration = Duration::from_secs(600);

/// Why an archive was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No images are loaded on this machine.
    #[error("this machine is not supported")]
    Host(#[source] platform::Error),
    /// The archive holds nothing that this machine could run.
    #[error("{} is not an image for this machine", archive.display())]
    Archive {
        /// The archive.
        archive: PathBuf,
        /// What is wrong with it.
        source: inspect::Error,
    },
    /// The archive's image has no name, and none was given.
    #[error("{} does not name its image; say what to call it (--as REFERENCE)", archive.display())]
    Unnamed {
        /// The archive.
        archive: PathBuf,
    },
    /// One name was given, and there are several images to take it.
    #[error("{} holds {images} images, and only one can be called {reference}", archive.display())]
    Several {
        /// The archive.
        archive: PathBuf,
        /// How many there are.
        images: usize,
        /// The name that was given.
        reference: String,
    },
    /// The name that was given lacks its registry.
    #[error("{0:?} is not a full image reference, such as localhost/name:tag")]
    Reference(String),
    /// The archive cannot be handed to containerd.
    #[error("failed to open {}", archive.display())]
    Open {
        /// The archive.
        archive: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The thread that reads the archive ended early.
    #[error("reading the archive was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
    /// `ctr` cannot be started.
    #[error("failed to start ctr (Debian package containerd)")]
    Start(#[source] std::io::Error),
    /// `ctr` did not end in time.
    #[error("ctr images {action} did not end within {} s", TIME_LIMIT.as_secs())]
    TimedOut {
        /// The subcommand.
        action: String,
    },
    /// `ctr` failed.
    #[error("ctr images {action} failed: {message}")]
    Failed {
        /// The subcommand.
        action: String,
        /// What it said.
        message: String,
    },
    /// containerd took the archive, but not under the expected name.
    #[error("containerd imported the archive, but does not know {0}")]
    NotThere(String),
}

/// Loads the archive (OCI layout or `docker save`, plain or gzip) into the containerd behind `socket`, and returns the
/// references that pods can use. With `reference`, the archive's one image gets that name.
///
/// # Errors
/// Before anything is loaded: what is wrong with the archive or the name. Else what `ctr` said.
pub async fn load(socket: &Path, archive: &Path, reference: Option<&str>) -> Result<Vec<String>, Error> {
    let wanted = Architecture::host().map_err(Error::Host)?;
    let path = archive.to_owned();
    let inspected = tokio::task::spawn_blocking(move || inspect::inspect(&path, wanted))
        .await
        .map_err(Error::Interrupted)?;
    let contents = inspected.map_err(|source| Error::Archive {
        archive: archive.to_owned(),
        source,
    })?;
    let ctr = Ctr { socket };
    match reference {
        Some(reference) => {
            acceptable(archive, &contents, reference)?;
            ctr.import_as(archive, reference).await?;
            Ok(vec![reference.to_owned()])
        }
        None if contents.references.is_empty() => Err(Error::Unnamed {
            archive: archive.to_owned(),
        }),
        None => {
            ctr.import(archive, &contents.references).await?;
            Ok(contents.references)
        }
    }
}

fn acceptable(archive: &Path, contents: &Contents, reference: &str) -> Result<(), Error> {
    let registry = reference.split('/').next().unwrap_or_default();
    let tag = reference.rsplit('/').next().and_then(|last| last.split_once(':'));
    let full = reference.contains('/') && (registry.contains(['.', ':']) || registry == "localhost");
    if !full || tag.is_none_or(|(name, tag)| name.is_empty() || tag.is_empty()) {
        return Err(Error::Reference(reference.to_owned()));
    }
    if contents.images > 1 {
        return Err(Error::Several {
            archive: archive.to_owned(),
            images: contents.images,
            reference: reference.to_owned(),
        });
    }
    Ok(())
}

/// `ctr images`, on one containerd.
struct Ctr<'a> {
    socket: &'a Path,
}

impl Ctr<'_> {
    /// Imports under the archive's own names, and sees that they are there.
    async fn import(&self, archive: &Path, references: &[String]) -> Result<(), Error> {
        self.run("import", &["-"], Some(archive)).await?;
        for reference in references {
            if self.names(&format!("name=={reference}")).await?.is_empty() {
                return Err(Error::NotThere(reference.clone()));
            }
        }
        Ok(())
    }

    /// Imports under a name that nobody else uses, whether or not the archive has names, and tags what came.
    async fn import_as(&self, archive: &Path, reference: &str) -> Result<(), Error> {
        let base = format!("annex.local/import-{:016x}", rand::random::<u64>());
        self.run("import", &["--digests", "--base-name", &base, "-"], Some(archive))
            .await?;
        let names = self.names(&format!("name~=^{base}@")).await?;
        let tagged = match names.as_slice() {
            [] => Err(Error::NotThere(reference.to_owned())),
            [name] => self
                .run("tag", &["--force", name, reference], None)
                .await
                .map(drop),
            several => Err(Error::Several {
                archive: archive.to_owned(),
                images: several.len(),
                reference: reference.to_owned(),
            }),
        };
        for name in &names {
            self.run("rm", &[name], None).await?;
        }
        tagged
    }

    async fn names(&self, filter: &str) -> Result<Vec<String>, Error> {
        let listed = self.run("ls", &["--quiet", filter], None).await?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// Runs one command, with the decompressed `input` on its standard input.
    async fn run(&self, action: &str, arguments: &[&str], input: Option<&Path>) -> Result<String, Error> {
        let mut command = Command::new("ctr");
        command
            .arg("--address")
            .arg(self.socket)
            .args(["--namespace", NAMESPACE, "images", action])
            .args(arguments)
            .stdin(if input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(Error::Start)?;
        let feeding = input
            .zip(child.stdin.take())
            .map(|(input, stdin)| feed(input.to_owned(), stdin));
        let output = tokio::time::timeout(TIME_LIMIT, child.wait_with_output())
            .await
            .map_err(|_| Error::TimedOut {
                action: action.to_owned(),
            })?
            .map_err(Error::Start)?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::Failed {
                action: action.to_owned(),
                message,
            });
        }
        if let Some(feeding) = feeding {
            feeding.await.map_err(Error::Interrupted)??;
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Copies an archive to a program. `ctr` itself reads no gzip.
fn feed(archive: PathBuf, stdin: ChildStdin) -> JoinHandle<Result<(), Error>> {
    tokio::task::spawn_blocking(move || {
        let copied = stdin.into_owned_fd().and_then(|stdin| {
            let copied = std::io::copy(&mut inspect::open(&archive)?, &mut std::fs::File::from(stdin));
            // The reader may have seen the archive's end before its padding; if it failed, it says so itself.
            match copied {
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
                other => other.map(drop),
            }
        });
        copied.map_err(|source| Error::Open { archive, source })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(images: usize, reference: &str) -> Result<(), Error> {
        acceptable(
            Path::new("a.tar"),
            &Contents {
                images,
                references: Vec::new(),
            },
            reference,
        )
    }

    #[test]
    fn a_given_name_is_full_and_for_one_image() {
        for good in [
            "localhost/app:1",
            "registry.example.com/team/app:v1.0",
            "localhost:5000/app:1",
        ] {
            accepted(1, good).expect(good);
        }
        for bad in [
            "app:1",
            "team/app:1",
            "localhost/app",
            "localhost/:1",
            "localhost/app:",
            "",
        ] {
            assert!(matches!(accepted(1, bad), Err(Error::Reference(_))), "{bad}");
        }
        assert!(matches!(
            accepted(2, "localhost/app:1"),
            Err(Error::Several { images: 2, .. })
        ));
    }

    #[tokio::test]
    async fn a_bad_archive_is_refused_before_containerd_is_asked() {
        let socket = Path::new("/does/not/exist.sock");
        let error = load(socket, Path::new("/bin/sh"), None)
            .await
            .expect_err("refused");
        assert!(
            matches!(
                error,
                Error::Archive {
                    source: inspect::Error::NotATar(_),
                    ..
                }
            ),
            "{error}"
        );
    }
}
