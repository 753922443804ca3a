//! Probes of the endpoints behind Services, beside the reconcile workers: one that does not answer takes no worker's time.
//!
//! | file | what it is |
//! |---|---|
//! | [`question`] | what an endpoint is asked, what it answered, and what that is worth |
//! | [`ask`] | asks, over the network |
//! | `known` | what is known of the endpoints of one server |
//! | `counting` | which answers count: one failed probe changes nothing |
//! | `schedule` | when an endpoint is asked again that no pass asks |
//! | `lanes` | how many are asked at once |
//! | `wakes` | which servers an answer came late for |
//!
//! Endpoints are asked in turn, and a pass is given what counts of their answers. One that hangs on an answer, such as in a
//! rotation, has them asked at once, and waits for a moment. Where an answer comes later and says something else, the reconciler is
//! woken for the server. Nothing in it is needed to go on after a restart.

pub mod ask;
mod counting;
mod known;
mod lanes;
pub mod question;
mod schedule;
#[cfg(test)]
mod tests;
mod wakes;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{
    Stream,
    future::{BoxFuture, join_all},
};
use jiff::Timestamp;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

use self::{
    known::{Given, Place, Running, Server},
    lanes::Lane,
    question::{Answer, Judge, Question, Questions},
    wakes::Wakes,
};
use super::endpoints::{Endpoint, Origin, Report};
use crate::probe::tls::HandshakeError;

/// How long a pass waits for answers: long enough that a healthy server needs one pass.
const GRACE: Duration = Duration::from_millis(250);
/// How old an answer may be that is given without asking again, where answers are wanted at once. Shorter than the shortest pause between two passes, so that
/// each of them takes new ones; long enough that the pass that a late answer wakes finds it.
const FRESH: Duration = Duration::from_millis(500);
/// How many endpoints of one server are asked at all.
pub const MAX_ENDPOINTS: usize = 1024;

/// How one endpoint is asked. It says when it timed out, and ends by itself.
pub type Ask = Arc<dyn Fn(SocketAddr, Arc<Question>) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Asks endpoints, and keeps the newest answer of each. Dropped, it ends all probes.
pub struct Prober {
    shared: Arc<Shared>,
    tasks: Mutex<JoinSet<()>>,
}

/// What probes that are under way need. None of them keeps another one alive by it.
struct Shared {
    ask: Ask,
    lane: Lane,
    servers: Mutex<HashMap<String, Server>>,
    /// How many endpoints all of them had when it was looked last whose turn it is.
    endpoints: AtomicUsize,
    wakes: Arc<Wakes>,
}

/// Tells when a probe has ended, in whatever way: its sender is gone.
type Ended = watch::Receiver<()>;

impl Prober {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new(ask: Ask) -> Self {
        let shared = Shared {
            ask,
            lane: Lane::of_process(),
            servers: Mutex::default(),
            endpoints: AtomicUsize::default(),
            wakes: Arc::default(),
        };
        Self {
            shared: Arc::new(shared),
            tasks: Mutex::default(),
        }
    }

    /// Asks in turn, from now on until [`Self::end`], whatever endpoints passes have asked.
    pub fn keep_asking(&self) {
        lock(&self.tasks).spawn(schedule::keep_asking(Arc::clone(&self.shared)));
    }

    /// What `endpoints` of the server with `uid` answer, judged with the bundle of `questions` at `now`; sorted by address.
    /// Only those that are a [`Origin::Backend`] are connected to. Who has not answered is told by its earlier answer, and where
    /// there is none, or it failed once, by [`HandshakeError::NoAnswerYet`]; the server called `name` is woken when something else
    /// counts. Endpoints that are not named are forgotten, and the others asked in turn from now on.
    pub async fn reports(
        &self,
        uid: &str,
        name: &str,
        endpoints: &[Endpoint],
        questions: &Questions,
        now: Timestamp,
    ) -> Vec<Report> {
        let asked: Vec<Asked<'_>> = endpoints
            .iter()
            .filter(|endpoint| endpoint.origin == Origin::Backend)
            .take(MAX_ENDPOINTS)
            .map(|endpoint| Asked {
                place: Place::of(endpoint),
                endpoint,
                question: questions.of(endpoint),
            })
            .collect();
        let under_way = self.begin(uid, name, &asked, questions.at_once);
        // What is not there then is told by what there was.
        let _ = timeout(GRACE, join_all(under_way.into_iter().map(ended))).await;
        let answers = self.shared.answers(uid, &asked);

        let mut judge = Judge::new(questions, now);
        let unasked = endpoints
            .iter()
            .filter(|endpoint| endpoint.origin == Origin::Backend)
            .skip(MAX_ENDPOINTS)
            .map(|endpoint| (endpoint, HandshakeError::TooMany));
        let others = endpoints
            .iter()
            .filter_map(|endpoint| match endpoint.origin {
                Origin::Backend => None,
                Origin::Gone => Some((endpoint, HandshakeError::PodGone)),
                Origin::Foreign => Some((endpoint, HandshakeError::ForeignAddress)),
            })
            .chain(unasked);
        let mut reports: Vec<Report> = others
            .map(|(endpoint, why)| Report::unasked(endpoint.clone(), why))
            .collect();
        reports.extend(asked.iter().zip(answers).map(|(asked, answer)| match answer {
            Some(given) => judge.report(asked.endpoint.clone(), &asked.question, &given),
            None => Report::unasked(asked.endpoint.clone(), HandshakeError::NoAnswerYet),
        }));
        reports.sort_by_key(|report| report.endpoint.address);
        reports
    }

