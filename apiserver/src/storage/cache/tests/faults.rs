//! A backend that fails.

use std::sync::atomic::Ordering;

use super::*;

fn quick() -> Options {
    Options {
        backoff_min: Duration::from_millis(1),
        backoff_max: Duration::from_millis(10),
        ..Options::default()
    }
}

/// The backend loses its watches and is gone, until it is up again.
async fn lose(store: &Faulty, cache: &Cache) {
    store.down.store(true, Ordering::SeqCst);
    store.cut();
    until(|| !cache.stats().following).await;
}

async fn find(store: &Faulty, cache: &Cache) {
    store.down.store(false, Ordering::SeqCst);
    until(|| cache.stats().following).await;
}

#[tokio::test]
async fn a_lost_watch_goes_on_where_it_was() {
    let (store, cache) = filled(quick()).await;
    let first = create(&*cache, "default", "a").await;
    let mut watch = cache.watch(&prefix(), first.revision()).await.unwrap();
    reached(&cache, first.revision()).await;
    let reads = store.reads();
    let mut expected = Vec::new();
    for round in 0..5 {
        lose(&store, &cache).await;
        assert_eq!(names(&cache, ReadAt::Any).await.len(), 1 + round);
        expected.push(create(&*store.store(), "default", &format!("n{round}")).await);
        find(&store, &cache).await;
        reached(&cache, expected[round].revision()).await;
    }
    let told = changes(&mut watch, 5).await;
    let told: Vec<_> = told.iter().map(Change::entry).collect();
    assert_eq!(told, expected.iter().collect::<Vec<_>>());
    assert_eq!(store.reads(), reads, "it was not filled again");
}

#[tokio::test]
async fn it_is_filled_again_where_the_history_was_compacted_meanwhile() {
    let (store, cache) = filled(quick()).await;
    let kept = create(&*cache, "default", "kept").await;
    let gone = create(&*cache, "default", "gone").await;
    reached(&cache, gone.revision()).await;
    let held = cache.get(kept.key(), ReadAt::Any).await.unwrap().entry.unwrap();
    let mut watch = cache.watch(&prefix(), gone.revision()).await.unwrap();

    lose(&store, &cache).await;
    let direct = store.store();
    direct.delete(gone.key(), gone.revision()).await.unwrap();
    let new = create(&*direct, "default", "new").await;
    direct.compact(new.revision()).await.unwrap();
    assert_eq!(
        names(&cache, ReadAt::Any).await,
        ["gone", "kept"],
        "it serves what it has"
    );
    find(&store, &cache).await;

    let end = batch(&mut watch).await;
    assert!(
        matches!(end, Some(Err(StorageError::Compacted { requested, oldest }))
            if requested == gone.revision() && oldest >= new.revision()),
        "{end:?}"
    );
    assert!(batch(&mut watch).await.is_none());
    let page = cache.list(&all(ReadAt::Any)).await.unwrap();
    assert_eq!(page.entries, [kept.clone(), new]);
    assert!(
        page.entries[0].is_same(&held),
        "what did not change is kept with its encodings"
    );
    let mut watch = cache.watch(&prefix(), page.revision).await.unwrap();
    let updated = update(&*cache, &kept, 1).await;
    assert_eq!(changes(&mut watch, 1).await[0].entry(), &updated);
}

#[tokio::test]
async fn a_store_that_went_back_is_noticed() {
    let store = Arc::new(Faulty::default());
    store.replace(MemoryStore::starting_at(Revision::new(1000)));
    create(&*store, "default", "lost").await;
    let cache = Cache::start(store.clone(), prefix(), quick());
    timeout(LONG, cache.wait_ready()).await.unwrap();
    until(|| cache.stats().following).await;
    let mut watch = cache.watch(&prefix(), Revision::new(1001)).await.unwrap();

    let restored = MemoryStore::starting_at(Revision::new(10));
    create(&restored, "default", "old").await;
    store.replace(restored);
    store.cut();
    assert!(matches!(
        batch(&mut watch).await,
        Some(Err(StorageError::Compacted { .. }))
    ));
    until(|| cache.stats().following).await;
    assert_eq!(names(&cache, ReadAt::Latest).await, ["old"]);
    assert_eq!(cache.stats().revision, Revision::new(11));
}

