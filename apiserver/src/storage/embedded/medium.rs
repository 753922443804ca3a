//! The file and its directory: made whole or not at all, and never by two processes at once.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, PosixFadviseAdvice, posix_fadvise};
use nix::sys::statvfs::statvfs;
use nix::unistd::geteuid;
use redb::Database;

use super::failure::{Failure, guarded};
use super::format::{FORMAT, INDEX, LOG, META, meta};
use super::options::{OpenError, Options};
use super::spare::Spare;
use crate::storage::Revision;

const FILE: &str = "annex.redb";
/// A file that is being made. It holds nothing that was ever acknowledged.
const UNFINISHED: &str = "annex.redb.new";
const LOCK: &str = "annex.lock";
const SPARE: &str = "annex.spare";

/// What a database lies on. It can be opened again, when an error has closed it.
pub(super) trait Medium: Debug + Send {
    /// Opens the database. `after_failure`: what the system believes to have written is not to be believed.
    fn open(&self, after_failure: bool) -> Result<Database, OpenError>;

    /// The file's name.
    fn path(&self) -> &Path;

    /// Sets room for deletions aside, where there is room. Whether it is set aside.
    fn acquire_spare(&self) -> bool;

    /// Gives up the room that was set aside. Whether there was any.
    fn release_spare(&self) -> bool;

    /// Bytes that the file takes on disk.
    fn size_on_disk(&self) -> u64;

    /// The file system that it lies on.
    fn room(&self) -> Room;
}

/// Bytes of a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Room {
    /// All of them.
    pub(super) capacity: u64,
    /// Those that this user may still fill.
    pub(super) free: u64,
}

/// A file in a directory that is locked as long as this lives.
#[derive(Debug)]
pub(super) struct FileMedium {
    path: PathBuf,
    cache_bytes: usize,
    spare: Spare,
    _lock: File,
}

impl FileMedium {
    /// Takes the directory, and makes an empty store in it where there is none, whose revisions begin after `start`.
    pub(super) fn claim(options: &Options, start: Revision) -> Result<Self, OpenError> {
        let directory = &options.directory;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(io_error("make", directory))?;
        check_owner(directory)?;
        let medium = Self {
            path: directory.join(FILE),
            cache_bytes: options.cache_bytes,
            spare: Spare(directory.join(SPARE)),
            _lock: lock(directory)?,
        };
        match fs::symlink_metadata(&medium.path) {
            Ok(_) => check_owner(&medium.path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => medium.create(directory, start)?,
            Err(error) => return Err(io_error("read", &medium.path)(error)),
        }
        Ok(medium)
    }

    /// Makes the file under another name first: under its own there is never a part of one.
    fn create(&self, directory: &Path, start: Revision) -> Result<(), OpenError> {
        let unfinished = directory.join(UNFINISHED);
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &unfinished)(error));
            }
            _ => {}
        }
        open_file(&unfinished, true).map_err(io_error("make", &unfinished))?;
        let database = redb::Builder::new()
            .set_cache_size(self.cache_bytes)
            .create(&unfinished);
        let database = database.map_err(|error| open_error(&unfinished, error.into()))?;
        initialize(&database, start).map_err(|error| open_error(&unfinished, error))?;
        database
            .close()
            .map_err(|error| open_error(&unfinished, error.into()))?;
        fs::rename(&unfinished, &self.path).map_err(io_error("make", &self.path))?;
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(io_error("write", directory))
    }
}

impl Medium for FileMedium {
    fn open(&self, after_failure: bool) -> Result<Database, OpenError> {
        let file = open_file(&self.path, false).map_err(io_error("open", &self.path))?;
        let length = file.metadata().map_err(io_error("read", &self.path))?.len();
        if length == 0 {
            return Err(OpenError::Damaged {
                path: self.path.clone(),
                reason: "it is empty".to_owned(),
            });
        }
        if after_failure {
            // The system may keep pages that it failed to write and will not write again: they must not be built upon.
            posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)
                .map_err(|error| io_error("read", &self.path)(error.into()))?;
        }
        drop(file);
        let opened = guarded(|| {
            let database = redb::Builder::new()
                .set_cache_size(self.cache_bytes)
                .open(&self.path);
            Ok(database?)
        });
        opened.map_err(|error| open_error(&self.path, error))
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn acquire_spare(&self) -> bool {
        self.spare.acquire()
    }

