//! Whether endpoints can be used past the aggregator ([`probe::bypass`](crate::probe::bypass)), asked beside the reconciles: at
//! first, when other pods are there, and once an hour. A pass takes the newest answer and waits for none.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use annex_crds::v1alpha1::Reason;
use futures::future::BoxFuture;
use tokio::{
    sync::Semaphore,
    task::{AbortHandle, JoinSet},
    time::{Instant, timeout},
};

use super::{
    endpoints::{Endpoint, Report},
    finding::Finding,
};
use crate::{
    clock::Clock,
    pki::Certificate,
    probe::{
        Limits,
        bypass::{Bypass, Target, bypass},
    },
};

/// How many endpoints of a server are asked: pods of one workload are alike.
const ENDPOINTS: usize = 3;
/// How many servers are asked at once.
const AT_ONCE: usize = 8;
/// How long an answer counts.
const COUNTS: Duration = Duration::from_secs(60 * 60);
/// The pause after answers that did not tell.
const UNCLEAR: Duration = Duration::from_secs(5 * 60);
/// How long one server may take in all.
const LIMIT: Duration = Duration::from_secs(60);

/// What a server is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Some of its endpoints, as messages name them.
    pub endpoints: Vec<(SocketAddr, String)>,
    /// The name that they must be vouched for.
    pub server_name: String,
    /// Who must vouch for them.
    pub bundle: Vec<Certificate>,
    /// An API group and version that they serve.
    pub group_version: (String, String),
}

impl Question {
    /// What is to be asked of a server whose endpoints answered so; `None` where nobody may be asked.
    #[must_use]
    pub fn new(
        reports: &[Report],
        server_name: &str,
        bundle: &[Certificate],
        group_version: (String, String),
    ) -> Option<Self> {
        let asked = reports
            .iter()
            .filter(|report| report.endpoint.ready && report.trusted());
        let name = |endpoint: &Endpoint| (endpoint.address, endpoint.to_string());
        let endpoints: Vec<_> = asked
            .map(|report| name(&report.endpoint))
            .take(ENDPOINTS)
            .collect();
        (!endpoints.is_empty()).then(|| Self {
            endpoints,
            server_name: server_name.to_owned(),
            bundle: bundle.to_vec(),
            group_version,
        })
    }

    /// Whether an answer to one answers the other, whoever vouches.
    fn is_answered_by(&self, other: &Self) -> bool {
        (&self.endpoints, &self.group_version) == (&other.endpoints, &other.group_version)
    }
}

/// What was found: the worst of the answers, and who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub found: Bypass,
    /// The endpoint.
    pub endpoint: String,
}

impl Verdict {
    /// What a person has to know; `None` where all is well.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        let Self { found, endpoint } = self;
        match found {
            Bypass::Refused => None,
            Bypass::Claimed => Some(Finding::new(
                Reason::ClaimedIdentityObeyed,
                format!(
                    "{endpoint} takes whoever sends X-Remote-User for that user, without the front proxy's client certificate"
                ),
            )),
            Bypass::Anonymous => Some(Finding::new(
                Reason::AnonymousAllowed,
                format!("{endpoint} answers requests for its resources without any credential"),
            )),
        }
    }
}

/// How a server is asked.
pub type Ask = Arc<dyn Fn(Question) -> BoxFuture<'static, Option<Verdict>> + Send + Sync>;

/// Asks within `limits`, with certificates judged by `clock`.
#[must_use]
pub fn over_network(limits: Limits, clock: Clock) -> Ask {
    Arc::new(move |question| {
        let clock = clock.clone();
        Box::pin(async move { ask(&question, &clock, &limits).await })
    })
}

async fn ask(question: &Question, clock: &Clock, limits: &Limits) -> Option<Verdict> {
    let (group, version) = &question.group_version;
    let mut worst: Option<Verdict> = None;
    for (address, endpoint) in &question.endpoints {
        let target = Target {
            address: *address,
            server_name: &question.server_name,
            bundle: &question.bundle,
            group,
            version,
        };
        let Some(found) = bypass(target, clock.now(), limits).await else {
            continue;
        };
        if worst.as_ref().is_none_or(|worst| worst.found < found) {
            let endpoint = endpoint.clone();
            worst = Some(Verdict { found, endpoint });
        }
    }
    worst
}

/// Asks servers, and keeps the newest answer of each. Dropped, it ends what is under way.
pub struct BypassProber {
    ask: Ask,
    seats: Arc<Semaphore>,
    servers: Arc<Mutex<HashMap<String, Known>>>,
    tasks: Mutex<JoinSet<()>>,
}

/// What is known of one server.
struct Known {
    question: Question,
    verdict: Option<Verdict>,
    /// Before this it is not asked again.
    again: Instant,
    running: Option<Running>,
}

