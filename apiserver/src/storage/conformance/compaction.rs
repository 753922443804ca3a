//! Clauses of compaction.

use std::sync::Arc;

use super::support::{Mirror, Watcher, create, delete, everything, key, list, prefix, update};
use crate::storage::{Change, Entry, ReadAt, Revision, Storage, StorageError};

/// A history of one key that lives, one that is deleted and one that is not touched again; the last entry of the first.
async fn history(storage: &Arc<dyn Storage>) -> (Vec<Entry>, Entry) {
    create(storage, "default", "still", 0).await;
    let gone = create(storage, "default", "gone", 0).await;
    let mut entry = create(storage, "default", "busy", 0).await;
    let mut entries = vec![entry.clone()];
    for number in 1..5 {
        entry = update(storage, &entry, number).await;
        entries.push(entry.clone());
    }
    let deleted = delete(storage, &gone).await;
    for number in 5..10 {
        entry = update(storage, &entry, number).await;
        entries.push(entry.clone());
    }
    (entries, deleted)
}

fn assert_compacted<T>(result: Result<T, StorageError>, asked: Revision) {
    match result {
        Err(StorageError::Compacted { requested, oldest }) => {
            assert_eq!(requested, asked);
            assert!(oldest > asked, "{oldest} is older than {asked}");
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("{asked} is not compacted"),
    }
}

pub async fn compaction_keeps_what_exists(storage: &Arc<dyn Storage>) {
    let (entries, _) = history(storage).await;
    let before = list(storage, ReadAt::Latest).await;
    let current = storage.current_revision().await.unwrap();
    storage.compact(current).await.unwrap();

    let after = list(storage, ReadAt::Latest).await;
    assert_eq!(after.entries, before.entries);
    assert!(after.revision >= before.revision);
    let exact = list(storage, ReadAt::Exact(current)).await;
    assert_eq!(exact.entries, before.entries);
    let read = storage
        .get(&key("default", "gone"), ReadAt::Exact(current))
        .await
        .unwrap();
    assert_eq!(read.entry, None);
    let last = entries.last().unwrap();
    let updated = update(storage, last, 100).await;
    assert!(updated.revision() > current);
    create(storage, "default", "gone", 1).await;
}

pub async fn compaction_forgets_older_reads(storage: &Arc<dyn Storage>) {
    let (entries, deleted) = history(storage).await;
    let target = entries[7].revision();
    storage.compact(target).await.unwrap();
    for old in [entries[0].revision(), entries[6].revision(), deleted.revision()] {
        assert_compacted(storage.get(entries[0].key(), ReadAt::Exact(old)).await, old);
        assert_compacted(storage.list(&everything(ReadAt::Exact(old))).await, old);
    }
    for entry in &entries[7..] {
        let read = storage
            .get(entry.key(), ReadAt::Exact(entry.revision()))
            .await
            .unwrap();
        assert_eq!(read.entry.as_ref(), Some(entry));
        let page = list(storage, ReadAt::Exact(entry.revision())).await;
        assert_eq!(page.entries.len(), 2);
        assert!(page.entries.contains(entry));
    }
}

pub async fn compaction_ends_older_watches(storage: &Arc<dyn Storage>) {
    let start = storage.current_revision().await.unwrap();
    let (entries, _) = history(storage).await;
    let target = entries[7].revision();
    storage.compact(target).await.unwrap();
    for old in [start, entries[0].revision()] {
        // Here or as the stream's last item, but never silence, and never a part of the history.
        match storage.watch(&prefix(), old).await {
            Err(error) => assert_compacted::<()>(Err(error), old),
            Ok(_) => {
                let mut watcher = Watcher::new(storage, old).await;
                let told = watcher.batch().await.expect("the watch tells its end");
                assert!(matches!(told, Err(StorageError::Compacted { .. })), "{told:?}");
                assert!(watcher.batch().await.is_none());
            }
        }
    }
}

pub async fn compaction_keeps_newer_history(storage: &Arc<dyn Storage>) {
    let (entries, _) = history(storage).await;
    let target = entries[7].revision();
    storage.compact(target).await.unwrap();
    for from in 7..10 {
        let after = entries[from].revision();
        let mut watcher = Watcher::new(storage, after).await;
        let changes = watcher.up_to(storage, entries[9].revision()).await;
        let told: Vec<_> = changes.iter().map(Change::entry).collect();
        assert_eq!(told, entries[from + 1..].iter().collect::<Vec<_>>());
        let mut mirror = Mirror::of(&list(storage, ReadAt::Exact(after)).await.entries);
        changes.iter().for_each(|change| mirror.follow(change));
        assert_eq!(mirror, Mirror::of(&list(storage, ReadAt::Latest).await.entries));
    }
}

pub async fn compaction_of_the_past_or_the_future_does_nothing(storage: &Arc<dyn Storage>) {
    let (entries, _) = history(storage).await;
    let target = entries[5].revision();
    let current = storage.current_revision().await.unwrap();
    storage.compact(target).await.unwrap();
    storage.compact(target).await.unwrap();
    storage.compact(entries[2].revision()).await.unwrap();
    storage
        .compact(Revision::new(current.get() + 1_000_000))
        .await
        .unwrap();
    let page = list(storage, ReadAt::Exact(target)).await;
    assert!(page.entries.contains(&entries[5]));
    let old = entries[4].revision();
    assert_compacted(storage.list(&everything(ReadAt::Exact(old))).await, old);
    assert_eq!(storage.current_revision().await.unwrap(), current);
}

pub async fn an_open_watch_survives_compaction(storage: &Arc<dyn Storage>) {
    let start = storage.current_revision().await.unwrap();
    let mut watcher = Watcher::new(storage, start).await;
    let (entries, _) = history(storage).await;
    let last = entries.last().unwrap();
    // What was told is no matter of history any more.
    assert_eq!(watcher.up_to(storage, last.revision()).await.len(), 13);
    storage.compact(last.revision()).await.unwrap();
    let updated = update(storage, last, 100).await;
    let changes = watcher.changes(1).await;
    assert_eq!(changes[0].entry(), &updated);
    assert_eq!(changes[0].previous(), Some(last));
}

/// Of a store that left revisions out when it was opened ([`Storage::skipped`]); others owe nothing here. A client that
/// names such a revision has seen a history that is lost.
pub async fn what_was_left_out_is_no_revision_of_this_store(storage: &Arc<dyn Storage>) {
    let Some(skipped) = storage.skipped() else {
        return;
    };
    let start = storage.current_revision().await.unwrap();
    let (first, last) = (*skipped.start(), *skipped.end());
    assert!(start < first && first <= last, "{start} {skipped:?}");
    let middle = Revision::new(first.get().midpoint(last.get()));
    let mut known = Watcher::new(storage, start).await;
    let mut written = Vec::new();
    // While they lie before it, among its own, and when they are compacted.
    for round in 0..4 {
        for lost in [first, middle, last] {
            match storage.watch(&prefix(), lost).await {
                Err(error) => assert_compacted::<()>(Err(error), lost),
                Ok(_) => panic!("a watch from {lost}"),
            }
            assert_compacted(storage.list(&everything(ReadAt::Exact(lost))).await, lost);
            let key = key("default", "a");
            assert_compacted(storage.get(&key, ReadAt::Exact(lost)).await, lost);
            let awaited = storage.list(&everything(ReadAt::NotOlderThan(lost))).await;
            if written.is_empty() {
                assert_compacted(awaited, lost);
            } else {
                assert!(awaited.unwrap().revision > lost);
            }
        }
        let name = format!("n-{round}");
        let created = create(storage, "default", &name, round).await;
        assert!(created.revision() > last);
        list(storage, ReadAt::NotOlderThan(created.revision())).await;
        if round == 2 {
            storage.compact(created.revision()).await.unwrap();
        }
        written.push(created);
    }
    // Who knows a revision of this store goes on.
    let last = written[3].revision();
    let told = known.up_to(storage, last).await;
    let told: Vec<_> = told.iter().map(Change::entry).collect();
    assert_eq!(told, written.iter().collect::<Vec<_>>());
}
