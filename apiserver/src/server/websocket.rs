//! What is left of a request when its connection is a WebSocket: a watch, or the session of a connecter. Go:
//! `endpoints/handlers/watch.go`, HandleWS, and `httpstream/wsstream/conn.go`; RFC 6455.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, unfold};
use futures::{FutureExt as _, SinkExt as _, Stream, StreamExt as _};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::connection::{Connection, stream};
use super::lifecycle::{Lifecycle, Stage};
use super::response_body::Held;
use crate::rest::websocket::{self, MOST_MESSAGE, Session, WebSocket};

/// How long a connection may take to change its protocol, once the answer says so.
const UPGRADE: Duration = Duration::from_secs(10);
/// How long a client may take to close, once it was told that the end has come; and a connecter to end, once its client is gone.
const CLOSE: Duration = Duration::from_secs(5);
/// How often a client is asked whether it is there. Who has said nothing since the time before last is not.
const PING: Duration = Duration::from_secs(30);
/// The largest message of a client of a watch, in bytes. It has nothing to say.
const MOST_OF_WATCHER: usize = 4 * 1024;
/// Bytes that are read at once.
const READ_BUFFER: usize = 4 * 1024;

type Connected = TokioIo<hyper::upgrade::Upgraded>;

/// A connection that becomes a WebSocket.
pub(super) struct Upgraded {
    /// Gives the connection, once it has changed its protocol.
    pub(super) upgrade: OnUpgrade,
    /// What the request holds, up to the end.
    pub(super) held: Held,
    /// The connection counts as one until then.
    pub(super) connection: Arc<Connection>,
    /// When it is to end.
    pub(super) life: Lifecycle,
}

impl Upgraded {
    /// Sends the events of a watch, each as a message, in a task of its own.
    pub(super) fn watch(self, events: BoxStream<'static, Bytes>, is_text: bool) {
        let messages = events.map(move |event| message_of(event, is_text));
        self.spawn(MOST_OF_WATCHER, move |open| async move {
            let (open, end) = open.exchange(messages, None).await;
            open.close(end).await;
        });
    }

    /// Lets a connecter have it, in a task of its own.
    pub(super) fn session(self, session: Session) {
        self.spawn(MOST_MESSAGE, move |open| open.serve(session));
    }

    fn spawn<F, R>(self, most_message: usize, serve: F)
    where
        F: FnOnce(Open<Connected>) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let Self {
            upgrade,
            held,
            connection,
            life,
        } = self;
        let ends = life.clone();
        tokio::spawn(async move {
            let served = async {
                let Ok(Ok(upgraded)) = timeout(UPGRADE, upgrade).await else {
                    return;
                };
                let socket = open(TokioIo::new(upgraded), most_message).await;
                serve(Open { socket, held, life }).await;
            };
            tokio::select! {
                biased;
                () = ends.reached(Stage::Cut) => {}
                () = connection.slot.evicted() => {}
                () = served => {}
            }
        });
    }
}

/// An open WebSocket, with what its request holds.
struct Open<I> {
    socket: WebSocketStream<I>,
    held: Held,
    life: Lifecycle,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client closed it, is gone, or does not read.
    Gone,
    /// With a word to the client.
    Said(CloseCode),
}

impl<I: AsyncRead + AsyncWrite + Unpin> Open<I> {
    /// Lets a connecter have it, to the end of either.
    async fn serve(self, session: Session) {
        let (theirs, received, to_send) = WebSocket::pair(session.protocol);
        let (end, ended) = oneshot::channel();
        let messages = unfold((to_send, Some(ended)), |(to_send, ended)| {
            next_message(to_send, ended)
        });
        let served = async move { (session.serve)(theirs).await };
        let mut served = pin!(AssertUnwindSafe(served).catch_unwind());
        let exchanged = self.exchange(messages, Some(received));
        let mut exchanged = pin!(exchanged);
        tokio::select! {
            biased;
            outcome = &mut served => {
                // What it wrote goes out, and then there is no more, whoever else could still write.
                let _ = end.send(());
                let (open, mut end) = exchanged.await;
                if outcome.is_err() && end != End::Gone {
                    // The panic's own words went to the log when it happened.
                    end = End::Said(CloseCode::Error);
                }
                open.close(end).await;
            }
            (open, end) = &mut exchanged => {
                // It reads no more and writes to nobody: it is to end too.
                let _ = tokio::join!(open.close(end), timeout(CLOSE, served));
            }
        }
    }

