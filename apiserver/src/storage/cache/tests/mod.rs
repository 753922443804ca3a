//! Tests of the whole cache, over a store in memory that fails on purpose.

mod consistency;
mod faults;
mod faulty;
mod reads;
mod watches;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::{sleep, timeout};

use self::faulty::Faulty;
use super::{Cache, Options};
use crate::storage::conformance::{Fresh, key, object, prefix};
use crate::storage::memory::MemoryStore;
use crate::storage::{Change, Entry, Event, List, Prefix, ReadAt, Revision, Storage, StorageError, Watch};

/// How long a test waits for what must come.
const LONG: Duration = Duration::from_secs(60);

mod over_the_memory_store {
    use super::*;

    async fn fresh() -> Fresh {
        let cache = Cache::start(Arc::new(MemoryStore::new()), prefix(), Options::default());
        cache.wait_ready().await;
        Fresh::new(cache, ())
    }

    crate::storage_conformance!(fresh);
}

mod over_the_embedded_store {
    use super::*;
    use crate::storage::embedded::{EmbeddedStore, Options as StoreOptions};

    async fn fresh() -> Fresh {
        let directory = tempfile::tempdir().unwrap();
        let mut options = StoreOptions::new(directory.path());
        options.object_bytes = 3 << 19;
        let store = EmbeddedStore::open(&options).unwrap();
        let cache = Cache::start(store, prefix(), Options::default());
        cache.wait_ready().await;
        Fresh::new(cache, directory)
    }

    crate::storage_conformance!(fresh);
}

mod with_hardly_any_history {
    use super::*;

    /// Most watches from the past begin at the backend here, and batches are parts.
    async fn fresh() -> Fresh {
        let options = Options {
            history_min: 2,
            history_max: 8,
            fill_page: 3,
            batch: 3,
            ..Options::default()
        };
        let cache = Cache::start(Arc::new(MemoryStore::new()), prefix(), options);
        cache.wait_ready().await;
        Fresh::new(cache, ())
    }

    use crate::storage::conformance as clauses;

    /// The clauses whose watchers may be so slow that this history is too short for them are left out.
    macro_rules! mount {
        ($($clause:ident,)*) => {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $clause() {
                    clauses::$clause(fresh().await.storage()).await;
                }
            )*
        };
    }

    mount! {
        pages_add_up_to_the_list,
        an_exact_read_is_of_its_revision,
        a_watch_from_the_past_replays_and_goes_on,
        a_watch_from_the_future_is_silent_until_it_is_reached,
        a_watch_after_a_list_misses_nothing,
        compaction_forgets_older_reads,
        compaction_ends_older_watches,
        compaction_keeps_newer_history,
        watches_from_every_revision_agree,
        lists_under_writes_are_of_one_moment,
        pages_under_writes_are_of_one_moment,
    }
}

/// A cache over a store that fails when told to, filled.
async fn filled(options: Options) -> (Arc<Faulty>, Arc<Cache>) {
    let store = Arc::new(Faulty::default());
    let cache = Cache::start(store.clone(), prefix(), options);
    timeout(LONG, cache.wait_ready()).await.unwrap();
    until(|| cache.stats().following).await;
    (store, cache)
}

/// Waits for a condition.
async fn until(mut condition: impl FnMut() -> bool) {
    let met = async {
        while !condition() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, met).await.expect("the condition is met in time");
}

async fn reached(cache: &Cache, revision: Revision) {
    until(|| cache.stats().revision >= revision).await;
}

async fn create(storage: &impl Storage, namespace: &str, name: &str) -> Entry {
    storage
        .create(&key(namespace, name), object(name, 0))
        .await
        .unwrap()
}

async fn update(storage: &impl Storage, entry: &Entry, number: u64) -> Entry {
    let value = object(entry.key().name(), number);
    storage
        .update(entry.key(), entry.revision(), value)
        .await
        .unwrap()
}

/// Another resource of the same store.
fn elsewhere() -> Prefix {
    Prefix::resource("wardle.example.com", "fischers").unwrap()
}

async fn write_elsewhere(storage: &impl Storage, name: &str) -> Entry {
    let key = elsewhere().key(name).unwrap();
    storage.create(&key, object(name, 0)).await.unwrap()
}

fn all(at: ReadAt) -> List {
    List {
        prefix: prefix(),
        after: None,
        limit: None,
        at,
    }
}

async fn names(cache: &Cache, at: ReadAt) -> Vec<String> {
    let page = cache.list(&all(at)).await.unwrap();
    page.entries
        .iter()
        .map(|entry| entry.key().name().to_owned())
        .collect()
}

async fn batch(watch: &mut Watch) -> Option<Result<Vec<Event>, StorageError>> {
    timeout(LONG, watch.next())
        .await
        .expect("the watch tells something")
}

/// The next so many changes, and no more.
async fn changes(watch: &mut Watch, count: usize) -> Vec<Change> {
    let mut changes = Vec::new();
    while changes.len() < count {
        for event in batch(watch).await.expect("the watch goes on").unwrap() {
            if let Event::Changed(change) = event {
                changes.push(change);
            }
        }
    }
    assert_eq!(changes.len(), count);
    changes
}
