//! Clauses of reads.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::support::{LONG, Mirror, create, delete, everything, get, key, list, prefix, update, within};
use crate::storage::{List, ReadAt, Revision, Storage, StorageError};

fn names(entries: &[crate::storage::Entry]) -> Vec<&str> {
    let start = prefix().as_str().len();
    entries
        .iter()
        .map(|entry| &entry.key().as_str()[start..])
        .collect()
}

pub async fn a_missing_key_is_told_with_a_revision(storage: &Arc<dyn Storage>) {
    let read = storage.get(&key("default", "a"), ReadAt::Latest).await.unwrap();
    assert_eq!(read.entry, None);
    assert!(read.revision > Revision::ZERO);
    let page = list(storage, ReadAt::Latest).await;
    assert!(page.entries.is_empty() && page.remaining == 0);
    assert!(page.revision >= read.revision);
    assert!(storage.current_revision().await.unwrap() >= page.revision);
}

pub async fn a_list_is_in_byte_order_and_ends_at_its_prefix(storage: &Arc<dyn Storage>) {
    let written = [
        "b/x", "a/y", "a-b/x", "a/b.c", "a/b-c", "a/b", "ab/x", "a/x", "a.b/x",
    ];
    for (index, path) in (0..).zip(written) {
        let (namespace, name) = path.split_once('/').unwrap();
        create(storage, namespace, name, index).await;
    }
    let page = list(storage, ReadAt::Latest).await;
    let mut sorted = written.to_vec();
    sorted.sort_unstable();
    assert_eq!(names(&page.entries), sorted);

    let inside = prefix().child("a").unwrap();
    let page = storage.list(&within(inside, ReadAt::Latest)).await.unwrap();
    assert_eq!(names(&page.entries), ["a/b", "a/b-c", "a/b.c", "a/x", "a/y"]);
    let nothing = prefix().child("missing").unwrap();
    let page = storage.list(&within(nothing, ReadAt::Latest)).await.unwrap();
    assert!(page.entries.is_empty());
}

pub async fn a_list_goes_on_after_any_text(storage: &Arc<dyn Storage>) {
    for name in ["a", "a-b", "b", "d"] {
        create(storage, "default", name, 1).await;
    }
    let base = prefix().child("default").unwrap();
    let cases: [(&str, &[&str]); 7] = [
        ("", &["default/a", "default/a-b", "default/b", "default/d"]),
        ("a", &["default/a-b", "default/b", "default/d"]),
        // As the continue tokens of k8s.io/apiserver have it: the last key and a zero byte.
        ("a\0", &["default/a-b", "default/b", "default/d"]),
        ("a-b", &["default/b", "default/d"]),
        ("c", &["default/d"]),
        ("d", &[]),
        ("z", &[]),
    ];
    for (after, expected) in cases {
        let page = storage
            .list(&List {
                after: Some(format!("{base}{after}")),
                ..within(base.clone(), ReadAt::Latest)
            })
            .await
            .unwrap();
        assert_eq!(names(&page.entries), expected, "after {after:?}");
    }
    for (after, count) in [("/", 4), ("/zzz", 0)] {
        let page = storage
            .list(&List {
                after: Some(after.to_owned()),
                ..everything(ReadAt::Latest)
            })
            .await
            .unwrap();
        assert_eq!(page.entries.len(), count, "after {after:?}");
    }
}

pub async fn pages_add_up_to_the_list(storage: &Arc<dyn Storage>) {
    for index in 0..7 {
        create(storage, "default", &format!("n-{index}"), index).await;
    }
    let gone = create(storage, "default", "n-3-gone", 0).await;
    delete(storage, &gone).await;
    let all = list(storage, ReadAt::Latest).await;
    assert_eq!((all.entries.len(), all.remaining), (7, 0));
    for limit in [1, 2, 3, 6, 7, 8] {
        let mut entries = Vec::new();
        let (mut after, mut at) = (None, ReadAt::Latest);
        loop {
            let asked = List {
                after,
                limit: Some(limit),
                ..everything(at)
            };
            let page = storage.list(&asked).await.unwrap();
            assert!(page.entries.len() <= limit);
            entries.extend(page.entries.iter().cloned());
            assert_eq!(page.remaining, 7 - entries.len() as u64, "limit {limit}");
            if page.remaining == 0 {
                break;
            }
            assert_eq!(page.entries.len(), limit);
            at = ReadAt::Exact(page.revision);
            after = entries.last().map(|entry| entry.key().as_str().to_owned());
        }
        assert_eq!(entries, all.entries, "limit {limit}");
    }
}

