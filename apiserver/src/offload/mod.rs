//! Work that occupies a processor for longer than others should wait: decoding, patching, validating and encoding what is
//! large.
//!
//! Go's scheduler takes a processor from a goroutine after 10 ms. Tokio's threads belong to a task until it waits, so that a
//! few large bodies at once would stop a server, which accepts, answers probes and renews leases on the same threads. A
//! request that turns out to be large goes on elsewhere: each time its future is polled, the thread first hands its other
//! tasks to another one ([`tokio::task::block_in_place`]). At most as many as there are processors are polled so at a time;
//! the others wait, in order and within their deadlines, and whoever waits for a store or a client holds no place. How many
//! can wait is bounded by the requests in flight.
//!
//! Decoded, an object takes up to a hundred times its bytes, so large requests also share memory ([`Memory`]): each holds as
//! much as it may take from before it decodes anything until its answer is made.

mod memory;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::block_in_place;
use tokio::task::futures::TaskLocalFuture;

use crate::decode::BodyMedia;
use crate::memory::{is_json, of_json, of_json_or_yaml, of_yaml};
use crate::status::ApiError;
pub(crate) use memory::Memory;

/// Bytes of JSON from which on work moves: what is smaller takes a millisecond or two.
pub(crate) const LARGE: usize = 64 * 1024;

/// One for each processor.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new(processors))
});

/// Bytes below which no JSON becomes much.
const SMALL: usize = 2 * 1024;
/// Bytes of memory from which on work moves, however short the text is.
const HEAVY: usize = 1024 * 1024;

/// How the text of a body is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text {
    Json,
    Yaml,
    /// As JSON where it is that, else as YAML.
    JsonOrYaml,
}

impl From<BodyMedia> for Text {
    fn from(media: BodyMedia) -> Self {
        match media {
            BodyMedia::Json => Self::Json,
            BodyMedia::Yaml => Self::Yaml,
        }
    }
}

