//! What the file holds: three tables, and how their keys and values are written.
//!
//! - `log`: revision → record, one for each write and deletion: what happened, to which key, over which revision, and
//!   the value. It is the only copy of a value, and grows at its end, where a B-tree is quick.
//! - `index`: key and revision → a mark: whether the key was written or deleted there. Small: a list's keys and its
//!   count are read from it alone.
//! - `meta`: the numbers below.
//!
//! Records and marks carry a checksum over all that they stand for: what a disk changed is named, never served.
//!
//! | format | since | differs by |
//! |---|---|---|
//! | 1 | 0.1 | |
//! | 2 | 0.2 | a record may say by which schema its value is canonical; `meta` counts the bytes of history |
//!
//! A file of an older format is taken over when it is opened: its records stay as they are.

use std::num::NonZeroU64;

use redb::TableDefinition;

use crate::storage::Revision;

pub(super) const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
pub(super) const INDEX: TableDefinition<'static, &[u8], u64> = TableDefinition::new("index");
pub(super) const LOG: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("log");

/// The version of this format.
pub(super) const FORMAT: u64 = 2;
/// The oldest format that is taken over.
pub(super) const OLDEST_FORMAT: u64 = 1;

/// Keys of `meta`.
pub(super) mod meta {
    /// The version of the format.
    pub(in super::super) const FORMAT: &str = "format";
    /// The oldest revision of which there is history; where the store began, at first.
    pub(in super::super) const COMPACTED: &str = "compacted";
    /// The revision up to which what is compacted has been removed.
    pub(in super::super) const SWEPT: &str = "swept";
    /// No revision beyond this one was ever given to a write; none up to it is given to one after a restart.
    pub(in super::super) const RESERVED: &str = "reserved";
    /// Bytes of the records that a sweep would remove, were all but the present compacted.
    pub(in super::super) const HISTORY: &str = "history";
}

/// Something in the file that this server did not write so.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Damage(pub(super) String);

/// What happened at a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Deleted = 0,
    Written = 1,
}

impl Kind {
    fn parse(byte: u8) -> Result<Self, Damage> {
        match byte {
            0 => Ok(Self::Deleted),
            1 => Ok(Self::Written),
            other => Err(Damage(format!("an entry of unknown kind {other}"))),
        }
    }
}

/// Bytes of a revision behind the key in `index`, with the zero byte before it.
const SUFFIX: usize = 1 + size_of::<u64>();

/// Writes the key in `index`: keys hold no zero byte, so the order of keys stays, and of one key that of revisions.
pub(super) fn write_index_key(buffer: &mut Vec<u8>, key: &str, revision: Revision) {
    buffer.clear();
    buffer.reserve(key.len() + SUFFIX);
    buffer.extend_from_slice(key.as_bytes());
    buffer.push(0);
    buffer.extend_from_slice(&revision.get().to_be_bytes());
}

/// The key in `index`.
pub(super) fn index_key(key: &str, revision: Revision) -> Vec<u8> {
    let mut buffer = Vec::new();
    write_index_key(&mut buffer, key, revision);
    buffer
}

/// What stands at a key of `index`: a checksum, and the kind in the last byte.
pub(super) fn index_mark(key: &[u8], kind: Kind) -> u64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(&[kind as u8]);
    u64::from(hasher.finalize()) << 8 | kind as u64
}

/// What an entry of `index` says.
pub(super) fn parse_index(bytes: &[u8], mark: u64) -> Result<(&str, Revision, Kind), Damage> {
    let damage = || Damage("an entry of the index is not as it was written".to_owned());
    let kind = Kind::parse(mark.to_be_bytes()[7])?;
    if mark != index_mark(bytes, kind) {
        return Err(damage());
    }
    let at = bytes.len().checked_sub(SUFFIX).ok_or_else(damage)?;
    let (key, suffix) = bytes.split_at(at);
    let [0, revision @ ..] = suffix else {
        return Err(damage());
    };
    let revision = revision.try_into().map_err(|_| damage())?;
    let key = std::str::from_utf8(key).map_err(|_| damage())?;
    Ok((key, Revision::new(u64::from_be_bytes(revision)), kind))
}

/// A record of `log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) kind: Kind,
    pub(super) key: &'a str,
    /// The revision of what was there before; [`Revision::ZERO`]: nothing.
    pub(super) previous: Revision,
    /// The fingerprint of the schema that the value is canonical by, where that is known.
    pub(super) schema: Option<NonZeroU64>,
    /// Of a deletion: nothing.
    pub(super) value: &'a [u8],
}

/// Checksum, kind, previous revision, length of the key.
const HEADER: usize = 4 + 1 + 8 + 4;
/// The kind of a record behind whose header a schema's fingerprint stands: something was written.
const WRITTEN_BY_SCHEMA: u8 = 2;

/// Bytes of a record beside its key and value.
const fn overhead(schema: Option<NonZeroU64>) -> usize {
    match schema {
        None => HEADER,
        Some(_) => HEADER + size_of::<u64>(),
    }
}

/// Bytes of the record of a write.
pub(super) fn written_size(key: &str, value: &[u8], schema: Option<NonZeroU64>) -> usize {
    overhead(schema) + key.len() + value.len()
}

/// Bytes of the record of a deletion.
pub(super) fn deleted_size(key: &str) -> usize {
    HEADER + key.len()
}

impl<'a> Record<'a> {
    /// Bytes that the record takes.
    pub(super) fn size(&self) -> usize {
        written_size(self.key, self.value, self.schema)
    }

