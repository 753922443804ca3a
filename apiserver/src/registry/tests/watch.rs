//! Watch.

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::fixture::*;
use crate::registry::{WatchEvent, WatchStream};
use crate::request::options::ListOptions;
use crate::storage::{Revision, Storage as _};

const LONG: Duration = Duration::from_secs(30);

/// What one event says: its type and the object's name, or the bookmark's revision.
fn shown(told: &WatchEvent) -> String {
    match told {
        WatchEvent::Bookmark {
            revision,
            initial_events_end,
        } => format!("BOOKMARK {revision} {initial_events_end}"),
        other => format!("{} {}", other.event_type(), other.entry().unwrap().key().name()),
    }
}

/// The next events, until there are `count`.
async fn events(watch: &mut WatchStream, count: usize) -> Vec<WatchEvent> {
    let mut seen = Vec::new();
    while seen.len() < count {
        seen.extend(
            timeout(LONG, watch.next())
                .await
                .expect("no event")
                .expect("the end")
                .unwrap(),
        );
    }
    assert_eq!(seen.len(), count, "{seen:?}");
    seen
}

/// The same as text.
pub(super) async fn shown_events(watch: &mut WatchStream, count: usize) -> Vec<String> {
    events(watch, count).await.iter().map(shown).collect()
}

impl Shop {
    async fn watch(&self, query: &str) -> WatchStream {
        let options = ListOptions::parse(&format!("watch=1&{query}")).unwrap();
        self.registry.watch("v2", "shop", &options).await.unwrap()
    }

    async fn recolor(&self, name: &str, color: &str) {
        self.patch(name, |object| {
            object.0["spec"]["color"] = color.into();
            object
                .metadata_mut()
                .insert("labels".into(), json!({"color": color}));
        })
        .await
        .unwrap();
    }
}

async fn stocked() -> Shop {
    let shop = shop();
    for (name, color) in [("b", "red"), ("a", "blue")] {
        shop.stock(with(paint(name, color), "labels", json!({"color": color})))
            .await;
    }
    shop
}

#[tokio::test]
async fn a_watch_without_a_revision_begins_with_the_state() {
    let shop = stocked().await;
    for query in ["", "resourceVersion=0"] {
        let mut watch = shop.watch(query).await;
        assert_eq!(shown_events(&mut watch, 2).await, ["ADDED a", "ADDED b"]);
        let name = format!("c{}", query.len());
        shop.stock(paint(&name, "red")).await;
        assert_eq!(shown_events(&mut watch, 1).await, [format!("ADDED {name}")]);
        shop.delete(&name, "").await.unwrap();
        assert_eq!(shown_events(&mut watch, 1).await, [format!("DELETED {name}")]);
    }
}

#[tokio::test]
async fn a_watch_from_a_revision_tells_what_came_after_it() {
    let shop = stocked().await;
    let then = shop.revision().await;
    shop.recolor("a", "red").await;
    shop.create_in("attic", paint("x", "red"), "").await.unwrap();
    shop.delete("b", "").await.unwrap();
    let mut watch = shop.watch(&format!("resourceVersion={then}")).await;
    let told = events(&mut watch, 2).await;
    assert_eq!(
        told.iter().map(shown).collect::<Vec<_>>(),
        ["MODIFIED a", "DELETED b"]
    );
    let deleted = told[1].entry().unwrap();
    assert_eq!(
        deleted.revision(),
        shop.revision().await,
        "the deletion's revision, not the object's last"
    );
    assert_eq!(shop.v1(&deleted).0["spec"]["color"], "red");
}

#[tokio::test]
async fn a_watch_of_only_what_is_new_leaves_the_state_out() {
    let shop = stocked().await;
    let mut watch = shop
        .watch("sendInitialEvents=false&resourceVersionMatch=NotOlderThan")
        .await;
    shop.stock(paint("c", "red")).await;
    assert_eq!(shown_events(&mut watch, 1).await, ["ADDED c"]);
}

#[tokio::test]
async fn a_watch_list_ends_the_state_with_a_bookmark() {
    let shop = stocked().await;
    let now = shop.revision().await;
    let list = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    for query in [
        format!("{list}&resourceVersion={now}"),
        list.into(),
        String::new(),
    ] {
        let mut watch = shop.watch(&format!("{query}&allowWatchBookmarks=true")).await;
        let expected = [
            "ADDED a".to_owned(),
            "ADDED b".to_owned(),
            format!("BOOKMARK {now} true"),
        ];
        assert_eq!(shown_events(&mut watch, 3).await, expected, "{query}");
    }
    let mut selected = shop
        .watch("allowWatchBookmarks=true&labelSelector=color%3Dnone")
        .await;
    assert_eq!(
        shown_events(&mut selected, 1).await,
        [format!("BOOKMARK {now} true")]
    );
    let mut without = shop.watch(list).await;
    assert_eq!(shown_events(&mut without, 2).await, ["ADDED a", "ADDED b"]);
}

