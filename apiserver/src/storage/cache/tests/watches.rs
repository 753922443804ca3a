//! What watchers are told, and what they share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake};

use super::*;

async fn start(cache: &Cache) -> Revision {
    cache.current_revision().await.unwrap()
}

fn short() -> Options {
    Options {
        history_min: 1,
        history_max: 10,
        ..Options::default()
    }
}

#[tokio::test]
async fn all_that_is_pending_comes_as_one_batch() {
    let (_, cache) = filled(Options::default()).await;
    let mut watch = cache.watch(&prefix(), start(&cache).await).await.unwrap();
    let mut entry = create(&*cache, "default", "a").await;
    for number in 1..50 {
        entry = update(&*cache, &entry, number).await;
    }
    reached(&cache, entry.revision()).await;
    assert_eq!(batch(&mut watch).await.unwrap().unwrap().len(), 50);
}

#[tokio::test]
async fn progress_is_told_after_the_last_of_many_batches() {
    let options = Options {
        batch: 8,
        ..Options::default()
    };
    let (_, cache) = filled(options).await;
    let mut watch = cache.watch(&prefix(), start(&cache).await).await.unwrap();
    let mut entry = create(&*cache, "default", "a").await;
    for number in 1..20 {
        entry = update(&*cache, &entry, number).await;
    }
    reached(&cache, entry.revision()).await;
    cache.request_progress().await.unwrap();
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let batch = batch(&mut watch).await.unwrap().unwrap();
        let progress = batch.iter().any(|event| matches!(event, Event::Progress(_)));
        sizes.push((batch.len(), progress));
    }
    assert_eq!(sizes, [(8, false), (8, false), (5, true)]);
}

#[tokio::test]
async fn all_see_the_same_objects() {
    let (_, cache) = filled(Options::default()).await;
    let after = start(&cache).await;
    let mut watches = [
        cache.watch(&prefix(), after).await.unwrap(),
        cache
            .watch(&prefix().child("default").unwrap(), after)
            .await
            .unwrap(),
    ];
    let created = create(&*cache, "default", "a").await;
    let updated = update(&*cache, &created, 1).await;
    cache.delete(updated.key(), updated.revision()).await.unwrap();
    let [first, second] = &mut watches;
    let (first, second) = (changes(first, 3).await, changes(second, 3).await);
    for (one, other) in first.iter().zip(&second) {
        assert!(one.entry().is_same(other.entry()));
        assert!(
            std::ptr::eq(one.encodings(), other.encodings()),
            "encodings are shared"
        );
    }
    for pair in first.windows(2) {
        assert!(pair[0].entry().is_same(pair[1].previous().unwrap()));
    }
    assert!(first[2].is_deletion());

    let again = create(&*cache, "default", "b").await;
    let told = changes(&mut watches[0], 1).await;
    let listed = cache
        .list(&all(ReadAt::NotOlderThan(again.revision())))
        .await
        .unwrap();
    assert!(listed.entries[0].is_same(told[0].entry()));
}

#[tokio::test]
async fn a_namespaces_watch_is_told_only_of_it_and_does_not_fall_behind_for_the_others() {
    let (store, cache) = filled(short()).await;
    let after = start(&cache).await;
    let mut quiet = cache
        .watch(&prefix().child("quiet").unwrap(), after)
        .await
        .unwrap();
    let mut busy = cache
        .watch(&prefix().child("busy").unwrap(), after)
        .await
        .unwrap();
    let mut entry = create(&*cache, "busy", "a").await;
    assert_eq!(changes(&mut busy, 1).await[0].entry(), &entry);
    for number in 1..100 {
        entry = update(&*cache, &entry, number).await;
        assert_eq!(changes(&mut busy, 1).await[0].entry(), &entry);
    }
    // A name that begins as the namespace does.
    create(&*cache, "quiet-not", "a").await;
    let told = create(&*cache, "quiet", "a").await;
    assert_eq!(changes(&mut quiet, 1).await[0].entry(), &told);
    assert_eq!(
        store.watches.load(Ordering::SeqCst),
        1,
        "the backend has one watcher"
    );
}

#[tokio::test]
async fn a_watcher_that_is_too_slow_is_ended_and_loses_nothing_by_watching_again() {
    let (_, cache) = filled(short()).await;
    let mut slow = cache.watch(&prefix(), start(&cache).await).await.unwrap();
    let created = create(&*cache, "default", "a").await;
    assert_eq!(changes(&mut slow, 1).await[0].entry(), &created);
    let mut entry = created.clone();
    for number in 1..=30 {
        entry = update(&*cache, &entry, number).await;
    }
    reached(&cache, entry.revision()).await;
    assert!(batch(&mut slow).await.is_none());
    assert!(batch(&mut slow).await.is_none());

    let mut again = cache.watch(&prefix(), created.revision()).await.unwrap();
    let told = changes(&mut again, 30).await;
    assert_eq!(told[29].entry(), &entry);
}

