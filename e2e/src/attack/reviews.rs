//! Questions that only the cluster can answer, as many as come: tokens that nobody has, and names that nobody asked for.

use std::sync::Arc;

use hyper::body::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::connection::{Ask, Reading};
use super::tally::Tally;
use super::{Arena, Attack, Error, Target, collection, storm};

pub(super) const TOKENS: Attack = Attack {
    name: "random-tokens",
    objects: 0,
    run: |arena| Box::pin(tokens(arena)),
};

pub(super) const NAMES: Attack = Attack {
    name: "random-names",
    objects: 0,
    run: |arena| Box::pin(names(arena)),
};

/// Connections, and streams on each: more questions at once than the library asks at once.
const CONNECTIONS: usize = 12;
const STREAMS: usize = 100;
/// Questions in all.
const MOST: usize = 20_000;

/// Each token has to be looked up.
async fn tokens(arena: &Arena) -> Result<String, Error> {
    let path = collection(&arena.namespace);
    let ask = move |number: usize| {
        let token = format!("Bearer {:016x}.{number}", rand::random::<u64>());
        Ask::get(&path).header(http::header::AUTHORIZATION, &token)
    };
    flood(arena, &arena.stranger, ask).await
}

/// Each name is a question of its own to the authorizer.
async fn names(arena: &Arena) -> Result<String, Error> {
    let path = collection(&arena.namespace);
    let ask = move |number: usize| Ok(Ask::get(format!("{path}/{:08x}-{number}", rand::random::<u32>())));
    flood(arena, &arena.stranger, ask).await
}

async fn flood(
    arena: &Arena,
    who: &Target,
    ask: impl Fn(usize) -> Result<Ask, Error> + Send + Sync + 'static,
) -> Result<String, Error> {
    let until = storm::end_of(arena.scale.hold);
    let ask = Arc::new(ask);
    let each = MOST / CONNECTIONS / STREAMS;
    let mut workers: JoinSet<Result<Tally, Error>> = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let (who, ask) = (who.clone(), Arc::clone(&ask));
        workers.spawn(async move { requests(&who, &*ask, connection * STREAMS * each, each, until).await });
    }
    let mut total = Tally::default();
    while let Some(done) = workers.join_next().await {
        match done {
            Ok(tally) => total.add(&tally?),
            Err(_) => total.failure(),
        }
    }
    Ok(format!("{} questions: {total}", total.sum()))
}

/// Rounds of [`STREAMS`] questions at once over one connection, or another one when the server is done with it.
async fn requests(
    who: &Target,
    ask: &(impl Fn(usize) -> Result<Ask, Error> + Send + Sync),
    first: usize,
    rounds: usize,
    until: Instant,
) -> Result<Tally, Error> {
    let mut total = Tally::default();
    for round in 0..rounds {
        if Instant::now() >= until {
            break;
        }
        let Ok(Ok(connection)) = timeout_at(until, who.connect(Reading::Willing)).await else {
            total.failure();
            continue;
        };
        let mut shots = Vec::new();
        for stream in 0..STREAMS {
            let ask = ask(first + round * STREAMS + stream)?;
            shots.push((connection.clone(), ask, Bytes::new()));
        }
        total.add(&storm::exchange(shots, until, |_, _, _| Ok(())).await?);
    }
    Ok(total)
}