    fn release_spare(&self) -> bool {
        self.spare.release()
    }

    fn size_on_disk(&self) -> u64 {
        // In units of 512 bytes, whatever the file system's are.
        self.path.metadata().map_or(0, |file| file.blocks() * 512)
    }

    fn room(&self) -> Room {
        let directory = self.path.parent().unwrap_or(&self.path);
        statvfs(directory).map_or_else(
            |_| Room::default(),
            |stat| Room {
                capacity: stat.blocks() * stat.fragment_size(),
                free: stat.blocks_available() * stat.fragment_size(),
            },
        )
    }
}

/// Makes the tables of an empty store.
pub(super) fn initialize(database: &Database, start: Revision) -> Result<(), Failure> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(META)?;
        table.insert(meta::FORMAT, FORMAT)?;
        for number in [meta::COMPACTED, meta::SWEPT, meta::RESERVED] {
            table.insert(number, start.get())?;
        }
        table.insert(meta::HISTORY, 0)?;
        transaction.open_table(INDEX)?;
        transaction.open_table(LOG)?;
    }
    Ok(transaction.commit()?)
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK);
    let file = open_file(&path, true).map_err(io_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            directory: directory.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(io_error("lock", &path)(error)),
    }
}

/// Opens a file of the store; never what a link leads to.
fn open_file(path: &Path, create: bool) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(create)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
}

/// Refuses what is not this user's, or what everybody may write to. Root's is trusted by all; a group that may write is
/// the `fsGroup` of a pod's volume.
pub(crate) fn check_owner(path: &Path) -> Result<(), OpenError> {
    let found = fs::metadata(path).map_err(io_error("read", path))?;
    let user = geteuid().as_raw();
    let reason = if found.uid() != user && found.uid() != 0 {
        format!(
            "it belongs to user {}, and this process runs as user {user}",
            found.uid()
        )
    } else if found.mode() & OTHERS_WRITE != 0 && !is_volume(path, &found) {
        format!("everybody may write to it (mode {:04o})", found.mode() & 0o7777)
    } else {
        return Ok(());
    };
    Err(OpenError::Untrusted {
        path: path.to_owned(),
        reason,
    })
}

const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Whether it is a volume's root, which many provisioners leave open to all: who else is in the container is the pod's
/// affair. A directory that is made to be shared, such as `/tmp`, has its sticky bit set.
fn is_volume(path: &Path, found: &fs::Metadata) -> bool {
    let parent = fs::metadata(path.join(".."));
    found.is_dir() && found.mode() & STICKY == 0 && parent.is_ok_and(|parent| parent.dev() != found.dev())
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { action, path, source }
}

/// What a failure says of a file that is being opened.
pub(super) fn open_error(path: &Path, failure: Failure) -> OpenError {
    let path = path.to_owned();
    match failure {
        Failure::Damaged(reason) => OpenError::Damaged { path, reason },
        Failure::Format(found) => OpenError::Format {
            path,
            found,
            known: FORMAT,
        },
        Failure::Answer(error) => OpenError::Damaged {
            path,
            reason: error.to_string(),
        },
        Failure::NoSpace(source) | Failure::Lost(source) => match source.downcast::<io::Error>() {
            Ok(source) if source.kind() == io::ErrorKind::UnexpectedEof => OpenError::Damaged {
                path,
                reason: "its end is missing".to_owned(),
            },
            Ok(source) => OpenError::Io {
                action: "open",
                path,
                source: *source,
            },
            Err(source) => match source.downcast_ref::<redb::Error>() {
                Some(redb::Error::DatabaseAlreadyOpen) => OpenError::InUse {
                    directory: path.parent().unwrap_or(&path).to_owned(),
                },
                _ => OpenError::Io {
                    action: "open",
                    path,
                    source: io::Error::other(source),
                },
            },
        },
    }
}
