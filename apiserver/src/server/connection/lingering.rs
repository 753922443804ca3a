//! The end of a connection over HTTP/1.1: RFC 9112 section 9.6, and `closeWriteAndWait` of Go's net/http.
//!
//! A socket that is closed while bytes of the client lie unread in it is reset, and the reset may destroy an answer that
//! the client has not read yet. So the side that writes is closed first, and what still comes is thrown away for a while.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;

/// How long a client may take to close its side: Go's rstAvoidanceDelay.
const LINGER: Duration = Duration::from_millis(500);

/// A connection that is not closed before its client has had time to read.
pub(in crate::server) struct Lingering {
    stream: TlsStream<TcpStream>,
    /// Runs since the write side was closed.
    linger: Option<Pin<Box<Sleep>>>,
}

impl Lingering {
    pub(in crate::server) const fn new(stream: TlsStream<TcpStream>) -> Self {
        Self { stream, linger: None }
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        let Self { stream, linger } = &mut *self;
        let linger = linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let (socket, _) = stream.get_mut();
        let mut scratch = [0; 4096];
        loop {
            // First, so that a client that sends without end is not listened to without end.
            if Future::poll(linger.as_mut(), context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            // Below TLS: what is thrown away need not be decrypted.
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut *socket).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                // The client has closed its side too, or is gone.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}
