//! Which kube-apiservers do not reach a server that others, and the operator, reach.
//!
//! | file | what it is |
//! |---|---|
//! | `doubt` | whether there is reason to ask |
//! | `ask` | asks every kube-apiserver, over the network |
//! | `verdict` | what their answers say |
//!
//! It goes on beside the passes: a proxy takes seconds to give up. A pass is given what is known, and comes again while a round is under
//! way. Nothing in it is needed to go on after a restart.

pub mod ask;
pub mod doubt;
pub mod verdict;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use self::verdict::{Answer, Verdict};

/// The pause between the end of a round and the next one.
const PAUSE: Duration = Duration::from_secs(10);
/// How many servers' rounds are under way at once; each is a request to every kube-apiserver.
const AT_ONCE: usize = 8;

/// Asks every kube-apiserver for a path, and gives what each one answered, by address; nothing where there are not several.
pub type Ask = Arc<dyn Fn(String) -> BoxFuture<'static, Vec<(String, Answer)>> + Send + Sync>;

/// What is known, by the server's uid. Dropped, it ends all rounds.
pub struct Reach {
    ask: Ask,
    seats: Arc<Semaphore>,
    servers: Arc<Mutex<HashMap<String, Known>>>,
    rounds: Mutex<JoinSet<()>>,
}

/// What is known of one server.
#[derive(Clone, Default)]
struct Known {
    verdict: Verdict,
    asking: bool,
    asked: Option<Instant>,
}

impl Reach {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new(ask: Ask) -> Self {
        Self {
            ask,
            seats: Arc::new(Semaphore::new(AT_ONCE)),
            servers: Arc::default(),
            rounds: Mutex::default(),
        }
    }

    /// What is known of the server with `uid`. A round begins, with the server's discovery at `path`, where it is in doubt that every
    /// kube-apiserver reaches it, or one is known not to, and the last round is a while ago. Also whether one is under way.
    pub fn look(&self, uid: &str, path: &str, in_doubt: bool) -> (Verdict, bool) {
        let now = Instant::now();
        let mut servers = lock(&self.servers);
        let known = servers.entry(uid.to_owned()).or_default();
        let rested = known
            .asked
            .is_none_or(|asked| now.saturating_duration_since(asked) >= PAUSE);
        if !known.asking && rested && (in_doubt || !known.verdict.is_clean()) {
            known.asking = true;
            self.begin(uid.to_owned(), path.to_owned());
        }
        (known.verdict.clone(), known.asking)
    }

    /// Forgets a server that is gone, or of which nothing can be said.
    pub fn forget(&self, uid: &str) {
        lock(&self.servers).remove(uid);
    }

    fn begin(&self, uid: String, path: String) {
        let (ask, seats, servers) = (
            Arc::clone(&self.ask),
            Arc::clone(&self.seats),
            Arc::clone(&self.servers),
        );
        let mut rounds = lock(&self.rounds);
        while rounds.try_join_next().is_some() {}
        rounds.spawn(async move {
            let _seat = seats.acquire().await;
            let answers = ask(path).await;
            let mut servers = lock(&servers);
            let Some(known) = servers.get_mut(&uid) else {
                return;
            };
            known.asking = false;
            known.asked = Some(Instant::now());
            known.verdict = known.verdict.after(&answers);
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use annex_crds::v1alpha1::Reason;

    use super::*;

    struct Cluster {
        reach: Reach,
        cut: Arc<AtomicBool>,
        rounds: Arc<AtomicU32>,
    }

    fn cluster() -> Cluster {
        let (cut, rounds) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
        let (is_cut, count) = (Arc::clone(&cut), Arc::clone(&rounds));
        let reach = Reach::new(Arc::new(move |path| {
            assert_eq!(path, "/apis/a/v1");
            count.fetch_add(1, Ordering::Relaxed);
            let second = if is_cut.load(Ordering::Relaxed) {
                Answer::Unreached(Reason::ControlPlaneUnreachable)
            } else {
                Answer::Reached
            };
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(5)).await;
                vec![
                    ("a:6443".to_owned(), Answer::Reached),
                    ("b:6443".to_owned(), second),
                ]
            })
        }));
        Cluster { reach, cut, rounds }
    }

    impl Cluster {
        fn look(&self, in_doubt: bool) -> (bool, bool) {
            let (verdict, asking) = self.reach.look("uid", "/apis/a/v1", in_doubt);
            (verdict.is_clean(), asking)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_known_not_to_reach_a_server_is_asked_until_it_does() {
        let cluster = cluster();
        assert_eq!(cluster.look(false), (true, false), "there is no reason to ask");
        assert_eq!(cluster.look(true), (true, true));
        assert_eq!(cluster.look(true), (true, true));
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(cluster.look(false), (false, false), "it is known");
        assert_eq!(cluster.rounds.load(Ordering::Relaxed), 1);
        cluster.cut.store(false, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
        assert_eq!(cluster.look(false), (false, true), "what is known is asked again");
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(cluster.look(false), (true, false));
        tokio::time::sleep(PAUSE).await;
        assert_eq!(cluster.look(false), (true, false), "nobody asks any more");
        assert_eq!(cluster.rounds.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_gone_is_forgotten_also_by_a_round_under_way() {
        let cluster = cluster();
        cluster.look(true);
        cluster.reach.forget("uid");
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert!(lock(&cluster.reach.servers).is_empty());
    }
}
