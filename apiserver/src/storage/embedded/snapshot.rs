//! Reads at one moment.

use std::ops::Bound;

use bytes::Bytes;
use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata};

use super::failure::Failure;
use super::format::{self, Damage, INDEX, Kind, LOG, META, Record, index_key, meta, parse_index};
use crate::storage::limits::after_text;
use crate::storage::tail::Replay;
use crate::storage::{Change, Entry, Key, List, Page, Prefix, Read, Revision, StorageError};

/// How much of the log one replay reads.
const REPLAYED_RECORDS: usize = 1024;
const REPLAYED_BYTES: usize = 4 << 20;

/// The database as it was after one commit.
pub(super) struct Snapshot {
    index: ReadOnlyTable<&'static [u8], u64>,
    log: ReadOnlyTable<u64, &'static [u8]>,
    /// Its revision.
    pub(super) revision: Revision,
    /// The oldest revision with history.
    pub(super) compacted: Revision,
    /// No write of this process gets this revision or one before it.
    floor: Revision,
}

/// The numbers of `meta` that only the writer needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) reserved: u64,
    pub(super) swept: u64,
    pub(super) history: u64,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Snapshot")
            .field("revision", &self.revision)
            .field("compacted", &self.compacted)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    /// The database as it is. No write of this process gets a revision up to `floor`.
    pub(super) fn take(database: &Database, floor: Revision) -> Result<(Self, Numbers), Failure> {
        let transaction = database.begin_read()?;
        let table = transaction.open_table(META)?;
        let number = |name| -> Result<u64, Failure> {
            let number = table.get(name)?.map(|number| number.value());
            Ok(number.ok_or_else(|| Damage(format!("it has no number {name:?}")))?)
        };
        let found = number(meta::FORMAT)?;
        if found != format::FORMAT {
            return Err(Failure::Format(found));
        }
        let numbers = Numbers {
            reserved: number(meta::RESERVED)?,
            swept: number(meta::SWEPT)?,
            history: number(meta::HISTORY)?,
        };
        let compacted = number(meta::COMPACTED)?;
        let log = transaction.open_table(LOG)?;
        let last = ReadableTable::last(&log)?.map_or(0, |(revision, _)| revision.value());
        let snapshot = Self {
            index: transaction.open_table(INDEX)?,
            log,
            // A deletion is removed where it is compacted, and may have been the last of all.
            revision: Revision::new(last.max(compacted)),
            compacted: Revision::new(compacted),
            floor,
        };
        Ok((snapshot, numbers))
    }

    /// No write of this process gets this revision or one before it.
    pub(super) fn floor(&self) -> Revision {
        self.floor
    }

    /// The floor is here at least, and not below the store's own revision.
    pub(super) fn raise_floor(&mut self, floor: Revision) {
        self.floor = self.floor.max(floor).max(self.revision);
    }

    /// Reads through all of the index: whether its keys are in order, are found where they are looked for, and are as
    /// many as there should be. A key that is not found would be an object that is not there, for whoever asks.
    pub(super) fn verify(&self) -> Result<(), Failure> {
        let mut before: Vec<u8> = Vec::new();
        let mut count = 0;
        for item in ReadableTable::iter(&self.index)? {
            let (key, mark) = item?;
            let (key, mark) = (key.value(), mark.value());
            parse_index(key, mark)?;
            let found = self.index.get(key)?.is_some_and(|found| found.value() == mark);
            if key <= before.as_slice() || !found {
                return Err(Damage("its index is out of order".to_owned()).into());
            }
            before.clear();
            before.extend_from_slice(key);
            count += 1;
        }
        let (keys, records) = (self.index.len()?, self.log.len()?);
        if count != keys || keys != records {
            let found = format!("{count} of {keys} keys of the index were found, and {records} records");
            return Err(Damage(found).into());
        }
        Ok(())
    }

    /// Whether anything can be read.
    pub(super) fn check(&self) -> Result<(), Failure> {
        ReadableTable::last(&self.log)?;
        Ok(())
    }

    /// The revision that a read is of: this one's where none is asked for.
    fn read_at(&self, at: Option<Revision>) -> Result<Revision, Failure> {
        let Some(requested) = at else {
            return Ok(self.revision);
        };
        self.check_known(requested)?;
        if requested > self.revision {
            return Err(StorageError::FutureRevision {
                requested,
                current: self.revision,
            }
            .into());
        }
        Ok(requested)
    }

    /// Refuses a revision whose history is gone, and one that this store never had, though it has later ones, or will
    /// have: whoever names it knows it from before the store was restored from a copy. A future one is let pass.
    pub(super) fn check_known(&self, requested: Revision) -> Result<(), Failure> {
        let unknown = |oldest| Failure::Answer(StorageError::Compacted { requested, oldest });
        if let Some(known) = self.knows_at_once(requested) {
            return known.map_err(unknown);
        }
        if self.log.get(requested.get())?.is_some() {
            return Ok(());
        }
        let newer = (Bound::Excluded(requested.get()), Bound::Unbounded);
        let next = ReadableTable::range::<u64>(&self.log, newer)?
            .next()
            .transpose()?;
        Err(unknown(next.map_or(self.revision, |(revision, _)| {
            Revision::new(revision.value())
        })))
    }

    /// What [`check_known`](Self::check_known) says where the disk need not be asked: of an error, the oldest revision
    /// that can be had.
    pub(super) fn knows_at_once(&self, requested: Revision) -> Option<Result<(), Revision>> {
        if requested < self.compacted {
            Some(Err(self.compacted))
        } else if requested > self.revision && requested <= self.floor {
            Some(Err(self.floor.next()))
        } else if requested >= self.revision || requested == self.compacted {
            Some(Ok(()))
        } else {
            None
        }
    }

    pub(super) fn get(&self, key: &Key, at: Option<Revision>) -> Result<Read, Failure> {
        let revision = self.read_at(at)?;
        let (first, last) = (
            index_key(key.as_str(), Revision::ZERO),
            index_key(key.as_str(), revision),
        );
        let versions = first.as_slice()..=last.as_slice();
        let entry = match ReadableTable::range::<&[u8]>(&self.index, versions)?.next_back() {
            None => None,
            Some(newest) => {
                let (newest, mark) = newest?;
                let (_, written, kind) = parse_index(newest.value(), mark.value())?;
                match kind {
                    Kind::Deleted => None,
                    Kind::Written => Some(self.entry(key.clone(), written)?),
                }
            }
        };
        Ok(Read { entry, revision })
    }

    /// What was written to a key at a revision, of which the index knows.
    fn entry(&self, key: Key, revision: Revision) -> Result<Entry, Failure> {
        let record = self.log.get(revision.get())?;
        let record = record.as_ref().map(|record| record.value());
        Ok(entry(key, revision, record))
    }

    pub(super) fn list(&self, list: &List, at: Option<Revision>) -> Result<Page, Failure> {
        let revision = self.read_at(at)?;
        let (found, remaining) = self.keys(list, revision)?;
        Ok(Page {
            entries: self.entries(found)?,
            revision,
            remaining,
        })
    }

    /// What lies at keys that were found, in their order; read in the order of the log, so that every page of the file
    /// is read once.
    fn entries(&self, found: Vec<(Key, Revision)>) -> Result<Vec<Entry>, Failure> {
        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_unstable_by_key(|index| found[*index].1);
        let (Some(first), Some(last)) = (order.first(), order.last()) else {
            return Ok(Vec::new());
        };
        let mut entries: Vec<Option<Entry>> = vec![None; found.len()];
        // Much of the log: to walk along it is cheaper than to look for each record.
        if found.len() as u64 >= self.log.len()? / 4 {
            let range = found[*first].1.get()..=found[*last].1.get();
            let mut wanted = order.iter().copied().peekable();
            for item in ReadableTable::range(&self.log, range)? {
                let (at, record) = item?;
                let (at, record) = (Revision::new(at.value()), record.value());
                // Records that are missing are looked for once more below, and named.
                while wanted.next_if(|index| found[*index].1 < at).is_some() {}
                if let Some(index) = wanted.next_if(|index| found[*index].1 == at) {
                    entries[index] = Some(entry(found[index].0.clone(), at, Some(record)));
                }
            }
        }
        for index in order {
            if entries[index].is_none() {
                let (key, revision) = &found[index];
                entries[index] = Some(self.entry(key.clone(), *revision)?);
            }
        }
        Ok(entries.into_iter().flatten().collect())
    }

    /// The keys of a list with the revision of each, and how many more there are.
    fn keys(&self, list: &List, revision: Revision) -> Result<(Vec<(Key, Revision)>, u64), Failure> {
        let mut keys = Keys {
            limit: list.limit.unwrap_or(usize::MAX),
            found: Vec::new(),
            remaining: 0,
        };
        let Some((start, end)) = bounds(list) else {
            return Ok((keys.found, 0));
        };
        let range = (Bound::Included(start.as_slice()), Bound::Excluded(end.as_bytes()));
        // The newest version of a key that is not newer than the revision: known when the next key comes.
        let mut newest: Option<(Revision, Kind)> = None;
        let mut current: Vec<u8> = Vec::new();
        for item in ReadableTable::range::<&[u8]>(&self.index, range)? {
            let (bytes, mark) = item?;
            let (key, written, kind) = parse_index(bytes.value(), mark.value())?;
            if key.as_bytes() != current {
                keys.take(&current, newest.take())?;
                current.clear();
                current.extend_from_slice(key.as_bytes());
            }
            if written <= revision {
                newest = Some((written, kind));
            }
        }
        keys.take(&current, newest)?;
        Ok((keys.found, keys.remaining))
    }

    /// A part of the log. It ends before what cannot be read; from there on, the history is gone.
    pub(super) fn replay(&self, prefix: &Prefix, after: Revision) -> Result<Replay, Failure> {
        self.check_known(after)?;
        let mut replay = Replay {
            changes: Vec::new(),
            reached: after,
        };
        let mut bytes = 0;
        let newer = (Bound::Excluded(after.get()), Bound::Unbounded);
        for item in ReadableTable::range::<u64>(&self.log, newer)?.take(REPLAYED_RECORDS) {
            let (revision, record) = item?;
            let revision = Revision::new(revision.value());
            let change = match self.replayed(prefix, revision, record.value()) {
                Err(Failure::Damaged(reason)) if replay.reached == after => {
                    tracing::error!(%revision, reason, "history is lost here: watches that pass it are ended");
                    return Err(StorageError::Compacted {
                        requested: after,
                        oldest: revision,
                    }
                    .into());
                }
                Err(Failure::Damaged(_)) => return Ok(replay),
                change => change?,
            };
            replay.reached = revision;
            if let Some(change) = change {
                bytes += change.entry().value().len();
                replay.changes.push(change);
            }
            if bytes > REPLAYED_BYTES {
                return Ok(replay);
            }
        }
        Ok(replay)
    }

    /// What happened at a revision, where it is in the range.
    fn replayed(
        &self,
        prefix: &Prefix,
        revision: Revision,
        record: &[u8],
    ) -> Result<Option<Change>, Failure> {
        let record = Record::parse(revision, record)?;
        if !record.key.starts_with(prefix.as_str()) {
            return Ok(None);
        }
        let key = parse_key(record.key)?;
        let previous = match record.previous {
            Revision::ZERO => None,
            previous => {
                let entry = self.entry(key.clone(), previous)?;
                if entry.is_lost() {
                    return Err(Damage(entry.damage().unwrap_or_default().to_owned()).into());
                }
                Some(entry)
            }
        };
        match (record.kind, previous) {
            (Kind::Written, previous) => {
                let value = Bytes::copy_from_slice(record.value);
                let entry = Entry::canonical(key, value, revision, record.schema);
                Ok(Some(Change::written(entry, previous)))
            }
            (Kind::Deleted, Some(previous)) => Ok(Some(Change::deleted(previous, revision))),
            (Kind::Deleted, None) => Err(Damage(format!("revision {revision} deletes nothing")).into()),
        }
    }
}