/// What is known of the work of one request.
#[derive(Debug)]
struct Work {
    memory: Arc<Memory>,
    /// Whether it turned out to be large.
    is_large: AtomicBool,
    /// What it holds for its body.
    held: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Work {
    /// From now on, it is done elsewhere.
    async fn go(&self) {
        if !self.is_large.swap(true, Ordering::Relaxed) {
            // The next poll is elsewhere.
            tokio::task::yield_now().await;
        }
    }

    /// Bytes that JSON takes decoded.
    async fn weigh_json(&self, text: &[u8]) -> usize {
        if text.len() < SMALL {
            return 0;
        }
        self.weigh(text, of_json).await
    }

    /// Bytes that JSON, or else YAML, takes decoded.
    async fn weigh_json_or_yaml(&self, text: &[u8]) -> usize {
        if text.len() < SMALL && is_json(text) {
            return 0;
        }
        self.weigh(text, of_json_or_yaml).await
    }

    /// Bytes that the text takes decoded.
    async fn weigh(&self, text: &[u8], weight: fn(&[u8]) -> usize) -> usize {
        if text.len() >= LARGE {
            self.go().await;
        }
        let weight = weight(text);
        if weight >= HEAVY {
            self.go().await;
        }
        weight
    }
}

tokio::task_local! {
    /// The work of the request that is being answered.
    static WORK: Arc<Work>;
}

/// Says that a body is about to be decoded, and waits for the memory. Where that is much, what follows is done elsewhere, if
/// it is part of a future that [`movable`] made. `more`: bytes of memory that it may take beside.
///
/// # Errors
/// 413: there is never so much.
pub(crate) async fn expect_body(body: &[u8], text: impl Into<Text>, more: usize) -> Result<(), ApiError> {
    let Ok(work) = WORK.try_with(Arc::clone) else {
        return Ok(());
    };
    let weight = match text.into() {
        Text::Json => work.weigh_json(body).await,
        Text::Yaml => work.weigh(body, of_yaml).await,
        Text::JsonOrYaml => work.weigh_json_or_yaml(body).await,
    };
    let held = work.memory.for_body(weight, more).await?;
    *work.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    Ok(())
}

/// Says that a stored object is about to be decoded, and waits for the memory, which is held with what is returned. What
/// follows is done elsewhere, as of [`expect_body`].
pub(crate) async fn expect_stored(value: &[u8]) -> Stored {
    let Ok(work) = WORK.try_with(Arc::clone) else {
        return Stored::default();
    };
    let weight = work.weigh_json(value).await;
    Stored {
        _memory: work.memory.for_stored(weight).await,
        heavy: (value.len() >= LARGE || weight >= HEAVY).then_some(weight),
    }
}

/// Says that JSON is about to be decoded for which no memory is set aside, and returns how much of that it may take. What follows is
/// done elsewhere, as of [`expect_body`]. It waits for no memory: whoever works on a stored object must not wait for another.
pub(crate) async fn expect_work(value: &[u8]) -> usize {
    match WORK.try_with(Arc::clone) {
        Ok(work) => work.weigh(value, of_json).await,
        Err(_) => of_json(value),
    }
}

/// Says that a processor is about to be busy for long. What follows is done elsewhere, as of [`expect_body`].
pub(crate) async fn expect_busy() {
    if let Ok(work) = WORK.try_with(Arc::clone) {
        work.go().await;
    }
}

/// Says that so many bytes are about to be written that somebody has made, and waits for the memory. Where that is much, what follows
/// is done elsewhere, as of [`expect_body`].
pub(crate) async fn expect_made(bytes: usize) -> Stored {
    let Ok(work) = WORK.try_with(Arc::clone) else {
        return Stored::default();
    };
    if bytes >= LARGE {
        work.go().await;
    }
    Stored {
        _memory: work.memory.for_stored(bytes).await,
        heavy: (bytes >= LARGE).then_some(bytes),
    }
}

/// Memory for a stored object, held while it is decoded.
#[derive(Default)]
#[must_use]
pub(crate) struct Stored {
    _memory: Option<OwnedSemaphorePermit>,
    heavy: Option<usize>,
}

impl Stored {
    /// What it weighs, if work on it is much.
    pub(crate) const fn heavy(&self) -> Option<usize> {
        self.heavy
    }
}

/// Where something is made of stored objects a piece at a time, when the request that asked for it is over.
#[derive(Clone, Debug)]
pub(crate) struct Elsewhere {
    memory: Arc<Memory>,
    weight: usize,
}

impl Elsewhere {
    /// A piece is made of an object of this weight at most, within `memory`.
    pub(crate) fn new(memory: &Arc<Memory>, weight: usize) -> Self {
        Self {
            memory: Arc::clone(memory),
            weight,
        }
    }

    /// Makes a piece.
    pub(crate) fn run<T>(&self, make: impl FnOnce() -> T + Send + 'static) -> BoxFuture<'static, T> {
        let (memory, weight) = (Arc::clone(&self.memory), self.weight);
        Box::pin(movable(&self.memory, async move {
            let _memory = memory.for_stored(weight).await;
            if let Ok(work) = WORK.try_with(Arc::clone) {
                work.go().await;
            }
            make()
        }))
    }
}

/// Bytes of memory that copies within the object of this request may take.
pub(crate) fn room_for_copies() -> usize {
    WORK.try_with(|work| work.memory.copies()).unwrap_or(usize::MAX)
}

/// `future`, which goes on elsewhere from where it says that it expects much work, and holds parts of `memory` meanwhile.
pub(crate) fn movable<F: Future>(
    memory: &Arc<Memory>,
    future: F,
) -> impl Future<Output = F::Output> + use<F> {
    let work = Arc::new(Work {
        memory: Arc::clone(memory),
        is_large: AtomicBool::new(false),
        held: Mutex::new(None),
    });
    Movable {
        future: Box::pin(WORK.scope(Arc::clone(&work), future)),
        work,
        place: None,
    }
}

struct Movable<F: Future> {
    future: Pin<Box<TaskLocalFuture<Arc<Work>, F>>>,
    work: Arc<Work>,
    /// The place that is waited for.
    place: Option<BoxFuture<'static, Result<OwnedSemaphorePermit, AcquireError>>>,
}

impl<F: Future> Future for Movable<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        // A runtime with one thread, as tests have, has nobody to hand its tasks to.
        let moves = this.work.is_large.load(Ordering::Relaxed)
            && Handle::try_current()
                .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
        if !moves {
            return this.future.as_mut().poll(context);
        }
        let place = this
            .place
            .get_or_insert_with(|| Box::pin(Arc::clone(&PLACES).acquire_owned()));
        // The semaphore is never closed; if it were, the work would be done all the same.
        let _place = ready!(place.as_mut().poll(context));
        this.place = None;
        block_in_place(|| this.future.as_mut().poll(context))
    }
}

