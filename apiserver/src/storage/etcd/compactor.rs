//! Compaction, as all kube-apiservers of an etcd share it: `storage/etcd3/compact.go`.
//!
//! Each server tries, once an interval, to move a counter at one well-known key. Who moves it compacts to the revision
//! that the store had when the counter was moved before; so history lives one to two intervals, however many servers
//! there are.

use std::sync::Arc;
use std::time::Duration;

use super::client::{CALL_TIMEOUT, CallError, Client};
use super::error::{Refusal, refusal};
use super::requests;

/// The key of the counter, and of the last compacted revision: outside of every prefix, shared by all.
pub(super) const KEY: &str = "compact_rev_key";

/// What a server believes of the counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Belief {
    /// The counter: the version of the key.
    time: i64,
    /// The store's revision when that was read.
    revision: i64,
}

/// Compacts every `interval`, until the task is dropped.
pub(super) async fn run(client: Arc<Client>, interval: Duration) {
    let mut belief = Belief::default();
    loop {
        tokio::time::sleep(interval).await;
        match step(&client, belief).await {
            Ok(next) => belief = next,
            Err(error) => tracing::warn!(%error, "failed to compact etcd"),
        }
    }
}

/// Moves the counter, and compacts to what was believed where this server was the one to move it.
async fn step(client: &Client, belief: Belief) -> Result<Belief, CallError> {
    let txn = requests::txn(
        requests::version_is(KEY, belief.time),
        requests::put(KEY, belief.revision.to_string().into()),
        KEY,
    );
    let response = client.txn(txn, CALL_TIMEOUT).await?;
    let now = response.header.map_or(0, |header| header.revision);
    if !response.succeeded {
        let found = requests::found(&response);
        return Ok(Belief {
            time: found.map_or(0, |kv| kv.version),
            revision: now,
        });
    }
    if belief.revision > 0 {
        compact(client, belief.revision).await?;
    }
    Ok(Belief {
        time: belief.time + 1,
        revision: now,
    })
}

/// Compacts; what is compacted already, or not reached, is no error.
pub(super) async fn compact(client: &Client, revision: i64) -> Result<(), CallError> {
    match client.compact(revision, CALL_TIMEOUT).await {
        Err(error) if matches!(refusal(&error), Some(Refusal::Compacted | Refusal::Future)) => Ok(()),
        answer => answer,
    }
}

/// The last revision that was compacted by anybody who keeps to this protocol.
pub(super) async fn last(client: &Client) -> Result<Option<i64>, CallError> {
    let found = client.range(requests::get(KEY), CALL_TIMEOUT).await?;
    Ok(found
        .kvs
        .first()
        .and_then(|kv| std::str::from_utf8(&kv.value).ok()?.parse().ok()))
}
