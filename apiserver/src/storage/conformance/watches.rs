//! Clauses of watches.

use std::sync::Arc;

use futures::StreamExt;
use tokio::time::timeout;

use super::support::{LONG, Mirror, Watcher, create, delete, list, object, padded, prefix, update};
use crate::storage::{Change, Event, ReadAt, Revision, Storage};

async fn now(storage: &Arc<dyn Storage>) -> Revision {
    storage.current_revision().await.unwrap()
}

pub async fn a_watch_tells_writes_and_deletions_with_what_was_there(storage: &Arc<dyn Storage>) {
    let mut watcher = Watcher::new(storage, now(storage).await).await;
    let created = create(storage, "default", "a", 1).await;
    let updated = update(storage, &created, 2).await;
    let deleted = delete(storage, &updated).await;
    let again = create(storage, "default", "a", 3).await;

    let changes = watcher.changes(4).await;
    let [first, second, third, fourth] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!((first.entry(), first.previous()), (&created, None));
    assert_eq!((second.entry(), second.previous()), (&updated, Some(&created)));
    assert_eq!((third.entry(), third.previous()), (&deleted, Some(&updated)));
    assert_eq!(third.entry().value(), &object("a", 2));
    assert_eq!((fourth.entry(), fourth.previous()), (&again, None));
    let deletions: Vec<bool> = changes.iter().map(Change::is_deletion).collect();
    assert_eq!(deletions, [false, false, true, false]);
}

pub async fn a_watch_tells_only_its_range(storage: &Arc<dyn Storage>) {
    let start = now(storage).await;
    let narrow = prefix().child("a").unwrap();
    let mut live = Watcher::of(storage, &narrow, start).await;
    let before = create(storage, "a", "x", 1).await;
    for namespace in ["a-b", "ab", "a.b", "b"] {
        create(storage, namespace, "x", 1).await;
    }
    let after = update(storage, &before, 2).await;
    let mut late = Watcher::of(storage, &narrow, start).await;
    for watcher in [&mut live, &mut late] {
        let changes = watcher.up_to(storage, after.revision()).await;
        let told: Vec<_> = changes.iter().map(Change::entry).collect();
        assert_eq!(told, [&before, &after]);
    }
}

pub async fn a_watch_from_the_past_replays_and_goes_on(storage: &Arc<dyn Storage>) {
    let start = now(storage).await;
    let a = create(storage, "default", "a", 1).await;
    let b = create(storage, "default", "b", 1).await;
    let a2 = update(storage, &a, 2).await;
    let gone = delete(storage, &b).await;

    let starts = [start, b.revision(), gone.revision()];
    let mut watchers = Vec::new();
    for after in starts {
        watchers.push(Watcher::new(storage, after).await);
    }
    let live = update(storage, &a2, 3).await;
    let written = [&a, &b, &a2, &gone, &live];
    for (mut watcher, after) in watchers.into_iter().zip(starts) {
        let changes = watcher.up_to(storage, live.revision()).await;
        let told: Vec<_> = changes.iter().map(Change::entry).collect();
        let expected = written.iter().copied().filter(|entry| entry.revision() > after);
        assert_eq!(told, expected.collect::<Vec<_>>());
        let mut mirror = Mirror::of(&list(storage, ReadAt::Exact(after)).await.entries);
        changes.iter().for_each(|change| mirror.follow(change));
        assert_eq!(mirror, Mirror::of(&list(storage, ReadAt::Latest).await.entries));
    }
}

pub async fn a_watch_from_the_future_is_silent_until_it_is_reached(storage: &Arc<dyn Storage>) {
    let mut entry = create(storage, "default", "a", 0).await;
    let future = Revision::new(entry.revision().get() + 5);
    let mut watcher = Watcher::new(storage, future).await;
    let mut written = vec![entry.clone()];
    while entry.revision().get() < future.get() + 3 {
        entry = update(storage, &entry, 1).await;
        written.push(entry.clone());
    }
    let changes = watcher.up_to(storage, entry.revision()).await;
    let told: Vec<_> = changes.iter().map(|change| change.entry().clone()).collect();
    written.retain(|entry| entry.revision() > future);
    assert_eq!(told, written);
}