/// Lets others have their turn while many entries are looked at.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    bytes: usize,
    entries: usize,
}

impl Turns {
    const BYTES: usize = 1024 * 1024;
    const ENTRIES: usize = 512;

    /// Counts an entry of so many bytes.
    pub(crate) async fn take(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.entries += 1;
        if self.bytes >= Self::BYTES || self.entries >= Self::ENTRIES {
            *self = Self::default();
            tokio::task::yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Occupies its thread until somebody else sets `flag`.
    fn spin_until(flag: &AtomicBool) -> bool {
        let since = Instant::now();
        while !flag.load(Ordering::Acquire) {
            if since.elapsed() > Duration::from_secs(60) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    fn movable<F: Future>(future: F) -> impl Future<Output = F::Output> {
        super::movable(&Arc::new(Memory::new(1 << 30)), future)
    }

    async fn expect(bytes: usize) {
        let body = vec![b' '; bytes];
        expect_body(&body, BodyMedia::Json, 0).await.unwrap();
    }

    fn one_thread() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    }

    #[test]
    fn much_work_leaves_the_threads_to_others() {
        one_thread().block_on(async {
            let flag = Arc::new(AtomicBool::new(false));
            let other = Arc::clone(&flag);
            let work = tokio::spawn(movable(async move {
                expect(LARGE).await;
                tokio::spawn(async move { other.store(true, Ordering::Release) });
                spin_until(&flag)
            }));
            assert!(work.await.unwrap(), "nobody else had a turn");
        });
    }

    #[test]
    fn as_many_work_at_a_time_as_there_are_processors_and_none_that_waits() {
        one_thread().block_on(async {
            let processors = PLACES.available_permits();
            let begun = Arc::new(Semaphore::new(0));
            let release = Arc::new(Semaphore::new(0));
            let count = processors * 4;
            let work: Vec<_> = (0..count)
                .map(|_| {
                    let (begun, release) = (Arc::clone(&begun), Arc::clone(&release));
                    tokio::spawn(movable(async move {
                        expect(LARGE).await;
                        begun.add_permits(1);
                        // Whoever waits holds no place: otherwise not all could begin.
                        let _ = release.acquire().await;
                    }))
                })
                .collect();
            let all = u32::try_from(work.len()).unwrap();
            let _ = begun.acquire_many(all).await.unwrap();
            release.add_permits(work.len());
            for done in work {
                done.await.unwrap();
            }
        });
    }

    #[tokio::test]
    async fn what_becomes_much_is_large_however_short_it_is() {
        let body = format!("[{}0]", "[0],".repeat(12_000));
        assert!(body.len() < LARGE);
        movable(async {
            expect_body(body.as_bytes(), BodyMedia::Json, 0).await.unwrap();
            assert!(WORK.with(|work| work.is_large.load(Ordering::Relaxed)));
        })
        .await;
    }

    #[tokio::test]
    async fn what_is_small_stays_and_one_thread_is_enough() {
        movable(async {
            expect(LARGE - 1).await;
            assert!(!WORK.with(|work| work.is_large.load(Ordering::Relaxed)));
            expect(LARGE).await;
            assert!(WORK.with(|work| work.is_large.load(Ordering::Relaxed)));
        })
        .await;
        // Nothing moves what is not movable.
        expect(LARGE).await;
    }
}