    /// Forgets a server that is gone, or that has no endpoints to be asked, and ends its probes.
    pub fn forget(&self, uid: &str) {
        self.shared.servers().remove(uid);
    }

    /// Whether it asks endpoints of the server with `uid`.
    #[cfg(test)]
    pub(crate) fn asks(&self, uid: &str) -> bool {
        self.shared.servers().contains_key(uid)
    }

    /// The names of servers whose pass was given something else than what came later. One that is named again before it was
    /// taken is named once.
    pub fn wakes(&self) -> impl Stream<Item = String> + Send + use<> {
        wakes::stream(Arc::clone(&self.shared.wakes))
    }

    /// Ends all probes.
    pub fn end(&self) {
        self.shared.servers().clear();
        lock(&self.tasks).abort_all();
    }

    /// Asks whom nobody is asking, where there is no answer that is new enough; gives what to wait for.
    fn begin(&self, uid: &str, name: &str, asked: &[Asked<'_>], at_once: bool) -> Vec<Ended> {
        let now = Instant::now();
        let mut under_way = Vec::new();
        let mut servers = self.shared.servers();
        if !servers.contains_key(uid) {
            // A server that was made again has another uid, and nobody may have seen that the former one was gone.
            servers.retain(|_, server| server.name() != name);
        }
        // The schedule keeps answers newer than that.
        let in_turn = schedule::period(self.shared.endpoints.load(Ordering::Relaxed)) * 2;
        let age = if at_once { FRESH } else { in_turn };
        let server = servers.entry(uid.to_owned()).or_insert_with(|| Server::new(name));
        server.retain(asked.iter().map(|asked| &asked.place));
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        for Asked { place, question, .. } in asked {
            let timed_out = server.timed_out(place);
            let ended = match server.under_way(place) {
                Some(under_way) if under_way.left => continue,
                Some(under_way) => under_way.ended,
                None if server.is_fresh(place, question, now, age) => continue,
                None => {
                    let (running, ended) =
                        Probe::start(&self.shared, (uid, &mut *server), place, question, &mut tasks);
                    server.run(place, running);
                    ended
                }
            };
            // Who did not answer the last time is not waited for again.
            if !timed_out {
                under_way.push(ended);
            }
        }
        under_way
    }
}

impl Shared {
    fn servers(&self) -> MutexGuard<'_, HashMap<String, Server>> {
        lock(&self.servers)
    }

    /// Asks whose turn it is.
    fn ask_due(shared: &Arc<Self>, probes: &mut JoinSet<()>, now: Instant) {
        let mut servers = shared.servers();
        let all = servers.values().map(Server::endpoints).sum();
        shared.endpoints.store(all, Ordering::Relaxed);
        for (uid, server) in servers.iter_mut() {
            for (place, question) in server.due(now, all) {
                let (running, _) = Probe::start(shared, (uid, &mut *server), &place, &question, probes);
                server.run(&place, running.unawaited());
            }
        }
    }

    /// What counts of the answers of `asked`; whose probe is still under way is to be told of when it ends.
    fn answers(&self, uid: &str, asked: &[Asked<'_>]) -> Vec<Option<Given>> {
        let mut servers = self.servers();
        let mut server = servers.get_mut(uid);
        let answer = |asked: &Asked<'_>| server.as_mut()?.give(&asked.place, &asked.question);
        asked.iter().map(answer).collect()
    }
}

/// An endpoint with what it is asked.
struct Asked<'a> {
    place: Place,
    endpoint: &'a Endpoint,
    question: Arc<Question>,
}

async fn ended(mut probe: Ended) {
    while probe.changed().await.is_ok() {}
}

/// One probe.
struct Probe {
    shared: Arc<Shared>,
    uid: String,
    place: Place,
    question: Arc<Question>,
    number: u64,
    lane: Arc<Lane>,
    timed_out: bool,
}

impl Probe {
    /// Begins one among `tasks`.
    fn start(
        shared: &Arc<Shared>,
        (uid, server): (&str, &mut Server),
        place: &Place,
        question: &Arc<Question>,
        tasks: &mut JoinSet<()>,
    ) -> (Running, Ended) {
        let number = server.next_number();
        let probe = Self {
            shared: Arc::clone(shared),
            uid: uid.to_owned(),
            place: place.clone(),
            question: Arc::clone(question),
            number,
            lane: server.lane(),
            timed_out: server.timed_out(place),
        };
        let (end, ended) = watch::channel(());
        let task = tasks.spawn(async move {
            // Gone with the task, however that ends.
            let _end = end;
            probe.run().await;
        });
        let running = Running::new(number, Arc::clone(question), task, ended.clone());
        (running, ended)
    }

    async fn run(self) {
        let answer = {
            let _seat = lanes::enter(&self.lane, &self.shared.lane, self.timed_out).await;
            (self.shared.ask)(self.place.address, Arc::clone(&self.question)).await
        };
        let mut servers = self.shared.servers();
        let Some(server) = servers.get_mut(&self.uid) else {
            return;
        };
        if server.answered(&self.place, self.number, answer) {
            self.shared.wakes.wake(server.name());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
