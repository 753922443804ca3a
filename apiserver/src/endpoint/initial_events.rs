//! What a watch holds until it has told its initial events: the `WatchInitializationSignal` of k8s.io/apiserver
//! (pkg/endpoints/request), by which priority and fairness ends the costly part of a watch.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::{Stream, StreamExt as _};

use crate::registry::{Source, WatchEvent, WatchStream};
use crate::status::ApiError;

pub(super) type Held = Box<dyn Send>;

/// What is dropped when a watch has told its initial events: an extension of the watch's request. Where no watch comes of
/// it, it is dropped with the request.
#[derive(Clone)]
pub struct InitialEvents(Arc<Mutex<Option<Held>>>);

impl InitialEvents {
    /// Holds `held`.
    pub fn holding(held: impl Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(held)))))
    }

    /// What is held: to be dropped when the initial events are told.
    pub(super) fn take(&self) -> Option<Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// `told`, which holds it from now on. `says_end`: an empty batch says that the initial events are told.
    pub(super) fn follow(&self, told: WatchStream, says_end: bool) -> WatchStream {
        let held = self.take();
        match held {
            Some(_) => Holding {
                told,
                held,
                is_last: false,
                says_end,
            }
            .boxed(),
            None => told,
        }
    }
}

struct Holding {
    told: WatchStream,
    held: Option<Held>,
    /// What was told last ends the initial events; it is out when more is asked for.
    is_last: bool,
    says_end: bool,
}

impl Stream for Holding {
    type Item = Result<Vec<WatchEvent>, ApiError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_last {
            self.held = None;
        }
        let next = self.told.as_mut().poll_next(context);
        if self.held.is_some() {
            match &next {
                // More comes only by a change: there is no state, or all of it was taken.
                Poll::Pending if !self.says_end => self.held = None,
                Poll::Pending => {}
                Poll::Ready(Some(Ok(batch))) if batch.is_empty() => self.is_last = self.says_end,
                Poll::Ready(Some(Ok(batch))) => {
                    let is_initial =
                        |told: &WatchEvent| matches!(told, WatchEvent::Added(Source::Initial(_)));
                    self.is_last = !batch.last().is_none_or(is_initial);
                }
                Poll::Ready(_) => self.is_last = true,
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use futures::FutureExt as _;
    use futures::channel::mpsc;

    use super::*;
    use crate::storage::{Entry, Key, Revision};

    fn initial() -> WatchEvent {
        let key = Key::parse("/g/r/ns/n").unwrap();
        WatchEvent::Added(Source::Initial(Entry::new(key, "{}".into(), Revision::new(1))))
    }

    fn bookmark(initial_events_end: bool) -> WatchEvent {
        WatchEvent::Bookmark {
            revision: Revision::new(1),
            initial_events_end,
        }
    }

    fn watch() -> (mpsc::UnboundedSender<Vec<WatchEvent>>, WatchStream, Weak<()>) {
        let held = Arc::new(());
        let (sender, receiver) = mpsc::unbounded();
        let weak = Arc::downgrade(&held);
        let watching = InitialEvents::holding(held).follow(receiver.map(Ok).boxed(), false);
        (sender, watching, weak)
    }

    #[test]
    fn it_is_held_until_what_follows_the_initial_events_is_asked_for() {
        let (events, mut watching, held) = watch();
        for batch in [
            vec![initial()],
            vec![initial(), bookmark(true)],
            vec![bookmark(false)],
        ] {
            events.unbounded_send(batch).unwrap();
        }
        for is_held in [true, true, false] {
            assert!(watching.next().now_or_never().flatten().is_some());
            assert_eq!(held.upgrade().is_some(), is_held);
        }
    }

    #[test]
    fn a_watch_that_has_nothing_to_tell_holds_nothing() {
        let (events, mut watching, held) = watch();
        assert!(watching.next().now_or_never().is_none());
        assert!(held.upgrade().is_none());
        events.unbounded_send(vec![bookmark(false)]).unwrap();
        assert!(watching.next().now_or_never().flatten().is_some());
    }

    #[test]
    fn a_watch_that_nobody_reads_holds_it_until_it_is_dropped() {
        let (events, watching, held) = watch();
        events.unbounded_send(vec![initial()]).unwrap();
        assert!(held.upgrade().is_some());
        drop(watching);
        assert!(held.upgrade().is_none());
    }

    #[test]
    fn where_conversion_waits_it_is_held_until_an_empty_batch_says_the_end() {
        let held = Arc::new(());
        let weak = Arc::downgrade(&held);
        let (events, receiver) = mpsc::unbounded();
        let mut watching = InitialEvents::holding(held).follow(receiver.map(Ok).boxed(), true);
        assert!(watching.next().now_or_never().is_none());
        assert!(weak.upgrade().is_some(), "nothing is told yet");
        events.unbounded_send(vec![initial()]).unwrap();
        let _ = watching.next().now_or_never().unwrap();
        assert!(watching.next().now_or_never().is_none());
        assert!(weak.upgrade().is_some(), "there may be more");
        events.unbounded_send(Vec::new()).unwrap();
        let _ = watching.next().now_or_never().unwrap();
        assert!(watching.next().now_or_never().is_none());
        assert!(weak.upgrade().is_none());
    }
}
