//! Lists and watches that are asked for and not read, by somebody who may.

use http::header::ACCEPT;

use super::connection::{Ask, Payload, Reading};
use super::{Arena, Attack, Error, Target, collection, storm};

pub(super) const LISTS: Attack = Attack {
    name: "unread-lists",
    objects: OBJECTS,
    run: |arena| Box::pin(lists(arena)),
};

pub(super) const WATCHES: Attack = Attack {
    name: "unread-watches",
    objects: OBJECTS,
    run: |arena| Box::pin(watches(arena)),
};

/// What is listed; each object has some 4 KB.
const OBJECTS: usize = 500;
/// How many ask at once, over so many connections.
const LISTERS: usize = 400;
const WATCHERS: usize = 600;
const CONNECTIONS: usize = 4;

/// In each form that there is: some are made whole before the first byte goes out.
async fn lists(arena: &Arena) -> Result<String, Error> {
    let list = collection(&arena.namespace);
    let asks = [
        Ask::get(&list),
        Ask::get(format!("{list}?resourceVersion=0")),
        Ask::get(&list).header(ACCEPT, "application/yaml")?,
        Ask::get(format!("{list}?pretty=1")),
        Ask::get(&list).header(ACCEPT, "application/json;as=Table;v=v1;g=meta.k8s.io")?,
    ];
    unread(&arena.reader, &asks, LISTERS, arena).await
}

/// From now on, from the beginning, and as a streaming list.
async fn watches(arena: &Arena) -> Result<String, Error> {
    let list = collection(&arena.namespace);
    let initial = "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
    let asks = [
        Ask::get(format!("{list}?watch=1")),
        Ask::get(format!("{list}?watch=1&resourceVersion=0")),
        Ask::get(format!("{list}?watch=1&{initial}")),
    ];
    unread(&arena.reader, &asks, WATCHERS, arena).await
}

async fn unread(who: &Target, asks: &[Ask], count: usize, arena: &Arena) -> Result<String, Error> {
    let until = storm::end_of(arena.scale.hold);
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(who.connect(Reading::Never).await?);
    }
    let shots = (connections.iter().cycle())
        .zip(asks.iter().cycle())
        .take(count)
        .map(|(connection, ask)| (connection.clone(), ask.clone(), Payload::none()));
    let tally = storm::hold(shots, until).await;
    Ok(format!("{count} at once, unread: {tally}"))
}
