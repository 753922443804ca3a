//! Running the `go` command, and telling how far it is.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::{Error, Recipe, TOOLCHAIN};
use crate::{exec, progress};

/// How often a build says how far it is.
const REMINDER: Duration = Duration::from_secs(15);

/// How many of a failed build's last lines are shown.
const LAST_LINES: usize = 40;

/// Builds a program from a Go module into `path`, which is there only when it is complete.
pub(super) async fn build(recipe: &Recipe, source: &Path, flags: &str, path: &Path) -> Result<(), Error> {
    if !exec::on_path("go") {
        return Err(Error::NoGo);
    }
    progress::say(format!(
        "==> building {} (Go, once for each version; this can take minutes)",
        recipe.name
    ));
    let start = Instant::now();
    let partial = path.with_file_name(format!("{}.partial-{}", recipe.name, std::process::id()));
    let mut command = Command::new("go");
    command
        .args([
            "build",
            "-v",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
            flags,
            "-o",
        ])
        .arg(&partial)
        .arg(recipe.package)
        .current_dir(source)
        .envs([
            ("CGO_ENABLED", "0"),
            ("GOTOOLCHAIN", TOOLCHAIN),
            ("GOWORK", "off"),
        ])
        .env_remove("GOFLAGS");
    run_build(&mut command, recipe, start).await?;
    // Renamed when complete, so that a build that was cut off is never taken for a program.
    std::fs::rename(&partial, path).map_err(|source| Error::Install {
        path: path.to_owned(),
        source,
    })?;
    progress::say(format!("    done in {:.1} s", start.elapsed().as_secs_f64()));
    Ok(())
}

/// Runs `go build -v`, which names each package on stderr, and tells how many there were.
async fn run_build(command: &mut Command, recipe: &Recipe, start: Instant) -> Result<(), Error> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(Error::Run)?;
    let mut lines = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
    let (mut downloaded, mut compiled, mut last) = (0, 0, VecDeque::new());
    let mut reminder = tokio::time::interval_at((start + REMINDER).into(), REMINDER);
    while let Some(reader) = lines.as_mut() {
        tokio::select! {
            line = reader.next_line() => match line.map_err(Error::Run)? {
                Some(line) => {
                    let is_download = line.starts_with("go: downloading");
                    downloaded += usize::from(is_download);
                    compiled += usize::from(!is_download);
                    last.push_back(line);
                    if last.len() > LAST_LINES {
                        last.pop_front();
                    }
                }
                None => lines = None,
            },
            _ = reminder.tick() => progress::say(format!(
                "    … {}: {downloaded} modules fetched, {compiled} packages compiled, {} s so far",
                recipe.name,
                start.elapsed().as_secs(),
            )),
        }
    }
    let status = child.wait().await.map_err(Error::Run)?;
    if status.success() {
        return Ok(());
    }
    let output = last.into_iter().collect::<Vec<_>>().join("\n");
    Err(Error::Build {
        package: recipe.package,
        status,
        output,
    })
}
