//! A watch over a WebSocket: what is left of a request when its connection has another protocol. Go:
//! `endpoints/handlers/watch.go`, HandleWS; RFC 6455.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::connection::{Connection, stream};
use super::lifecycle::{Lifecycle, Stage};
use super::response_body::Held;

/// How long a connection may take to change its protocol, once the answer says so.
const UPGRADE: Duration = Duration::from_secs(10);
/// How long a client may take to close, once it was told that the watch has ended.
const CLOSE: Duration = Duration::from_secs(5);
/// How often a client is asked whether it is there. Who has said nothing since the time before last is not.
const PING: Duration = Duration::from_secs(30);
/// The largest message of a client, in bytes. It has nothing to say.
const MOST_MESSAGE: usize = 4 * 1024;

/// A watch that goes on as messages, each of which is an event.
pub(super) struct Watch {
    /// Gives the connection, once it has changed its protocol.
    pub(super) upgrade: OnUpgrade,
    /// Its events.
    pub(super) events: BoxStream<'static, Bytes>,
    /// Whether these are text.
    pub(super) is_text: bool,
    /// What the request holds, up to the end of the watch.
    pub(super) held: Held,
    /// The connection counts as one until then.
    pub(super) connection: Arc<Connection>,
    /// When it is to end.
    pub(super) life: Lifecycle,
}

impl Watch {
    /// Serves it to its end, in a task of its own.
    pub(super) fn spawn(self) {
        tokio::spawn(async move {
            let (life, connection) = (self.life.clone(), Arc::clone(&self.connection));
            tokio::select! {
                biased;
                () = life.reached(Stage::Cut) => {}
                () = connection.slot.evicted() => {}
                () = self.serve() => {}
            }
        });
    }

    async fn serve(self) {
        let Self {
            upgrade,
            mut events,
            is_text,
            mut held,
            connection: _connection,
            life,
        } = self;
        let Ok(Ok(upgraded)) = timeout(UPGRADE, upgrade).await else {
            return;
        };
        let mut socket = open(upgraded).await;
        let mut ping = interval_at(Instant::now() + PING, PING);
        // Messages that came since the last two questions.
        let mut heard = [true, true];
        loop {
            let message = tokio::select! {
                biased;
                () = life.reached(Stage::Draining) => break,
                received = socket.next() => match received {
                    // Whatever it says: a watch has nothing to be told.
                    Some(Ok(message)) if !message.is_close() => {
                        heard[0] = true;
                        continue;
                    }
                    Some(_) | None => return,
                },
                _ = ping.tick() => {
                    if heard == [false, false] {
                        return;
                    }
                    heard = [false, heard[0]];
                    Message::Ping(Bytes::new())
                }
                event = events.next() => match event {
                    Some(event) => {
                        if let Some(record) = &mut held.record {
                            record.sent(event.len());
                        }
                        message(event, is_text)
                    }
                    None => break,
                },
            };
            // A client that does not read is given up, as over HTTP.
            let Ok(Ok(())) = timeout(stream::LONGEST_STALL, socket.send(message)).await else {
                return;
            };
        }
        let _ = timeout(CLOSE, close(&mut socket)).await;
    }
}

async fn open(upgraded: Upgraded) -> WebSocketStream<TokioIo<Upgraded>> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MOST_MESSAGE))
        .max_frame_size(Some(MOST_MESSAGE))
        .read_buffer_size(MOST_MESSAGE)
        // One message is sent at a time, and waited for.
        .write_buffer_size(0);
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await
}

/// JSON is text; what is not UTF-8, as no JSON is, goes as it is.
fn message(event: Bytes, is_text: bool) -> Message {
    if !is_text {
        return Message::Binary(event);
    }
    match tokio_tungstenite::tungstenite::Utf8Bytes::try_from(event.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(event),
    }
}

/// Says goodbye, and waits for the client to.
async fn close(socket: &mut WebSocketStream<TokioIo<Upgraded>>) {
    if socket.close(None).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
}