#[tokio::test]
async fn an_object_is_new_when_it_begins_to_match_and_gone_when_it_ceases_to() {
    let shop = stocked().await;
    let mut watch = shop.watch("labelSelector=color%3Dred").await;
    assert_eq!(shown_events(&mut watch, 1).await, ["ADDED b"]);
    shop.recolor("a", "red").await;
    shop.recolor("b", "green").await;
    shop.recolor("b", "tan").await;
    shop.patch("a", |object| object.0["spec"]["extra"] = 1.into())
        .await
        .unwrap();
    shop.delete("b", "").await.unwrap();
    shop.delete("a", "").await.unwrap();
    let told = events(&mut watch, 4).await;
    assert_eq!(
        told.iter().map(shown).collect::<Vec<_>>(),
        ["ADDED a", "DELETED b", "MODIFIED a", "DELETED a"]
    );
    assert!(matches!(told[1], WatchEvent::Left(_)));
    let left = shop.v1(&told[1].entry().unwrap());
    assert_eq!(left.labels()["color"], "red", "as it was when it matched");
    assert_eq!(
        left.resource_version(),
        told[1].change().unwrap().revision().to_string()
    );
    assert!(told[1].revision() > told[0].revision());
}

#[tokio::test]
async fn one_object_is_watched_by_its_name_and_one_by_its_fields() {
    let shop = stocked().await;
    let mut named = shop.watch("fieldSelector=metadata.name%3Db").await;
    let mut green = shop.watch("fieldSelector=spec.colour%3Dgreen").await;
    assert_eq!(shown_events(&mut named, 1).await, ["ADDED b"]);
    shop.recolor("a", "green").await;
    shop.recolor("b", "green").await;
    assert_eq!(shown_events(&mut named, 1).await, ["MODIFIED b"]);
    assert_eq!(shown_events(&mut green, 2).await, ["ADDED a", "ADDED b"]);
}

#[tokio::test]
async fn all_watchers_are_told_the_same_change() {
    let shop = stocked().await;
    let now = shop.revision().await;
    let mut first = shop.watch(&format!("resourceVersion={now}")).await;
    let mut second = shop.watch(&format!("resourceVersion={now}")).await;
    shop.recolor("a", "red").await;
    let (first, second) = (events(&mut first, 1).await, events(&mut second, 1).await);
    let cache = |told: &[WatchEvent]| std::ptr::from_ref(told[0].change().unwrap().encodings());
    assert_eq!(cache(&first), cache(&second));
}

