//! The cached entries, sorted by key, copied on write.

use std::sync::Arc;

use crate::storage::{Entry, Key, List, Prefix};

/// Entries of a chunk at most. A copy after a snapshot costs one chunk and the list of chunks: at 100,000 entries both are
/// about a thousand pointers.
const CHUNK: usize = 128;

/// Sorted entries. A clone is a snapshot: it costs two words, never changes, and a later write copies only the chunk that
/// it touches (and the list of chunks, once for each snapshot), so that a long LIST stands in nobody's way.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    chunks: Arc<Vec<Chunk>>,
    len: usize,
}

/// Neighbours in the order of keys; never empty.
#[derive(Clone, Debug)]
struct Chunk {
    /// Not greater than any key here, and greater than all keys of the chunk before.
    from: Key,
    entries: Arc<Vec<Entry>>,
}

/// The place of an entry, or just behind the last one of all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    chunk: usize,
    index: usize,
}

/// A part of the content.
pub(super) struct Part {
    /// The entries.
    pub(super) entries: Vec<Entry>,
    /// How many of the range lie behind them.
    pub(super) remaining: usize,
}

impl Content {
    /// Entries held.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// What lies at `key`.
    pub(super) fn get(&self, key: &Key) -> Option<&Entry> {
        let chunk = self.chunks.get(self.chunk_of(key.as_str()))?;
        let index = chunk.find(key.as_str()).ok()?;
        chunk.entries.get(index)
    }

    /// Puts `entry` at its key and returns what was there.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        let at = self.chunk_of(entry.key().as_str());
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(at) else {
            chunks.push(Chunk::of(vec![entry]));
            self.len += 1;
            return None;
        };
        let found = chunk.find(entry.key().as_str());
        let entries = Arc::make_mut(&mut chunk.entries);
        let index = match found {
            Ok(index) => return Some(std::mem::replace(&mut entries[index], entry)),
            Err(index) => index,
        };
        self.len += 1;
        if index == 0 {
            chunk.from = entry.key().clone();
        }
        entries.insert(index, entry);
        if entries.len() > CHUNK {
            // Keys that come in order leave full chunks behind them, others halves.
            let keep = if index == CHUNK { CHUNK } else { CHUNK / 2 };
            let rest = Chunk::of(entries.split_off(keep));
            chunks.insert(at + 1, rest);
        }
        None
    }

    /// Takes away what lies at `key`.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Entry> {
        let at = self.chunk_of(key.as_str());
        let index = self.chunks.get(at)?.find(key.as_str()).ok()?;
        let chunks = Arc::make_mut(&mut self.chunks);
        let entries = Arc::make_mut(&mut chunks.get_mut(at)?.entries);
        let removed = entries.remove(index);
        self.len -= 1;
        if entries.is_empty() {
            chunks.remove(at);
        } else {
            join(chunks, at);
            join(chunks, at.saturating_sub(1));
        }
        Some(removed)
    }

    /// The entries of `list`'s range, after its start and up to its limit.
    pub(super) fn part(&self, list: &List) -> Part {
        let (start, end) = self.range(&list.prefix, list.after.as_deref());
        let all = self.between(start, end);
        let wanted = list.limit.map_or(all, |limit| limit.min(all));
        let mut entries = Vec::with_capacity(wanted);
        let mut index = start.index;
        for chunk in self.chunks.iter().skip(start.chunk) {
            let rest = chunk.entries.get(index..).unwrap_or_default();
            let take = rest.len().min(wanted - entries.len());
            entries.extend_from_slice(&rest[..take]);
            if entries.len() == wanted {
                break;
            }
            index = 0;
        }
        Part {
            entries,
            remaining: all - wanted,
        }
    }

    /// How many entries lie in `prefix`.
    pub(super) fn count(&self, prefix: &Prefix) -> usize {
        let (start, end) = self.range(prefix, None);
        self.between(start, end)
    }

    /// All entries in order.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.chunks.iter().flat_map(|chunk| chunk.entries.iter())
    }

    fn range(&self, prefix: &Prefix, after: Option<&str>) -> (Place, Place) {
        // No key equals its prefix, so "greater than the prefix" is the whole range.
        let from = after.map_or(prefix.as_str(), |after| after.max(prefix.as_str()));
        let start = self.place(|key| key <= from, from);
        let end = prefix.end();
        (start, self.place(|key| key < end.as_str(), &end))
    }

    /// The first place whose key is not `before` the text `near`.
    fn place(&self, before: impl Fn(&str) -> bool, near: &str) -> Place {
        let chunk = self.chunk_of(near);
        let Some(entries) = self.chunks.get(chunk).map(|chunk| &chunk.entries) else {
            return Place { chunk, index: 0 };
        };
        let index = entries.partition_point(|entry| before(entry.key().as_str()));
        if index == entries.len() {
            return Place {
                chunk: chunk + 1,
                index: 0,
            };
        }
        Place { chunk, index }
    }

    /// How many entries lie from `start` up to before `end`.
    fn between(&self, start: Place, end: Place) -> usize {
        if start >= end {
            return 0;
        }
        let whole: usize = self.chunks[start.chunk..end.chunk]
            .iter()
            .map(|chunk| chunk.entries.len())
            .sum();
        whole + end.index - start.index
    }

    /// The chunk where `key` is, or would be.
    fn chunk_of(&self, key: &str) -> usize {
        self.chunks
            .partition_point(|chunk| chunk.from.as_str() <= key)
            .saturating_sub(1)
    }
}