#[tokio::test]
async fn a_watch_from_before_the_history_begins_at_the_backend_and_goes_over_to_the_cache() {
    let (store, cache) = filled(short()).await;
    let after = start(&cache).await;
    let mut entry = create(&*cache, "default", "a").await;
    for number in 1..50 {
        entry = update(&*cache, &entry, number).await;
    }
    reached(&cache, entry.revision()).await;
    let mut watch = cache.watch(&prefix(), after).await.unwrap();
    assert_eq!(
        (store.watches.load(Ordering::SeqCst), cache.stats().watchers),
        (2, 0)
    );
    let mut told = changes(&mut watch, 50).await;
    assert_eq!(cache.stats().watchers, 1, "the cache has taken over");
    for number in 50..55 {
        entry = update(&*cache, &entry, number).await;
        told.extend(changes(&mut watch, 1).await);
    }
    let revisions: Vec<_> = told.iter().map(Change::revision).collect();
    assert!(revisions.is_sorted_by(|a, b| a < b));
    assert_eq!(told[54].entry(), &entry);
}

#[tokio::test]
async fn a_watch_from_before_the_history_goes_over_to_the_cache_without_a_change() {
    let (_, cache) = filled(short()).await;
    let after = start(&cache).await;
    for number in 0..20 {
        create(&*cache, "busy", &format!("n{number}")).await;
    }
    cache.list(&all(ReadAt::Latest)).await.unwrap();
    let mut watch = cache
        .watch(&prefix().child("quiet").unwrap(), after)
        .await
        .unwrap();
    let first = batch(&mut watch).await.unwrap().unwrap();
    assert!(matches!(first[..], [Event::Progress(_)]), "{first:?}");
    assert_eq!(cache.stats().watchers, 1);
    create(&*cache, "quiet", "a").await;
    changes(&mut watch, 1).await;
}

#[tokio::test]
async fn a_watch_from_before_what_anybody_keeps_is_refused() {
    let (store, cache) = filled(short()).await;
    let after = start(&cache).await;
    let entry = create(&*cache, "default", "a").await;
    let entry = update(&*cache, &entry, 1).await;
    store.store().compact(entry.revision()).await.unwrap();
    for number in 0..20 {
        create(&*cache, "default", &format!("n{number}")).await;
    }
    cache.list(&all(ReadAt::Latest)).await.unwrap();
    let refused = cache.watch(&prefix(), after).await;
    assert!(matches!(refused, Err(StorageError::Compacted { requested, .. }) if requested == after));
}

#[tokio::test]
async fn a_watch_may_begin_earlier_than_those_before_it() {
    let (_, cache) = filled(Options::default()).await;
    let after = start(&cache).await;
    let range = prefix().child("default").unwrap();
    let mut entry = create(&*cache, "default", "a").await;
    for number in 1..10 {
        create(&*cache, "other", &format!("n{number}")).await;
        entry = update(&*cache, &entry, number).await;
    }
    reached(&cache, entry.revision()).await;
    let mut late = cache.watch(&range, entry.revision()).await.unwrap();
    let mut early = cache.watch(&range, after).await.unwrap();
    let told = changes(&mut early, 10).await;
    assert_eq!(told[9].entry(), &entry);
    let last = update(&*cache, &entry, 10).await;
    assert_eq!(changes(&mut early, 1).await[0].entry(), &last);
    assert_eq!(changes(&mut late, 1).await[0].entry(), &last);
    assert_eq!((cache.stats().watchers, cache.stats().ranges), (2, 1));
    drop((early, late));
    assert_eq!((cache.stats().watchers, cache.stats().ranges), (0, 0));
}

#[tokio::test]
async fn progress_is_told_every_now_and_then() {
    let options = Options {
        progress_interval: Duration::from_millis(20),
        ..Options::default()
    };
    let (_, cache) = filled(options).await;
    let mut watch = cache.watch(&prefix(), start(&cache).await).await.unwrap();
    let other = write_elsewhere(&*cache, "a").await;
    let mut told = Revision::ZERO;
    while told < other.revision() {
        match batch(&mut watch).await.unwrap().unwrap()[..] {
            [Event::Progress(revision)] => told = revision,
            ref events => panic!("{events:?}"),
        }
    }
}

struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn consistent_reads_wake_no_watcher() {
    let (_, cache) = filled(Options::default()).await;
    let mut watch = cache.watch(&prefix(), start(&cache).await).await.unwrap();
    let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
    let waker = wakes.clone().into();
    assert!(
        watch
            .poll_next_unpin(&mut Context::from_waker(&waker))
            .is_pending()
    );
    for number in 0..20 {
        write_elsewhere(&*cache, &format!("n{number}")).await;
        cache.list(&all(ReadAt::Latest)).await.unwrap();
    }
    assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
    create(&*cache, "default", "a").await;
    until(|| wakes.0.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn watches_end_with_the_cache() {
    let (_, cache) = filled(Options::default()).await;
    let mut watch = cache.watch(&prefix(), start(&cache).await).await.unwrap();
    drop(cache);
    assert!(batch(&mut watch).await.is_none());
}
