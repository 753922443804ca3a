//! One watch on the cache.

use std::sync::Arc;

use futures::{StreamExt, stream};

use super::feed::{Cursor, Ended, Taken};
use super::shared::Shared;
use crate::storage::{Event, Prefix, Revision, StorageError, Watch};

type Batch = Result<Vec<Event>, StorageError>;

/// A watch: where it is, and what it has told.
struct Watcher {
    shared: Arc<Shared>,
    prefix: Prefix,
    source: Source,
    /// Nothing up to this revision is told.
    after: Revision,
    /// The revision of the last change that was told.
    told: Revision,
    /// The last round of progress that it took part in.
    round: u64,
}

/// Where the events come from.
enum Source {
    /// The backend, since the cache's history does not reach back so far; until it does.
    Backend(Watch),
    /// The cache.
    Cache(Cursor),
    /// Nowhere any more.
    Nothing,
}

/// What a look into the cache gave.
enum Step {
    Tell(Batch),
    Wait,
    End,
}

/// A watch of `prefix` from `after` on.
///
/// # Errors
/// The backend's, where the cache's history does not reach back to `after`.
pub(super) async fn watch(
    shared: &Arc<Shared>,
    prefix: &Prefix,
    after: Revision,
) -> Result<Watch, StorageError> {
    shared.check_known(after)?;
    let round = shared.round();
    let source = match shared.subscribe(prefix, after) {
        Some(cursor) => Source::Cache(cursor),
        None => Source::Backend(shared.backend.watch(prefix, after).await?),
    };
    if matches!(source, Source::Backend(_)) {
        // Without a change or progress it would not learn that the cache can take over. It may also stay as it is.
        let _ = shared.backend.request_progress().await;
    }
    let watcher = Watcher {
        shared: shared.clone(),
        prefix: prefix.clone(),
        source,
        after,
        told: Revision::ZERO,
        round,
    };
    let batches = stream::unfold(watcher, |mut watcher| async move {
        let batch = watcher.next().await?;
        Some((batch, watcher))
    });
    Ok(batches.fuse().boxed())
}

impl Watcher {
    async fn next(&mut self) -> Option<Batch> {
        if let Source::Backend(watch) = &mut self.source {
            let batch = watch.next().await;
            self.follow(batch.as_ref());
            return batch;
        }
        while let Source::Cache(cursor) = &self.source {
            let feed = cursor.feed().clone();
            // Before the look: what comes after it must wake.
            let changed = feed.changed();
            match self.take() {
                Step::Tell(batch) => return Some(batch),
                Step::Wait => changed.await,
                Step::End => break,
            }
        }
        self.source = Source::Nothing;
        None
    }

    /// Takes note of what the backend told, and goes over to the cache as soon as its history reaches back so far.
    fn follow(&mut self, batch: Option<&Batch>) {
        let Some(Ok(batch)) = batch else {
            self.source = Source::Nothing;
            return;
        };
        for event in batch {
            match event {
                Event::Changed(change) => self.told = change.revision(),
                Event::Progress(revision) => self.after = self.after.max(*revision),
            }
        }
        self.after = self.after.max(self.told);
        if let Some(cursor) = self.shared.subscribe(&self.prefix, self.after) {
            self.source = Source::Cache(cursor);
        }
    }

    /// All that is there to be told.
    fn take(&mut self) -> Step {
        let Source::Cache(cursor) = &mut self.source else {
            return Step::End;
        };
        // Read before the feed is: all up to this revision is in the feed.
        let round = self.shared.round();
        let reached = (round != self.round).then(|| *self.shared.reached().borrow());
        let mut batch = Vec::new();
        let told = &mut self.told;
        let taken = cursor.take(self.shared.options.batch, |change| {
            *told = change.revision();
            batch.push(Event::Changed(change.clone()));
        });
        match (taken, reached) {
            (Taken::Ended(ended), _) => return self.end(ended),
            (Taken::All, Some(reached)) => {
                self.round = round;
                let sure = reached.max(self.told);
                if sure >= self.after {
                    batch.push(Event::Progress(sure));
                }
            }
            (Taken::All, None) | (Taken::Some, _) => {}
        }
        if batch.is_empty() {
            Step::Wait
        } else {
            Step::Tell(Ok(batch))
        }
    }

    fn end(&mut self, ended: Ended) -> Step {
        self.source = Source::Nothing;
        match ended {
            Ended::Refilled(oldest) => Step::Tell(Err(StorageError::Compacted {
                requested: self.after.max(self.told),
                oldest,
            })),
            // As Go does: a client that cannot follow loses its connection and comes back when it can.
            Ended::TooSlow => {
                tracing::debug!(prefix = %self.prefix, told = %self.told, "a watcher was too slow");
                Step::End
            }
            Ended::Closed => Step::End,
        }
    }
}
