//! The one thread that writes.
//!
//! Whatever waits when it is free shares one transaction and one sync of the disk. Nothing is answered, and nothing is
//! seen by a reader or a watcher, before that sync has returned.
//!
//! After an error of the disk redb refuses everything until it is opened again. That is done here, at once, and only
//! then is it known whether the transaction took place: the answers wait for it.

mod batch;
mod history;
mod recovery;
mod retention;
mod space;

use std::mem::take;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use redb::{Database, WriteTransaction};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use self::batch::{Batch, Tables};
use self::recovery::{Undecided, refusals};
use self::retention::Retention;
use self::space::Space;
use super::failure::{Failure, guarded};
use super::format::meta;
use super::medium::Medium;
use super::shared::{Published, Shared};
use super::snapshot::{Numbers, Snapshot};
use crate::background::{BackgroundTask, Backoff};
use crate::storage::tail::Tail;
use crate::storage::{Change, Entry, Key, Revision, StorageError};

/// How much shares one transaction at most.
const BATCH_WRITES: usize = 1024;
const BATCH_BYTES: usize = 4 << 20;
/// How many revisions are set aside at once.
const RESERVE: u64 = 1 << 20;
/// How many records of the log are looked at for what can go, in a transaction of its own.
const SWEPT_AT_ONCE: usize = 512;
/// How many are looked at in every other one, beside two for each write: faster than the log grows.
const SWEPT_ALONG: usize = 16;

/// Something for the writer to do.
pub(super) enum Command {
    /// Write one key.
    Write(Write),
    /// Forget history.
    Compact(Revision, oneshot::Sender<Result<(), StorageError>>),
    /// Open the database again, where it was not since this generation.
    Recover {
        generation: u64,
        reply: oneshot::Sender<()>,
    },
    /// Say that the writer is there.
    Answer(oneshot::Sender<()>),
    /// Finish what was asked before this, and end.
    Close,
}

/// A write of one key, and who waits for it.
pub(super) struct Write {
    pub(super) key: Key,
    pub(super) change: Requested,
    pub(super) reply: oneshot::Sender<Result<Entry, StorageError>>,
    /// The room that it takes in the queue.
    pub(super) _room: OwnedSemaphorePermit,
}

/// What is to be done to a key.
pub(super) enum Requested {
    Create(Bytes, Option<NonZeroU64>),
    Update(Revision, Bytes, Option<NonZeroU64>),
    Delete(Revision),
    /// The same, whether or not the value can be read.
    DeleteUnread(Revision),
}

/// The writer's state. It alone has the database.
pub(super) struct Writer {
    medium: Box<dyn Medium>,
    /// `None`: it could not be opened again yet.
    database: Option<Database>,
    generation: u64,
    shared: Arc<Shared>,
    tail: Arc<Tail>,
    /// The last revision that was given to a write, whatever became of it.
    given: u64,
    /// The last revision that may be given without setting more aside.
    reserved: u64,
    /// Up to where what is compacted has been removed.
    swept: u64,
    /// Bytes of the records that a sweep would remove, were all but the present compacted.
    history: u64,
    /// No revision up to this one is given by this process.
    floor: Revision,
    retention: Retention,
    space: Space,
    undecided: Option<Undecided>,
    /// The revision up to which watchers were told.
    shown: Revision,
    last_opened: Instant,
}

impl Writer {
    /// The writer of a database that was just opened. Every revision that it gives is after `floor`.
    pub(super) fn new(
        (medium, database): (Box<dyn Medium>, Database),
        (shared, tail): (Arc<Shared>, Arc<Tail>),
        numbers: Numbers,
        floor: Revision,
        (retention, budget): (Duration, u64),
    ) -> Self {
        let given = floor.get();
        let shown = shared.revision().unwrap_or(floor);
        Self {
            space: Space::new(medium.acquire_spare()),
            medium,
            database: Some(database),
            generation: 0,
            shared,
            tail,
            given,
            reserved: given,
            swept: numbers.swept,
            history: numbers.history,
            floor,
            retention: Retention::new(retention, budget, numbers.history),
            undecided: None,
            shown,
            last_opened: Instant::now(),
        }
    }

