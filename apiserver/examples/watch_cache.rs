//! What the watch cache costs in this process: filling, LIST, fan-out, memory of watchers. Prints; promises nothing.
//!
//! `cargo run --release -p annex-apiserver --example watch_cache`
#![allow(
    clippy::unwrap_used,
    reason = "a program that measures may stop where something fails"
)]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use annex_apiserver::storage::cache::{Cache, Options};
use annex_apiserver::storage::memory::MemoryStore;
use annex_apiserver::storage::{Entry, Event, Key, List, Prefix, ReadAt, Storage};
use bytes::Bytes;
use futures::StreamExt;

const OBJECTS: usize = 100_000;
const WATCHERS: usize = 1_000;
const IDLE: usize = 20_000;
const EVENTS: u64 = 2_000;
const SIZE: usize = 1_444;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    idle_watchers().await?;
    let store = Arc::new(MemoryStore::new());
    let prefix = Prefix::resource("wardle.example.com", "flunders")?;
    for number in 0..OBJECTS {
        store.create(&key(&prefix, number)?, object()).await?;
    }
    let before = memory();
    let begun = Instant::now();
    let cache = Cache::start(store.clone(), prefix.clone(), Options::default());
    cache.wait_ready().await;
    println!(
        "filled with {OBJECTS} in {:?}; beside the objects {} bytes each",
        begun.elapsed(),
        (memory() - before) / OBJECTS
    );
    lists(&cache, &prefix).await?;
    gets(&cache, &prefix).await?;
    fan_out(&cache, &prefix, None).await?;
    fan_out(&cache, &prefix, Some(Duration::from_millis(10))).await?;
    Ok(())
}

/// LIST of everything, alone and beside a writer; what it does to the writer.
async fn lists(cache: &Arc<Cache>, prefix: &Prefix) -> Outcome<()> {
    let list = List {
        prefix: prefix.clone(),
        after: None,
        limit: None,
        at: ReadAt::Any,
    };
    let listed = |count: u32| {
        let (cache, list) = (cache.clone(), list.clone());
        async move {
            let begun = Instant::now();
            for _ in 0..count {
                assert_eq!(cache.list(&list).await.unwrap().entries.len(), OBJECTS);
            }
            begun.elapsed() / count
        }
    };
    println!("LIST of {OBJECTS}: {:?}", listed(100).await);
    let limited = List {
        limit: Some(500),
        ..list.clone()
    };
    let begun = Instant::now();
    for _ in 0..1000 {
        cache.list(&limited).await?;
    }
    println!("LIST with limit 500: {:?}", begun.elapsed() / 1000);
    println!(
        "write to seen by the cache, alone: {:?}",
        writes(cache, prefix, 2000).await?
    );
    let done = Arc::new(AtomicBool::new(false));
    let lister = {
        let (listed, done) = (listed(1), done.clone());
        let (cache, list) = (cache.clone(), list.clone());
        tokio::spawn(async move {
            listed.await;
            let (mut count, begun) = (0, Instant::now());
            while !done.load(Ordering::Relaxed) {
                cache.list(&list).await.unwrap();
                count += 1;
                tokio::task::yield_now().await;
            }
            begun.elapsed() / count
        })
    };
    let write = writes(cache, prefix, 2000).await?;
    done.store(true, Ordering::Relaxed);
    println!(
        "write to seen by the cache, beside LISTs without a pause: {write:?}; such a LIST: {:?}",
        lister.await?
    );
    Ok(())
}

/// The mean time from a write to a consistent read of it.
async fn writes(cache: &Arc<Cache>, prefix: &Prefix, count: usize) -> Outcome<Duration> {
    let begun = Instant::now();
    for number in 0..count {
        let key = key(prefix, number * 41 % OBJECTS)?;
        let entry = cache.get(&key, ReadAt::Any).await?.entry.unwrap();
        let written = cache.update(&key, entry.revision(), object()).await?;
        let read = cache.get(&key, ReadAt::Latest).await?.entry;
        assert!(read.is_some_and(|read: Entry| read.revision() == written.revision()));
    }
    Ok(begun.elapsed() / u32::try_from(count)?)
}

