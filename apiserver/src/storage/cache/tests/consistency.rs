//! Many writers, readers and watchers at once, over a backend that loses its watches all the time.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

use super::*;
use crate::storage::Key;

const WRITERS: usize = 4;
const WRITES: u64 = 150;

/// Writes one key over and over, and reads each write back.
async fn write(cache: Arc<Cache>, writer: usize) {
    let namespace = format!("ns-{}", writer % 2);
    let mut entry = create(&*cache, &namespace, &format!("own-{writer}")).await;
    for number in 1..WRITES {
        entry = if number % 10 == 9 {
            cache.delete(entry.key(), entry.revision()).await.unwrap();
            let gone = cache.get(entry.key(), ReadAt::Latest).await.unwrap();
            assert_eq!(gone.entry, None, "a deletion is seen by its writer");
            create(&*cache, &namespace, &format!("own-{writer}")).await
        } else {
            update(&*cache, &entry, number).await
        };
        let own = cache.get(entry.key(), ReadAt::Latest).await.unwrap();
        assert_eq!(own.entry, Some(entry.clone()), "a write is seen by its writer");
        let page = cache.list(&all(ReadAt::Latest)).await.unwrap();
        assert!(page.entries.contains(&entry));
        let page = cache
            .list(&all(ReadAt::NotOlderThan(entry.revision())))
            .await
            .unwrap();
        assert!(page.entries.contains(&entry));
    }
}

/// Reads whatever is at hand, which must never go back.
async fn read(cache: Arc<Cache>, done: Arc<AtomicBool>) {
    let mut seen: HashMap<Key, Revision> = HashMap::new();
    let mut told = Revision::ZERO;
    while !done.load(Ordering::SeqCst) {
        let page = cache.list(&all(ReadAt::Any)).await.unwrap();
        assert!(page.revision >= told, "{} after {told}", page.revision);
        told = page.revision;
        for entry in page.entries {
            assert!(entry.revision() <= told);
            let before = seen.insert(entry.key().clone(), entry.revision());
            assert!(before.is_none_or(|before| before <= entry.revision()));
        }
        tokio::task::yield_now().await;
    }
}

/// Follows a range until it has the revision at which the writers were done.
async fn follow(
    mut watch: Watch,
    mut told: Revision,
    mut until: tokio::sync::watch::Receiver<Revision>,
) -> BTreeMap<Key, Entry> {
    let mut mirror = BTreeMap::new();
    loop {
        let end = *until.borrow_and_update();
        if end > Revision::ZERO && told >= end {
            return mirror;
        }
        let events = tokio::select! {
            batch = batch(&mut watch) => batch.expect("the watch goes on").unwrap(),
            _ = until.changed() => continue,
        };
        for event in events {
            let Event::Changed(change) = event else {
                continue;
            };
            assert!(change.revision() > told, "{} after {told}", change.revision());
            told = change.revision();
            let key = change.entry().key().clone();
            let before = if change.is_deletion() {
                mirror.remove(&key)
            } else {
                mirror.insert(key, change.entry().clone())
            };
            assert_eq!(before.as_ref(), change.previous());
        }
    }
}

async fn finish<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    let mut results = Vec::new();
    for task in tasks {
        results.push(timeout(LONG, task).await.expect("it ends").unwrap());
    }
    results
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_readers_and_watchers_agree_though_the_backend_fails() {
    let options = Options {
        backoff_min: Duration::from_millis(1),
        ..Options::default()
    };
    let (store, cache) = filled(options).await;
    let start = cache.current_revision().await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let end = tokio::sync::watch::Sender::new(Revision::ZERO);
    let mut watchers = Vec::new();
    for range in [prefix(), prefix(), prefix().child("ns-0").unwrap()] {
        let watch = cache.watch(&range, start).await.unwrap();
        watchers.push((range, tokio::spawn(follow(watch, start, end.subscribe()))));
    }
    let readers: Vec<_> = (0..2)
        .map(|_| tokio::spawn(read(cache.clone(), done.clone())))
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(cache.clone(), writer)))
        .collect();
    while !writers.iter().all(JoinHandle::is_finished) {
        sleep(Duration::from_millis(3)).await;
        store.cut();
    }
    finish(writers).await;
    done.store(true, Ordering::SeqCst);
    finish(readers).await;

    // One last change in both namespaces, so that every watch has something to end with.
    create(&*cache, "ns-1", "last").await;
    let last = create(&*cache, "ns-0", "last").await;
    end.send_replace(last.revision());
    for (range, watcher) in watchers {
        let mirror = finish(vec![watcher]).await.remove(0);
        let list = List {
            prefix: range,
            ..all(ReadAt::Latest)
        };
        let listed = cache.list(&list).await.unwrap().entries;
        assert_eq!(mirror.into_values().collect::<Vec<_>>(), listed);
    }
}
