//! The listener of one admin address, and its connections.
//!
//! Whoever reaches the port can neither keep others out nor cost much: a connection is accepted as soon as it comes; it has
//! one second for its request's head and ten for all; where there are too many, the oldest of the address that has most of
//! them goes.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use http::Response;
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};

/// Connections at the same time.
pub(super) const MAX_CONNECTIONS: usize = 64;
/// Time for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(1);
/// Time for a connection, which serves one request.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Size of a request's head, and of the buffer for it; hyper takes no less than 8 KiB.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// Pause after a failed accept: the usual cause is that file descriptors ran out, and trying at once burns a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// An admin address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on {address}")]
pub struct ListenFailed {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Listens on `address`. Where the address is `[::]` and the machine has no IPv6, on `0.0.0.0`.
///
/// # Errors
/// The address is taken, or not this machine's.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenFailed> {
    let failed = |source| ListenFailed { address, source };
    match TcpListener::bind(address).await {
        Err(error) if is_any_v6(address) && error.kind() != io::ErrorKind::AddrInUse => {
            let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            // The first error says more about the address that was asked for.
            TcpListener::bind(v4).await.map_err(|_| failed(error))
        }
        result => result.map_err(failed),
    }
}

fn is_any_v6(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

/// Answers each request on `listener` by `answer`; ends only by being dropped, which closes all connections.
pub(super) async fn serve<F>(listener: TcpListener, answer: F) -> Infallible
where
    F: Fn(&hyper::Request<Incoming>) -> Response<Full<Bytes>> + Clone + Send + Sync + 'static,
{
    let mut connections = JoinSet::new();
    let mut open: Vec<Connection> = Vec::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                open.retain(|connection| !connection.task.is_finished());
                if open.len() >= MAX_CONNECTIONS {
                    evict(&mut open);
                }
                let task = connections.spawn(serve_connection(answer.clone(), stream));
                open.push(Connection {
                    peer: peer.ip().to_canonical(),
                    task,
                });
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection to an admin address");
                sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

struct Connection {
    peer: IpAddr,
    task: AbortHandle,
}

/// Ends the oldest connection of the address that has the most, so that whoever opens many loses its own first. `open` is
/// ordered by age.
fn evict(open: &mut Vec<Connection>) {
    let mut counts: HashMap<IpAddr, usize> = HashMap::new();
    for connection in open.iter() {
        *counts.entry(connection.peer).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or_default();
    if let Some(oldest) = open
        .iter()
        .position(|connection| counts.get(&connection.peer) == Some(&most))
    {
        open.remove(oldest).task.abort();
    }
}

async fn serve_connection<F>(answer: F, stream: TcpStream)
where
    F: Fn(&hyper::Request<Incoming>) -> Response<Full<Bytes>>,
{
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let response = answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        // One request for a connection: kubelet and Prometheus ask seldom, and an idle connection costs a place.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION_TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection to an admin address failed"),
        Err(_) => tracing::debug!("a connection to an admin address took too long"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_most_connections_loses_its_oldest() {
        let mut tasks = JoinSet::new();
        let mut open: Vec<Connection> = ["10.0.0.9", "10.0.0.1", "10.0.0.1", "10.0.0.9", "10.0.0.1"]
            .into_iter()
            .map(|peer| Connection {
                peer: peer.parse().unwrap(),
                task: tasks.spawn(std::future::pending::<()>()),
            })
            .collect();
        evict(&mut open);
        let left: Vec<String> = open
            .iter()
            .map(|connection| connection.peer.to_string())
            .collect();
        assert_eq!(left, ["10.0.0.9", "10.0.0.1", "10.0.0.9", "10.0.0.1"]);
        assert!(tasks.join_next().await.unwrap().unwrap_err().is_cancelled());
        // Among equals the oldest of all.
        evict(&mut open);
        assert_eq!(open[0].peer.to_string(), "10.0.0.1");
    }

    #[tokio::test]
    async fn a_taken_address_is_an_error_that_names_it() {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        let error = listen(address).await.unwrap_err();
        assert_eq!(error.to_string(), format!("failed to listen on {address}"));
    }
}
