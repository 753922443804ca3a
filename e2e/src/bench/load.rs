//! Requests in a closed loop: each client makes its next when it has the answer to its last.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Method;
use hyper::body::Bytes;
use tokio::task::JoinSet;

use super::Error;
use super::figures::percentile;
use super::subject::{Running, Usage};
use super::wire::Connection;

/// The resource that is measured, in the namespace of that name.
pub(super) fn collection(namespace: &str) -> String {
    format!("/apis/wardle.example.com/v1alpha1/namespaces/{namespace}/flunders")
}

/// Where the listed objects are.
pub(super) const FILLED: &str = "default";

/// Connections and streams on each: 64 clients.
const CONNECTIONS: usize = 8;
const STREAMS: usize = 8;

/// Lists are large: few at a time.
const LISTERS: usize = 4;

/// How long requests that are repeated are measured.
const READ_TIME: Duration = Duration::from_secs(2);

/// How long a fill may take, for each 1,000 objects.
const FILL_LIMIT: Duration = Duration::from_secs(60);

/// The length of an object's annotation, which makes objects of some 1.4 KB.
const PADDING: usize = 1_100;

/// What a measurement found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Requests, or events, a second.
    pub(super) rate: f64,
    /// The server's processor time for each, in microseconds.
    pub(super) server: f64,
    /// The store's.
    pub(super) store: f64,
}

impl Sample {
    /// So many in that time, between two readings.
    pub(super) fn new(count: usize, time: Duration, before: Usage, after: Usage) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let count = count as f64;
        let each = |used: Duration| used.as_secs_f64() * 1e6 / count;
        Self {
            rate: count / time.as_secs_f64(),
            server: each(after.server.saturating_sub(before.server)),
            store: each(after.store.saturating_sub(before.store)),
        }
    }
}

/// A flunder as a client sends it.
pub(super) fn flunder(name: &str) -> Bytes {
    with_reference(name, "some-other-flunder")
}

fn with_reference(name: &str, reference: &str) -> Bytes {
    let padding = "x".repeat(PADDING);
    let object = serde_json::json!({
        "apiVersion": "wardle.example.com/v1alpha1",
        "kind": "Flunder",
        "metadata": { "name": name, "labels": { "bench": "server" }, "annotations": { "padding": padding } },
        "spec": { "reference": reference },
    });
    Bytes::from(object.to_string())
}

fn name(index: usize) -> String {
    format!("flunder-{index:06}")
}

/// Creates `objects` flunders with 64 clients. Beside the work: how long at most 99 of 100 creations took.
pub(super) async fn create(
    running: &Running,
    namespace: &str,
    objects: usize,
) -> Result<(Sample, Duration), Error> {
    let times = Arc::new(Mutex::new(Vec::with_capacity(objects)));
    let next = Arc::new(AtomicUsize::new(0));
    let path: Arc<str> = collection(namespace).into();
    let limit = FILL_LIMIT * u32::try_from(objects / 1000 + 1).unwrap_or(u32::MAX);
    let connections = running.target.connections(CONNECTIONS).await?;
    let (before, begin) = (running.usage()?, Instant::now());
    let mut clients = JoinSet::new();
    for connection in streams(&connections, STREAMS) {
        let (next, path, mut connection) = (next.clone(), path.clone(), connection);
        let times = times.clone();
        clients.spawn(async move {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= objects {
                    return Ok(());
                }
                let object = flunder(&name(index));
                let begin = Instant::now();
                connection.exchange(Method::POST, &path, object).await?;
                let time = begin.elapsed();
                times.lock().unwrap_or_else(PoisonError::into_inner).push(time);
            }
        });
    }
    tokio::time::timeout(limit, all(clients))
        .await
        .map_err(|_| Error::Timeout(format!("created {objects} objects")))??;
    let sample = Sample::new(objects, begin.elapsed(), before, running.usage()?);
    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((sample, percentile(&times, 99).unwrap_or_default()))
}

/// How many objects are read in turn. Each name is authorized by itself, and who reads thousands of names once measures the
/// cluster's answers to that.
const READ: usize = 16;

