//! Creates that are under way of a resource, and whether new ones are refused since the definition of the resource is being deleted. Go:
//! `forbidCreateAdmission` of apiextensions' `customresource_handler.go`, which counts none.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long the storage may still take over a write for which nobody waits any more.
const UNANSWERED: Duration = Duration::from_secs(60);

/// Those of one resource, whichever description of it they began with.
#[derive(Debug, Default)]
pub(crate) struct Creates {
    are_refused: AtomicBool,
    under_way: AtomicUsize,
    /// When the last write was given up whose end is not known.
    unanswered_at: Mutex<Option<Instant>>,
}

impl Creates {
    /// Refuses new ones, or takes them again.
    pub(crate) fn refuse(&self, refuse: bool) {
        self.are_refused.store(refuse, Ordering::SeqCst);
    }

    /// Whether new ones are refused.
    pub(crate) fn are_refused(&self) -> bool {
        self.are_refused.load(Ordering::SeqCst)
    }

    /// Counts one from now on until it is dropped. It is to be asked only after this whether creates are refused: who refuses them then
    /// sees each that was not.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        UnderWay {
            creates: self.clone(),
            is_unanswered: AtomicBool::new(false),
        }
    }

    /// Whether they are refused, and the last one before that has ended: nothing is created any more.
    pub(crate) fn are_over(&self) -> bool {
        let are_ended = self.are_refused() && self.under_way.load(Ordering::SeqCst) == 0;
        are_ended
            && self
                .unanswered()
                .is_none_or(|since| since.elapsed() >= UNANSWERED)
    }

    fn unanswered(&self) -> Option<Instant> {
        *self.unanswered_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A create that is under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    creates: Arc<Creates>,
    is_unanswered: AtomicBool,
}

impl UnderWay {
    /// The storage is asked.
    pub(super) fn asks(&self) {
        self.is_unanswered.store(true, Ordering::Relaxed);
    }

    /// The storage has said whether it was written.
    pub(super) fn is_answered(&self) {
        self.is_unanswered.store(false, Ordering::Relaxed);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.is_unanswered.load(Ordering::Relaxed) {
            let mut unanswered = self
                .creates
                .unanswered_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *unanswered = Some(Instant::now());
        }
        self.creates.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_over_when_the_last_has_ended() {
        let creates = Arc::new(Creates::default());
        let (one, other) = (creates.begin(), creates.begin());
        creates.refuse(true);
        assert!(creates.are_refused() && !creates.are_over());
        one.asks();
        one.is_answered();
        drop(one);
        assert!(!creates.are_over());
        drop(other);
        assert!(creates.are_over());
        creates.refuse(false);
        assert!(!creates.are_over());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_given_up_may_be_written_yet() {
        let creates = Arc::new(Creates::default());
        let one = creates.begin();
        one.asks();
        creates.refuse(true);
        drop(one);
        assert!(!creates.are_over());
        tokio::time::advance(UNANSWERED).await;
        assert!(creates.are_over());
    }
}