/// A probe that is under way. Dropped, it ends.
struct Running(AbortHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl BypassProber {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new(ask: Ask) -> Self {
        Self {
            ask,
            seats: Arc::new(Semaphore::new(AT_ONCE)),
            servers: Arc::default(),
            tasks: Mutex::default(),
        }
    }

    /// What the server with `uid` answered to `question`; it is asked where that is due. `None` where that is not known yet.
    pub fn verdict(&self, uid: &str, question: Question) -> Option<Verdict> {
        let now = Instant::now();
        let mut servers = lock(&self.servers);
        let known = servers
            .get(uid)
            .filter(|known| question.is_answered_by(&known.question));
        let verdict = known.and_then(|known| known.verdict.clone());
        let is_due = known.is_none_or(|known| {
            known
                .running
                .as_ref()
                .is_none_or(|running| running.0.is_finished())
                && known.again <= now
        });
        if is_due {
            let running = self.begin(uid, question.clone());
            let known = Known {
                question,
                verdict: verdict.clone(),
                again: now + UNCLEAR,
                running: Some(running),
            };
            servers.insert(uid.to_owned(), known);
        }
        verdict
    }

    /// Forgets a server that is gone.
    pub fn forget(&self, uid: &str) {
        lock(&self.servers).remove(uid);
    }

    /// Ends what is under way.
    pub fn end(&self) {
        lock(&self.servers).clear();
        lock(&self.tasks).abort_all();
    }

    fn begin(&self, uid: &str, question: Question) -> Running {
        let (ask, seats, servers) = (
            Arc::clone(&self.ask),
            Arc::clone(&self.seats),
            Arc::clone(&self.servers),
        );
        let uid = uid.to_owned();
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        Running(tasks.spawn(async move {
            // It is never closed.
            let _seat = seats.acquire_owned().await.ok();
            let answer = timeout(LIMIT, ask(question.clone())).await.unwrap_or_default();
            let mut servers = lock(&servers);
            let known = servers.get_mut(&uid);
            let Some(known) = known.filter(|known| question.is_answered_by(&known.question)) else {
                return;
            };
            let pause = if answer.is_some() { COUNTS } else { UNCLEAR };
            known.again = Instant::now() + pause;
            // What was known stands until something else is.
            known.verdict = answer.or_else(|| known.verdict.take());
        }))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn question(address: &str) -> Question {
        Question {
            endpoints: vec![(address.parse().unwrap(), address.to_owned())],
            server_name: "wardle.wardle.svc".to_owned(),
            bundle: Vec::new(),
            group_version: ("wardle.example.com".to_owned(), "v1".to_owned()),
        }
    }

    /// A prober whose servers answer so, and how often they were asked.
    fn prober(answer: Option<Bypass>) -> (BypassProber, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let prober = BypassProber::new(Arc::new(move |question| {
            counted.fetch_add(1, Ordering::Relaxed);
            let endpoint = question.endpoints[0].1.clone();
            Box::pin(async move { answer.map(|found| Verdict { found, endpoint }) })
        }));
        (prober, asked)
    }

    async fn after(pause: Duration) {
        tokio::time::sleep(pause).await;
    }

    const SOON: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_for_an_hour_and_for_the_same_pods() {
        let (prober, asked) = prober(Some(Bypass::Claimed));
        let verdict = |address| {
            prober
                .verdict("a", question(address))
                .map(|verdict| verdict.endpoint)
        };
        assert_eq!(verdict("10.0.0.1:1"), None);
        after(SOON).await;
        for _ in 0..3 {
            assert_eq!(verdict("10.0.0.1:1").as_deref(), Some("10.0.0.1:1"));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert_eq!(verdict("10.0.0.2:1"), None);
        after(SOON).await;
        assert_eq!(verdict("10.0.0.2:1").as_deref(), Some("10.0.0.2:1"));
        after(COUNTS).await;
        assert_eq!(verdict("10.0.0.2:1").as_deref(), Some("10.0.0.2:1"));
        after(SOON).await;
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_do_not_tell_are_asked_for_again_after_a_while() {
        let (prober, asked) = prober(None);
        for _ in 0..600 {
            assert_eq!(prober.verdict("a", question("10.0.0.1:1")), None);
            after(SOON).await;
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        prober.forget("a");
        assert!(lock(&prober.servers).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_holds_one_seat_for_a_while() {
        let ask: Ask = Arc::new(|_| Box::pin(std::future::pending()));
        let prober = BypassProber::new(ask);
        assert_eq!(prober.verdict("a", question("10.0.0.1:1")), None);
        after(SOON).await;
        assert_eq!(prober.seats.available_permits(), AT_ONCE - 1);
        after(LIMIT).await;
        assert_eq!(prober.seats.available_permits(), AT_ONCE);
    }

    #[test]
    fn what_is_found_is_told_of_the_endpoint() {
        let verdict = |found| Verdict {
            found,
            endpoint: "pod a (10.0.0.1:8443)".to_owned(),
        };
        assert_eq!(verdict(Bypass::Refused).finding(), None);
        for (found, reason) in [
            (Bypass::Claimed, Reason::ClaimedIdentityObeyed),
            (Bypass::Anonymous, Reason::AnonymousAllowed),
        ] {
            let finding = verdict(found).finding().unwrap();
            assert_eq!(finding.reason, reason);
            assert!(finding.message.starts_with("pod a (10.0.0.1:8443) "));
        }
    }
}
