//! The moments at which lists were begun that are not finished yet.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::content::Content;
use crate::storage::Revision;

/// Snapshots whose first page somebody has: the next ones are asked for at the same revision, while writes go on.
#[derive(Debug)]
pub(super) struct Pages {
    moments: VecDeque<Moment>,
    most: usize,
    life: Duration,
}

#[derive(Debug)]
struct Moment {
    from: Revision,
    to: Revision,
    content: Content,
    used: Instant,
}

impl Pages {
    /// Keeps `most` snapshots, each for `life` after it was last used.
    pub(super) const fn new(most: usize, life: Duration) -> Self {
        Self {
            moments: VecDeque::new(),
            most,
            life,
        }
    }

    /// Keeps `content`, which is what the store has from revision `from` to `to`.
    pub(super) fn keep(&mut self, content: Content, from: Revision, to: Revision) {
        let used = Instant::now();
        if let Some(moment) = self.moments.iter_mut().find(|moment| moment.from == from) {
            moment.to = moment.to.max(to);
            moment.used = used;
            return;
        }
        self.moments.push_back(Moment {
            from,
            to,
            content,
            used,
        });
        while self.moments.len() > self.most {
            self.moments.pop_front();
        }
    }

    /// What the store had at `revision`, where that is kept.
    pub(super) fn at(&mut self, revision: Revision) -> Option<Content> {
        let moment = self
            .moments
            .iter_mut()
            .find(|moment| (moment.from..=moment.to).contains(&revision))?;
        moment.used = Instant::now();
        Some(moment.content.clone())
    }

    /// Drops what was not used for long.
    pub(super) fn trim(&mut self) {
        let now = Instant::now();
        let life = self.life;
        self.moments
            .retain(|moment| now.saturating_duration_since(moment.used) <= life);
    }

    /// Drops what the store does not keep any more.
    pub(super) fn forget_before(&mut self, revision: Revision) {
        self.moments.retain_mut(|moment| {
            moment.from = moment.from.max(revision);
            moment.from <= moment.to
        });
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        self.moments.clear();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::storage::{Entry, Key};

    fn content(revision: u64) -> Content {
        let key = Key::parse("/g/r/a").unwrap();
        [Entry::new(key, Bytes::new(), Revision::new(revision))]
            .into_iter()
            .collect()
    }

    fn keep(pages: &mut Pages, from: u64, to: u64) {
        pages.keep(content(from), Revision::new(from), Revision::new(to));
    }

    fn found(pages: &mut Pages, at: u64) -> Option<u64> {
        let content = pages.at(Revision::new(at))?;
        content.iter().next().map(|entry| entry.revision().get())
    }

    #[test]
    fn a_moment_is_found_by_every_revision_at_which_it_was_true() {
        let mut pages = Pages::new(4, Duration::from_secs(60));
        keep(&mut pages, 5, 7);
        keep(&mut pages, 5, 8);
        keep(&mut pages, 10, 10);
        let all: Vec<_> = (4..=11).map(|at| found(&mut pages, at)).collect();
        assert_eq!(
            all,
            [None, Some(5), Some(5), Some(5), Some(5), None, Some(10), None]
        );
    }

    #[test]
    fn only_so_many_are_kept_and_none_that_the_store_forgot() {
        let mut pages = Pages::new(2, Duration::from_secs(60));
        (1..=3).for_each(|at| keep(&mut pages, at * 10, at * 10 + 5));
        assert_eq!(found(&mut pages, 10), None);
        pages.forget_before(Revision::new(24));
        assert_eq!((found(&mut pages, 23), found(&mut pages, 24)), (None, Some(20)));
        pages.forget_before(Revision::new(26));
        assert_eq!((found(&mut pages, 25), found(&mut pages, 31)), (None, Some(30)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unfinished_list_is_forgotten_after_a_while() {
        let mut pages = Pages::new(2, Duration::from_secs(60));
        keep(&mut pages, 1, 1);
        keep(&mut pages, 2, 2);
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(found(&mut pages, 2), Some(2));
        tokio::time::advance(Duration::from_secs(40)).await;
        pages.trim();
        assert_eq!((found(&mut pages, 1), found(&mut pages, 2)), (None, Some(2)));
    }
}
