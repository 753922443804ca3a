//! Heads of requests as large as they may be, from somebody who has not said who they are.

use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

use super::frames::{self, Block, End, Heard};
use super::{Arena, Attack, Error, Target, collection, storm};

pub(super) const LARGE: Attack = Attack {
    name: "large-headers",
    objects: 0,
    run: |arena| Box::pin(large(arena)),
};

/// Connections with whole heads, and streams on each.
const CONNECTIONS: usize = 4;
const STREAMS: u32 = 60;
/// Connections on which a head never ends.
const UNFINISHED: usize = 350;
/// How many are being opened at the same time.
const OPENING: usize = 16;
/// Headers of one request and the length of each: just below a megabyte.
const HEADERS: usize = 16;
const LENGTH: usize = 60_000;
/// The same of a header that is sent once and repeated in a byte each: the largest that HPACK remembers.
const REPEATED: usize = 250;
const REPEATED_LENGTH: usize = 3_900;

async fn large(arena: &Arena) -> Result<String, Error> {
    // Handshakes take some of the time.
    let until = storm::end_of(arena.scale.hold * 2);
    let path = collection(&arena.namespace);
    let value = "x".repeat(LENGTH);
    let mut distinct = Block::get(&path);
    for header in 0..HEADERS {
        distinct.literal(&format!("x-large-{header}"), &value);
    }
    let mut repeated = Block::get(&path);
    repeated.repeated("x-large", &"x".repeat(REPEATED_LENGTH), REPEATED);
    let (distinct, repeated) = (Arc::new(distinct), Arc::new(repeated));
    let mut senders = JoinSet::new();
    for number in 0..CONNECTIONS {
        let block = if number % 2 == 0 { &distinct } else { &repeated };
        let (who, block) = (arena.stranger.clone(), Arc::clone(block));
        senders.spawn(async move { send(&who, &block, STREAMS, End::Said, until).await });
    }
    let opening = Arc::new(Semaphore::new(OPENING));
    for _ in 0..UNFINISHED {
        let (who, block, opening) = (
            arena.stranger.clone(),
            Arc::clone(&distinct),
            Arc::clone(&opening),
        );
        senders.spawn(async move {
            let turn = opening.acquire().await;
            let stream = who.tls(b"h2").await?;
            drop(turn);
            send_over(stream, &block, 1, End::Never, until).await
        });
    }
    let (mut heard, mut refused) = (Heard::default(), 0);
    while let Some(sent) = senders.join_next().await {
        match sent {
            Ok(Ok(more)) => heard += more,
            _ => refused += 1,
        }
    }
    Ok(format!(
        "{CONNECTIONS} connections with {STREAMS} heads of a megabyte each, {UNFINISHED} with one that does not end \
         ({refused} refused): {heard}"
    ))
}

async fn send(who: &Target, block: &Block, streams: u32, end: End, until: Instant) -> Result<Heard, Error> {
    send_over(who.tls(b"h2").await?, block, streams, end, until).await
}

/// Sends all of it whatever the server says meanwhile, and stays until the end.
async fn send_over(
    stream: TlsStream<TcpStream>,
    block: &Block,
    streams: u32,
    end: End,
    until: Instant,
) -> Result<Heard, Error> {
    let mut heard = Heard::default();
    let Ok((mut reader, mut writer)) = frames::begin(stream).await else {
        return Ok(heard);
    };
    let sending = async {
        for stream in 0..streams {
            // Streams of a client have odd numbers.
            writer.write_all(&block.frames(2 * stream + 1, end)).await?;
        }
        writer.flush().await
    };
    let listening = frames::listen(&mut reader, &mut heard);
    // The server may end the connection, and then it is ended.
    let _ = timeout_at(until, async { tokio::join!(sending, listening) }).await;
    Ok(heard)
}
