//! Watch fan-out at saturation: batches of creations that a thousand watchers are told of, the next when all have been
//! told of the last. So the server is never idle, and no watcher is so far behind that it is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::Error;
use super::load::{Sample, all, collection, flunder};
use super::subject::Running;
use super::wire::Connection;

/// Connections and watches on each: 1,000 watchers, in the number of streams that Go allows on a connection.
const CONNECTIONS: usize = 10;
const STREAMS: usize = 100;
const WATCHERS: usize = CONNECTIONS * STREAMS;

/// Creations at once: as many events as the Go server keeps for a watcher; it cuts off who falls further behind.
const BATCH: usize = 10;

/// How long batches go on.
const TIME: Duration = Duration::from_secs(3);

/// How long a batch may take to reach all.
const BATCH_LIMIT: Duration = Duration::from_secs(60);

/// A namespace that every cluster has, and where there are no other flunders.
const NAMESPACE: &str = "kube-public";

/// Events told to all watchers together.
#[derive(Default)]
struct Told {
    events: AtomicUsize,
    some: Notify,
}

/// Measures events delivered; each batch's creations are part of the server's work.
pub(super) async fn measure(running: &Running) -> Result<Sample, Error> {
    let mut writer = running.target.connect().await?;
    let revision = revision(&mut writer).await?;
    let told = Arc::new(Told::default());
    let mut watchers = watch(running, &revision, &told).await?;
    let (before, begin) = (running.usage()?, Instant::now());
    let mut batches = 0;
    while begin.elapsed() < TIME {
        write(&writer, batches).await?;
        batches += 1;
        let wanted = batches * BATCH * WATCHERS;
        tokio::select! {
            reached = tokio::time::timeout(BATCH_LIMIT, reached(&told, wanted)) => {
                reached.map_err(|_| {
                    let events = told.events.load(Ordering::Acquire);
                    Error::Timeout(format!("waited for {wanted} events, {events} came,"))
                })?;
            }
            Some(ended) = watchers.join_next() => {
                let reason = ended.map_or_else(|error| error.to_string(), |ended| format!("{ended:?}"));
                return Err(Error::Wrong(format!("a watch ended: {reason}")));
            }
        }
    }
    let time = begin.elapsed();
    let after = running.usage()?;
    watchers.shutdown().await;
    Ok(Sample::new(batches * BATCH * WATCHERS, time, before, after))
}

/// The resourceVersion to watch from.
async fn revision(connection: &mut Connection) -> Result<String, Error> {
    let list = connection.text(&collection(NAMESPACE)).await?;
    serde_json::from_slice::<serde_json::Value>(&list)
        .ok()
        .and_then(|list| Some(list.pointer("/metadata/resourceVersion")?.as_str()?.to_owned()))
        .ok_or_else(|| Error::Wrong("a list has no resourceVersion".to_owned()))
}

/// Opens all watches; returns when each has been answered.
async fn watch(
    running: &Running,
    revision: &str,
    told: &Arc<Told>,
) -> Result<JoinSet<Result<(), Error>>, Error> {
    let path = format!("{}?watch=true&resourceVersion={revision}", collection(NAMESPACE));
    let mut watchers = JoinSet::new();
    for connection in running.target.connections(CONNECTIONS).await? {
        for _ in 0..STREAMS {
            let mut connection = connection.clone();
            let mut events = connection.open(Method::GET, &path, Bytes::new()).await?;
            let told = told.clone();
            watchers.spawn(async move {
                while let Some(frame) = events.frame().await {
                    let count = frame?.data_ref().map_or(0, |data| lines(data));
                    told.events.fetch_add(count, Ordering::AcqRel);
                    told.some.notify_one();
                }
                Ok(())
            });
        }
    }
    Ok(watchers)
}

/// Each event ends with a newline, and has none inside.
fn lines(data: &[u8]) -> usize {
    data.iter().filter(|byte| **byte == b'\n').count()
}

async fn reached(told: &Told, wanted: usize) {
    while told.events.load(Ordering::Acquire) < wanted {
        told.some.notified().await;
    }
}

/// Creates a batch at once.
async fn write(connection: &Connection, batch: usize) -> Result<(), Error> {
    let mut writes = JoinSet::new();
    for index in 0..BATCH {
        let mut connection = connection.clone();
        writes.spawn(async move {
            let object = flunder(&format!("told-{batch}-{index}"));
            connection
                .exchange(Method::POST, &collection(NAMESPACE), object)
                .await
                .map(drop)
        });
    }
    all(writes).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_by_their_ends() {
        assert_eq!(lines(b"{}\n{\"a\":1}\n{\"b"), 2);
        assert_eq!(lines(b""), 0);
    }
}
