//! Clauses of readers and watchers beside writers: all of them tell one history.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

use super::concurrency::{all, increment};
use super::support::{Mirror, Watcher, everything, key, list, object};
use crate::storage::{Change, Entry, List, ReadAt, Revision, Storage, StorageError};

const WRITERS: u64 = 6;

/// Writes a mix of creations, updates and deletions to keys that all writers share. Returns what was acknowledged.
async fn write(storage: Arc<dyn Storage>, writer: u64, rounds: u64) -> Vec<Revision> {
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        // A store that answers at once would let nobody else have a turn.
        tokio::task::yield_now().await;
        let name = format!("shared-{}", (writer * 7 + round * 5) % 13);
        let key = key(&format!("ns-{}", round % 3), &name);
        let current = storage.get(&key, ReadAt::Latest).await.unwrap().entry;
        let written = match current {
            None => storage.create(&key, object(&name, round)).await,
            Some(entry) if round % 4 == 3 => storage.delete(&key, entry.revision()).await,
            Some(entry) if round % 4 == 2 => Ok(increment_if_there(&storage, entry).await),
            Some(entry) => storage.update(&key, entry.revision(), object(&name, round)).await,
        };
        match written {
            Ok(entry) => acknowledged.push(entry.revision()),
            Err(StorageError::Conflict { .. } | StorageError::AlreadyExists { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    acknowledged
}

/// A write that surely takes place: to a key of which nobody deletes anything.
async fn increment_if_there(storage: &Arc<dyn Storage>, entry: Entry) -> Entry {
    let counter = key("counters", entry.key().name());
    let current = match storage.create(&counter, object(counter.name(), 0)).await {
        Ok(created) => return created,
        Err(StorageError::AlreadyExists { .. }) => storage.get(&counter, ReadAt::Latest).await.unwrap().entry,
        Err(error) => panic!("{error}"),
    };
    increment(storage, &counter, current.expect("counters are not deleted")).await
}

fn writers(storage: &Arc<dyn Storage>, rounds: u64) -> Vec<JoinHandle<Vec<Revision>>> {
    (0..WRITERS)
        .map(|writer| tokio::spawn(write(storage.clone(), writer, rounds)))
        .collect()
}

async fn acknowledged(writers: Vec<JoinHandle<Vec<Revision>>>) -> Vec<Revision> {
    let mut revisions = all(writers).await.concat();
    revisions.sort_unstable();
    let count = revisions.len();
    revisions.dedup();
    assert_eq!(revisions.len(), count, "no revision is used twice");
    revisions
}

/// What the changes make of `mirror`, at each of their revisions.
fn states(mut mirror: Mirror, start: Revision, changes: &[Change]) -> BTreeMap<Revision, Mirror> {
    let mut states = BTreeMap::from([(start, mirror.clone())]);
    for change in changes {
        mirror.follow(change);
        states.insert(change.revision(), mirror.clone());
    }
    states
}

fn state_at(states: &BTreeMap<Revision, Mirror>, revision: Revision) -> &Mirror {
    states
        .range(..=revision)
        .next_back()
        .map(|(_, state)| state)
        .unwrap()
}

pub async fn writers_and_watchers_agree(storage: &Arc<dyn Storage>) {
    let start = storage.current_revision().await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let writers = writers(storage, 60);
    // Watchers begin while the writers write: some from the start, some from a list of their own.
    let watchers: Vec<_> = (0..8_u64)
        .map(|index| {
            let (storage, done) = (storage.clone(), done.clone());
            tokio::spawn(async move { watch_along(&storage, index, start, &done).await })
        })
        .collect();
    let written = acknowledged(writers).await;
    done.store(true, Ordering::Release);
    let last = list(storage, ReadAt::Latest).await;
    for (start, initial, mut changes, mut watcher) in all(watchers).await {
        changes.extend(watcher.up_to(storage, last.revision).await);
        let mut mirror = initial;
        changes.iter().for_each(|change| mirror.follow(change));
        assert_eq!(mirror, Mirror::of(&last.entries));
        let told: Vec<_> = changes.iter().map(Change::revision).collect();
        let expected: Vec<_> = written
            .iter()
            .copied()
            .filter(|revision| *revision > start)
            .collect();
        assert_eq!(told, expected, "every acknowledged write once, and nothing else");
    }
}

async fn watch_along(
    storage: &Arc<dyn Storage>,
    index: u64,
    start: Revision,
    done: &AtomicBool,
) -> (Revision, Mirror, Vec<Change>, Watcher) {
    for _ in 0..index * 20 {
        tokio::task::yield_now().await;
    }
    let (start, initial) = if index.is_multiple_of(2) {
        (start, Mirror::default())
    } else {
        let page = list(storage, ReadAt::Latest).await;
        (page.revision, Mirror::of(&page.entries))
    };
    let mut watcher = Watcher::new(storage, start).await;
    let mut changes = Vec::new();
    while !done.load(Ordering::Acquire) {
        let current = storage.current_revision().await.unwrap();
        changes.extend(watcher.up_to(storage, current).await);
    }
    (start, initial, changes, watcher)
}

pub async fn watches_from_every_revision_agree(storage: &Arc<dyn Storage>) {
    let start = storage.current_revision().await.unwrap();
    acknowledged(writers(storage, 8)).await;
    let end = storage.current_revision().await.unwrap();
    let mut watcher = Watcher::new(storage, start).await;
    let whole = watcher.up_to(storage, end).await;
    let told: Vec<_> = whole.iter().map(|change| change.entry().clone()).collect();
    for (index, entry) in told.iter().enumerate() {
        let mut watcher = Watcher::new(storage, entry.revision()).await;
        let rest = watcher.up_to(storage, end).await;
        let rest: Vec<_> = rest.iter().map(|change| change.entry().clone()).collect();
        assert_eq!(rest, told[index + 1..]);
    }
}

pub async fn lists_under_writes_are_of_one_moment(storage: &Arc<dyn Storage>) {
    let start = storage.current_revision().await.unwrap();
    let writers = writers(storage, 60);
    let mut pages = Vec::new();
    while !writers.iter().all(JoinHandle::is_finished) {
        pages.push(list(storage, ReadAt::Latest).await);
        let earlier = pages[pages.len() / 2].revision;
        let exact = list(storage, ReadAt::Exact(earlier)).await;
        assert_eq!(exact.revision, earlier);
        pages.push(exact);
        tokio::task::yield_now().await;
    }
    acknowledged(writers).await;
    let end = storage.current_revision().await.unwrap();
    let changes = Watcher::new(storage, start).await.up_to(storage, end).await;
    let states = states(Mirror::default(), start, &changes);
    for page in pages {
        assert_eq!(&Mirror::of(&page.entries), state_at(&states, page.revision));
    }
}

pub async fn pages_under_writes_are_of_one_moment(storage: &Arc<dyn Storage>) {
    let start = storage.current_revision().await.unwrap();
    let writers = writers(storage, 60);
    let mut lists = Vec::new();
    while !writers.iter().all(JoinHandle::is_finished) {
        lists.push(paged(storage).await);
        tokio::task::yield_now().await;
    }
    acknowledged(writers).await;
    let end = storage.current_revision().await.unwrap();
    let changes = Watcher::new(storage, start).await.up_to(storage, end).await;
    let states = states(Mirror::default(), start, &changes);
    for (revision, entries) in lists {
        let keys: Vec<_> = entries.iter().map(Entry::key).collect();
        assert!(keys.is_sorted());
        assert_eq!(&Mirror::of(&entries), state_at(&states, revision));
    }
}

/// A list in pages of five.
async fn paged(storage: &Arc<dyn Storage>) -> (Revision, Vec<Entry>) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = ReadAt::Latest;
    loop {
        let asked = List {
            after: entries.last().map(|entry| entry.key().as_str().to_owned()),
            limit: Some(5),
            ..everything(at)
        };
        let page = storage.list(&asked).await.unwrap();
        entries.extend(page.entries);
        if page.remaining == 0 {
            return (page.revision, entries);
        }
        at = ReadAt::Exact(page.revision);
    }
}

pub async fn compaction_under_load_hides_nothing(storage: &Arc<dyn Storage>) {
    let start = storage.current_revision().await.unwrap();
    let mut watcher = Watcher::new(storage, start).await;
    let writers = writers(storage, 60);
    let mut changes = Vec::new();
    while !writers.iter().all(JoinHandle::is_finished) {
        let current = storage.current_revision().await.unwrap();
        changes.extend(watcher.up_to(storage, current).await);
        storage.compact(watcher.reached().min(current)).await.unwrap();
        let page = list(storage, ReadAt::Latest).await;
        assert!(page.revision >= current);
    }
    let written = acknowledged(writers).await;
    let last = list(storage, ReadAt::Latest).await;
    changes.extend(watcher.up_to(storage, last.revision).await);
    let told: Vec<_> = changes.iter().map(Change::revision).collect();
    assert_eq!(told, written);
    let states = states(Mirror::default(), start, &changes);
    assert_eq!(state_at(&states, last.revision), &Mirror::of(&last.entries));
}
