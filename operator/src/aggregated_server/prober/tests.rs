//! Probes against endpoints that are functions, in tokio's paused time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicUsize, Ordering},
};

use futures::{FutureExt as _, StreamExt as _};
use tokio::time::{advance, sleep};

use super::{
    lanes::{PROCESS, PROCESS_TIMED_OUT, SERVER, SERVER_TIMED_OUT},
    *,
};
use crate::{
    pki::{CertificateAuthority, testing as pki},
    probe::tls::Served,
};

const FIVE: Duration = Duration::from_secs(5);
/// Longer than any probe and any wait here.
const LONG: Duration = Duration::from_secs(3600);

/// What an endpoint does.
type Behaviour = dyn Fn(SocketAddr, usize) -> (Duration, Result<Served, HandshakeError>) + Send + Sync;

/// Endpoints that do the same; they count what they are asked.
#[derive(Default)]
struct Endpoints {
    asked: Mutex<HashMap<SocketAddr, usize>>,
    under_way: AtomicUsize,
    most: AtomicUsize,
    cut_off: AtomicUsize,
}

/// A probe under way.
struct Under(Arc<Endpoints>, bool);

impl Drop for Under {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
        if !self.1 {
            self.0.cut_off.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Endpoints {
    fn all(&self) -> usize {
        lock(&self.asked).values().sum()
    }

    fn most(&self) -> usize {
        self.most.swap(0, Ordering::SeqCst)
    }
}

fn prober(behaviour: Box<Behaviour>) -> (Prober, Arc<Endpoints>) {
    let endpoints = Arc::new(Endpoints::default());
    let behaviour = Arc::new(behaviour);
    let shared = Arc::clone(&endpoints);
    let prober = Prober::new(Arc::new(move |address, _| {
        let (endpoints, behaviour) = (Arc::clone(&shared), Arc::clone(&behaviour));
        async move {
            let asked = {
                let mut asked = lock(&endpoints.asked);
                let asked = asked.entry(address).or_default();
                *asked += 1;
                *asked
            };
            let now = endpoints.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            endpoints.most.fetch_max(now, Ordering::SeqCst);
            let mut under = Under(endpoints, false);
            let (takes, handshake) = behaviour(address, asked);
            sleep(takes).await;
            under.1 = true;
            Answer {
                timed_out: handshake == Err(HandshakeError::ConnectTimeout),
                handshake,
                at: Instant::now(),
                discovery: BTreeMap::new(),
                readyz: None,
            }
        }
        .boxed()
    }));
    (prober, endpoints)
}

fn endpoint(number: usize) -> Endpoint {
    let [.., high, low] = number.to_be_bytes();
    Endpoint {
        address: SocketAddr::from(([10, 0, high, low], 8443)),
        pod: Some(format!("wardle-{number}")),
        ready: true,
        origin: Origin::Backend,
    }
}

fn questions() -> Questions {
    Questions::new(pki::NAME, &[], Vec::new(), None).at_once(true)
}

async fn look(prober: &Prober, endpoints: &[Endpoint]) -> Vec<Result<(), HandshakeError>> {
    look_with(prober, endpoints, &questions()).await
}

/// As a pass does that nothing hangs on.
async fn glance(prober: &Prober, endpoints: &[Endpoint]) -> Vec<Result<(), HandshakeError>> {
    let in_turn = Questions::new(pki::NAME, &[], Vec::new(), None);
    look_with(prober, endpoints, &in_turn).await
}

async fn look_with(
    prober: &Prober,
    endpoints: &[Endpoint],
    questions: &Questions,
) -> Vec<Result<(), HandshakeError>> {
    let reports = prober
        .reports("0b9c", "wardle", endpoints, questions, pki::now())
        .await;
    reports
        .into_iter()
        .map(|report| report.handshake.map(|_| ()))
        .collect()
}

fn refused(takes: Duration) -> Box<Behaviour> {
    Box::new(move |_, _| (takes, Err(HandshakeError::ConnectionRefused)))
}

/// It presents a certificate.
fn answers(takes: Duration) -> Box<Behaviour> {
    let presented = served(&pki::authority(&[pki::NAME]));
    Box::new(move |_, _| (takes, Ok(presented.clone())))
}

fn dead() -> Box<Behaviour> {
    Box::new(|_, _| (FIVE, Err(HandshakeError::ConnectTimeout)))
}

fn served(authority: &CertificateAuthority) -> Served {
    let leaf = pki::leaf(authority).certificate;
    Served {
        chain: vec![leaf.der.clone()],
        leaf,
    }
}

async fn next_wake(prober: &Prober) -> Option<String> {
    let mut wakes = std::pin::pin!(prober.wakes());
    timeout(LONG, wakes.next()).await.ok().flatten()
}

#[tokio::test(start_paused = true)]
async fn what_comes_within_the_grace_needs_one_pass() {
    let (prober, endpoints) = prober(answers(Duration::from_millis(200)));
    let began = Instant::now();
    let seen = look(&prober, &[endpoint(1)]).await;
    assert_eq!(seen, [Ok(())]);
    assert!(began.elapsed() < GRACE);
    // And is not asked again at once.
    look(&prober, &[endpoint(1)]).await;
    assert_eq!(endpoints.all(), 1);
    advance(FRESH * 2).await;
    look(&prober, &[endpoint(1)]).await;
    assert_eq!(endpoints.all(), 2);
    assert_eq!(next_wake(&prober).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_comes_late_wakes_where_it_says_something_else() {
    let presented = served(&pki::authority(&[pki::NAME]));
    let behaviour = move |_, asked| match asked {
        1..=3 => (FIVE, Err(HandshakeError::ConnectTimeout)),
        _ => (FIVE, Ok(presented.clone())),
    };
    let (prober, endpoints) = prober(Box::new(behaviour));
    let began = Instant::now();
    let seen = look(&prober, &[endpoint(1)]).await;
    assert_eq!(seen, [Err(HandshakeError::NoAnswerYet)]);
    assert_eq!(began.elapsed(), GRACE);
    // One that failed says nothing.
    assert_eq!(next_wake(&prober).await, None);
    assert_eq!(endpoints.all(), 1);
    let seen = look(&prober, &[endpoint(1)]).await;
    assert_eq!(seen, [Err(HandshakeError::NoAnswerYet)]);
    let again = Instant::now();
    assert_eq!(next_wake(&prober).await.as_deref(), Some("wardle"));
    assert_eq!(again.elapsed(), FIVE);
    // The pass that is woken finds it.
    let seen = look(&prober, &[endpoint(1)]).await;
    assert_eq!(seen, [Err(HandshakeError::ConnectTimeout)]);
    assert_eq!(endpoints.all(), 2);
    advance(FIVE).await;
    // Who timed out is not waited for again, and what was known is told; the same answer wakes nobody.
    let again = Instant::now();
    let seen = look(&prober, &[endpoint(1)]).await;
    assert_eq!(seen, [Err(HandshakeError::ConnectTimeout)]);
    assert_eq!(again.elapsed(), Duration::ZERO);
    assert_eq!(next_wake(&prober).await, None);
    assert_eq!(endpoints.all(), 3);
    // Another answer does.
    look(&prober, &[endpoint(1)]).await;
    assert_eq!(next_wake(&prober).await.as_deref(), Some("wardle"));
}

/// No pass asks, and none has to: each endpoint is asked in turn, and a pass is given what it answered.
#[tokio::test(start_paused = true)]
async fn endpoints_are_asked_in_turn_beside_the_passes() {
    let (prober, endpoints) = prober(answers(Duration::from_millis(1)));
    prober.keep_asking();
    let few: Vec<Endpoint> = (0..100).map(endpoint).collect();
    glance(&prober, &few).await;
    assert_eq!(endpoints.all(), 100);
    sleep(Duration::from_secs(15)).await;
    glance(&prober, &few).await;
    assert_eq!(endpoints.all(), 100);
    sleep(FIVE + Duration::from_secs(1)).await;
    assert_eq!(endpoints.all(), 200);
    // In five minutes each is asked 15 times at least, and not together.
    endpoints.most();
    sleep(Duration::from_secs(300)).await;
    let asked = endpoints.all() - 200;
    assert!((1400..2000).contains(&asked), "{asked}");
    assert!(endpoints.most() < PROCESS / 2);
    // They serve the same as before, and a pass that something hangs on has its own answers.
    let waits = Instant::now();
    assert!(glance(&prober, &few).await.iter().all(Result::is_ok));
    assert_eq!(waits.elapsed(), Duration::ZERO);
    let before = endpoints.all();
    assert!(look(&prober, &few).await.iter().all(Result::is_ok));
    assert!(endpoints.all() > before + 50);
    assert_eq!(next_wake(&prober).await, None);
}

#[tokio::test(start_paused = true)]
async fn many_endpoints_are_asked_less_often() {
    let (prober, endpoints) = prober(answers(Duration::from_millis(1)));
    prober.keep_asking();
    let many: Vec<Endpoint> = (0..101).map(endpoint).collect();
    glance(&prober, &many).await;
    sleep(Duration::from_secs(40)).await;
    assert_eq!(endpoints.all(), 101);
    sleep(Duration::from_secs(21)).await;
    assert_eq!(endpoints.all(), 202);
    // With the server its turns end.
    prober.forget("0b9c");
    sleep(LONG).await;
    assert_eq!(endpoints.all(), 202);
}

/// Once is not told, twice is, and its recovery at once; no pass asks for any of it.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_is_asked_again_before_that_is_told() {
    let presented = served(&pki::authority(&[pki::NAME]));
    let behaviour = move |_, asked| {
        let refused = (Duration::ZERO, Err(HandshakeError::ConnectionRefused));
        match asked {
            // Once, in between.
            2 => refused,
            4 | 5 => refused,
            _ => (Duration::ZERO, Ok(presented.clone())),
        }
    };
    let (prober, endpoints) = prober(Box::new(behaviour));
    prober.keep_asking();
    let all = [endpoint(1)];
    assert_eq!(glance(&prober, &all).await, [Ok(())]);
    let wake = async || {
        let began = Instant::now();
        assert_eq!(next_wake(&prober).await.as_deref(), Some("wardle"));
        began.elapsed()
    };
    let told = wake().await;
    assert_eq!(endpoints.all(), 5);
    assert!(
        told > schedule::period(1) && told < schedule::period(1) * 3,
        "{told:?}"
    );
    assert_eq!(
        glance(&prober, &all).await,
        [Err(HandshakeError::ConnectionRefused)]
    );
    let recovered = wake().await;
    assert!(recovered <= schedule::period(1) + Duration::from_secs(1));
    assert_eq!(glance(&prober, &all).await, [Ok(())]);
    assert_eq!(next_wake(&prober).await, None);
}

/// What was answered before a probe that failed is told, and said to be no proof.
#[tokio::test(start_paused = true)]
async fn a_proof_needs_the_answer_to_the_last_probe() {
    let authority = pki::authority(&[pki::NAME]);
    let presented = served(&authority);
    let behaviour = move |_, asked| {
        let refused = Err(HandshakeError::ConnectionRefused);
        (
            Duration::ZERO,
            if asked == 2 {
                refused
            } else {
                Ok(presented.clone())
            },
        )
    };
    let (prober, _) = prober(Box::new(behaviour));
    let questions = Questions::new(pki::NAME, &[authority.certificate().clone()], Vec::new(), None);
    let questions = questions.at_once(true);
    let mut proofs = Vec::new();
    for _ in 0..3 {
        let all = [endpoint(1)];
        let reports = prober.reports("0b9c", "wardle", &all, &questions, pki::now());
        let report = reports.await.remove(0);
        assert!(report.trusted());
        proofs.push((report.proves(), report.age));
        sleep(FIVE).await;
    }
    assert_eq!(
        proofs,
        [(true, Duration::ZERO), (false, FIVE), (true, Duration::ZERO)]
    );
}

#[tokio::test(start_paused = true)]
async fn wakes_of_one_server_come_together() {
    let (prober, endpoints) = prober(answers(FIVE));
    let all: Vec<Endpoint> = (0..3).map(endpoint).collect();
    look(&prober, &all).await;
    sleep(FIVE * 2).await;
    assert_eq!(endpoints.all(), 3);
    assert_eq!(next_wake(&prober).await.as_deref(), Some("wardle"));
    assert_eq!(next_wake(&prober).await, None);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_asked_once_at_a_time() {
    let (prober, endpoints) = prober(refused(FIVE * 6));
    let all = [endpoint(1), endpoint(2)];
    for _ in 0..10 {
        tokio::join!(look(&prober, &all), look(&prober, &all));
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(endpoints.all(), 2);
    assert_eq!(endpoints.most(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_asked_for_leaves_nothing() {
    let (prober, endpoints) = prober(dead());
    let all = [endpoint(1), endpoint(2)];
    look(&prober, &all).await;
    look(&prober, &all[..1]).await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(endpoints.cut_off.load(Ordering::SeqCst), 1);
    assert_eq!(prober.shared.servers()["0b9c"].endpoints(), 1);
    prober.forget("0b9c");
    sleep(Duration::from_millis(1)).await;
    assert_eq!(endpoints.cut_off.load(Ordering::SeqCst), 2);
    assert!(prober.shared.servers().is_empty());
    assert_eq!(next_wake(&prober).await, None);
    // A server that was made again takes the former one's place.
    look(&prober, &all).await;
    let again = [endpoint(3)];
    prober
        .reports("1c0d", "wardle", &again, &questions(), pki::now())
        .await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(endpoints.cut_off.swap(2, Ordering::SeqCst), 4);
    assert_eq!(prober.shared.servers().len(), 1);
    prober.forget("1c0d");
    sleep(Duration::from_millis(1)).await;
    assert_eq!(endpoints.cut_off.swap(2, Ordering::SeqCst), 3);
    // Nor does the whole.
    look(&prober, &all).await;
    prober.end();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(endpoints.cut_off.load(Ordering::SeqCst), 4);
    look(&prober, &all).await;
    drop(prober);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(endpoints.cut_off.load(Ordering::SeqCst), 6);
    assert_eq!(endpoints.under_way.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn another_question_is_asked_anew_and_the_handshake_stays_known() {
    let authority = pki::authority(&[pki::NAME]);
    let presented = served(&authority);
    let behaviour = move |_, asked: usize| {
        let takes = if asked == 1 { Duration::ZERO } else { FIVE };
        (takes, Ok(presented.clone()))
    };
    let (prober, endpoints) = prober(Box::new(behaviour));
    let all = [endpoint(1)];
    let bundle = [authority.certificate().clone()];
    let ask = async |bundle: &[crate::pki::Certificate], group_versions: &[(&str, &str)]| {
        let owned = |(group, version): &(&str, &str)| ((*group).to_owned(), (*version).to_owned());
        let group_versions = group_versions.iter().map(owned).collect();
        let questions = Questions::new(pki::NAME, bundle, group_versions, None);
        let reports = prober
            .reports("0b9c", "wardle", &all, &questions, pki::now())
            .await;
        reports[0].trusted()
    };
    // A handshake alone is judged with whatever bundle there is.
    assert!(ask(&bundle, &[]).await);
    assert!(!ask(&[], &[]).await);
    assert_eq!(endpoints.all(), 1);
    assert!(ask(&bundle, &[("a", "v1")]).await);
    assert_eq!(endpoints.all(), 2);
    // What is under way comes to its end, and the pass that wanted something else is woken, though it says nothing new.
    assert!(ask(&bundle, &[("a", "v2")]).await);
    assert!(!ask(&[], &[("a", "v2")]).await);
    assert_eq!(endpoints.all(), 2);
    assert_eq!(next_wake(&prober).await.as_deref(), Some("wardle"));
    assert!(ask(&bundle, &[("a", "v2")]).await);
    assert_eq!(endpoints.all(), 3);
    assert_eq!(endpoints.cut_off.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn an_address_of_another_pod_is_another_endpoint() {
    let presented = served(&pki::authority(&[pki::NAME]));
    let behaviour = move |_, asked: usize| {
        let takes = if asked == 1 { Duration::ZERO } else { FIVE };
        (takes, Ok(presented.clone()))
    };
    let (prober, _) = prober(Box::new(behaviour));
    let old = endpoint(1);
    let new = Endpoint {
        pod: Some("another".to_owned()),
        ..old.clone()
    };
    let seen = look(&prober, &[old]).await;
    assert_eq!(seen, [Ok(())]);
    assert_eq!(look(&prober, &[new]).await, [Err(HandshakeError::NoAnswerYet)]);
}

#[tokio::test(start_paused = true)]
async fn the_dead_delay_the_dead_alone() {
    let is_dead = |address: SocketAddr| address.ip().to_string().starts_with("10.0.1.");
    let presented = served(&pki::authority(&[pki::NAME]));
    let behaviour = move |address, _| {
        if is_dead(address) {
            (FIVE, Err(HandshakeError::ConnectTimeout))
        } else {
            (Duration::from_millis(1), Ok(presented.clone()))
        }
    };
    let (prober, endpoints) = prober(Box::new(behaviour));
    let ask = async |uid: &str, all: &[Endpoint]| {
        let questions = questions();
        let reports = prober.reports(uid, uid, all, &questions, pki::now()).await;
        let living = reports.iter().filter(|report| !is_dead(report.endpoint.address));
        living.filter(|report| report.is_pending()).count()
    };
    // Ten servers of which each endpoint is dead; nobody knows that yet.
    let servers: Vec<(String, Vec<Endpoint>)> = (0..10)
        .map(|server| {
            let all = (0..SERVER + 2).map(|number| endpoint(256 + 16 * server + number));
            (format!("dead-{server}"), all.collect())
        })
        .collect();
    ask("dead-0", &servers[0].1).await;
    assert_eq!(endpoints.most(), SERVER);
    for (uid, all) in &servers[1..] {
        ask(uid, all).await;
    }
    assert_eq!(endpoints.most(), PROCESS);
    sleep(FIVE * 4).await;
    endpoints.most();
    // Now it is known: they leave room for others, also for those of their own server.
    for (uid, all) in &servers {
        ask(uid, all).await;
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(endpoints.most(), PROCESS_TIMED_OUT);
    for (uid, all) in &servers {
        let mixed: Vec<Endpoint> = all.iter().cloned().chain([endpoint(1)]).collect();
        assert_eq!(ask(uid, &mixed).await, 0);
    }
    assert_eq!(ask("healthy", &[endpoint(2)]).await, 0);
    assert!(PROCESS_TIMED_OUT / SERVER_TIMED_OUT < servers.len());
}

#[tokio::test(start_paused = true)]
async fn what_is_beyond_the_bound_is_said() {
    let (prober, endpoints) = prober(refused(Duration::ZERO));
    let all: Vec<Endpoint> = (0..MAX_ENDPOINTS + 2).map(endpoint).collect();
    let seen = look(&prober, &all).await;
    let beyond = seen
        .iter()
        .filter(|handshake| **handshake == Err(HandshakeError::TooMany));
    assert_eq!(beyond.count(), 2);
    assert_eq!(endpoints.all(), MAX_ENDPOINTS);
}

/// One whose task failed is asked again.
#[tokio::test(start_paused = true)]
async fn a_probe_that_panics_costs_its_answer_alone() {
    let presented = served(&pki::authority(&[pki::NAME]));
    let behaviour = move |_, asked: usize| {
        assert_ne!(asked, 1, "on purpose");
        (Duration::ZERO, Ok(presented.clone()))
    };
    let (prober, _) = prober(Box::new(behaviour));
    assert_eq!(
        look(&prober, &[endpoint(1)]).await,
        [Err(HandshakeError::NoAnswerYet)]
    );
    assert_eq!(look(&prober, &[endpoint(1)]).await, [Ok(())]);
}
