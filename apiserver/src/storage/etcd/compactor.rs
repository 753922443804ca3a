//! Compaction, as all kube-apiservers of an etcd share it: `storage/etcd3/compact.go`.
//!
//! Each server tries, once an interval, to move a counter at one well-known key. Who moves it compacts to the revision
//! that the store had when the counter was moved before; so history lives one to two intervals, however many servers
//! there are.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use etcd_client::{Client, Compare, CompareOp, Error, GetOptions, Txn, TxnOp, TxnOpResponse};

use super::error::{Refusal, refusal};

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
pub(super) async fn run(client: Arc<ArcSwap<Client>>, interval: Duration) {
    let mut belief = Belief::default();
    loop {
        tokio::time::sleep(interval).await;
        match step(&client.load_full(), belief).await {
            Ok(next) => belief = next,
            Err(error) => tracing::warn!(%error, "failed to compact etcd"),
        }
    }
}

/// Moves the counter, and compacts to what was believed where this server was the one to move it.
async fn step(client: &Client, belief: Belief) -> Result<Belief, Error> {
    let txn = Txn::new()
        .when([Compare::version(KEY, CompareOp::Equal, belief.time)])
        .and_then([TxnOp::put(KEY, belief.revision.to_string(), None)])
        .or_else([TxnOp::get(KEY, None)]);
    let response = client.kv_client().txn(txn).await?;
    let now = response.header().map_or(0, |header| header.revision());
    if !response.succeeded() {
        return Ok(Belief {
            time: version(&response.op_responses()),
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

fn version(responses: &[TxnOpResponse]) -> i64 {
    match responses {
        [TxnOpResponse::Get(found)] => found.kvs().first().map_or(0, |kv| kv.version()),
        _ => 0,
    }
}

/// Compacts; what is compacted already, or not reached, is no error.
pub(super) async fn compact(client: &Client, revision: i64) -> Result<(), Error> {
    match client.kv_client().compact(revision, None).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(refusal(&error), Some(Refusal::Compacted | Refusal::Future)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The last revision that was compacted by anybody who keeps to this protocol.
pub(super) async fn last(client: &Client) -> Result<Option<i64>, Error> {
    let found = client.kv_client().get(KEY, Some(GetOptions::new())).await?;
    Ok(found
        .kvs()
        .first()
        .and_then(|kv| kv.value_str().ok()?.parse().ok()))
}