/// The keys of a list, as they are found.
struct Keys {
    limit: usize,
    found: Vec<(Key, Revision)>,
    remaining: u64,
}

impl Keys {
    fn take(&mut self, key: &[u8], newest: Option<(Revision, Kind)>) -> Result<(), Damage> {
        let Some((revision, Kind::Written)) = newest else {
            return Ok(());
        };
        if self.found.len() < self.limit {
            let key = std::str::from_utf8(key).map_err(|error| Damage(error.to_string()))?;
            self.found.push((parse_key(key)?, revision));
        } else {
            self.remaining += 1;
        }
        Ok(())
    }
}

/// What a record says was written to a key; of a damaged or missing one, that it cannot be read.
pub(super) fn entry(key: Key, revision: Revision, record: Option<&[u8]>) -> Entry {
    let missing = || Damage(format!("the record of revision {revision} is missing"));
    match record
        .ok_or_else(missing)
        .and_then(|record| Record::parse(revision, record))
    {
        Ok(record) => Entry::canonical(key, Bytes::copy_from_slice(record.value), revision, record.schema),
        Err(Damage(reason)) => {
            tracing::error!(%key, reason, "an object is damaged");
            Entry::unreadable(key, revision, &reason)
        }
    }
}

fn parse_key(text: &str) -> Result<Key, Damage> {
    Key::parse(text).map_err(|error| Damage(error.to_string()))
}

/// Where a list begins and ends in the index; `None`: it is empty.
fn bounds(list: &List) -> Option<(Vec<u8>, String)> {
    let prefix = list.prefix.as_str();
    let end = list.prefix.end();
    let start = match list.after.as_deref().map(after_text) {
        Some(after) if after >= end.as_str() => return None,
        // Behind every version of that key.
        Some(after) if after >= prefix => index_key(after, Revision::new(u64::MAX)),
        _ => prefix.as_bytes().to_vec(),
    };
    Some((start, end))
}
