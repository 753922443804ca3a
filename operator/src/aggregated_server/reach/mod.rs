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
use tokio::{
    sync::Semaphore,
    task::{AbortHandle, JoinSet},
    time::{Instant, timeout},
};

use self::verdict::{Answer, Verdict};

/// The pause between the end of a round and the next one.
const PAUSE: Duration = Duration::from_secs(10);
/// How many servers' rounds are under way at once; each is a request to every kube-apiserver.
const AT_ONCE: usize = 8;
/// How long one round may take: longer than what it takes a kube-apiserver that answers nothing, however often it is asked.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks every kube-apiserver for a path, and gives what each one answered, by address; nothing where there are not several, and `None`
/// where that is not known.
pub type Ask = Arc<dyn Fn(String) -> BoxFuture<'static, Option<Vec<(String, Answer)>>> + Send + Sync>;

/// What is known, by the server's uid. Dropped, it ends all rounds.
pub struct Reach {
    ask: Ask,
    seats: Arc<Semaphore>,
    servers: Arc<Mutex<HashMap<String, Known>>>,
    rounds: Mutex<JoinSet<()>>,
}

/// Where the round of a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// There is none.
    None,
    /// It waits until those of others have ended.
    Waits,
    /// Kube-apiservers are being asked: it ends soon.
    UnderWay,
}

/// What is known of one server.
#[derive(Default)]
struct Known {
    verdict: Verdict,
    running: Option<Running>,
    asked: Option<Instant>,
}

