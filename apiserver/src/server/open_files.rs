//! How many files the process may have open: a connection is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::connection::Connections;

/// Files that are left for all but connections: storage, certificates, the cluster.
const OTHERS: u64 = 128;

/// Raises the limit of open files as far as a process may by itself (as Go's runtime does at its start, since the soft
/// limit is low for the sake of `select(2)` alone), and gives how many of `wanted` connections there can be.
pub(super) fn connections(wanted: usize) -> usize {
    let most = match raised() {
        Ok(most) => most,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            return wanted;
        }
    };
    let possible = possible(wanted, most);
    if possible < wanted {
        tracing::warn!(
            open_files = most,
            wanted,
            possible,
            "the limit of open files allows fewer connections than are configured"
        );
    }
    possible
}

/// The limit, after it was raised.
fn raised() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(soft.max(hard))
}

fn possible(wanted: usize, files: u64) -> usize {
    let files = usize::try_from(files.saturating_sub(OTHERS)).unwrap_or(usize::MAX);
    if Connections::most_files(wanted) <= files {
        return wanted;
    }
    // A sixteenth more of strangers, or a few.
    files
        .saturating_sub(Connections::most_files(files) - files)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(raised(), Ok(hard));
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE), Ok((hard, hard)));
    }

    #[test]
    fn there_are_never_more_connections_than_files() {
        for files in [0, 1, 100, 129, 140, 1024, 4096, 100_000] {
            let possible = possible(10_000, files);
            assert!((1..=10_000).contains(&possible));
            if files > OTHERS + 16 {
                assert!(
                    Connections::most_files(possible) as u64 + OTHERS <= files,
                    "{files}"
                );
            }
        }
        assert_eq!(possible(10_000, 1 << 20), 10_000);
    }
}