#[tokio::test]
async fn a_consistent_read_of_a_store_that_went_back_is_never_answered_from_memory() {
    let (store, cache) = filled(quick()).await;
    let lost = create(&*cache, "default", "lost").await;
    reached(&cache, lost.revision()).await;
    // The cache's watch lives on, and tells nothing of it.
    let restored = MemoryStore::starting_at(Revision::new(10));
    create(&restored, "default", "old").await;
    store.replace(restored);
    assert_eq!(names(&cache, ReadAt::Latest).await, ["old"]);
}

#[tokio::test]
async fn a_store_that_tells_another_history_is_read_anew_though_it_is_ahead() {
    let (store, cache) = filled(quick()).await;
    let lost = create(&*cache, "default", "lost").await;
    reached(&cache, lost.revision()).await;
    let mut watch = cache.watch(&prefix(), lost.revision()).await.unwrap();
    let ahead = MemoryStore::starting_at(Revision::new(lost.revision().get() + 1000));
    let other = create(&ahead, "default", "other").await;
    store.replace(ahead);
    store.history.store(1, Ordering::SeqCst);
    for at in [ReadAt::Latest, ReadAt::NotOlderThan(lost.revision())] {
        assert_eq!(names(&cache, at).await, ["other"], "{at:?}");
    }

    store.cut();
    let end = batch(&mut watch).await;
    assert!(
        matches!(end, Some(Err(StorageError::Compacted { .. }))),
        "{end:?}"
    );
    until(|| cache.stats().following).await;
    assert_eq!(names(&cache, ReadAt::Any).await, ["other"]);
    assert!(!cache.is_future(other.revision()).await.unwrap());
    assert!(cache.is_future(other.revision().next()).await.unwrap());
}

#[tokio::test]
async fn a_store_that_is_down_at_the_start_is_waited_for() {
    let store = Arc::new(Faulty::default());
    create(&*store, "default", "a").await;
    store.down.store(true, Ordering::SeqCst);
    let cache = Cache::start(store.clone(), prefix(), quick());
    until(|| store.reads() > 3).await;
    assert!(!cache.ready());
    store.down.store(false, Ordering::SeqCst);
    timeout(LONG, cache.wait_ready()).await.unwrap();
    assert_eq!(names(&cache, ReadAt::Any).await, ["a"]);
}

#[tokio::test]
async fn a_write_that_fails_tells_why() {
    let (store, cache) = filled(quick()).await;
    let entry = create(&*cache, "default", "a").await;
    let exists = cache.create(entry.key(), object("a", 1)).await;
    assert!(matches!(exists, Err(StorageError::AlreadyExists { .. })));
    lose(&store, &cache).await;
    let failed = cache.delete(entry.key(), entry.revision()).await;
    assert!(matches!(failed, Err(StorageError::Unavailable(_))));
}

/// The store is put back to an older state while its watch stays open: a read that must be the latest notices.
#[tokio::test]
async fn a_store_that_went_back_without_a_word_is_noticed_by_who_reads_it() {
    let store = Arc::new(Faulty::default());
    store.replace(MemoryStore::starting_at(Revision::new(1000)));
    let lost = create(&*store, "default", "lost").await;
    let cache = Cache::start(store.clone(), prefix(), quick());
    timeout(LONG, cache.wait_ready()).await.unwrap();
    until(|| cache.stats().following).await;
    let mut watch = cache.watch(&prefix(), lost.revision()).await.unwrap();

    let restored = MemoryStore::starting_at(Revision::new(10));
    create(&restored, "default", "old").await;
    let _open = store.store();
    store.replace(restored);
    assert_eq!(names(&cache, ReadAt::Latest).await, ["old"]);
    assert!(matches!(
        batch(&mut watch).await,
        Some(Err(StorageError::Compacted { .. }))
    ));
    until(|| cache.stats().following).await;
    assert_eq!(names(&cache, ReadAt::Any).await, ["old"]);
}

