//! Writes within one transaction.

use std::path::Path;

use redb::{ReadableTable, Table, WriteTransaction};

use super::{Requested, Write};
use crate::storage::embedded::failure::{Failure, corrupt};
use crate::storage::embedded::format::{
    INDEX, Kind, LOG, META, Record, deleted_size, index_key, index_mark, meta, parse_index, write_index_key,
    written_size,
};
use crate::storage::embedded::snapshot::entry;
use crate::storage::{Change, Entry, Key, Revision, StorageError};

/// The tables of a transaction.
pub(super) struct Tables<'t> {
    meta: Table<'t, &'static str, u64>,
    index: Table<'t, &'static [u8], u64>,
    log: Table<'t, u64, &'static [u8]>,
    /// Room for a key of the index.
    buffer: Vec<u8>,
}

/// What a transaction does, and what is to be answered when it has.
pub(super) struct Batch {
    given: u64,
    pub(super) answers: Vec<Result<Entry, StorageError>>,
    pub(super) changes: Vec<Change>,
    /// Bytes of the records that became history by it.
    pub(super) history: u64,
}

/// What a sweep came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Swept {
    /// The revision that it reached.
    pub(super) reached: u64,
    /// The records that it removed.
    pub(super) records: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

impl Batch {
    /// Nothing yet; the next revision is the one after `given`.
    pub(super) fn new(given: u64) -> Self {
        Self {
            given,
            answers: Vec::new(),
            changes: Vec::new(),
            history: 0,
        }
    }

