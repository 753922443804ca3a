//! HTTP/2 frame by frame (RFC 9113), for what no client library would send, and for next to no work.

use std::fmt;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What a client says first: the preface, and a SETTINGS frame without any.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The payload that every peer takes of a frame.
const MOST_PAYLOAD: usize = 16_384;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Whether a head has an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// END_HEADERS is on its last frame.
    Said,
    /// More is to come, and does not (CVE-2024-27983 and its like).
    Never,
}

/// A block of headers (RFC 7541).
#[derive(Default)]
pub(super) struct Block(Vec<u8>);

impl Block {
    /// A GET of this path.
    pub(super) fn get(path: &str) -> Self {
        let mut block = Self::default();
        // Of the static table: :method GET, :scheme https.
        block.0.extend([0x82, 0x87]);
        block.literal(":authority", "localhost");
        block.literal(":path", path);
        block
    }

    /// A header in plain letters, that neither side is to remember.
    pub(super) fn literal(&mut self, name: &str, value: &str) {
        self.0.push(0);
        self.text(name);
        self.text(value);
    }

    /// A header that both sides are to remember, and the same again, a byte each, `count` times in all.
    pub(super) fn repeated(&mut self, name: &str, value: &str, count: usize) {
        self.0.push(0x40);
        self.text(name);
        self.text(value);
        // The first entry of the dynamic table.
        self.0
            .extend(std::iter::repeat_n(0x80 | 62, count.saturating_sub(1)));
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    /// With a prefix of seven bits.
    fn number(&mut self, number: usize) {
        if number < 127 {
            self.0.push(low(number, 0x7f));
            return;
        }
        self.0.push(127);
        let mut rest = number - 127;
        while rest >= 128 {
            self.0.push(0x80 | low(rest, 0x7f));
            rest >>= 7;
        }
        self.0.push(low(rest, 0x7f));
    }

    /// The request on this stream, with nothing after its head.
    pub(super) fn frames(&self, stream: u32, end: End) -> Vec<u8> {
        let chunks = self.0.len().div_ceil(MOST_PAYLOAD);
        let mut bytes = Vec::with_capacity(self.0.len() + chunks * 9);
        for (number, chunk) in self.0.chunks(MOST_PAYLOAD).enumerate() {
            let (kind, flags) = if number == 0 {
                (HEADERS, END_STREAM)
            } else {
                (CONTINUATION, 0)
            };
            let is_last = number + 1 == chunks && end == End::Said;
            let last = if is_last { END_HEADERS } else { 0 };
            let length = u32::try_from(chunk.len()).unwrap_or_default().to_be_bytes();
            bytes.extend_from_slice(&length[1..]);
            bytes.extend([kind, flags | last]);
            bytes.extend_from_slice(&stream.to_be_bytes());
            bytes.extend_from_slice(chunk);
        }
        bytes
    }
}

fn low(number: usize, mask: u8) -> u8 {
    number.to_le_bytes()[0] & mask
}

/// What a server said, by frames.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    answers: usize,
    resets: usize,
    goodbyes: usize,
}

impl std::ops::AddAssign for Heard {
    fn add_assign(&mut self, other: Self) {
        self.answers += other.answers;
        self.resets += other.resets;
        self.goodbyes += other.goodbyes;
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} answers, {} RST_STREAM, {} GOAWAY",
            self.answers, self.resets, self.goodbyes
        )
    }
}

/// Both halves of a connection over which HTTP/2 has begun.
pub(super) async fn begin(
    mut stream: TlsStream<TcpStream>,
) -> std::io::Result<(ReadHalf<TlsStream<TcpStream>>, WriteHalf<TlsStream<TcpStream>>)> {
    stream.write_all(PREFACE).await?;
    Ok(tokio::io::split(stream))
}

/// Counts the server's frames in `heard` until it ends the connection.
pub(super) async fn listen(
    reader: &mut (impl tokio::io::AsyncRead + Unpin),
    heard: &mut Heard,
) -> std::io::Result<()> {
    let mut head = [0; 9];
    let mut payload = Vec::new();
    loop {
        reader.read_exact(&mut head).await?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        payload.resize(length, 0);
        reader.read_exact(&mut payload).await?;
        match head[3] {
            HEADERS => heard.answers += 1,
            RST_STREAM => heard.resets += 1,
            GOAWAY => heard.goodbyes += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_hpack_writes_them() {
        // RFC 7541, C.1, with a prefix of seven bits.
        for (number, bytes) in [(10, vec![10]), (127, vec![127, 0]), (1337, vec![127, 0xba, 9])] {
            let mut block = Block::default();
            block.number(number);
            assert_eq!(block.0, bytes);
        }
    }

    #[test]
    fn a_long_head_goes_on_in_continuation_frames() {
        let mut block = Block::get("/");
        block.literal("x", &"y".repeat(40_000));
        let frames = block.frames(3, End::Said);
        assert_eq!(frames.len(), block.0.len() + 3 * 9);
        assert_eq!(frames[..9], [0, 0x40, 0, HEADERS, END_STREAM, 0, 0, 0, 3]);
        let second = MOST_PAYLOAD + 9;
        assert_eq!(
            frames[second..second + 9],
            [0, 0x40, 0, CONTINUATION, 0, 0, 0, 0, 3]
        );
        let third = 2 * second;
        assert_eq!(frames[third + 3..third + 5], [CONTINUATION, END_HEADERS]);
        let unfinished = block.frames(3, End::Never);
        assert_eq!(unfinished[third + 3..third + 5], [CONTINUATION, 0]);
    }

    #[tokio::test]
    async fn frames_of_the_server_are_counted() {
        let mut frames = Vec::new();
        for kind in [4, HEADERS, 0, RST_STREAM, GOAWAY, HEADERS] {
            frames.extend([0, 0, 2, kind, 0, 0, 0, 0, 1, 7, 7]);
        }
        let mut heard = Heard::default();
        assert!(listen(&mut frames.as_slice(), &mut heard).await.is_err());
        assert_eq!(heard.to_string(), "2 answers, 1 RST_STREAM, 1 GOAWAY");
    }
}
