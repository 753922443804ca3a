//! Who answers a read, and how fresh it is.

use std::sync::atomic::Ordering;

use super::*;

#[tokio::test]
async fn before_it_is_filled_lists_and_watches_say_so_and_the_backend_answers_gets() {
    let store = Arc::new(Faulty::default());
    store.no_lists.store(true, Ordering::SeqCst);
    let entry = create(&*store, "default", "a").await;
    let cache = Cache::start(store.clone(), prefix(), Options::default());
    for at in [
        ReadAt::Any,
        ReadAt::NotOlderThan(entry.revision()),
        ReadAt::Latest,
    ] {
        let listed = cache.list(&all(at)).await;
        assert!(
            matches!(listed, Err(StorageError::Initializing)),
            "{at:?}: {listed:?}"
        );
    }
    let watched = cache.watch(&prefix(), entry.revision()).await;
    assert!(matches!(watched, Err(StorageError::Initializing)));
    for at in [ReadAt::Any, ReadAt::Latest, ReadAt::Exact(entry.revision())] {
        assert_eq!(
            cache.get(entry.key(), at).await.unwrap().entry,
            Some(entry.clone())
        );
    }
    assert!(!cache.ready());

    store.no_lists.store(false, Ordering::SeqCst);
    timeout(LONG, cache.wait_ready()).await.unwrap();
    assert!(cache.ready());
    assert_eq!(names(&cache, ReadAt::Any).await, ["a"]);
}

#[tokio::test]
async fn it_is_filled_page_by_page() {
    let store = Arc::new(Faulty::default());
    for number in 0..10 {
        create(&*store, "default", &format!("n{number}")).await;
    }
    let options = Options {
        fill_page: 3,
        ..Options::default()
    };
    let cache = Cache::start(store.clone(), prefix(), options);
    timeout(LONG, cache.wait_ready()).await.unwrap();
    assert_eq!((store.reads(), cache.stats().objects), (4, 10));
    assert_eq!(names(&cache, ReadAt::Any).await.len(), 10);
}

#[tokio::test]
async fn reads_of_no_certain_freshness_do_not_touch_the_store() {
    let (store, cache) = filled(Options::default()).await;
    create(&*cache, "a", "1").await;
    create(&*cache, "a", "2").await;
    let last = create(&*cache, "b", "3").await;
    let reads = store.reads();
    assert_eq!(
        names(&cache, ReadAt::NotOlderThan(last.revision())).await,
        ["1", "2", "3"]
    );
    store.down.store(true, Ordering::SeqCst);
    assert_eq!(names(&cache, ReadAt::Any).await, ["1", "2", "3"]);
    let read = cache.get(last.key(), ReadAt::Any).await.unwrap();
    assert_eq!((read.entry, read.revision), (Some(last.clone()), last.revision()));
    let second = List {
        after: Some(key("a", "1").to_string()),
        limit: Some(1),
        ..all(ReadAt::Any)
    };
    let page = cache.list(&second).await.unwrap();
    assert_eq!((page.entries[0].key(), page.remaining), (&key("a", "2"), 1));
    assert_eq!(store.reads(), reads);
}

#[tokio::test]
async fn a_consistent_read_waits_until_the_cache_has_seen_the_last_write() {
    let (store, cache) = filled(Options::default()).await;
    let reads = store.reads();
    store.hold(true);
    let entry = create(&*cache, "default", "a").await;
    let reader = {
        let (cache, key) = (cache.clone(), entry.key().clone());
        tokio::spawn(async move {
            (
                cache.get(&key, ReadAt::Latest).await,
                names(&cache, ReadAt::Latest).await,
            )
        })
    };
    sleep(Duration::from_millis(50)).await;
    assert!(!reader.is_finished());
    store.hold(false);
    let (got, listed) = reader.await.unwrap();
    assert_eq!(got.unwrap().entry, Some(entry));
    assert_eq!(listed, ["a"]);
    assert_eq!(store.reads(), reads, "all of it came from memory");
}

#[tokio::test]
async fn a_consistent_read_is_the_stores_where_the_cache_stays_behind() {
    let options = Options {
        wait: Duration::from_millis(20),
        ..Options::default()
    };
    let (store, cache) = filled(options).await;
    let reads = store.reads();
    store.hold(true);
    let entry = create(&*cache, "default", "a").await;
    assert_eq!(names(&cache, ReadAt::Latest).await, ["a"]);
    assert_eq!(
        cache.get(entry.key(), ReadAt::Latest).await.unwrap().entry,
        Some(entry.clone())
    );
    assert_eq!(store.reads(), reads + 2);
    let late = cache.list(&all(ReadAt::NotOlderThan(entry.revision()))).await;
    assert!(
        matches!(late, Err(StorageError::FutureRevision { requested, current })
        if requested == entry.revision() && current < requested)
    );
}

