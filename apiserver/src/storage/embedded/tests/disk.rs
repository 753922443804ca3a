//! A disk that does with what was not synced whatever a disk may do when the power goes.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use redb::{Database, StorageBackend};

use crate::storage::Revision;
use crate::storage::embedded::failure::{Failure, guarded};
use crate::storage::embedded::medium::{Medium, Room, initialize, open_error};
use crate::storage::embedded::{EmbeddedStore, LEAST_RETENTION, OpenError, Options};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A disk; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What is there when the power comes back.
    durable: Vec<u8>,
    /// What was done since the last sync.
    pending: Vec<Pending>,
    fault: Option<Fault>,
    off: bool,
    /// Who gives up its room panics.
    panics: bool,
    /// Counts the databases opened on it: those of before have lost it.
    opened: u64,
    random: SmallRng,
}

#[derive(Debug)]
enum Pending {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// What goes wrong, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// So many writes and syncs go well before.
    pub(super) after: u32,
    /// An error; `None`: the power goes.
    pub(super) error: Option<ErrorKind>,
}

impl Disk {
    /// A disk with an empty store.
    pub(super) fn new(seed: u64, start: Revision) -> Self {
        let disk = Self(Arc::new(Mutex::new(State {
            seen: Vec::new(),
            durable: Vec::new(),
            pending: Vec::new(),
            fault: None,
            off: false,
            panics: false,
            opened: 0,
            random: SmallRng::seed_from_u64(seed),
        })));
        let database = disk.database().unwrap();
        initialize(&database, start).unwrap();
        database.close().unwrap();
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Plans a fault.
    pub(super) fn plan(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// From now on, a writer that learns that the disk is full panics before it knows what became of its transaction.
    pub(super) fn make_writers_panic(&self) {
        self.state().panics = true;
    }

    /// Turns the power off, if it is on, and on again.
    pub(super) fn power_cycle(&self) {
        let mut state = self.state();
        if !state.off {
            state.lose_power();
        }
        state.off = false;
        state.fault = None;
        state.opened += 1;
    }

    /// Opens the store on it, at a clock that shows `clock`.
    pub(super) fn open(&self, clock: Revision) -> Result<Arc<EmbeddedStore>, OpenError> {
        self.open_for(clock, LEAST_RETENTION)
    }

    /// The same, with history for as long as that.
    pub(super) fn open_for(
        &self,
        clock: Revision,
        retention: Duration,
    ) -> Result<Arc<EmbeddedStore>, OpenError> {
        self.open_with(
            clock,
            &Options {
                retention,
                ..Options::new("")
            },
        )
    }

    /// The same, kept as these options say.
    pub(super) fn open_with(
        &self,
        clock: Revision,
        options: &Options,
    ) -> Result<Arc<EmbeddedStore>, OpenError> {
        EmbeddedStore::open_on(Box::new(self.clone()), clock, options)
    }

    pub(super) fn database(&self) -> Result<Database, Failure> {
        let opened = {
            let mut state = self.state();
            state.opened += 1;
            state.opened
        };
        let disk = self.clone();
        guarded(move || {
            Ok(redb::Builder::new()
                .set_cache_size(1 << 20)
                .create_with_backend(Handle { disk, opened })?)
        })
    }
}

impl Medium for Disk {
    fn open(&self, _after_failure: bool) -> Result<Database, OpenError> {
        self.database()
            .map_err(|failure| open_error(self.path(), failure))
    }

    fn path(&self) -> &Path {
        Path::new("/disk/annex.redb")
    }

    fn acquire_spare(&self) -> bool {
        true
    }

    fn release_spare(&self) -> bool {
        let panics = self.state().panics;
        assert!(!panics, "the writer panics on purpose");
        false
    }

    fn size_on_disk(&self) -> u64 {
        self.state().seen.len() as u64
    }

    fn room(&self) -> Room {
        Room {
            capacity: 1 << 30,
            free: 1 << 30,
        }
    }
}

/// A database's own access to the disk.
#[derive(Debug)]
struct Handle {
    disk: Disk,
    opened: u64,
}

impl Handle {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.off || state.opened != self.opened {
            return Err(io::Error::other("the disk is gone"));
        }
        Ok(state)
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state()?;
        let start = usize::try_from(offset).unwrap();
        let bytes = state.seen.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state()?;
        state.trip(false)?;
        state.act(Pending::Length(usize::try_from(length).unwrap()));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state()?;
        state.trip(true)?;
        for pending in std::mem::take(&mut state.pending) {
            pending.apply(&mut state.durable);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state()?;
        state.trip(false)?;
        state.act(Pending::Write(usize::try_from(offset).unwrap(), data.to_vec()));
        Ok(())
    }
}

impl Pending {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Write(start, data) => {
                let end = start + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*start..end].copy_from_slice(data);
            }
        }
    }

    /// Leaves of it what the disk happened to get.
    fn tear(&self, bytes: &mut Vec<u8>, random: &mut SmallRng) {
        match random.random_range(0..4) {
            0 => {}
            1 => self.apply(bytes),
            _ => match self {
                Self::Length(_) => {}
                Self::Write(start, data) => {
                    for (index, sector) in data.chunks(SECTOR).enumerate() {
                        if random.random() {
                            Self::Write(start + index * SECTOR, sector.to_vec()).apply(bytes);
                        }
                    }
                }
            },
        }
    }
}

impl State {
    fn act(&mut self, pending: Pending) {
        pending.apply(&mut self.seen);
        self.pending.push(pending);
    }

    /// Whether the fault is due.
    fn trip(&mut self, sync: bool) -> io::Result<()> {
        let Some(fault) = &mut self.fault else {
            return Ok(());
        };
        if fault.after > 0 {
            fault.after -= 1;
            return Ok(());
        }
        let error = fault.error;
        self.fault = None;
        match error {
            None => {
                self.lose_power();
                Err(io::Error::other("the power is gone"))
            }
            Some(kind) => {
                if sync {
                    // As Linux has it: what could not be written is forgotten.
                    self.lose_pending();
                }
                Err(kind.into())
            }
        }
    }

    fn lose_power(&mut self) {
        self.lose_pending();
        self.off = true;
    }

    fn lose_pending(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            pending.tear(&mut self.durable, &mut self.random);
        }
        self.seen.clone_from(&self.durable);
    }
}