/// Makes one of a chunk and the next where both have become small.
fn join(chunks: &mut Vec<Chunk>, at: usize) {
    let len = |at: usize| chunks.get(at).map(|chunk| chunk.entries.len());
    if let (Some(this), Some(next)) = (len(at), len(at + 1))
        && this + next <= CHUNK / 2
    {
        let next = chunks.remove(at + 1);
        Arc::make_mut(&mut chunks[at].entries).extend(next.entries.iter().cloned());
    }
}

impl FromIterator<Entry> for Content {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut content = Self::default();
        for entry in entries {
            content.insert(entry);
        }
        content
    }
}

impl Chunk {
    fn of(entries: Vec<Entry>) -> Self {
        let from = entries[0].key().clone();
        Self {
            from,
            entries: Arc::new(entries),
        }
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|entry| entry.key().as_str().cmp(key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::storage::{ReadAt, Revision};

    fn entry(key: &str, revision: u64) -> Entry {
        Entry::new(Key::parse(key).unwrap(), Bytes::new(), Revision::new(revision))
    }

    fn list(prefix: &str, after: Option<&str>, limit: Option<usize>) -> List {
        let mut range = Prefix::root();
        for segment in prefix.split('/').filter(|segment| !segment.is_empty()) {
            range = range.child(segment).unwrap();
        }
        List {
            prefix: range,
            after: after.map(str::to_owned),
            limit,
            at: ReadAt::Any,
        }
    }

    /// The same by the simplest means.
    fn expected(model: &BTreeMap<String, u64>, list: &List) -> (Vec<String>, usize) {
        let keys: Vec<String> = model
            .keys()
            .filter(|key| key.starts_with(list.prefix.as_str()))
            .filter(|key| list.after.as_ref().is_none_or(|after| *key > after))
            .cloned()
            .collect();
        let taken = list.limit.unwrap_or(keys.len()).min(keys.len());
        (keys[..taken].to_vec(), keys.len() - taken)
    }

    fn check(content: &Content, model: &BTreeMap<String, u64>, list: &List) {
        let part = content.part(list);
        let keys: Vec<String> = part.entries.iter().map(|entry| entry.key().to_string()).collect();
        assert_eq!((keys, part.remaining), expected(model, list), "{list:?}");
    }

    #[test]
    fn it_does_what_a_map_does_through_ten_thousand_random_writes() {
        let mut random = StdRng::seed_from_u64(1);
        let mut content = Content::default();
        let mut model = BTreeMap::new();
        for revision in 1..10_000 {
            let key = format!(
                "/g/r/{}/{}",
                random.random_range(0..5),
                random.random_range(0..600)
            );
            if random.random_bool(0.6) {
                let before = content
                    .insert(entry(&key, revision))
                    .map(|old| old.revision().get());
                assert_eq!(before, model.insert(key, revision));
            } else {
                let before = content.remove(&Key::parse(&key).unwrap());
                assert_eq!(before.map(|old| old.revision().get()), model.remove(&key));
            }
            if revision % 100 == 0 {
                let after = format!(
                    "/g/r/{}/{}",
                    random.random_range(0..6),
                    random.random_range(0..600)
                );
                let limit = random.random_range(0..400);
                check(&content, &model, &list("g/r", Some(&after), Some(limit)));
                check(&content, &model, &list("g/r/3", Some(&after), None));
                check(&content, &model, &list("g/r/3", None, Some(limit)));
            }
        }
        assert_eq!(content.len(), model.len());
        for (key, revision) in &model {
            let found = content.get(&Key::parse(key).unwrap()).unwrap();
            assert_eq!(found.revision().get(), *revision);
        }
        assert!(content.iter().is_sorted_by(|a, b| a.key() < b.key()));
    }

    #[test]
    fn a_snapshot_does_not_change() {
        let mut content: Content = (0..1000).map(|i| entry(&format!("/g/r/{i:04}"), 1)).collect();
        let snapshot = content.clone();
        for i in 0..1000 {
            if i % 2 == 0 {
                content.remove(&Key::parse(&format!("/g/r/{i:04}")).unwrap());
            } else {
                content.insert(entry(&format!("/g/r/{i:04}"), 2));
            }
        }
        assert_eq!((snapshot.len(), content.len()), (1000, 500));
        assert!(snapshot.iter().all(|entry| entry.revision().get() == 1));
        assert!(content.iter().all(|entry| entry.revision().get() == 2));
    }

    #[test]
    fn keys_in_order_fill_their_chunks_and_removed_ones_leave_none_empty() {
        let mut content: Content = (0..12_800).map(|i| entry(&format!("/g/r/{i:06}"), 1)).collect();
        assert_eq!(content.chunks.len(), 12_800 / CHUNK);
        for i in 0..12_800 {
            if i % 50 != 0 {
                content.remove(&Key::parse(&format!("/g/r/{i:06}")).unwrap());
            }
        }
        assert_eq!(content.len(), 256);
        assert!(content.chunks.len() <= 16, "{}", content.chunks.len());
    }

    #[test]
    fn ranges_outside_of_the_content_are_empty() {
        let content: Content = ["/g/r/b/1", "/g/r/b/2"]
            .map(|key| entry(key, 1))
            .into_iter()
            .collect();
        let model = BTreeMap::from([("/g/r/b/1".to_owned(), 1), ("/g/r/b/2".to_owned(), 1)]);
        for prefix in ["g/a", "g/r/a", "g/r/b", "g/r/c", "z"] {
            for after in [None, Some("/a"), Some("/g/r/b/1"), Some("/g/r/b/2"), Some("/zz")] {
                check(&content, &model, &list(prefix, after, None));
                check(
                    &Content::default(),
                    &BTreeMap::new(),
                    &list(prefix, after, Some(1)),
                );
            }
        }
    }
}
