//! From a port to connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::connection::{self, Activity, Connection, Connections, Endings, Lingering, Protocol, Slot};
use super::handler::Handler;
use super::lifecycle::{Lifecycle, Stage};
use super::server_state::ServerState;
use super::tls::Tls;
use crate::authn::{Peer, Standing};
use crate::background::{BackgroundTask, supervise};

/// How long a client may take for the handshake: Go's tlsHandshakeTimeout of HTTP clients.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait when the system has no connection to give, such as when files run out, and how many connections of
/// strangers go then.
const PAUSE: Duration = Duration::from_millis(100);
const MAKE_ROOM: usize = 16;
/// How often it is said that connections were closed.
const SAY: Duration = Duration::from_secs(10);
/// When the server ends, connections that the system has taken in are answered. So long must none have come, and so long
/// is waited at most.
const QUIET: Duration = Duration::from_millis(20);
const LAST: Duration = Duration::from_millis(500);
/// Connections that the system holds until they are accepted.
const BACKLOG: u32 = 1024;

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address; unspecified: all, of both families.
    pub ip: IpAddr,
    /// The port; 0: any that is free.
    pub port: u16,
    /// Whether others may listen on it too.
    pub share_port: bool,
}

impl Address {
    /// A port of the loopback interface, for this machine alone.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        Self {
            ip: IpAddr::from([127, 0, 0, 1]),
            port,
            share_port: false,
        }
    }

    /// Listens there. Where all addresses are meant, and there is IPv6, it takes connections of both families.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn listen(self) -> io::Result<TcpListener> {
        if self.ip.is_unspecified() {
            // Go does the same for 0.0.0.0 and for ::.
            if let Ok(listener) = self.listen_on(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)) {
                return Ok(listener);
            }
        }
        self.listen_on(self.ip)
    }

    fn listen_on(self, ip: IpAddr) -> io::Result<TcpListener> {
        let socket = if ip.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        // Go's listeners always have it, with or without --permit-address-sharing; without it a restarted server waits
        // for its old connections to die.
        socket.set_reuseaddr(true)?;
        if self.share_port {
            socket.set_reuseport(true)?;
        }
        socket.bind(SocketAddr::new(ip, self.port))?;
        socket.listen(BACKLOG)
    }
}

/// What connections are served with.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) core: Arc<ServerState>,
    pub(super) handler: Arc<Handler>,
    pub(super) tls: Arc<Tls>,
    pub(super) protocol: Protocol,
    pub(super) connections: Connections,
}

/// Accepts connections until the server drains. Where that panics, it is started again: a server that accepts nothing lives
/// and serves nobody.
pub(super) async fn accept(listener: TcpListener, serving: Serving, task: BackgroundTask) {
    let (life, connections) = (serving.core.life.clone(), serving.connections.clone());
    supervised(listener, life, connections, task, move |stream, slot| {
        tokio::spawn(serve(stream, serving.clone(), slot));
    })
    .await;
}

/// Gives each connection to `serve`.
async fn supervised(
    listener: TcpListener,
    life: Lifecycle,
    connections: Connections,
    task: BackgroundTask,
    serve: impl Fn(TcpStream, Slot),
) {
    let acceptor = Acceptor {
        listener,
        life,
        connections,
        serve,
    };
    supervise(task, || acceptor.run(), || {}).await;
}

/// What accepts connections.
struct Acceptor<S> {
    listener: TcpListener,
    life: Lifecycle,
    connections: Connections,
    serve: S,
}

impl<S: Fn(TcpStream, Slot)> Acceptor<S> {
    async fn run(&self) {
        let draining = self.life.reached(Stage::Draining);
        tokio::pin!(draining);
        let mut closed = Closed::default();
        loop {
            tokio::select! {
                biased;
                () = &mut draining => break,
                accepted = self.listener.accept() => self.take(accepted, &mut closed).await,
            }
        }
        // Who was connected before nobody listened any more is answered.
        let end = Instant::now() + LAST;
        while Instant::now() < end
            && let Ok(accepted) = tokio::time::timeout(QUIET, self.listener.accept()).await
        {
            self.take(accepted, &mut closed).await;
        }
    }