#[tokio::test]
async fn a_consistent_read_is_the_stores_at_once_while_it_is_not_followed() {
    let options = Options {
        wait: LONG * 10,
        backoff_min: LONG * 10,
        backoff_max: LONG * 10,
        ..Options::default()
    };
    let (store, cache) = filled(options).await;
    store.cut();
    until(|| !cache.stats().following).await;
    create(&*cache, "default", "a").await;
    let listed = timeout(LONG, names(&cache, ReadAt::Latest)).await.unwrap();
    assert_eq!(listed, ["a"]);
    // Nor does anybody go back behind that.
    assert_eq!(names(&cache, ReadAt::Any).await, ["a"]);
}

#[tokio::test]
async fn a_consistent_read_fails_while_the_store_cannot_be_asked() {
    let (store, cache) = filled(Options::default()).await;
    store.down.store(true, Ordering::SeqCst);
    let listed = cache.list(&all(ReadAt::Latest)).await;
    assert!(matches!(listed, Err(StorageError::Unavailable(_))));
    assert!(cache.check().await.is_err());
}

#[tokio::test]
async fn writes_to_other_resources_hold_up_no_read() {
    let (store, cache) = filled(Options::default()).await;
    let reads = store.reads();
    for number in 0..20 {
        let other = write_elsewhere(&*cache, &format!("n{number}")).await;
        let page = cache.list(&all(ReadAt::Latest)).await.unwrap();
        assert!(page.revision >= other.revision());
        let other = write_elsewhere(&*cache, &format!("m{number}")).await;
        let read = cache
            .get(&key("a", "b"), ReadAt::NotOlderThan(other.revision()))
            .await
            .unwrap();
        assert!(read.revision >= other.revision());
    }
    assert_eq!(store.reads(), reads);
}

#[tokio::test]
async fn what_lies_elsewhere_is_the_stores_to_answer() {
    let (_, cache) = filled(Options::default()).await;
    let other = write_elsewhere(&*cache, "a").await;
    let mut watch = cache
        .watch(&elsewhere(), Revision::new(other.revision().get() - 1))
        .await
        .unwrap();
    assert_eq!(
        cache.get(other.key(), ReadAt::Any).await.unwrap().entry,
        Some(other.clone())
    );
    let list = List {
        prefix: Prefix::root(),
        ..all(ReadAt::Any)
    };
    assert_eq!(
        cache.list(&list).await.unwrap().entries,
        std::slice::from_ref(&other)
    );
    assert_eq!(changes(&mut watch, 1).await[0].entry(), &other);
}

#[tokio::test]
async fn an_exact_read_comes_from_memory_as_long_as_nothing_changed() {
    let (store, cache) = filled(Options::default()).await;
    let entry = create(&*cache, "default", "a").await;
    let later = write_elsewhere(&*cache, "x").await;
    cache.list(&all(ReadAt::Latest)).await.unwrap();
    let reads = store.reads();
    for revision in [entry.revision(), later.revision()] {
        let page = cache.list(&all(ReadAt::Exact(revision))).await.unwrap();
        assert_eq!((page.entries, page.revision), (vec![entry.clone()], revision));
    }
    assert_eq!(store.reads(), reads);

    let before = Revision::new(entry.revision().get() - 1);
    assert_eq!(names(&cache, ReadAt::Exact(before)).await, [""; 0]);
    let updated = update(&*cache, &entry, 1).await;
    reached(&cache, updated.revision()).await;
    let old = cache
        .get(entry.key(), ReadAt::Exact(later.revision()))
        .await
        .unwrap();
    assert_eq!(old.entry, Some(entry));
    assert_eq!(store.reads(), reads + 2);
}

#[tokio::test]
async fn the_pages_of_a_list_come_from_memory_while_writes_go_on() {
    let (store, cache) = filled(Options::default()).await;
    for number in 0..10 {
        create(&*cache, "default", &format!("n{number}")).await;
    }
    let begun = cache.list(&all(ReadAt::Latest)).await.unwrap();
    let reads = store.reads();
    let mut listed: Vec<Entry> = Vec::new();
    let mut at = ReadAt::Latest;
    loop {
        let asked = List {
            after: listed.last().map(|entry| entry.key().to_string()),
            limit: Some(3),
            ..all(at)
        };
        let page = cache.list(&asked).await.unwrap();
        at = ReadAt::Exact(page.revision);
        listed.extend(page.entries);
        if page.remaining == 0 {
            break;
        }
        let last = update(&*cache, &begun.entries[9 - listed.len() / 3], 1).await;
        let last = cache.delete(last.key(), last.revision()).await.unwrap();
        reached(&cache, last.revision()).await;
    }
    assert_eq!(listed, begun.entries);
    assert_eq!(store.reads(), reads);
}
