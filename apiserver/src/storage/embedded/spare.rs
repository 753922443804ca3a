//! Room that is kept for deletions.
//!
//! A B-tree that copies what it changes needs room even to delete. So a file of a few mebibytes lies beside the database,
//! and is removed when the disk is full: whoever deletes then is not told that there is no space to do it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::fcntl::OFlag;
use nix::sys::statvfs::statvfs;

/// How large the file is, at most: room for some ten thousand deletions.
const LARGEST: u64 = 4 << 20;
/// The part of the file system that it takes, at most.
const PART: u64 = 16;
/// What is written at once.
const CHUNK: usize = 64 << 10;

/// The file.
#[derive(Debug)]
pub(super) struct Spare(pub(super) PathBuf);

impl Spare {
    /// Sets the room aside, where twice as much is free. Whether it is set aside.
    pub(super) fn acquire(&self) -> bool {
        let found = fs::symlink_metadata(&self.0);
        let held = found
            .as_ref()
            .is_ok_and(|found| found.is_file() && found.len() > 0);
        if held {
            return true;
        }
        if found.is_ok() && fs::remove_file(&self.0).is_err() {
            return false;
        }
        self.free()
            .is_ok_and(|(free, size)| free >= 2 * size && self.write(size).is_ok())
    }

    /// Gives it up. Whether there was anything to give.
    pub(super) fn release(&self) -> bool {
        fs::remove_file(&self.0).is_ok()
    }

    /// Bytes that are free, and how many are to be set aside.
    fn free(&self) -> io::Result<(u64, u64)> {
        let directory = self.0.parent().unwrap_or(&self.0);
        let stat = statvfs(directory)?;
        let size = (stat.blocks() * stat.fragment_size() / PART).min(LARGEST);
        Ok((stat.blocks_available() * stat.fragment_size(), size))
    }

    fn write(&self, size: u64) -> io::Result<()> {
        let write = || {
            // A link in its place would be followed to somebody else's file.
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .custom_flags(OFlag::O_NOFOLLOW.bits())
                .open(&self.0)?;
            let mut left = usize::try_from(size).unwrap_or(usize::MAX);
            while left > 0 {
                let part = left.min(CHUNK);
                file.write_all(&[0; CHUNK][..part])?;
                left -= part;
            }
            file.sync_all()
        };
        write().inspect_err(|_| drop(fs::remove_file(&self.0)))
    }
}