    /// Writes until it is told to stop. Where that panics, it goes on with what comes next: who waited for an answer is
    /// told that there is none, but not before readers see what became of the write. Whoever reads then, to find out,
    /// must not find what lay there before a transaction that took place.
    pub(super) fn run(mut self, commands: &Receiver<Command>, task: &BackgroundTask) {
        let mut backoff = Backoff::new();
        // Outside of what may panic: what waits for an answer is dropped below, not while the stack is unwound.
        let mut unanswered = Vec::new();
        loop {
            let written = catch_unwind(AssertUnwindSafe(|| {
                self.write_on(commands, task, &mut unanswered);
            }));
            let Err(panic) = written else {
                return;
            };
            task.panicked(&*panic);
            // What was begun is seen by nobody, or all of it by everybody.
            let resumed = catch_unwind(AssertUnwindSafe(|| self.resume()));
            if resumed.is_err() {
                self.lose_track();
            }
            unanswered.clear();
            std::thread::sleep(backoff.next());
            if resumed.is_ok() {
                backoff = Backoff::new();
            }
        }
    }

    fn write_on(&mut self, commands: &Receiver<Command>, task: &BackgroundTask, unanswered: &mut Vec<Write>) {
        let mut is_shaken = task.failure().is_some();
        loop {
            let first = match commands.recv_timeout(self.pause()) {
                Ok(command) => Some(command),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if first.is_none() {
                self.sweep();
            }
            let mut next = first;
            while let Some(command) = next.take() {
                match command {
                    Command::Write(write) => {
                        next = collect(write, commands, unanswered);
                        self.write(unanswered);
                    }
                    Command::Compact(revision, reply) => {
                        // Whoever asked may have gone; it is done all the same.
                        let _ = reply.send(self.compact(revision));
                    }
                    Command::Recover { generation, reply } => {
                        if generation >= self.generation {
                            self.recover();
                        }
                        let _ = reply.send(());
                    }
                    Command::Answer(reply) => {
                        let _ = reply.send(());
                    }
                    Command::Close => return self.give_back(),
                }
            }
            self.keep_history();
            if take(&mut is_shaken) {
                task.is_well();
            }
        }
    }

    /// Writes what shares one transaction, and answers. Where that finds the disk full, what is still written then is
    /// tried again: a transaction that failed for want of space is known not to have taken place.
    fn write(&mut self, writes: &mut Vec<Write>) {
        self.look_for_space();
        for _ in 0..2 {
            self.make_room(writes);
            answer(
                writes
                    .extract_if(.., |write| !self.admit(&write.change))
                    .collect(),
                std::iter::repeat_with(|| Err(StorageError::NoSpace(None))),
            );
            if writes.is_empty() {
                return;
            }
            match self.commit(writes) {
                Ok(answers) => return answer(take(writes), answers),
                Err(failure @ Failure::NoSpace(_)) => self.note_full(&failure),
                Err(failure) => return answer(take(writes), refusals(failure, &self.shared.path)),
            }
        }
        answer(
            take(writes),
            std::iter::repeat_with(|| Err(StorageError::NoSpace(None))),
        );
    }

    /// Does writes in one transaction; their answers. Of an error none was done, or it is not known.
    fn commit(&mut self, writes: &[Write]) -> Result<Vec<Answer>, Failure> {
        let prepared = match guarded(|| self.prepare(writes)) {
            // Nothing has been tried yet, and an error of before may be over.
            Err(failure @ Failure::Lost(_)) => {
                self.fail(&failure);
                guarded(|| self.prepare(writes))
            }
            prepared => prepared,
        };
        let (transaction, batch) = prepared.inspect_err(|failure| self.fail(failure))?;
        if batch.changes.is_empty() {
            // Where nothing was written, there is nothing to lose.
            drop(transaction);
            return Ok(batch.answers);
        }
        let committed = guarded(|| {
            transaction.commit()?;
            self.snapshot()
        });
        match committed {
            Ok(snapshot) => {
                self.retention.produce(batch.history);
                self.show(Ok(Arc::new(snapshot)), batch.changes);
                Ok(batch.answers)
            }
            Err(failure) => self.settle(batch, failure),
        }
    }

    /// Does all in a transaction that is not committed yet.
    fn prepare(&mut self, writes: &[Write]) -> Result<(WriteTransaction, Batch), Failure> {
        self.reserve(writes.len())?;
        match self.apply(writes, self.compacted()) {
            Err(Unprepared::Sweep(failure)) => {
                // Whatever is wrong with old history: nothing of that transaction stays, and the writes go without it.
                self.sweep_failed(&failure);
                self.apply(writes, self.swept)
            }
            prepared => prepared,
        }
        .map_err(Unprepared::into_failure)
    }

    /// Does all in a transaction, and removes along with it some of the history up to `compacted`.
    fn apply(&mut self, writes: &[Write], compacted: u64) -> Result<(WriteTransaction, Batch), Unprepared> {
        let mut sweeps = false;
        let applied = guarded(|| {
            let transaction = self.begin()?;
            let mut batch = Batch::new(self.given);
            let mut tables = Tables::open(&transaction)?;
            for write in writes {
                batch.apply(&mut tables, write, &self.shared.path)?;
            }
            let mut swept = None;
            if !batch.changes.is_empty() {
                sweeps = self.swept < compacted;
                let part = tables.sweep(self.swept, compacted, SWEPT_ALONG + 2 * writes.len())?;
                tables.set_history((self.history + batch.history).saturating_sub(part.bytes))?;
                swept = Some(part);
            }
            drop(tables);
            Ok((transaction, batch, swept))
        });
        let (transaction, batch, swept) = applied.map_err(|failure| {
            if sweeps {
                Unprepared::Sweep(failure)
            } else {
                Unprepared::Writes(failure)
            }
        })?;
        if let Some(swept) = swept {
            self.history += batch.history;
            self.note_swept(swept);
        }
        self.given = batch.given();
        Ok((transaction, batch))
    }

    /// Sets revisions aside before any of them is given.
    fn reserve(&mut self, count: usize) -> Result<(), Failure> {
        let needed = self.given.saturating_add(count as u64);
        if needed <= self.reserved {
            return Ok(());
        }
        let reserved = needed.saturating_add(RESERVE);
        let transaction = self.begin()?;
        transaction
            .open_table(super::format::META)?
            .insert(meta::RESERVED, reserved)?;
        transaction.commit()?;
        self.reserved = reserved;
        Ok(())
    }

    /// Gives back the revisions that were set aside and not given, so that the store goes on at the clock when it is opened
    /// again, not ahead of it: a copy that is restored later then begins behind all that were ever given.
    fn give_back(&self) {
        if self.reserved <= self.given {
            return;
        }
        let given = self.given.max(self.shown.get());
        let noted = guarded(|| {
            let transaction = self.begin()?;
            transaction
                .open_table(super::format::META)?
                .insert(meta::RESERVED, given)?;
            Ok(transaction.commit()?)
        });
        if let Err(failure) = noted {
            // Then they are left out.
            tracing::debug!(%failure, "revisions that were set aside are not given back");
        }
    }

    /// A transaction that is whole on disk once it is committed, and quickly read again after a crash.
    fn begin(&self) -> Result<WriteTransaction, Failure> {
        let database = self.database.as_ref().ok_or_else(not_open)?;
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    /// What is committed.
    fn snapshot(&self) -> Result<Snapshot, Failure> {
        let database = self.database.as_ref().ok_or_else(not_open)?;
        Ok(Snapshot::take(database, self.floor)?.0)
    }

    /// Shows readers and watchers what is committed.
    fn show(&mut self, state: Result<Arc<Snapshot>, Arc<str>>, changes: Vec<Change>) {
        if let Ok(snapshot) = &state {
            self.shown = snapshot.revision;
        }
        let published = Published {
            generation: self.generation,
            state,
        };
        self.shared.publish(published, &self.tail, changes);
    }
}

type Answer = Result<Entry, StorageError>;

/// Why a transaction was not prepared.
enum Unprepared {
    /// Its writes could not be done.
    Writes(Failure),
    /// Old history could not be removed along with them.
    Sweep(Failure),
}

impl Unprepared {
    fn into_failure(self) -> Failure {
        match self {
            Self::Writes(failure) | Self::Sweep(failure) => failure,
        }
    }
}

/// Answers writes. Whoever waited may have gone.
fn answer(writes: Vec<Write>, answers: impl IntoIterator<Item = Answer>) {
    for (write, answer) in writes.into_iter().zip(answers) {
        let _ = write.reply.send(answer);
    }
}

fn not_open() -> Failure {
    Failure::Lost("the database is not open".into())
}

/// Adds the writes that wait to `writes`, which are none; the first command that is not a write.
fn collect(first: Write, commands: &Receiver<Command>, writes: &mut Vec<Write>) -> Option<Command> {
    let mut bytes = first.change.size();
    writes.push(first);
    while writes.len() < BATCH_WRITES && bytes < BATCH_BYTES {
        match commands.try_recv() {
            Ok(Command::Write(write)) => {
                bytes += write.change.size();
                writes.push(write);
            }
            Ok(other) => return Some(other),
            Err(_) => break,
        }
    }
    None
}

impl Requested {
    /// Bytes of its value.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Create(value, _) | Self::Update(_, value, _) => value.len(),
            Self::Delete(_) | Self::DeleteUnread(_) => 0,
        }
    }

    /// Whether it makes room.
    pub(super) fn is_deletion(&self) -> bool {
        matches!(self, Self::Delete(_) | Self::DeleteUnread(_))
    }
}
