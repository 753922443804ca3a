//! A WebSocket as who serves it sees it: messages in, messages out. The connection itself is the server's affair. Go:
//! `k8s.io/apimachinery/pkg/util/httpstream/wsstream`, conn.go.

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::mpsc;

/// Bytes of the largest message that a client may send. client-go sends 32 KiB and a channel at most.
pub const MOST_MESSAGE: usize = 128 * 1024;
/// Messages that came and were not read yet, and those that were written and not sent yet.
const QUEUED: usize = 4;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Of bytes.
    Binary(Bytes),
    /// Of text.
    Text(String),
}

impl Message {
    /// What it says, in bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Binary(bytes) => bytes,
            Self::Text(text) => text.into(),
        }
    }
}

/// The client has closed it, is gone, or does not read; or the server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the WebSocket is closed")]
pub struct Closed;

/// An open WebSocket. What is not read is not taken from the client, and what it does not read is waited for.
#[derive(Debug)]
pub struct WebSocket {
    protocol: Option<String>,
    incoming: mpsc::Receiver<Message>,
    outgoing: Sender,
}

/// Writes messages. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sender(mpsc::Sender<Message>);

impl Sender {
    /// Sends a message, when there is room for it.
    ///
    /// # Errors
    /// Nobody will ever read it.
    pub async fn send(&self, message: Message) -> Result<(), Closed> {
        self.0.send(message).await.map_err(|_| Closed)
    }
}

impl WebSocket {
    /// One, and the ends that the server holds.
    pub(crate) fn pair(protocol: Option<String>) -> (Self, mpsc::Sender<Message>, mpsc::Receiver<Message>) {
        let (received, incoming) = mpsc::channel(QUEUED);
        let (outgoing, to_send) = mpsc::channel(QUEUED);
        let socket = Self {
            protocol,
            incoming,
            outgoing: Sender(outgoing),
        };
        (socket, received, to_send)
    }

    /// The subprotocol that was chosen.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The client's next message; `None`: no more will come.
    pub async fn receive(&mut self) -> Option<Message> {
        self.incoming.recv().await
    }

    /// Sends a message, when there is room for it.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn send(&self, message: Message) -> Result<(), Closed> {
        self.outgoing.send(message).await
    }

    /// Who sends, for a task beside the one that receives.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.outgoing.clone()
    }
}

pub(crate) type Serve = Box<dyn FnOnce(WebSocket) -> BoxFuture<'static, ()> + Send>;

/// Who serves a WebSocket, once the connection is one.
pub struct Session {
    pub(crate) protocol: Option<String>,
    pub(crate) serve: Serve,
}