pub async fn a_watch_after_a_list_misses_nothing(storage: &Arc<dyn Storage>) {
    let first = create(storage, "default", "a", 1).await;
    create(storage, "default", "b", 1).await;
    let page = list(storage, ReadAt::Latest).await;
    let updated = update(storage, &first, 2).await;
    let mut watcher = Watcher::new(storage, page.revision).await;
    let changes = watcher.up_to(storage, updated.revision()).await;
    let told: Vec<_> = changes.iter().map(Change::entry).collect();
    assert_eq!(told, [&updated]);
}

pub async fn progress_is_told_when_asked_for(storage: &Arc<dyn Storage>) {
    let start = now(storage).await;
    let elsewhere = prefix().child("elsewhere").unwrap();
    let mut watcher = Watcher::of(storage, &elsewhere, start).await;
    let created = create(storage, "default", "a", 1).await;
    // Nothing happens in the range; what is told can only be progress.
    assert!(watcher.up_to(storage, created.revision()).await.is_empty());
    assert!(watcher.reached() >= created.revision());
}

pub async fn progress_comes_after_what_it_covers(storage: &Arc<dyn Storage>) {
    let start = now(storage).await;
    let mut watcher = Watcher::new(storage, start).await;
    let mut entry = create(storage, "default", "a", 0).await;
    for number in 1..30 {
        storage.request_progress().await.unwrap();
        entry = update(storage, &entry, number).await;
        storage.request_progress().await.unwrap();
    }
    // The watcher fails on a change that progress had covered already.
    assert_eq!(watcher.up_to(storage, entry.revision()).await.len(), 30);
}

pub async fn a_watch_that_is_dropped_disturbs_no_other(storage: &Arc<dyn Storage>) {
    let start = now(storage).await;
    let mut kept = Watcher::new(storage, start).await;
    let mut entry = create(storage, "default", "a", 0).await;
    for number in 1..20 {
        let mut dropped = Watcher::new(storage, start).await;
        if number % 2 == 0 {
            dropped.batch().await.unwrap().unwrap();
        }
        drop(dropped);
        entry = update(storage, &entry, number).await;
    }
    assert_eq!(kept.changes(20).await.last().unwrap().entry(), &entry);
}

pub async fn a_watch_that_is_not_read_loses_nothing(storage: &Arc<dyn Storage>) {
    const WRITES: u64 = 1500;
    let start = now(storage).await;
    let mut stream = storage.watch(&prefix(), start).await.unwrap();
    let mut entry = create(storage, "default", "a", 0).await;
    for number in 1..WRITES {
        // More altogether than anybody keeps in memory for the slow.
        let value = padded("a", number, 4000);
        entry = storage
            .update(entry.key(), entry.revision(), value)
            .await
            .unwrap();
    }
    let mut told = Vec::new();
    while told
        .last()
        .is_none_or(|last: &Change| last.revision() < entry.revision())
    {
        let batch = timeout(LONG, stream.next()).await.expect("the watch goes on");
        // Whoever is slow must not be told something else, but may be told to begin again.
        let Some(Ok(events)) = batch else { break };
        told.extend(events.into_iter().filter_map(|event| match event {
            Event::Changed(change) => Some(change),
            Event::Progress(_) => None,
        }));
    }
    let reached = told.last().map_or(start, Change::revision);
    told.extend(
        Watcher::new(storage, reached)
            .await
            .up_to(storage, entry.revision())
            .await,
    );
    let late = Watcher::new(storage, start)
        .await
        .up_to(storage, entry.revision())
        .await;
    for changes in [told, late] {
        let mut mirror = Mirror::default();
        changes.iter().for_each(|change| mirror.follow(change));
        let numbers = changes.iter().map(|change| super::number(change.entry()));
        assert!(numbers.eq(0..WRITES));
    }
}
