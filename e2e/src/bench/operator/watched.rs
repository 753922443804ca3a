//! Waiting for many objects at once, by one watch: both sides of the bench are looked at alike, and no object is read twice.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::Error;

/// How many of those that are not as wanted an error names.
const NAMED: usize = 5;

/// Waits until there are `count` objects of `labels`, and `instead` has nothing to say of any of them: it tells what there is where an
/// object is not as it should be.
///
/// # Errors
/// `limit` passed: how many are missing, and what some of them are instead.
pub(super) async fn all<K>(
    api: Api<K>,
    what: &str,
    labels: Option<&str>,
    count: usize,
    limit: Duration,
    instead: impl Fn(&K) -> Option<String>,
) -> Result<(), Error>
where
    K: kube::Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let config = labels.map_or_else(watcher::Config::default, |labels| {
        watcher::Config::default().labels(labels)
    });
    let stream = watcher(api, config).default_backoff();
    let mut stream = std::pin::pin!(stream);
    let mut seen: BTreeMap<String, Option<String>> = BTreeMap::new();
    let deadline = tokio::time::Instant::now() + limit;
    while let Ok(Some(event)) = tokio::time::timeout_at(deadline, stream.next()).await {
        match event {
            Ok(watcher::Event::Init) => seen.clear(),
            Ok(watcher::Event::InitApply(object)) => {
                seen.insert(key(&object), instead(&object));
                continue;
            }
            Ok(watcher::Event::Apply(object)) => {
                seen.insert(key(&object), instead(&object));
            }
            Ok(watcher::Event::Delete(object)) => {
                seen.remove(&key(&object));
            }
            Ok(watcher::Event::InitDone) => {}
            // It is begun again.
            Err(_) => continue,
        }
        if seen.len() == count && seen.values().all(Option::is_none) {
            return Ok(());
        }
    }
    Err(Error::Timeout(describe(what, count, limit, &seen)))
}

fn key(object: &impl kube::Resource) -> String {
    format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any())
}

fn describe(what: &str, count: usize, limit: Duration, seen: &BTreeMap<String, Option<String>>) -> String {
    let missing: Vec<String> = seen
        .iter()
        .filter_map(|(key, instead)| Some(format!("\n    {key}: {}", instead.as_ref()?)))
        .collect();
    format!(
        "waited {} s for {count} {what}: there are {}, and {} of them are otherwise:{}\n",
        limit.as_secs(),
        seen.len(),
        missing.len(),
        missing.iter().take(NAMED).map(String::as_str).collect::<String>(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_says_how_many_are_missing_and_what_they_are() {
        let seen = [("/a", None), ("/b", Some("Ready=False"))]
            .map(|(key, instead)| (key.to_owned(), instead.map(str::to_owned)))
            .into();
        let text = describe("servers", 3, Duration::from_secs(9), &seen);
        assert_eq!(
            text,
            "waited 9 s for 3 servers: there are 2, and 1 of them are otherwise:\n    /b: Ready=False\n"
        );
    }
}