    /// Writes the record of `revision` to a buffer of exactly its size.
    pub(super) fn write(&self, revision: Revision, out: &mut [u8]) {
        let key_length = u32::try_from(self.key.len()).unwrap_or(u32::MAX);
        let (header, body) = out.split_at_mut(overhead(self.schema));
        header[4] = self.kind as u8;
        header[5..13].copy_from_slice(&self.previous.get().to_be_bytes());
        header[13..17].copy_from_slice(&key_length.to_be_bytes());
        if let Some(schema) = self.schema {
            header[4] = WRITTEN_BY_SCHEMA;
            header[17..25].copy_from_slice(&schema.get().to_be_bytes());
        }
        let (key, value) = body.split_at_mut(self.key.len());
        key.copy_from_slice(self.key.as_bytes());
        value.copy_from_slice(self.value);
        let checksum = checksum(revision, &out[4..]);
        out[..4].copy_from_slice(&checksum.to_be_bytes());
    }

    /// Reads the record of `revision`.
    pub(super) fn parse(revision: Revision, bytes: &'a [u8]) -> Result<Self, Damage> {
        let damage = || {
            Damage(format!(
                "the record of revision {revision} is not as it was written"
            ))
        };
        let (sum, checked) = bytes.split_first_chunk::<4>().ok_or_else(damage)?;
        if u32::from_be_bytes(*sum) != checksum(revision, checked) {
            return Err(damage());
        }
        let (kind, rest) = checked.split_first().ok_or_else(damage)?;
        let (previous, rest) = rest.split_first_chunk::<8>().ok_or_else(damage)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(damage)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| damage())?;
        let (kind, schema, rest) = if *kind == WRITTEN_BY_SCHEMA {
            let (schema, rest) = rest.split_first_chunk::<8>().ok_or_else(damage)?;
            (Kind::Written, NonZeroU64::new(u64::from_be_bytes(*schema)), rest)
        } else {
            (Kind::parse(*kind)?, None, rest)
        };
        let (key, value) = rest.split_at_checked(length).ok_or_else(damage)?;
        Ok(Self {
            kind,
            schema,
            key: std::str::from_utf8(key).map_err(|_| damage())?,
            previous: Revision::new(u64::from_be_bytes(*previous)),
            value,
        })
    }
}

fn checksum(revision: Revision, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&revision.get().to_be_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_index_keep_the_order_of_keys_and_then_of_revisions() {
        let ordered = [
            ("/a", 1),
            ("/a", 2),
            ("/a", 256),
            ("/a/b", 1),
            ("/a/b-c", 1),
            ("/a/b.c", 1),
            ("/a0", 1),
        ];
        let keys: Vec<_> = ordered
            .iter()
            .map(|(key, revision)| index_key(key, Revision::new(*revision)))
            .collect();
        assert!(keys.is_sorted());
        for (bytes, (key, revision)) in keys.iter().zip(ordered) {
            let mark = index_mark(bytes, Kind::Written);
            let expected = (key, Revision::new(revision), Kind::Written);
            assert_eq!(parse_index(bytes, mark), Ok(expected));
        }
    }

    #[test]
    fn an_entry_of_the_index_is_read_as_it_was_written_and_not_otherwise() {
        let key = index_key("/g/r/n", Revision::new(7));
        for kind in [Kind::Written, Kind::Deleted] {
            let mark = index_mark(&key, kind);
            for bit in 0..64 {
                assert!(
                    parse_index(&key, mark ^ 1 << bit).is_err(),
                    "bit {bit} of the mark"
                );
            }
            for at in 0..key.len() {
                let mut broken = key.clone();
                broken[at] ^= 1;
                assert!(parse_index(&broken, mark).is_err(), "byte {at} of the key");
            }
        }
        for broken in [&b""[..], b"12345678", b"/a12345678", b"\xff\x0012345678"] {
            assert!(parse_index(broken, index_mark(broken, Kind::Written)).is_err());
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_not_otherwise() {
        let revision = Revision::new(77);
        for schema in [None, NonZeroU64::new(1 << 63 | 5)] {
            let record = Record {
                kind: Kind::Written,
                key: "/g/r/n",
                previous: Revision::new(76),
                schema,
                value: b"value",
            };
            let mut bytes = vec![0; record.size()];
            record.write(revision, &mut bytes);
            assert_eq!(Record::parse(revision, &bytes), Ok(record));
            assert!(Record::parse(revision.next(), &bytes).is_err());
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut broken = bytes.clone();
                    broken[at] ^= 1 << bit;
                    assert!(
                        Record::parse(revision, &broken).is_err(),
                        "bit {bit} of byte {at}"
                    );
                }
                assert!(Record::parse(revision, &bytes[..at]).is_err());
            }
        }
    }

    /// What version 1 wrote, byte by byte.
    #[test]
    fn a_record_of_the_first_format_is_read() {
        let body = [&b"\x01\0\0\0\0\0\0\0\x4c\0\0\0\x06"[..], b"/g/r/n", b"value"].concat();
        let revision = Revision::new(77);
        let sum = checksum(revision, &body);
        let bytes = [&sum.to_be_bytes()[..], &body].concat();
        let expected = Record {
            kind: Kind::Written,
            key: "/g/r/n",
            previous: Revision::new(76),
            schema: None,
            value: b"value",
        };
        assert_eq!(Record::parse(revision, &bytes), Ok(expected));
        let mut again = vec![0; expected.size()];
        expected.write(revision, &mut again);
        assert_eq!(again, bytes, "what has no schema is written as before");
    }
}