    async fn take(&self, accepted: io::Result<(TcpStream, SocketAddr)>, closed: &mut Closed) {
        match accepted {
            Ok((stream, peer)) => {
                let (slot, gone) = self.connections.admit(peer.ip());
                closed.note(gone);
                (self.serve)(stream, slot);
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                closed.failed(&error);
                closed.note(self.connections.evict(MAKE_ROOM));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// What was closed, and what went wrong, since that was last said: whoever floods a server must not flood its log.
#[derive(Default)]
struct Closed {
    count: usize,
    said: Option<Instant>,
    failed: Option<Instant>,
}

impl Closed {
    fn note(&mut self, count: usize) {
        self.count += count;
        if self.count > 0 && is_due(&mut self.said) {
            tracing::warn!(
                count = self.count,
                "closed the oldest connections of unknown clients to make room for new ones"
            );
            self.count = 0;
        }
    }

    fn failed(&mut self, error: &io::Error) {
        if is_due(&mut self.failed) {
            tracing::warn!(%error, "failed to accept a connection");
        }
    }
}

/// Whether something may be said again; then it counts as said.
fn is_due(said: &mut Option<Instant>) -> bool {
    let is_due = said.is_none_or(|said| said.elapsed() >= SAY);
    if is_due {
        *said = Some(Instant::now());
    }
    is_due
}

/// The client went away before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// TLS over `stream`.
///
/// # Errors
/// The handshake's; [`io::ErrorKind::TimedOut`]: the client took too long.
async fn handshake<S>(tls: &Tls, stream: S) -> io::Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let shaken = tokio::time::timeout(HANDSHAKE, tls.acceptor().accept(stream)).await;
    shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn serve(stream: TcpStream, serving: Serving, slot: Slot) {
    // Answers are written whole; waiting for more to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection cannot be tuned");
    }
    // Asked before the handshake, so that a swap during it is noticed.
    let leaf = serving.tls.leaf_changes();
    let life = serving.core.life.clone();
    let stream = tokio::select! {
        biased;
        () = slot.evicted() => return,
        () = life.reached(Stage::Cut) => return,
        done = handshake(&serving.tls, stream) => match done {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%error, "a TLS handshake failed"),
        },
    };
    let (_, session) = stream.get_ref();
    let peer = Peer::new(session.peer_certificates());
    let standing = serving.core.authenticator.standing(&peer);
    match standing {
        Standing::FrontProxy => slot.proved_front_proxy(),
        Standing::Client => slot.authenticated(),
        Standing::Unknown => {}
    }
    let connection = Arc::new(Connection {
        peer,
        is_http2: session.alpn_protocol() == Some(b"h2"),
        activity: Activity::new(),
        slot,
    });
    let endings = Endings { life, leaf };
    let handler = serving.handler;
    let answering = Arc::clone(&connection);
    let io = Lingering::new(stream);
    connection::run(
        io,
        connection,
        standing,
        serving.protocol,
        endings,
        move |request| {
            let (handler, answering) = (Arc::clone(&handler), Arc::clone(&answering));
            // Boxed once, here: every layer between this and the task would move it, and keep room for it.
            Box::pin(async move { handler.serve(answering, request).await })
        },
    )
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::mpsc;

    use super::*;
    use crate::server::tls;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_has_ten_seconds_for_its_handshake() {
        let options = tls::Options {
            directory: None,
            ..tls::Options::default()
        };
        let (_, hints) = tokio::sync::watch::channel(std::iter::empty().collect());
        let tls = Tls::start(options, hints).await.unwrap();
        let (_silent, ours) = tokio::io::duplex(1024);
        let begun = Instant::now();
        let error = handshake(&tls, ours).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test]
    async fn connections_are_accepted_after_a_panic_until_the_server_drains() {
        let listener = Address::loopback(0).listen().unwrap();
        let address = listener.local_addr().unwrap();
        let (life, task) = (Lifecycle::new(), BackgroundTask::new("listener"));
        let (sender, mut served) = mpsc::unbounded_channel();
        let count = AtomicUsize::new(0);
        let accepting = tokio::spawn(supervised(
            listener,
            life.clone(),
            Connections::new(10),
            task.clone(),
            move |_, _| {
                let number = count.fetch_add(1, Ordering::SeqCst);
                assert_ne!(number, 0, "it fails on purpose");
                sender.send(number).unwrap();
            },
        ));
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        for number in [1, 2] {
            let accepted = tokio::time::timeout(PATIENCE, served.recv()).await;
            assert_eq!(accepted.unwrap(), Some(number));
        }
        assert_eq!(task.restarts(), 1);
        life.advance(Stage::Draining);
        tokio::time::timeout(PATIENCE, accepting).await.unwrap().unwrap();
    }
}
