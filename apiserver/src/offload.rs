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
//! Decoded, an object takes twenty to forty times its bytes, so large requests also share memory: each holds a part of
//! [`MEMORY`] from where it says how much it works on until its answer is made.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::block_in_place;
use tokio::task::futures::TaskLocalFuture;

/// Bytes of JSON from which on work moves: what is smaller takes a millisecond or two.
pub(crate) const LARGE: usize = 64 * 1024;

/// One for each processor.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new(processors))
});

/// KiB of JSON that all large requests together work on. What is larger is worked on alone: a patch of a list of 500,000 numbers, a
/// megabyte, takes some 150 MiB for a moment.
const MEMORY_KIB: usize = 1024;
static MEMORY: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MEMORY_KIB)));

/// What is known of the work of one request.
#[derive(Debug, Default)]
struct Work {
    /// Whether it turned out to be large.
    is_large: AtomicBool,
    /// Its part of [`MEMORY`].
    memory: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Work {
    fn held(&self) -> std::sync::MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for as much memory as work on so many bytes takes.
    async fn hold(&self, bytes: usize) {
        let wanted = bytes.div_ceil(1024).min(MEMORY_KIB);
        if self
            .held()
            .as_ref()
            .is_some_and(|held| held.num_permits() >= wanted)
        {
            return;
        }
        // Given back first: two who each hold a part and wait for more would wait for each other.
        *self.held() = None;
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        // The semaphore is never closed; if it were, the work would be done all the same.
        let permit = Arc::clone(&MEMORY).acquire_many_owned(wanted).await.ok();
        *self.held() = permit;
    }
}

tokio::task_local! {
    /// The work of the request that is being answered.
    static WORK: Arc<Work>;
}

/// Says that work on so many bytes is about to begin. Where that is much, what follows is done elsewhere, if it is part of a
/// future that [`movable`] made.
pub(crate) async fn expect(bytes: usize) {
    if bytes < LARGE {
        return;
    }
    let Ok(work) = WORK.try_with(Arc::clone) else {
        return;
    };
    work.hold(bytes).await;
    if !work.is_large.swap(true, Ordering::Relaxed) {
        // The next poll is elsewhere.
        tokio::task::yield_now().await;
    }
}

/// `future`, which goes on elsewhere from where it says that it expects much work.
pub(crate) fn movable<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let work = Arc::new(Work::default());
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
            let count = (processors * 4).min(MEMORY_KIB * 1024 / LARGE);
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

    #[tokio::test]
    async fn large_requests_work_on_so_many_bytes_at_a_time() {
        let all = MEMORY_KIB * 1024;
        let (begun, release) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let work = |bytes: usize| {
            let (begun, release) = (Arc::clone(&begun), Arc::clone(&release));
            tokio::spawn(movable(async move {
                // The body, and then what lies in the store.
                expect(LARGE).await;
                expect(bytes).await;
                begun.add_permits(1);
                release.acquire().await.unwrap().forget();
            }))
        };
        // Each takes more than half, one more than there is.
        let requests: Vec<_> = [all / 2 + 1024, all / 2 + 1024, all * 3]
            .into_iter()
            .map(work)
            .collect();
        for _ in 0..requests.len() {
            begun.acquire().await.unwrap().forget();
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert_eq!(begun.available_permits(), 0, "two at a time");
            release.add_permits(1);
        }
        for request in requests {
            request.await.unwrap();
        }
    }
}