async fn gets(cache: &Arc<Cache>, prefix: &Prefix) -> Outcome<()> {
    const GETS: u32 = 500_000;
    for at in [ReadAt::Any, ReadAt::Latest] {
        let keys: Vec<Key> = (0..OBJECTS)
            .map(|number| key(prefix, number))
            .collect::<Result<_, _>>()?;
        let begun = Instant::now();
        for number in 0..GETS as usize {
            cache.get(&keys[number * 7919 % OBJECTS], at).await?;
        }
        println!("GET {at:?}: {:?}", begun.elapsed() / GETS);
    }
    Ok(())
}

/// What a watcher costs that waits, each in a task of its own. First of all: what was freed before would hide it.
async fn idle_watchers() -> Outcome<()> {
    let prefix = Prefix::resource("wardle.example.com", "flunders")?;
    let cache = Cache::start(Arc::new(MemoryStore::new()), prefix.clone(), Options::default());
    cache.wait_ready().await;
    let revision = cache.stats().revision;
    let mut tasks = Vec::with_capacity(2 * IDLE);
    for namespaces in [1, 1000] {
        let before = memory();
        for number in 0..IDLE {
            let range = match namespaces {
                1 => prefix.clone(),
                _ => prefix.child(&format!("ns-{:04}", number % namespaces))?,
            };
            let mut watch = cache.watch(&range, revision).await?;
            tasks.push(tokio::spawn(async move { watch.next().await.map(drop) }));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let each = (memory() - before) / IDLE;
        println!("an idle watcher with its task, {namespaces} ranges: {each} bytes");
    }
    drop(cache);
    for task in tasks {
        task.await?;
    }
    Ok(())
}

/// Every watcher gets every event; written as fast as it goes, or one in `pace`.
async fn fan_out(cache: &Arc<Cache>, prefix: &Prefix, pace: Option<Duration>) -> Outcome<()> {
    let count = if pace.is_some() { EVENTS / 4 } else { EVENTS };
    let (told, batches) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..WATCHERS {
        let mut watch = cache.watch(prefix, cache.current_revision().await?).await?;
        let (told, batches) = (told.clone(), batches.clone());
        tasks.push(tokio::spawn(async move {
            let mut left = count;
            while left > 0 {
                let events = watch.next().await.unwrap().unwrap();
                let changes = events
                    .iter()
                    .filter(|event| matches!(event, Event::Changed(_)))
                    .count() as u64;
                left -= changes;
                told.fetch_add(changes, Ordering::Relaxed);
                batches.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let (begun, cpu) = (Instant::now(), cpu());
    for number in 0..count {
        let key = key(prefix, usize::try_from(number)?)?;
        let entry = cache.get(&key, ReadAt::Latest).await?.entry.unwrap();
        cache.update(&key, entry.revision(), object()).await?;
        if let Some(pace) = pace {
            tokio::time::sleep(pace).await;
        }
    }
    for task in tasks {
        task.await?;
    }
    let (took, used) = (begun.elapsed(), self::cpu() - cpu);
    let told = told.load(Ordering::Relaxed);
    println!(
        "{WATCHERS} watchers, {}: {told} events in {took:?}, {:.0} events/s, {:.2} µs CPU each, {:.1} events a batch",
        pace.map_or_else(
            || "as fast as it goes".to_owned(),
            |pace| format!("one event in {pace:?}")
        ),
        told as f64 / took.as_secs_f64(),
        used.as_secs_f64() * 1e6 / told as f64,
        told as f64 / batches.load(Ordering::Relaxed) as f64,
    );
    Ok(())
}

fn key(prefix: &Prefix, number: usize) -> Outcome<Key> {
    Ok(prefix
        .child(&format!("ns-{:04}", number % 1000))?
        .key(&format!("flunder-{number:06}"))?)
}

fn object() -> Bytes {
    vec![b'x'; SIZE].into()
}

/// Bytes of this process in memory.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Processor time of this process.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}
