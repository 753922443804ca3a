//! The body of a request, whose end is where a write is let in.
//!
//! A client may take as long as it likes to send: a seat that waited for a body would be held by nobody's work. What a body
//! holds meanwhile is memory, and of that there is a budget for what is not small.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Frame, SizeHint};

use super::flow_control::{Asked, Flow, SMALL_BODY, Waiting};
use super::permit::Permit;
use crate::endpoint::MOST_BODY_BYTES;
use crate::flowcontrol::{Rejected, Seat};

/// A body that ends when its request has its seats.
pub(super) struct RequestBody<'a, B> {
    inner: B,
    gate: Option<Gate<'a>>,
}

/// What stands between a body and its end.
struct Gate<'a> {
    flow: Flow<'a>,
    permit: &'a mut Permit,
    received: usize,
    /// What it says of its length, or the most that it can have.
    announced: usize,
    has_room: bool,
    /// What came and is not passed on before there is room for it.
    held: Option<Frame<Bytes>>,
    waiting: Option<Waiting>,
}

/// Why a body ends too early.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError<E> {
    #[error("{0}")]
    Client(E),
    #[error("{0}")]
    Rejected(Rejected),
}

impl<'a, B> RequestBody<'a, B> {
    /// `inner` as it is: its request has its seats, or needs none.
    pub(super) fn admitted(inner: B) -> Self {
        Self { inner, gate: None }
    }

    /// `inner`, at whose end `flow` gets its seats into `permit`.
    pub(super) fn gated(inner: B, headers: &HeaderMap, flow: Flow<'a>, permit: &'a mut Permit) -> Self {
        let announced = headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        let gate = Gate {
            flow,
            permit,
            received: 0,
            announced: announced.unwrap_or(MOST_BODY_BYTES),
            has_room: false,
            held: None,
            waiting: None,
        };
        Self {
            inner,
            gate: Some(gate),
        }
    }
}

impl Gate<'_> {
    /// Whether a frame may be passed on. Otherwise it is held until there is room for its body.
    fn passes(&mut self, frame: Frame<Bytes>) -> Result<Option<Frame<Bytes>>, Rejected> {
        self.received = self
            .received
            .saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if self.has_room || self.received <= SMALL_BODY {
            return Ok(Some(frame));
        }
        match self.flow.ask_for_body(self.announced.max(self.received))? {
            Asked::Seated(room) => {
                self.hold(room);
                Ok(Some(frame))
            }
            Asked::Waiting(room) => {
                self.permit.begins_to_wait();
                (self.held, self.waiting) = (Some(frame), Some(room));
                Ok(None)
            }
        }
    }

    fn hold(&mut self, room: Seat) {
        self.has_room = true;
        self.permit.hold_body(room);
    }

    /// At the end of the body. Whether the request has its seats.
    fn ends(&mut self) -> Result<bool, Rejected> {
        match self.flow.ask()? {
            Asked::Seated(seat) => {
                self.flow.begin(seat, self.permit);
                Ok(true)
            }
            Asked::Waiting(seat) => {
                self.permit.begins_to_wait();
                self.waiting = Some(seat);
                Ok(false)
            }
        }
    }
}

impl<B> RequestBody<'_, B> {
    fn rejected<E>(&mut self, rejected: Rejected) -> Poll<Option<Result<Frame<Bytes>, BodyError<E>>>> {
        if let Some(gate) = self.gate.take() {
            gate.permit.reject(rejected);
        }
        Poll::Ready(Some(Err(BodyError::Rejected(rejected))))
    }
}

impl<B> http_body::Body for RequestBody<'_, B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        loop {
            let Some(gate) = &mut this.gate else {
                let frame = Pin::new(&mut this.inner).poll_frame(context);
                return frame.map_err(BodyError::Client);
            };
            if let Some(waiting) = &mut gate.waiting {
                let waited = std::task::ready!(waiting.as_mut().poll(context));
                gate.permit.ends_waiting();
                let seat = match waited {
                    Ok(seat) => seat,
                    Err(rejected) => return this.rejected(rejected),
                };
                gate.waiting = None;
                if let Some(frame) = gate.held.take() {
                    gate.hold(seat);
                    return Poll::Ready(Some(Ok(frame)));
                }
                gate.flow.begin(seat, gate.permit);
                this.gate = None;
                return Poll::Ready(None);
            }
            let next = match std::task::ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                Some(Ok(frame)) => gate.passes(frame).map(|frame| frame.map(Some)),
                Some(Err(error)) => return Poll::Ready(Some(Err(BodyError::Client(error)))),
                None => gate.ends().map(|is_seated| is_seated.then_some(None)),
            };
            match next {
                Ok(Some(Some(frame))) => return Poll::Ready(Some(Ok(frame))),
                Ok(Some(None)) => {
                    this.gate = None;
                    return Poll::Ready(None);
                }
                // It is being waited for.
                Ok(None) => {}
                Err(rejected) => return this.rejected(rejected),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.gate.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