    /// Sends `messages` up to their end, and passes on what comes, as fast as it is taken; without anybody who takes it, it is
    /// thrown away.
    async fn exchange(
        mut self,
        messages: impl Stream<Item = Message> + Send,
        received: Option<mpsc::Sender<websocket::Message>>,
    ) -> (Self, End) {
        let mut messages = pin!(messages);
        let mut ping = interval_at(Instant::now() + PING, PING);
        // Messages that came since the last two questions.
        let mut heard = [true, true];
        // Room for what comes next.
        let mut room = None;
        let end = loop {
            // In no order: who sends without pause holds up neither what is to be sent nor the end.
            let message = tokio::select! {
                () = self.life.reached(Stage::Draining) => break End::Said(CloseCode::Away),
                permit = reserve(received.as_ref()), if room.is_none() => {
                    room = Some(permit);
                    continue;
                }
                arrived = self.socket.next(), if room.is_some() => match arrived {
                    Some(Ok(message)) => {
                        heard[0] = true;
                        let is_close = message.is_close();
                        // The answer to either lies ready: whoever takes none gets no more of them.
                        if is_close || message.is_ping() {
                            let flushed = timeout(stream::LONGEST_STALL, self.socket.flush()).await;
                            if is_close || !matches!(flushed, Ok(Ok(()))) {
                                break End::Gone;
                            }
                        }
                        if let Some(message) = read(message)
                            && let Some(Some(permit)) = room.take()
                        {
                            permit.send(message);
                        }
                        continue;
                    }
                    Some(Err(Error::Capacity(_))) => break End::Said(CloseCode::Size),
                    Some(Err(_)) | None => break End::Gone,
                },
                _ = ping.tick() => {
                    // From whom nothing is taken, nothing is heard.
                    if room.is_some() && heard == [false, false] {
                        break End::Gone;
                    }
                    heard = [room.is_none(), heard[0]];
                    Message::Ping(Bytes::new())
                }
                message = messages.next() => match message {
                    Some(message) => {
                        if let Some(record) = &mut self.held.record {
                            record.sent(message.len());
                        }
                        message
                    }
                    None => break End::Said(CloseCode::Normal),
                },
            };
            // A client that does not read is given up, as over HTTP.
            let Ok(Ok(())) = timeout(stream::LONGEST_STALL, self.socket.send(message)).await else {
                break End::Gone;
            };
        };
        drop(room);
        (self, end)
    }

    /// Says goodbye, and waits for the client to.
    async fn close(mut self, end: End) {
        let End::Said(code) = end else {
            return;
        };
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::default(),
        };
        let closed = async {
            if self.socket.close(Some(frame)).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = timeout(CLOSE, closed).await;
    }
}

/// What is to be sent next, up to the end of the connecter, which `ended` tells, and what is left then.
async fn next_message(
    mut to_send: mpsc::Receiver<websocket::Message>,
    mut ended: Option<oneshot::Receiver<()>>,
) -> Option<(
    Message,
    (mpsc::Receiver<websocket::Message>, Option<oneshot::Receiver<()>>),
)> {
    let message = match &mut ended {
        None => to_send.recv().await,
        Some(end) => tokio::select! {
            biased;
            message = to_send.recv() => message,
            _ = end => {
                ended = None;
                to_send.close();
                to_send.recv().await
            }
        },
    };
    Some((written(message?), (to_send, ended)))
}

/// Room for one message; nobody needs any who throws it away, or to whom it cannot be passed on any more.
async fn reserve(
    received: Option<&mpsc::Sender<websocket::Message>>,
) -> Option<mpsc::Permit<'_, websocket::Message>> {
    received?.reserve().await.ok()
}

async fn open<I>(io: I, most_message: usize) -> WebSocketStream<I>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .max_message_size(Some(most_message))
        .max_frame_size(Some(most_message))
        .read_buffer_size(READ_BUFFER)
        // One message is sent at a time, and waited for.
        .write_buffer_size(0);
    WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await
}

/// What a client has said; `None`: nothing that anybody needs to know.
fn read(message: Message) -> Option<websocket::Message> {
    match message {
        Message::Binary(bytes) => Some(websocket::Message::Binary(bytes)),
        Message::Text(text) => Some(websocket::Message::Text(text.as_str().to_owned())),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => None,
    }
}

fn written(message: websocket::Message) -> Message {
    match message {
        websocket::Message::Binary(bytes) => Message::Binary(bytes),
        websocket::Message::Text(text) => Message::text(text),
    }
}

/// An event. JSON is text; what is not UTF-8, as no JSON is, goes as it is.
fn message_of(event: Bytes, is_text: bool) -> Message {
    if !is_text {
        return Message::Binary(event);
    }
    match Utf8Bytes::try_from(event.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(event),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_pings_and_takes_no_answer_is_given_up() {
        let (server, mut client) = tokio::io::duplex(4096);
        let flood = tokio::spawn(async move {
            // A whole ping of a client, whose mask changes nothing.
            let mut ping = vec![0x89, 0x80 | 125, 0, 0, 0, 0];
            ping.resize(6 + 125, b'x');
            let mut sent = 0_usize;
            while client.write_all(&ping).await.is_ok() {
                sent += ping.len();
            }
            sent
        });
        let open = Open {
            socket: open(server, MOST_OF_WATCHER).await,
            held: Held::default(),
            life: Lifecycle::new(),
        };
        let (open, end) = open.exchange(futures::stream::pending(), None).await;
        assert_eq!(end, End::Gone);
        drop(open);
        let sent = flood.await.unwrap();
        assert!(sent < 64 * 1024, "{sent} bytes were taken of who takes nothing");
    }
}
