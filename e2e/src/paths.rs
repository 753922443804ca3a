//! Where the harness keeps things: the one place that knows the home directory.

use std::path::PathBuf;

/// Neither the XDG variable nor `HOME` says where to keep things.
#[derive(Debug, thiserror::Error)]
#[error("neither {variable} nor HOME is set to an absolute path")]
pub struct Error {
    variable: &'static str,
}

/// What can be made again: programs built from Go modules, image archives.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is an absolute path.
pub fn cache() -> Result<PathBuf, Error> {
    Ok(base("XDG_CACHE_HOME", ".cache")?.join("annex"))
}

/// What belongs to clusters that stand: one directory each, gone with its cluster.
///
/// # Errors
/// When neither `XDG_STATE_HOME` nor `HOME` is an absolute path.
pub fn state() -> Result<PathBuf, Error> {
    Ok(base("XDG_STATE_HOME", ".local/state")?.join("annex/e2e"))
}

/// The Go modules from which programs are built.
#[must_use]
pub fn go_modules() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("go")
}

fn base(variable: &'static str, below_home: &str) -> Result<PathBuf, Error> {
    // The XDG specification: a relative path is to be ignored.
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(variable)
        .or_else(|| absolute("HOME").map(|home| home.join(below_home)))
        .ok_or(Error { variable })
}
