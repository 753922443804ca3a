//! One connection: HTTP/1.1 or HTTP/2, until it is idle, is to be replaced, or the server ends.

mod activity;
mod lingering;
mod open;
mod request_body;
pub(super) mod stream;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use http::header::{CONNECTION, EXPECT, HeaderValue, UPGRADE};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

pub(super) use activity::{Activity, Busy};
pub(super) use lingering::Lingering;
pub(super) use open::{Connections, Slot};
pub(super) use request_body::RequestBody;
use stream::{Streams, bounded};

use super::handler::HandlerBody;
use super::lifecycle::{Lifecycle, Stage};
use crate::authn::{Peer, Standing};

/// How long a client may take for the head of a request: k8s.io/apiserver's ReadHeaderTimeout.
const HEAD_TIMEOUT: Duration = Duration::from_secs(32);
/// How long a connection may be idle: its IdleTimeout.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// How long an idle connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(10);
/// How often a client over HTTP/2 is asked whether it is there, and how long it may take to say so.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection that comes while the server ends may take for its one request.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// What a client may send of one stream before it is read, and in one frame, in bytes.
const WINDOW: u32 = 64 * 1024;
/// The most bytes that lie unread of all streams of a connection that is no front proxy's.
const MOST_UNREAD: u32 = 1024 * 1024;
/// The largest head of a request, in bytes: of a front proxy Go's DefaultMaxHeaderBytes, else what the largest tokens
/// and lists of groups need, since a head is held before anybody knows who sent it.
const MOST_HEAD_BYTES_OF_PROXY: u32 = 1024 * 1024;
const MOST_HEAD_BYTES: u32 = 128 * 1024;
/// Requests at once on a connection that is no front proxy's: Go's http2 server's own number.
const MOST_STREAMS: u32 = 250;

/// What requests need to know of the connection that they came by.
pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) is_http2: bool,
    pub(super) activity: Activity,
    pub(super) slot: Slot,
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

/// How much one client may send before anything of it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    streams: u32,
    head_bytes: u32,
    unread_bytes: u32,
}

impl Bounds {
    /// By the certificate that the client showed in the handshake: nothing else is known when the protocol begins.
    fn of(standing: Standing, protocol: Protocol) -> Self {
        match standing {
            // One connection carries the requests of all users of a cluster. Its window is that of all its streams
            // together, as in Go, so that no number of bodies that wait for their turn stops the others; at the default of
            // 1,000 streams 63 MiB is the most that can lie there.
            Standing::FrontProxy => Self {
                streams: protocol.max_streams,
                head_bytes: MOST_HEAD_BYTES_OF_PROXY,
                unread_bytes: WINDOW
                    .saturating_mul(protocol.max_streams)
                    .clamp(MOST_UNREAD, MOST_WINDOW),
            },
            Standing::Client | Standing::Unknown => Self {
                streams: protocol.max_streams.min(MOST_STREAMS),
                head_bytes: MOST_HEAD_BYTES,
                unread_bytes: MOST_UNREAD,
            },
        }
    }
}

/// RFC 9113 section 6.9.1.
const MOST_WINDOW: u32 = (1 << 31) - 1;

/// Serves a connection to its end. `serve` answers one request.
pub(super) async fn run<I, S, F>(
    io: I,
    connection: Arc<Connection>,
    standing: Standing,
    protocol: Protocol,
    endings: Endings,
    serve: S,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Fn(Request<RequestBody>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<HandlerBody>> + Send + 'static,
{
    let (is_http2, life) = (connection.is_http2, endings.life.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let is_held_back = !is_http2 && request.headers().contains_key(EXPECT);
        let answer = serve(request.map(|body| RequestBody::new(body, is_held_back)));
        // HTTP/1.1 has no GOAWAY: a connection that is closed while it is idle may meet a request under way. So the
        // clients are told with their answers, as long as they are still served.
        let says_close = !is_http2 && life.is_at(Stage::Leaving);
        async move {
            let mut answer = answer.await;
            if says_close && !answer.headers().contains_key(UPGRADE) {
                answer
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let bounds = Bounds::of(standing, protocol);
    let io = TokioIo::new(io);
    let ended = if connection.is_http2 {
        let served = http2::Builder::new(Streams)
            .timer(TokioTimer::new())
            .max_concurrent_streams(bounds.streams)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(bounds.unread_bytes)
            .max_frame_size(WINDOW)
            // A client whose machine is gone says nothing; its watches would stay.
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .max_header_list_size(bounds.head_bytes)
            .serve_connection(io, service);
        drive(served, &connection, endings).await
    } else {
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(bounds.head_bytes as usize)
            .serve_connection(io, service)
            .with_upgrades();
        bounded(drive(served, &connection, endings))
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

impl<I, S> Served for http1::UpgradeableConnection<I, S>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    S: hyper::service::HttpService<Incoming, ResBody = HandlerBody>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn say_goodbye(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Served for http2::Connection<I, S, Streams>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: hyper::service::HttpService<Incoming, ResBody = HandlerBody>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send + 'static,
{
    fn say_goodbye(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// How a connection ends.
enum End {
    /// After what runs on it.
    Goodbye,
    /// As it is.
    AtOnce,
}

async fn drive<C: Served>(served: C, connection: &Connection, endings: Endings) -> Result<(), hyper::Error> {
    let mut served = pin!(served);
    let mut ends = endings.of(connection);
    let mut is_leaving = false;
    loop {
        let end = tokio::select! {
            biased;
            ended = served.as_mut() => return ended,
            end = ends.next() => end,
        };
        match end {
            Some(End::Goodbye) if !is_leaving => {
                is_leaving = true;
                served.as_mut().say_goodbye();
                ends.push(left_alone(&connection.activity).boxed());
            }
            Some(End::Goodbye) => {}
            Some(End::AtOnce) | None => return Ok(()),
        }
    }
}

impl Endings {
    /// Whatever ends the connection. A set, since that looks only at who has something to say: a connection is woken for
    /// each frame.
    fn of(self, connection: &Connection) -> FuturesUnordered<BoxFuture<'_, End>> {
        let Self { life, mut leaf } = self;
        let activity = &connection.activity;
        let ends = FuturesUnordered::new();
        let cut = life.clone();
        ends.push(
            async move {
                cut.reached(Stage::Cut).await;
                End::AtOnce
            }
            .boxed(),
        );
        ends.push(
            async move {
                connection.slot.evicted().await;
                End::AtOnce
            }
            .boxed(),
        );
        ends.push(
            async move {
                life.reached(Stage::Draining).await;
                // A client that came just before gets its answer: it could not know that it came too late.
                let _ = tokio::time::timeout(FIRST_REQUEST, activity.used()).await;
                End::Goodbye
            }
            .boxed(),
        );
        ends.push(
            async move {
                leaf_changed(&mut leaf).await;
                End::Goodbye
            }
            .boxed(),
        );
        ends.push(
            async move {
                activity.asked_to_close().await;
                End::Goodbye
            }
            .boxed(),
        );
        ends.push(
            async move {
                activity.idle_for(IDLE_TIMEOUT).await;
                End::Goodbye
            }
            .boxed(),
        );
        ends
    }
}

/// Waits until a client that was told to go has had time to, and has no request running.
async fn left_alone(activity: &Activity) -> End {
    tokio::time::sleep(GOODBYE).await;
    activity.idle_for(GOODBYE).await;
    End::AtOnce
}

/// Waits for a new certificate; for ever where there will be none.
async fn leaf_changed(leaf: &mut watch::Receiver<u64>) {
    if leaf.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
