//! Paths of this machine, kept out of the programs that are built on it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Directories of this machine that must not show in a program, each with what is written in its place.
///
/// Of two that match, compilers take the one given last, so the outer ones come first.
pub(super) struct Prefixes(Vec<(PathBuf, &'static str)>);

impl Prefixes {
    /// Those of a build in `target` with the toolchain at `sysroot`, as cargo's environment sets them.
    ///
    /// The workspace is not among them: cargo gives the compiler paths relative to it, and a flag that names it would
    /// have every clone build every dependency anew.
    pub(super) fn new(target: &Path, sysroot: &Path) -> Self {
        let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
        let cargo_home = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
        Self(vec![
            (target.to_owned(), "/target"),
            (cargo_home, "/cargo"),
            (sysroot.join("lib/rustlib/src/rust"), "/rust"),
        ])
    }

    /// For `CARGO_ENCODED_RUSTFLAGS`, whose separator allows blanks in paths. It outranks RUSTFLAGS, so a caller's
    /// lints do not change the program.
    pub(super) fn rustflags(&self) -> OsString {
        let mut flags = OsString::new();
        for (path, stand_in) in &self.0 {
            if !flags.is_empty() {
                flags.push("\u{1f}");
            }
            flags.push("--remap-path-prefix=");
            flags.push(path);
            flags.push(format!("={stand_in}"));
        }
        flags
    }

    pub(super) fn cflags(&self) -> OsString {
        let mut flags = OsString::new();
        // The `cc` crate separates flags at blanks and knows no quotes: such a path can only show.
        for (path, stand_in) in self
            .0
            .iter()
            .filter(|(path, _)| !path.to_string_lossy().contains(' '))
        {
            if !flags.is_empty() {
                flags.push(" ");
            }
            flags.push("-ffile-prefix-map=");
            flags.push(path);
            flags.push(format!("={stand_in}"));
        }
        flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes() -> Prefixes {
        Prefixes(vec![
            ("/home/a b/annex".into(), "/annex"),
            ("/home/cargo".into(), "/cargo"),
        ])
    }

    #[test]
    fn paths_with_blanks_are_one_flag() {
        let flags = prefixes().rustflags();
        let flags: Vec<_> = flags.to_str().expect("text").split('\u{1f}').collect();
        assert_eq!(
            flags,
            [
                "--remap-path-prefix=/home/a b/annex=/annex",
                "--remap-path-prefix=/home/cargo=/cargo"
            ]
        );
        assert_eq!(prefixes().cflags(), "-ffile-prefix-map=/home/cargo=/cargo");
    }
}