#[tokio::test]
async fn a_compacted_revision_is_an_error_in_the_stream() {
    let shop = stocked().await;
    let then = shop.revision().await;
    for color in ["red", "green"] {
        shop.recolor("a", color).await;
    }
    shop.store.compact(shop.revision().await).await.unwrap();
    let mut watch = shop.watch(&format!("resourceVersion={then}")).await;
    let status = watch.next().await.unwrap().unwrap_err().status();
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
    let message = format!("too old resource version: {then} (");
    assert!(status.message.starts_with(&message), "{}", status.message);
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn what_is_no_revision_ends_before_the_stream() {
    let shop = shop();
    let options = ListOptions::parse("watch=1&resourceVersion=x").unwrap();
    let status = shop
        .registry
        .watch("v2", "shop", &options)
        .await
        .err()
        .unwrap()
        .status();
    assert_eq!((status.code, status.reason.as_str()), (500, ""));
    let options = ListOptions::parse("watch=1&fieldSelector=spec.smell%3Dx").unwrap();
    assert_eq!(
        shop.registry
            .watch("v2", "shop", &options)
            .await
            .err()
            .unwrap()
            .status()
            .code,
        400
    );
}

#[tokio::test(start_paused = true)]
async fn a_future_revision_is_unknown_and_its_state_is_waited_for_only_so_long() {
    let shop = stocked().await;
    let now = shop.revision().await;
    let future = Revision::new(now.get() + 1);
    let mut watch = shop
        .watch(&format!("resourceVersion={future}&timeoutSeconds=60"))
        .await;
    let status = watch.next().await.unwrap().unwrap_err().status();
    assert_eq!(
        (status.code, status.reason.as_str(), status.message),
        (
            410,
            "Expired",
            format!("unknown resource version: {future} (the store is at {now})")
        )
    );
    assert!(watch.next().await.is_none());
    let future = Revision::new(shop.revision().await.get() + 1);
    let query = format!("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion={future}");
    let status = shop
        .watch(&query)
        .await
        .next()
        .await
        .unwrap()
        .unwrap_err()
        .status();
    assert_eq!(status.code, 504);
    assert_eq!(
        status.details.unwrap().causes[0].reason,
        "ResourceVersionTooLarge"
    );
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_every_minute_and_shortly_before_the_end() {
    let shop = stocked().await;
    let start = Instant::now();
    let now = shop.revision().await;
    let query = format!("resourceVersion={now}&allowWatchBookmarks=true&timeoutSeconds=130");
    let mut watch = shop.watch(&query).await;
    let mut times = Vec::new();
    while let Some(batch) = watch.next().await {
        assert!(
            matches!(batch.unwrap()[..], [WatchEvent::Bookmark { revision, initial_events_end: false }] if revision == now)
        );
        times.push(start.elapsed().as_secs());
    }
    assert_eq!(times, [60, 120, 128]);
    assert_eq!(start.elapsed().as_secs(), 130);
}

#[tokio::test(start_paused = true)]
async fn a_bookmark_knows_of_what_the_watcher_was_not_told() {
    let shop = stocked().await;
    let mut watch = shop
        .watch("allowWatchBookmarks=true&labelSelector=color%3Dnone&timeoutSeconds=100")
        .await;
    events(&mut watch, 1).await;
    shop.recolor("a", "red").await;
    let now = shop.revision().await;
    let bookmark = timeout(Duration::from_secs(90), watch.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(
        bookmark.iter().map(shown).collect::<Vec<_>>(),
        [format!("BOOKMARK {now} false")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_when_its_time_is_up() {
    let shop = stocked().await;
    for (query, least, most) in [
        ("timeoutSeconds=5", 5, 5),
        ("timeoutSeconds=0", 1800, 3600),
        ("", 1800, 3600),
    ] {
        let start = Instant::now();
        let mut watch = shop.watch(query).await;
        while let Some(batch) = watch.next().await {
            batch.unwrap();
        }
        let lasted = start.elapsed().as_secs();
        assert!((least..=most).contains(&lasted), "{query}: {lasted}");
    }
}

#[tokio::test]
async fn a_large_state_is_told_in_parts() {
    let shop = shop();
    for number in 0..2500 {
        shop.smuggle(
            &format!("p{number:04}"),
            r#"{"kind":"Paint","apiVersion":"test.example.com/v1","metadata":{"name":"x"}}"#,
        )
        .await;
    }
    let mut watch = shop.watch("allowWatchBookmarks=true").await;
    let mut sizes = Vec::new();
    for _ in 0..3 {
        sizes.push(watch.next().await.unwrap().unwrap().len());
    }
    assert_eq!(sizes, [1000, 1000, 501]);
}

#[tokio::test]
async fn selectors_speak_of_what_had_to_be_converted() {
    let (shop, calls) = waiting_shop();
    for (name, color) in [("a", "blue"), ("b", "red"), ("c", "red")] {
        shop.stock(paint(name, color)).await;
    }
    let options = ListOptions::parse("fieldSelector=spec.colour%3Dred").unwrap();
    let listed = shop.registry.list("v2", "shop", &options).await.unwrap();
    let names: Vec<_> = listed.entries.iter().map(|entry| entry.key().name()).collect();
    assert_eq!(names, ["b", "c"]);
    let one = ListOptions::parse("fieldSelector=spec.colour%3Dred,metadata.name%3Da").unwrap();
    assert!(
        shop.registry
            .list("v2", "shop", &one)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
    let mut watch = shop.watch("fieldSelector=spec.colour%3Dred").await;
    assert_eq!(shown_events(&mut watch, 2).await, ["ADDED b", "ADDED c"]);
    shop.recolor("a", "red").await;
    shop.recolor("b", "blue").await;
    shop.delete("c", "").await.unwrap();
    assert_eq!(
        shown_events(&mut watch, 3).await,
        ["ADDED a", "DELETED b", "DELETED c"]
    );
    // Each state of each object was converted once.
    assert_eq!(calls.take().iter().sum::<usize>(), 5);
}
