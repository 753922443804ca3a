//! The streams of a command over one WebSocket, as `kubectl exec` and client-go's `remotecommand.NewWebSocketExecutor` speak them:
//! the subprotocols `v4.channel.k8s.io` and `v5.channel.k8s.io`. Go: `k8s.io/apimachinery/pkg/util/remotecommand/constants.go`;
//! KEP-4006. The first byte of a message is its channel.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ConnectRequest;
use super::websocket::{Closed, Message, Sender, WebSocket};
use crate::response::Response;
use crate::status::ApiError;

/// The subprotocols, the best one first.
pub const PROTOCOLS: [&str; 2] = [V5, "v4.channel.k8s.io"];
const V5: &str = "v5.channel.k8s.io";

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
/// Of v5: the channel that the next byte names has ended.
const CLOSE: u8 = 255;

/// What a client sends to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Bytes for the standard input.
    Stdin(Bytes),
    /// The standard input has ended; over v4 nobody can say that.
    StdinClosed,
    /// The terminal has another size.
    Resize(TerminalSize),
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TerminalSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this exit code; 0 is success.
    Code(u8),
    /// It could not be run, or its end is unknown.
    Failed(String),
}

impl Exit {
    /// The Status that the error channel carries.
    fn status(&self) -> Value {
        match self {
            Self::Code(0) => json!({ "metadata": {}, "status": "Success" }),
            Self::Code(code) => json!({
                "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
                "message": format!("command terminated with non-zero exit code: exit status {code}"),
                "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
            }),
            Self::Failed(message) => json!({
                "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
                "message": format!("Internal error occurred: {message}"),
                "details": { "causes": [{ "message": message }] },
            }),
        }
    }
}

/// What a command is given: its input, and its output beside it.
#[derive(Debug)]
pub struct Streams {
    socket: WebSocket,
    output: Output,
}

/// Where a command writes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Output(Sender);

impl Output {
    /// Writes to the standard output.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn stdout(&self, bytes: &[u8]) -> Result<(), Closed> {
        self.write(STDOUT, bytes).await
    }

    /// Writes to the standard error.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn stderr(&self, bytes: &[u8]) -> Result<(), Closed> {
        self.write(STDERR, bytes).await
    }

    async fn write(&self, channel: u8, bytes: &[u8]) -> Result<(), Closed> {
        let mut message = BytesMut::with_capacity(bytes.len() + 1);
        message.put_u8(channel);
        message.put_slice(bytes);
        self.0.send(Message::Binary(message.freeze())).await
    }
}

impl Streams {
    fn new(socket: WebSocket) -> Self {
        let output = Output(socket.sender());
        Self { socket, output }
    }

    /// What the client sends next; `None`: it is gone. A message that makes no sense is passed over, as Go does.
    pub async fn input(&mut self) -> Option<Input> {
        let is_v5 = self.socket.protocol() == Some(V5);
        loop {
            let mut message = self.socket.receive().await?.into_bytes();
            if message.is_empty() {
                continue;
            }
            let channel = message.split_to(1)[0];
            match channel {
                STDIN if !message.is_empty() => return Some(Input::Stdin(message)),
                RESIZE => {
                    if let Ok(size) = serde_json::from_slice(&message) {
                        return Some(Input::Resize(size));
                    }
                }
                CLOSE if is_v5 && *message == [STDIN] => return Some(Input::StdinClosed),
                _ => {}
            }
        }
    }

    /// Where to write, also while input is waited for.
    #[must_use]
    pub fn output(&self) -> Output {
        self.output.clone()
    }
}

impl ConnectRequest {
    /// Accepts the streams of a command, which `run` is from then on. What its future returns is told to the client.
    ///
    /// # Errors
    /// As [`upgrade`](Self::upgrade); a client that speaks SPDY alone is told so.
    pub fn command<F, R>(&self, run: F) -> Result<Response, ApiError>
    where
        F: FnOnce(Streams) -> R + Send + 'static,
        R: Future<Output = Exit> + Send + 'static,
    {
        self.upgrade(&PROTOCOLS, |socket| async move {
            let streams = Streams::new(socket);
            let output = streams.output();
            // A client takes the first message for the sign that the command runs (cri-streaming, remotecommand/websocket.go).
            if output.stdout(&[]).await.is_err() {
                return;
            }
            let exit = run(streams).await;
            // Who is gone needs to be told nothing.
            let _ = output.write(ERROR, exit.status().to_string().as_bytes()).await;
        })
    }
}
