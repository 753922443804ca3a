//! Connections that say nothing: TCP without a handshake, handshakes that stop, requests without an end to their head.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::{Arena, Attack, Error, storm};

pub(super) const SILENT: Attack = Attack {
    name: "silent-connections",
    objects: 0,
    run: |arena| Box::pin(silent(arena)),
};

/// How many are being opened at the same time.
const OPENING: usize = 64;

/// The first bytes of a TLS record that holds a ClientHello of 512 bytes.
const HALF_A_HELLO: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

/// Half of a request's head.
const HALF_A_HEAD: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nX-Never-";

/// How a connection falls silent.
#[derive(Clone, Copy)]
enum Silence {
    /// At once.
    Tcp,
    /// Within the handshake.
    Handshake,
    /// Within the head of a request.
    Head,
}

async fn silent(arena: &Arena) -> Result<String, Error> {
    let until = storm::end_of(arena.scale.hold);
    let most = arena.scale.connections;
    let openers: JoinSet<(usize, usize)> = (0..OPENING)
        .map(|opener| {
            let arena = arena.clone();
            async move { open(&arena, (opener..most).step_by(OPENING), until).await }
        })
        .collect();
    let opened = openers.join_all().await;
    let (made, refused) = opened
        .into_iter()
        .fold((0, 0), |(made, refused), one| (made + one.0, refused + one.1));
    Ok(format!("{made} silent connections, {refused} refused"))
}

/// Opens these, holds them until the end, and returns how many there were and how many could not be had.
async fn open(arena: &Arena, numbers: impl Iterator<Item = usize>, until: Instant) -> (usize, usize) {
    let (mut held, mut refused) = (Vec::new(), 0);
    for number in numbers {
        // A handshake costs the attacker as much as the server.
        let silence = match number % 16 {
            0 => Silence::Head,
            even if even % 2 == 0 => Silence::Tcp,
            _ => Silence::Handshake,
        };
        match timeout_at(until, fall_silent(arena, silence)).await {
            Ok(Ok(connection)) => held.push(connection),
            Ok(Err(_)) => refused += 1,
            Err(_) => break,
        }
    }
    tokio::time::sleep_until(until).await;
    (held.len(), refused)
}

async fn fall_silent(
    arena: &Arena,
    silence: Silence,
) -> Result<Box<dyn tokio::io::AsyncWrite + Send + Unpin>, Error> {
    Ok(match silence {
        Silence::Tcp => Box::new(arena.stranger.tcp().await?),
        Silence::Handshake => {
            let mut stream = arena.stranger.tcp().await?;
            // One that the server has closed meanwhile is one less.
            let _ = stream.write_all(HALF_A_HELLO).await;
            Box::new(stream)
        }
        Silence::Head => {
            let mut stream = arena.stranger.tls(b"").await?;
            let _ = stream.write_all(HALF_A_HEAD).await;
            Box::new(stream)
        }
    })
}

/// Lets this process have as many connections as the system allows it: each is an open file.
///
/// # Errors
/// The system does not.
pub fn many_files() -> Result<(), Error> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}
