//! From a port to connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::chain;
use super::connection::{self, Activity, Connection, Endings, Protocol};
use super::core::Core;
use super::lifecycle::Stage;
use super::tls::Tls;
use crate::authn::Peer;

/// How long a client may take for the handshake.
const HANDSHAKE: Duration = Duration::from_secs(32);
/// How long to wait when the system has no connection to give, such as when files run out.
const PAUSE: Duration = Duration::from_secs(1);
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
    pub(super) core: Arc<Core>,
    pub(super) tls: Arc<Tls>,
    pub(super) protocol: Protocol,
    /// How many connections may be open.
    pub(super) room: Arc<Semaphore>,
}

/// Accepts connections until the server drains.
pub(super) async fn accept(listener: TcpListener, serving: Serving) {
    let life = serving.core.life.clone();
    let draining = life.reached(Stage::Draining);
    tokio::pin!(draining);
    loop {
        let accepted = tokio::select! {
            () = &mut draining => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match Arc::clone(&serving.room).try_acquire_owned() {
                Ok(place) => {
                    tokio::spawn(serve(stream, serving.clone(), place));
                }
                Err(_) => tracing::warn!(%peer, "too many connections are open; a new one was closed"),
            },
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The client went away before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

async fn serve(stream: TcpStream, serving: Serving, _place: OwnedSemaphorePermit) {
    // Answers are written whole; waiting for more to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection cannot be tuned");
    }
    // Asked before the handshake, so that a swap during it is noticed.
    let leaf = serving.tls.leaf_changes();
    let handshake = tokio::time::timeout(HANDSHAKE, serving.tls.acceptor().accept(stream)).await;
    let stream = match handshake {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!("a TLS handshake took too long"),
    };
    let (_, session) = stream.get_ref();
    let connection = Arc::new(Connection {
        peer: Peer::new(session.peer_certificates()),
        is_http2: session.alpn_protocol() == Some(b"h2"),
        activity: Activity::new(),
    });
    let endings = Endings {
        life: serving.core.life.clone(),
        leaf,
    };
    let core = serving.core;
    let answering = Arc::clone(&connection);
    connection::run(stream, connection, serving.protocol, endings, move |request| {
        // Boxed once, here: every layer between this and the task would move it, and keep room for it.
        Box::pin(chain::serve(Arc::clone(&core), Arc::clone(&answering), request))
    })
    .await;
}