    /// The last revision that was given.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    /// Does one write, and notes its answer.
    pub(super) fn apply(
        &mut self,
        tables: &mut Tables<'_>,
        write: &Write,
        path: &Path,
    ) -> Result<(), Failure> {
        let revision = Revision::new(self.given).next();
        let change = match tables.change(&write.key, &write.change, revision) {
            Ok(change) => change,
            Err(Failure::Answer(error)) => {
                self.answers.push(Err(error));
                return Ok(());
            }
            // One damaged object is not the others' fault, and nothing has been written yet.
            Err(Failure::Damaged(reason)) => {
                self.answers.push(Err(corrupt(path, &reason)));
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        tables.insert(&change)?;
        self.given = revision.get();
        self.history += history_of(&change);
        self.answers.push(Ok(change.entry().clone()));
        self.changes.push(change);
        Ok(())
    }
}

/// Bytes of the records that became history by a change: that of what was there, and a deletion's own.
fn history_of(change: &Change) -> u64 {
    let key = change.entry().key().as_str();
    let previous = change
        .previous()
        .map_or(0, |entry| written_size(key, entry.value(), entry.schema()));
    let own = if change.is_deletion() {
        deleted_size(key)
    } else {
        0
    };
    (previous + own) as u64
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, Failure> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            index: transaction.open_table(INDEX)?,
            log: transaction.open_table(LOG)?,
            buffer: Vec::new(),
        })
    }

    /// The change that a request comes to; nothing is written.
    fn change(&self, key: &Key, requested: &Requested, revision: Revision) -> Result<Change, Failure> {
        let current = self.current(key)?;
        match requested {
            Requested::Create(value, schema) => {
                if current.is_some() {
                    return Err(StorageError::AlreadyExists { key: key.clone() }.into());
                }
                let entry = Entry::canonical(key.clone(), value.clone(), revision, *schema);
                Ok(Change::written(entry, None))
            }
            Requested::Update(expected, value, schema) => {
                let previous = readable(self.expect(key, current, *expected)?)?;
                let entry = Entry::canonical(key.clone(), value.clone(), revision, *schema);
                Ok(Change::written(entry, Some(previous)))
            }
            Requested::Delete(expected) => {
                let previous = readable(self.expect(key, current, *expected)?)?;
                Ok(Change::deleted(previous, revision))
            }
            Requested::DeleteUnread(expected) => {
                Ok(Change::deleted(self.expect(key, current, *expected)?, revision))
            }
        }
    }

    /// The revision of what lies at a key.
    fn current(&self, key: &Key) -> Result<Option<Revision>, Failure> {
        let (first, last) = (
            index_key(key.as_str(), Revision::ZERO),
            index_key(key.as_str(), Revision::new(u64::MAX)),
        );
        let versions = first.as_slice()..=last.as_slice();
        let Some(newest) = self.index.range::<&[u8]>(versions)?.next_back() else {
            return Ok(None);
        };
        let (newest, mark) = newest?;
        let (_, revision, kind) = parse_index(newest.value(), mark.value())?;
        Ok(match kind {
            Kind::Deleted => None,
            Kind::Written => Some(revision),
        })
    }

    fn expect(&self, key: &Key, current: Option<Revision>, expected: Revision) -> Result<Entry, Failure> {
        let found = match current {
            None => None,
            Some(revision) => {
                let record = self.log.get(revision.get())?;
                let record = record.as_ref().map(|record| record.value());
                Some(entry(key.clone(), revision, record))
            }
        };
        match found {
            Some(found) if found.revision() == expected => Ok(found),
            current => Err(StorageError::Conflict {
                key: key.clone(),
                current,
            }
            .into()),
        }
    }

    fn insert(&mut self, change: &Change) -> Result<(), Failure> {
        let revision = change.revision();
        let (kind, value) = if change.is_deletion() {
            (Kind::Deleted, &[][..])
        } else {
            (Kind::Written, change.entry().value().as_ref())
        };
        let record = Record {
            kind,
            key: change.entry().key().as_str(),
            previous: change.previous().map_or(Revision::ZERO, Entry::revision),
            schema: change.entry().schema().filter(|_| kind == Kind::Written),
            value,
        };
        let mut room = self.log.insert_reserve(revision.get(), record.size())?;
        record.write(revision, room.as_mut());
        drop(room);
        write_index_key(&mut self.buffer, record.key, revision);
        let mark = index_mark(&self.buffer, kind);
        self.index.insert(self.buffer.as_slice(), mark)?;
        Ok(())
    }

    /// Removes what was replaced at one of the revisions after `swept` up to `compacted`, and the deletions among them;
    /// looks at so many records at most. What a damaged record would say is not known: it stays, and so does what it
    /// replaced.
    pub(super) fn sweep(&mut self, swept: u64, compacted: u64, records: usize) -> Result<Swept, Failure> {
        let mut sweep = Swept {
            reached: swept.max(compacted),
            ..Swept::default()
        };
        if swept >= compacted {
            return Ok(sweep);
        }
        let mut gone = Vec::new();
        for (count, item) in self.log.range(swept + 1..=compacted)?.enumerate() {
            if count == records {
                break;
            }
            let (revision, record) = item?;
            let revision = Revision::new(revision.value());
            if count + 1 == records {
                sweep.reached = revision.get();
            }
            let record = match Record::parse(revision, record.value()) {
                Ok(record) => record,
                Err(damage) => {
                    tracing::error!(%revision, %damage, "a part of the history is damaged, and stays on the disk");
                    continue;
                }
            };
            if record.previous > Revision::ZERO {
                gone.push((record.key.to_owned(), record.previous));
            }
            if record.kind == Kind::Deleted {
                gone.push((record.key.to_owned(), revision));
            }
        }
        for (key, revision) in gone {
            write_index_key(&mut self.buffer, &key, revision);
            self.index.remove(self.buffer.as_slice())?;
            let removed = self.log.remove(revision.get())?;
            if let Some(removed) = removed {
                sweep.records += 1;
                sweep.bytes += removed.value().len() as u64;
            }
        }
        self.meta.insert(meta::SWEPT, sweep.reached)?;
        Ok(sweep)
    }

    /// Notes the bytes of history that there are.
    pub(super) fn set_history(&mut self, bytes: u64) -> Result<(), Failure> {
        self.meta.insert(meta::HISTORY, bytes)?;
        Ok(())
    }

    /// Notes the oldest revision with history.
    pub(super) fn set_compacted(&mut self, revision: Revision) -> Result<(), Failure> {
        self.meta.insert(meta::COMPACTED, revision.get())?;
        Ok(())
    }
}

/// What is to be replaced, or told as it was, must be readable.
fn readable(entry: Entry) -> Result<Entry, StorageError> {
    if !entry.is_lost() {
        return Ok(entry);
    }
    Err(StorageError::Unreadable {
        key: entry.key().to_string(),
        reason: entry.damage().unwrap_or_default().to_owned(),
    })
}
