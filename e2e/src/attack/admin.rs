//! The operator's admin ports, held by connections that say nothing.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

/// Until one that was closed is opened again: what is tried is to hold the port, not to keep the machine from its work.
const PAUSE: Duration = Duration::from_millis(200);

/// Holds `connections` to each port for `hold`; one that is closed is opened again. Returns how often one was opened.
pub async fn hold_admin_port(ports: Vec<SocketAddr>, connections: usize, hold: Duration) -> usize {
    let until = Instant::now() + hold;
    let holders: JoinSet<usize> = ports
        .into_iter()
        .flat_map(|port| std::iter::repeat_n(port, connections))
        .map(|port| hold_one(port, until))
        .collect();
    holders.join_all().await.into_iter().sum()
}

async fn hold_one(port: SocketAddr, until: Instant) -> usize {
    let mut opened = 0;
    while Instant::now() < until {
        match timeout_at(until, TcpStream::connect(port)).await {
            Ok(Ok(mut stream)) => {
                opened += 1;
                // The operator has nothing to say: this returns when it closes the connection.
                let _ = timeout_at(until, stream.read(&mut [0])).await;
            }
            Ok(Err(_)) => {}
            Err(_) => break,
        }
        sleep(PAUSE).await;
    }
    opened
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_is_closed_is_opened_again() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap();
        let closing = tokio::spawn(async move {
            loop {
                drop(listener.accept().await);
            }
        });
        let opened = hold_admin_port(vec![port], 2, Duration::from_secs(1)).await;
        closing.abort();
        assert!(opened > 2, "{opened}");
    }
}
