//! A thousand kills under load: this program starts itself as a writer, and kills it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use annex_apiserver::storage::conformance::{Mirror, Watcher, key, number, object, prefix};
use annex_apiserver::storage::embedded::{EmbeddedStore, Options};
use annex_apiserver::storage::{Entry, Key, List, ReadAt, Revision, Storage};
use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const KILLS: u32 = 1000;
/// Tells the program that it is the writer, and where.
const DIRECTORY: &str = "ANNEX_TEST_WRITER_DIRECTORY";
const SEED: &str = "ANNEX_TEST_WRITER_SEED";
const WRITERS: u64 = 8;
const KEYS: usize = 3;

fn options(directory: &Path) -> Options {
    Options::new(directory)
}

/// The value with a number: of a size that follows from it, so that a half of one is told from a whole.
fn value(key: &Key, number: u64) -> Bytes {
    let mut value = object(key.name(), number).to_vec();
    let padding = usize::try_from(number % 2500).unwrap();
    value.splice(1..1, std::iter::repeat_n(b' ', padding));
    value.into()
}

fn everything(at: ReadAt) -> List {
    List {
        prefix: prefix(),
        after: None,
        limit: None,
        at,
    }
}

/// The writer's part; does nothing where it is not started as one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_writer() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let seed: u64 = std::env::var(SEED).unwrap().parse().unwrap();
    let store: Arc<dyn Storage> = EmbeddedStore::open(&options(Path::new(&directory))).unwrap();
    let start = store.list(&everything(ReadAt::Latest)).await.unwrap();
    let tasks: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let there = start
                .entries
                .iter()
                .map(|entry| (entry.key().clone(), entry.clone()));
            let there = there.collect();
            tokio::spawn(write(
                store.clone(),
                writer,
                SmallRng::seed_from_u64(seed + writer),
                there,
            ))
        })
        .collect();
    // Whoever kills this process knows the history up to here.
    store.compact(start.revision).await.unwrap();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Says what it is about to write, writes it, and says that it is written: one line each.
async fn write(store: Arc<dyn Storage>, writer: u64, mut random: SmallRng, mut there: BTreeMap<Key, Entry>) {
    let say = |line: String| std::io::stdout().write_all(line.as_bytes()).unwrap();
    loop {
        let name = format!("n-{}", random.random_range(0..KEYS));
        let key = key(&format!("ns-{writer}"), &name);
        let number = random.random_range(1..1_000_000_000_u64);
        let current = there.remove(&key);
        if let Some(current) = current.as_ref().filter(|_| random.random_range(0..5) == 0) {
            say(format!("try {key} 0\n"));
            let deleted = store.delete(&key, current.revision()).await.unwrap();
            say(format!("ack {key} 0 {}\n", deleted.revision()));
            continue;
        }
        say(format!("try {key} {number}\n"));
        let entry = match current {
            None => store.create(&key, value(&key, number)).await.unwrap(),
            Some(current) => {
                let updated = store.update(&key, current.revision(), value(&key, number));
                updated.await.unwrap()
            }
        };
        say(format!("ack {key} {number} {}\n", entry.revision()));
        there.insert(key, entry);
    }
}

/// What the writers have said, and what the store has shown.
#[derive(Debug)]
struct Witness {
    /// The number that lies at each key, as far as was acknowledged.
    acknowledged: BTreeMap<Key, u64>,
    /// What was tried and not acknowledged; zero: a deletion.
    tried: BTreeMap<Key, u64>,
    /// Revisions that were acknowledged since the last audit.
    fresh: BTreeSet<Revision>,
    state: Mirror,
    revision: Revision,
    writes: usize,
}

impl Witness {
    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (said, key) = (words.next(), words.next());
        let number = words.next().and_then(|word| word.parse().ok());
        let (Some(key), Some(number)) = (key.and_then(|key| Key::parse(key).ok()), number) else {
            return;
        };
        match said {
            Some("try") => drop(self.tried.insert(key, number)),
            Some("ack") => {
                let revision = Revision::new(words.next().unwrap().parse().unwrap());
                assert!(
                    revision > self.revision,
                    "{revision} is not after {}",
                    self.revision
                );
                assert!(self.fresh.insert(revision), "{revision} was given twice");
                assert_eq!(self.tried.remove(&key), Some(number));
                self.set(key, number);
                self.writes += 1;
            }
            _ => {}
        }
    }

    fn set(&mut self, key: Key, number: u64) {
        match number {
            0 => drop(self.acknowledged.remove(&key)),
            number => drop(self.acknowledged.insert(key, number)),
        }
    }

    /// Opens what the killed writer left, and compares.
    async fn audit(&mut self, directory: &Path) {
        let store: Arc<dyn Storage> = EmbeddedStore::open(&options(directory)).unwrap();
        let page = store.list(&everything(ReadAt::Latest)).await.unwrap();
        let mut there: BTreeMap<Key, u64> = BTreeMap::new();
        for entry in &page.entries {
            assert_eq!(entry.value(), &value(entry.key(), number(entry)), "a whole value");
            there.insert(entry.key().clone(), number(entry));
        }
        for (key, tried) in std::mem::take(&mut self.tried) {
            if there.get(&key).copied().unwrap_or(0) == tried {
                self.set(key, tried);
            }
        }
        assert_eq!(
            there, self.acknowledged,
            "what lies there, and what was acknowledged"
        );

        let mut watcher = Watcher::new(&store, self.revision).await;
        let mut history = BTreeSet::new();
        for change in watcher.up_to(&store, page.revision).await {
            self.state.follow(&change);
            history.insert(change.revision());
        }
        assert_eq!(
            self.state,
            Mirror::of(&page.entries),
            "the history and the values"
        );
        let lost: Vec<_> = self.fresh.difference(&history).collect();
        assert!(lost.is_empty(), "acknowledged, and not in the history: {lost:?}");
        self.fresh.clear();
        self.revision = page.revision;
    }
}

fn start(directory: &Path, seed: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::the_writer", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(SEED, (u64::from(seed) * WRITERS).to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Kills the writer at some moment of its life, and hears all that it has said.
fn kill(mut child: Child, random: &mut SmallRng, witness: &mut Witness) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    if random.random_range(0..5) == 0 {
        // Perhaps while it opens the store.
        std::thread::sleep(Duration::from_micros(random.random_range(0..30_000)));
    } else {
        for line in lines.by_ref().take(random.random_range(3..120)) {
            witness.hear(&line.unwrap());
        }
        std::thread::sleep(Duration::from_micros(random.random_range(0..2_000)));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "the writer ended by itself: {status}");
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    rest.iter().for_each(|line| witness.hear(line));
}

#[tokio::test]
async fn a_thousand_kills_lose_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(&options(directory.path())).unwrap();
    let mut witness = Witness {
        acknowledged: BTreeMap::new(),
        tried: BTreeMap::new(),
        fresh: BTreeSet::new(),
        state: Mirror::default(),
        revision: store.current_revision().await.unwrap(),
        writes: 0,
    };
    drop(store);
    let mut random = SmallRng::seed_from_u64(1);
    for round in 0..KILLS {
        let child = start(directory.path(), round);
        kill(child, &mut random, &mut witness);
        witness.audit(directory.path()).await;
    }
    assert!(
        witness.writes > 10_000,
        "the writers wrote only {} times",
        witness.writes
    );
}
