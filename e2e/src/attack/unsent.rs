//! Bodies that are announced and never come, from somebody who may create objects in one namespace.

use http::Method;
use http::header::CONTENT_TYPE;
use hyper::body::Bytes;

use super::connection::{Ask, Payload, Reading};
use super::{Arena, Attack, Error, collection, storm};

pub(super) const BODIES: Attack = Attack {
    name: "unsent-bodies",
    objects: 0,
    run: |arena| Box::pin(unsent(arena)),
};

/// More than a server of Kubernetes handles at once by default: 200 that write.
const BODIES_HELD: usize = 210;
/// On each connection.
const STREAMS: usize = 70;
/// What is announced: within what the server takes.
const ANNOUNCED: u64 = 1_000_000;

async fn unsent(arena: &Arena) -> Result<String, Error> {
    let until = storm::end_of(arena.scale.hold);
    let ask =
        Ask::new(Method::POST, collection(&arena.namespace)).header(CONTENT_TYPE, "application/json")?;
    let mut shots = Vec::new();
    for _ in 0..BODIES_HELD / STREAMS {
        let connection = arena.creator.connect(Reading::Willing).await?;
        for _ in 0..STREAMS {
            let payload = Payload::Unsent {
                first: Some(Bytes::from_static(b"{\"metadata\":")),
                announced: ANNOUNCED,
            };
            shots.push((connection.clone(), ask.clone(), payload));
        }
    }
    let tally = storm::hold(shots, until).await;
    Ok(format!("{BODIES_HELD} bodies that never come: {tally}"))
}