/// A round that has begun. Dropped, it ends.
struct Running {
    task: AbortHandle,
    has_seat: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Known {
    fn round(&self) -> Round {
        match &self.running {
            Some(running) if running.task.is_finished() => Round::None,
            Some(running) if running.has_seat => Round::UnderWay,
            Some(_) => Round::Waits,
            None => Round::None,
        }
    }
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
    /// kube-apiserver reaches it, or one is known not to, and the last round is a while ago. Also where that stands.
    pub fn look(&self, uid: &str, path: &str, in_doubt: bool) -> (Verdict, Round) {
        let now = Instant::now();
        let mut servers = lock(&self.servers);
        let known = servers.entry(uid.to_owned()).or_default();
        let rested = known
            .asked
            .is_none_or(|asked| now.saturating_duration_since(asked) >= PAUSE);
        if known.round() == Round::None && rested && (in_doubt || !known.verdict.is_clean()) {
            known.running = Some(self.begin(uid.to_owned(), path.to_owned()));
        }
        (known.verdict.clone(), known.round())
    }

    /// Forgets a server that is gone, or of which nothing can be said.
    pub fn forget(&self, uid: &str) {
        lock(&self.servers).remove(uid);
    }

    fn begin(&self, uid: String, path: String) -> Running {
        let (ask, seats, servers) = (
            Arc::clone(&self.ask),
            Arc::clone(&self.seats),
            Arc::clone(&self.servers),
        );
        let mut rounds = lock(&self.rounds);
        while rounds.try_join_next().is_some() {}
        let task = rounds.spawn(async move {
            // It is never closed.
            let _seat = seats.acquire_owned().await.ok();
            if let Some(running) = lock(&servers)
                .get_mut(&uid)
                .and_then(|known| known.running.as_mut())
            {
                running.has_seat = true;
            }
            let answers = timeout(LIMIT, ask(path)).await.ok().flatten();
            let mut servers = lock(&servers);
            let Some(known) = servers.get_mut(&uid) else {
                return;
            };
            known.running = None;
            known.asked = Some(Instant::now());
            // What could not be asked leaves what is known.
            if let Some(answers) = answers {
                known.verdict = known.verdict.after(&answers);
            }
        });
        Running {
            task,
            has_seat: false,
        }
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
        silent: Arc<AtomicBool>,
        rounds: Arc<AtomicU32>,
    }

    fn cluster() -> Cluster {
        let (cut, silent) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        let rounds = Arc::new(AtomicU32::new(0));
        let (is_cut, is_silent, count) = (Arc::clone(&cut), Arc::clone(&silent), Arc::clone(&rounds));
        let reach = Reach::new(Arc::new(move |path| {
            assert_eq!(path, "/apis/a/v1");
            count.fetch_add(1, Ordering::Relaxed);
            let second = if is_cut.load(Ordering::Relaxed) {
                Answer::Unreached(Reason::ControlPlaneUnreachable)
            } else {
                Answer::Reached
            };
            let silent = is_silent.load(Ordering::Relaxed);
            Box::pin(async move {
                if silent {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(Duration::from_secs(5)).await;
                Some(vec![
                    ("a:6443".to_owned(), Answer::Reached),
                    ("b:6443".to_owned(), second),
                ])
            })
        }));
        Cluster {
            reach,
            cut,
            silent,
            rounds,
        }
    }

    impl Cluster {
        fn look(&self, in_doubt: bool) -> (bool, Round) {
            self.look_at("uid", in_doubt)
        }

        fn look_at(&self, uid: &str, in_doubt: bool) -> (bool, Round) {
            let (verdict, round) = self.reach.look(uid, "/apis/a/v1", in_doubt);
            (verdict.is_clean(), round)
        }
    }

    async fn after(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_known_not_to_reach_a_server_is_asked_until_it_does() {
        let cluster = cluster();
        assert_eq!(
            cluster.look(false),
            (true, Round::None),
            "there is no reason to ask"
        );
        assert_eq!(cluster.look(true), (true, Round::Waits));
        after(1).await;
        assert_eq!(cluster.look(true), (true, Round::UnderWay));
        after(5).await;
        assert_eq!(cluster.look(false), (false, Round::None), "it is known");
        assert_eq!(cluster.rounds.load(Ordering::Relaxed), 1);
        cluster.cut.store(false, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
        assert_eq!(
            cluster.look(false),
            (false, Round::Waits),
            "what is known is asked again"
        );
        after(6).await;
        assert_eq!(cluster.look(false), (true, Round::None));
        tokio::time::sleep(PAUSE).await;
        assert_eq!(cluster.look(false), (true, Round::None), "nobody asks any more");
        assert_eq!(cluster.rounds.load(Ordering::Relaxed), 2);
    }

    /// Those that wait for a seat are not in a hurry: it may take as long as the rounds of all others.
    #[tokio::test(start_paused = true)]
    async fn a_round_ends_and_those_that_wait_for_it_are_told_from_those_under_way() {
        let cluster = cluster();
        cluster.silent.store(true, Ordering::Relaxed);
        let uids: Vec<String> = (0..=AT_ONCE).map(|number| number.to_string()).collect();
        uids.iter().for_each(|uid| {
            cluster.look_at(uid, true);
        });
        after(1).await;
        let rounds = |cluster: &Cluster| -> Vec<Round> {
            uids.iter().map(|uid| cluster.look_at(uid, false).1).collect()
        };
        let mut expected = vec![Round::UnderWay; AT_ONCE];
        expected.push(Round::Waits);
        assert_eq!(rounds(&cluster), expected);
        cluster.silent.store(false, Ordering::Relaxed);
        tokio::time::sleep(LIMIT).await;
        let mut expected = vec![Round::None; AT_ONCE];
        expected.push(Round::UnderWay);
        assert_eq!(rounds(&cluster), expected);
    }

    /// That the control planes could not be listed is no word of any of them.
    #[tokio::test(start_paused = true)]
    async fn a_round_that_could_not_be_asked_changes_nothing() {
        let listed = Arc::new(AtomicBool::new(true));
        let is_listed = Arc::clone(&listed);
        let reach = Reach::new(Arc::new(move |_| {
            let second = Answer::Unreached(Reason::ControlPlaneUnreachable);
            let answers = vec![("a".to_owned(), Answer::Reached), ("b".to_owned(), second)];
            let answers = is_listed.load(Ordering::Relaxed).then_some(answers);
            Box::pin(async move { answers })
        }));
        for is_listed in [true, false, false] {
            listed.store(is_listed, Ordering::Relaxed);
            reach.look("uid", "/apis/a/v1", true);
            tokio::time::sleep(PAUSE * 2).await;
        }
        let (verdict, _) = reach.look("uid", "/apis/a/v1", false);
        assert!(!verdict.is_clean());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_gone_is_forgotten_also_by_a_round_under_way() {
        let cluster = cluster();
        cluster.look(true);
        cluster.reach.forget("uid");
        after(6).await;
        assert!(lock(&cluster.reach.servers).is_empty());
    }
}
