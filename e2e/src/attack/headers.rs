//! Heads of requests as large as they may be, from somebody who has not said who they are.

use http::HeaderName;
use hyper::body::Bytes;

use super::connection::{Ask, Reading};
use super::{Arena, Attack, Error, collection, storm};

pub(super) const LARGE: Attack = Attack {
    name: "large-headers",
    objects: 0,
    run: |arena| Box::pin(large(arena)),
};

/// Connections with streams that send a megabyte each, header by header.
const CONNECTIONS: usize = 4;
const STREAMS: usize = 12;
/// Headers of one request, and the length of each.
const HEADERS: usize = 16;
const LENGTH: usize = 60_000;
/// Streams whose head is one header over and over, which HPACK (RFC 7541) writes in a byte each.
const REPEATING: usize = 100;
const REPEATED: usize = 250;
const REPEATED_LENGTH: usize = 3_900;

async fn large(arena: &Arena) -> Result<String, Error> {
    let until = storm::end_of(arena.scale.hold);
    let path = collection(&arena.namespace);
    let name = HeaderName::from_static("x-large");
    let mut shots = Vec::new();
    for number in 0..CONNECTIONS {
        if let Ok(connection) = arena.stranger.connect(Reading::Willing).await {
            for stream in 0..STREAMS {
                let mut ask = Ask::get(&path);
                for header in 0..HEADERS {
                    let value = format!("{number}-{stream}-{header}-{}", "x".repeat(LENGTH));
                    ask = ask.header(name.clone(), &value)?;
                }
                shots.push((connection.clone(), ask, Bytes::new()));
            }
        }
    }
    let repeated = "y".repeat(REPEATED_LENGTH);
    let mut ask = Ask::get(&path);
    for _ in 0..REPEATED {
        ask = ask.header(name.clone(), &repeated)?;
    }
    if let Ok(connection) = arena.stranger.connect(Reading::Willing).await {
        let again = (0..REPEATING).map(|_| (connection.clone(), ask.clone(), Bytes::new()));
        shots.extend(again);
    }
    let tally = storm::exchange(shots, until, |_, _, _| Ok(())).await?;
    Ok(format!(
        "{} heads of a megabyte: {tally}",
        CONNECTIONS * STREAMS + REPEATING
    ))
}
