//! One connection: HTTP/1.1 or HTTP/2, until it is idle, is to be replaced, or the server ends.

mod busy;
pub(super) mod stream;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

pub(super) use busy::{Activity, Busy};
use stream::{Streams, bounded};

use super::lifecycle::{Lifecycle, Stage};
use super::outgoing::Outgoing;
use crate::authn::Peer;

/// How long a client may take for the head of a request: k8s.io/apiserver's ReadHeaderTimeout.
const HEAD_TIMEOUT: Duration = Duration::from_secs(32);
/// How long a connection may be idle: its IdleTimeout.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// How long an idle connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(10);
/// How often a client over HTTP/2 is asked whether it is there, and how long it may take to say so.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes.
const MOST_HEAD_BYTES: usize = 1024 * 1024;
/// What a client may send of one stream, and in one frame, before it is read: Go's 256 KiB.
const WINDOW: u32 = 256 * 1024;

/// What requests need to know of the connection that they came by.
pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) is_http2: bool,
    pub(super) activity: Activity,
}

/// What ends connections from outside.
#[derive(Clone)]
pub(super) struct Endings {
    pub(super) life: Lifecycle,
    /// Counts certificates: with a new one, clients are to come again, or they would never see it.
    pub(super) leaf: watch::Receiver<u64>,
}

/// How HTTP is spoken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    /// Requests at once on one HTTP/2 connection.
    pub(super) max_streams: u32,
}

/// Serves a connection to its end. `serve` answers one request.
pub(super) async fn run<I, S, F>(
    io: I,
    connection: Arc<Connection>,
    protocol: Protocol,
    endings: Endings,
    serve: S,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Outgoing>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let answer = serve(request);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let io = TokioIo::new(io);
    let ended = if connection.is_http2 {
        let served = http2::Builder::new(Streams)
            .timer(TokioTimer::new())
            .max_concurrent_streams(protocol.max_streams)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW * protocol.max_streams.clamp(1, 16))
            .max_frame_size(WINDOW)
            // A client whose machine is gone says nothing; its watches would stay.
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .max_header_list_size(u32::try_from(MOST_HEAD_BYTES).unwrap_or(u32::MAX))
            .serve_connection(io, service);
        drive(served, &connection.activity, endings).await
    } else {
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MOST_HEAD_BYTES)
            .serve_connection(io, service);
        bounded(drive(served, &connection.activity, endings))
            .await
            .unwrap_or(Ok(()))
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// A connection of hyper's, whichever protocol it speaks.
trait Served: Future<Output = Result<(), hyper::Error>> {
    /// Accepts no further request: GOAWAY, or `Connection: close`. What runs is finished.
    fn say_goodbye(self: Pin<&mut Self>);
}

impl<I, S> Served for http1::Connection<I, S>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: hyper::service::HttpService<Incoming, ResBody = Outgoing>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn say_goodbye(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Served for http2::Connection<I, S, Streams>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: hyper::service::HttpService<Incoming, ResBody = Outgoing>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send + 'static,
{
    fn say_goodbye(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

async fn drive<C: Served>(served: C, activity: &Activity, endings: Endings) -> Result<(), hyper::Error> {
    let mut served = pin!(served);
    let mut ends = endings.of(activity);
    tokio::select! {
        biased;
        ended = served.as_mut() => return ended,
        _ = ends.next() => {}
    }
    drop(ends);
    served.as_mut().say_goodbye();
    tokio::select! {
        biased;
        ended = served.as_mut() => ended,
        () = left_alone(activity) => Ok(()),
    }
}

impl Endings {
    /// Whatever comes first ends the connection. A set, since that looks only at who has something to say: a connection
    /// is woken for each frame.
    fn of(self, activity: &Activity) -> FuturesUnordered<BoxFuture<'_, ()>> {
        let Self { life, mut leaf } = self;
        let ends = FuturesUnordered::new();
        ends.push(async move { life.reached(Stage::Draining).await }.boxed());
        ends.push(async move { leaf_changed(&mut leaf).await }.boxed());
        ends.push(activity.asked_to_close().boxed());
        ends.push(activity.idle_for(IDLE_TIMEOUT).boxed());
        ends
    }
}

/// Waits until a client that was told to go has had time to, and has no request running.
async fn left_alone(activity: &Activity) {
    tokio::time::sleep(GOODBYE).await;
    activity.idle_for(GOODBYE).await;
}

/// Waits for a new certificate; for ever where there will be none.
async fn leaf_changed(leaf: &mut watch::Receiver<u64>) {
    if leaf.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
