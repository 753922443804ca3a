//! What every [`Storage`] owes, as functions: one for each clause of its contract.
//!
//! A backend's tests mount them all with [`storage_conformance!`](crate::storage_conformance), which makes one test of
//! each. A clause gets a store of its own, which nothing else writes to, reads progress of or compacts. It assumes
//! nothing that backends may differ in: not at which revision a store starts, not that revisions are neighbours, not
//! when a watch tells its progress unasked.
//!
//! The ideas are those of k8s.io/apiserver's `storage/testing` (`store_tests.go`, `watcher_tests.go`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a clause that does not hold is a test that fails, and its name says what it shows"
)]

mod compaction;
mod concurrency;
mod consistency;
mod reads;
mod support;
mod watches;
mod writes;

use std::any::Any;
use std::sync::Arc;

pub use compaction::*;
pub use concurrency::*;
pub use consistency::*;
pub use reads::*;
pub use support::{LONG, Mirror, Watcher, key, number, object, prefix};
pub use watches::*;
pub use writes::*;

use super::Storage;

/// A store made for one clause, with what must live as long as it does.
#[derive(Debug)]
pub struct Fresh {
    storage: Arc<dyn Storage>,
    _kept: Box<dyn Any + Send>,
}

impl Fresh {
    /// An empty store; `kept` (a directory, a server) is dropped after it.
    pub fn new(storage: Arc<dyn Storage>, kept: impl Any + Send) -> Self {
        Self {
            storage,
            _kept: Box::new(kept),
        }
    }

    /// The store.
    #[must_use]
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }
}

/// Makes a `#[tokio::test]` of every clause of [`storage::conformance`](crate::storage::conformance). The argument is
/// the path of an `async fn() -> Fresh`.
#[macro_export]
macro_rules! storage_conformance {
    ($fresh:path) => {
        $crate::storage_conformance! { $fresh;
            a_created_object_is_read_back,
            an_existing_key_is_not_created_again,
            an_update_replaces_the_value,
            an_update_of_a_changed_object_is_a_conflict,
            an_update_of_nothing_is_a_conflict,
            a_deletion_returns_the_last_value_with_its_own_revision,
            a_deletion_of_a_changed_object_is_a_conflict,
            an_object_created_again_is_another_one,
            every_write_has_a_larger_revision,
            a_value_that_is_too_large_is_refused,
            a_dropped_write_took_place_or_did_not,
            a_missing_key_is_told_with_a_revision,
            a_list_is_in_byte_order_and_ends_at_its_prefix,
            a_list_goes_on_after_any_text,
            pages_add_up_to_the_list,
            an_exact_read_is_of_its_revision,
            an_exact_read_of_the_future_is_refused,
            a_read_not_older_than_the_present_is_answered,
            a_read_not_older_than_a_near_revision_waits_for_it,
            a_read_not_older_than_a_far_revision_is_refused,
            any_read_is_not_older_than_what_was_told,
            the_store_answers_its_check,
            a_watch_tells_writes_and_deletions_with_what_was_there,
            a_watch_tells_only_its_range,
            a_watch_from_the_past_replays_and_goes_on,
            a_watch_from_the_future_is_silent_until_it_is_reached,
            a_watch_after_a_list_misses_nothing,
            progress_is_told_when_asked_for,
            progress_comes_after_what_it_covers,
            a_watch_that_is_dropped_disturbs_no_other,
            a_watch_that_is_not_read_loses_nothing,
            compaction_keeps_what_exists,
            compaction_forgets_older_reads,
            compaction_ends_older_watches,
            compaction_keeps_newer_history,
            compaction_of_the_past_or_the_future_does_nothing,
            an_open_watch_survives_compaction,
            what_was_left_out_is_no_revision_of_this_store,
            one_of_many_creations_wins,
            concurrent_increments_are_all_counted,
            acknowledged_writes_are_read_at_once,
            writers_and_watchers_agree,
            watches_from_every_revision_agree,
            lists_under_writes_are_of_one_moment,
            pages_under_writes_are_of_one_moment,
            compaction_under_load_hides_nothing,
        }
    };
    ($fresh:path; $($clause:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                let fresh = $fresh().await;
                $crate::storage::conformance::$clause(fresh.storage()).await;
            }
        )*
    };
}