pub async fn an_exact_read_is_of_its_revision(storage: &Arc<dyn Storage>) {
    let start = storage.current_revision().await.unwrap();
    let mut history = vec![(start, Mirror::default())];
    let mut entry = create(storage, "default", "a", 0).await;
    history.push((entry.revision(), Mirror::of(std::slice::from_ref(&entry))));
    let other = create(storage, "default", "b", 0).await;
    history.push((other.revision(), Mirror::of(&[entry.clone(), other.clone()])));
    for number in 1..4 {
        entry = update(storage, &entry, number).await;
        history.push((entry.revision(), Mirror::of(&[entry.clone(), other.clone()])));
    }
    let deleted = delete(storage, &entry).await;
    history.push((deleted.revision(), Mirror::of(std::slice::from_ref(&other))));
    let again = create(storage, "default", "a", 9).await;
    history.push((again.revision(), Mirror::of(&[again.clone(), other])));

    for (revision, state) in history {
        let page = list(storage, ReadAt::Exact(revision)).await;
        assert_eq!(Mirror::of(&page.entries), state, "at {revision}");
        assert_eq!(page.revision, revision);
        let read = storage.get(again.key(), ReadAt::Exact(revision)).await.unwrap();
        assert_eq!(read.revision, revision);
        let read = read.entry.map(|entry| (entry.revision(), entry.value().clone()));
        assert_eq!(read.as_ref(), state.0.get(again.key()), "at {revision}");
    }
}

fn assert_future<T: std::fmt::Debug>(result: Result<T, StorageError>, asked: Revision) {
    assert!(
        matches!(result, Err(StorageError::FutureRevision { requested, current })
            if requested == asked && current < asked),
        "{result:?}"
    );
}

pub async fn an_exact_read_of_the_future_is_refused(storage: &Arc<dyn Storage>) {
    let created = create(storage, "default", "a", 1).await;
    let future = Revision::new(created.revision().get() + 1000);
    let at = ReadAt::Exact(future);
    assert_future(storage.get(created.key(), at).await, future);
    assert_future(storage.list(&everything(at)).await, future);
}

pub async fn a_read_not_older_than_the_present_is_answered(storage: &Arc<dyn Storage>) {
    let old = create(storage, "default", "a", 1).await;
    let new = update(storage, &old, 2).await;
    for revision in [old.revision(), new.revision()] {
        let at = ReadAt::NotOlderThan(revision);
        let read = storage.get(old.key(), at).await.unwrap();
        assert!(read.revision >= revision);
        let number = read.entry.map(|entry| super::number(&entry));
        assert!(number == Some(2) || (number == Some(1) && revision == old.revision()));
        let page = storage.list(&everything(at)).await.unwrap();
        assert!(page.revision >= revision);
    }
    let page = list(storage, ReadAt::NotOlderThan(new.revision())).await;
    assert_eq!(page.entries, [new]);
}

pub async fn a_read_not_older_than_a_near_revision_waits_for_it(storage: &Arc<dyn Storage>) {
    let created = create(storage, "default", "a", 1).await;
    let at = ReadAt::NotOlderThan(created.revision().next());
    let reader = {
        let (storage, key) = (storage.clone(), created.key().clone());
        tokio::spawn(async move { storage.get(&key, at).await })
    };
    sleep(Duration::from_millis(200)).await;
    assert!(!reader.is_finished());
    let updated = update(storage, &created, 2).await;
    let read = reader.await.unwrap().unwrap();
    assert_eq!(read.entry, Some(updated));
}

pub async fn a_read_not_older_than_a_far_revision_is_refused(storage: &Arc<dyn Storage>) {
    let created = create(storage, "default", "a", 1).await;
    let future = Revision::new(created.revision().get() + 1_000_000);
    let at = ReadAt::NotOlderThan(future);
    let begun = Instant::now();
    let everything = everything(at);
    let (got, listed) = tokio::join!(storage.get(created.key(), at), storage.list(&everything));
    assert_future(got, future);
    assert_future(listed, future);
    assert!(begun.elapsed() < LONG);
}

pub async fn any_read_is_not_older_than_what_was_told(storage: &Arc<dyn Storage>) {
    let mut entry = create(storage, "default", "a", 0).await;
    let mut told = Revision::ZERO;
    for number in 1..50 {
        entry = update(storage, &entry, number).await;
        let read = storage.get(entry.key(), ReadAt::Any).await.unwrap();
        assert!(read.revision >= told);
        told = read.revision;
        let page = list(storage, ReadAt::Any).await;
        assert!(page.revision >= told);
        told = page.revision;
        for seen in page.entries.iter().chain(&read.entry) {
            assert!(seen.revision() <= told);
        }
    }
    assert_eq!(get(storage, entry.key()).await, Some(entry));
}

pub async fn the_store_answers_its_check(storage: &Arc<dyn Storage>) {
    storage.check().await.unwrap();
}