/// What the backend told where the cache was behind is not taken back by the cache.
#[tokio::test]
async fn any_read_does_not_go_back_behind_what_the_backend_told() {
    let (store, cache) = filled(Options {
        wait: Duration::from_millis(20),
        ..quick()
    })
    .await;
    let first = create(&*cache, "default", "a").await;
    reached(&cache, first.revision()).await;
    store.hold(true);
    let second = create(&*store, "default", "b").await;
    let latest = cache.list(&all(ReadAt::Latest)).await.unwrap();
    assert_eq!(latest.revision, second.revision());
    assert!(cache.stats().revision < second.revision(), "the backend answered");
    for _ in 0..3 {
        let any = cache.list(&all(ReadAt::Any)).await.unwrap();
        assert!(any.revision >= latest.revision);
        assert_eq!(any.entries, [first.clone(), second.clone()]);
        let any = cache.get(second.key(), ReadAt::Any).await.unwrap();
        assert_eq!(any.entry.as_ref(), Some(&second));
    }
    store.hold(false);
    reached(&cache, second.revision()).await;
    let reads = store.reads();
    assert_eq!(names(&cache, ReadAt::Any).await, ["a", "b"]);
    assert_eq!(store.reads(), reads, "the cache answers again");
}

/// The follower panics: nobody is served what nobody keeps up to date, nobody waits for it, and it is started again.
#[tokio::test]
async fn a_follower_that_panics_is_started_again_and_the_cache_filled_anew() {
    let (store, cache) = filled(quick()).await;
    let first = create(&*cache, "default", "a").await;
    reached(&cache, first.revision()).await;
    let mut watch = cache.watch(&prefix(), first.revision()).await.unwrap();
    assert_eq!(cache.background().failure(), None);
    store.no_lists.store(true, Ordering::SeqCst);
    store.panics.store(true, Ordering::SeqCst);
    let second = create(&*cache, "default", "b").await;
    until(|| !cache.ready()).await;
    assert!(batch(&mut watch).await.is_none(), "the watch ends");
    assert!(cache.background().failure().unwrap().contains("on purpose"));
    for at in [
        ReadAt::Any,
        ReadAt::Latest,
        ReadAt::NotOlderThan(second.revision().next()),
    ] {
        let refused = cache.list(&all(at)).await;
        assert!(matches!(refused, Err(StorageError::Initializing)), "{refused:?}");
    }
    let refused = cache.watch(&prefix(), first.revision()).await;
    assert!(matches!(refused.err(), Some(StorageError::Initializing)));
    let read = cache.get(second.key(), ReadAt::Latest).await.unwrap();
    assert_eq!(read.entry.as_ref(), Some(&second), "the store answers");

    store.no_lists.store(false, Ordering::SeqCst);
    until(|| cache.ready()).await;
    assert_eq!(cache.background().restarts(), 1);
    assert_eq!(names(&cache, ReadAt::Any).await, ["a", "b"]);
    let mut watch = cache.watch(&prefix(), second.revision()).await.unwrap();
    let third = create(&*cache, "default", "c").await;
    assert_eq!(changes(&mut watch, 1).await[0].entry(), &third);
}

/// Who waits for something that the follower would bring does not wait for nothing.
#[tokio::test]
async fn a_reader_that_waits_for_a_follower_that_panics_is_told() {
    let (store, cache) = filled(Options {
        wait: LONG,
        ..quick()
    })
    .await;
    let first = create(&*cache, "default", "a").await;
    reached(&cache, first.revision()).await;
    store.no_lists.store(true, Ordering::SeqCst);
    let waiting = {
        let (cache, at) = (
            cache.clone(),
            ReadAt::NotOlderThan(first.revision().next().next()),
        );
        tokio::spawn(async move { cache.list(&all(at)).await })
    };
    sleep(Duration::from_millis(20)).await;
    store.panics.store(true, Ordering::SeqCst);
    create(&*store, "default", "b").await;
    let answer = timeout(LONG / 2, waiting).await.unwrap().unwrap();
    assert!(matches!(answer, Err(StorageError::Initializing)), "{answer:?}");
}