/// Gets one object after the other with 64 clients; `query` is empty or starts with `?`.
pub(super) async fn get(running: &Running, objects: usize, query: &'static str) -> Result<Sample, Error> {
    let next = Arc::new(AtomicUsize::new(0));
    let path = move || {
        let index = next.fetch_add(1, Ordering::Relaxed) % objects.min(READ);
        format!("{}/{}{query}", collection(FILLED), name(index))
    };
    read(running, CONNECTIONS, STREAMS, path).await
}

/// All objects that are listed, at any resourceVersion.
pub(super) fn everything() -> String {
    format!("{}?resourceVersion=0", collection(FILLED))
}

/// Lists all objects with a few clients.
pub(super) async fn list(running: &Running) -> Result<Sample, Error> {
    read(running, LISTERS, 1, everything).await
}

async fn read(
    running: &Running,
    connections: usize,
    each: usize,
    path: impl Fn() -> String + Clone + Send + 'static,
) -> Result<Sample, Error> {
    let ask = move |_: usize| (Method::GET, path(), Bytes::new());
    repeat(running, connections, each, ask).await
}

/// What an apply finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// One field is another.
    Change,
    /// All is as it was applied last, so that nothing is written.
    Nothing,
}

/// Server-side apply with 64 clients, each to an object of its own that it has applied before.
pub(super) async fn apply(running: &Running, objects: usize, applied: Applied) -> Result<Sample, Error> {
    let next = Arc::new(AtomicUsize::new(0));
    let ask = move |client: usize| {
        let index = client % objects;
        let turn = match applied {
            Applied::Change => next.fetch_add(1, Ordering::Relaxed),
            Applied::Nothing => 0,
        };
        let path = format!(
            "{}/{}?fieldManager=bench&force=true",
            collection(FILLED),
            name(index)
        );
        let reference = format!("flunder-{turn}");
        // As much as was created, with another reference each turn.
        (Method::PATCH, path, with_reference(&name(index), &reference))
    };
    let mut first = running.target.connect().await?;
    for client in 0..CONNECTIONS * STREAMS {
        let (method, path, body) = ask(client);
        first.exchange(method, &path, body).await?;
    }
    repeat(running, CONNECTIONS, STREAMS, ask).await
}

/// Makes a client's requests one after the other, of all clients at once; `ask` is told which client it is.
async fn repeat(
    running: &Running,
    connections: usize,
    each: usize,
    ask: impl Fn(usize) -> (Method, String, Bytes) + Clone + Send + 'static,
) -> Result<Sample, Error> {
    let connections = running.target.connections(connections).await?;
    let done = Arc::new(AtomicUsize::new(0));
    let (before, begin) = (running.usage()?, Instant::now());
    let mut clients = JoinSet::new();
    for (client, mut connection) in streams(&connections, each).enumerate() {
        let (ask, done) = (ask.clone(), done.clone());
        clients.spawn(async move {
            while begin.elapsed() < READ_TIME {
                let (method, path, body) = ask(client);
                connection.exchange(method, &path, body).await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    tokio::time::timeout(READ_TIME + FILL_LIMIT, all(clients))
        .await
        .map_err(|_| Error::Timeout("waited for answers".to_owned()))??;
    let count = done.load(Ordering::Relaxed);
    Ok(Sample::new(count, begin.elapsed(), before, running.usage()?))
}

/// Each connection `each` times.
fn streams(connections: &[Connection], each: usize) -> impl Iterator<Item = Connection> {
    connections
        .iter()
        .flat_map(move |connection| std::iter::repeat_n(connection.clone(), each))
}

/// Waits for all of them; the first failure ends the others.
pub(super) async fn all(mut tasks: JoinSet<Result<(), Error>>) -> Result<(), Error> {
    while let Some(done) = tasks.join_next().await {
        done.map_err(|error| Error::Wrong(format!("a client of the bench ended: {error}")))??;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_each_requests_share() {
        let before = Usage::default();
        let after = Usage {
            server: Duration::from_millis(500),
            store: Duration::from_millis(100),
        };
        let sample = Sample::new(1000, Duration::from_secs(2), before, after);
        assert!((sample.rate - 500.0).abs() < 1e-9);
        assert!((sample.server - 500.0).abs() < 1e-9);
        assert!((sample.store - 100.0).abs() < 1e-9);
    }

    #[test]
    fn an_object_is_about_as_large_as_those_of_the_reference_figures() {
        let length = flunder(&name(7)).len();
        assert!((1_250..1_450).contains(&length), "{length}");
    }
}
