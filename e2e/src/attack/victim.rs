//! Those who go on beside an attack: the kubelet's probe, and users with ordinary rights.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use hyper::body::Bytes;
use tokio::sync::{Barrier, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::connection::{Ask, Connection, Payload, Reading};
use super::error::with_causes;
use super::objects::object;
use super::{Error, ONE, Target, collection};

/// Between two requests of a user.
const PAUSE: Duration = Duration::from_millis(100);
/// How many failures are told one by one.
const TOLD: usize = 3;

/// How much time there is.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Between two probes.
    pub period: Duration,
    /// For a probe, with its connection.
    pub probe: Duration,
    /// For a user's request, with its connection where one is needed.
    pub request: Duration,
}

/// A user who gets and creates objects.
#[derive(Clone)]
pub struct User {
    /// What the report calls them.
    pub name: &'static str,
    /// The server, or the aggregator before it, with their credentials.
    pub target: Target,
}

/// Victims at work.
pub struct Victim {
    stop: watch::Sender<bool>,
    probing: JoinHandle<Requests>,
    users: Vec<(&'static str, JoinHandle<Requests>)>,
}

/// What they saw.
#[derive(Debug)]
pub struct Seen {
    who: Vec<(String, Requests)>,
}

/// Requests of one kind.
#[derive(Debug, Default)]
struct Requests {
    took: Vec<Duration>,
    failed: Vec<String>,
}

impl Victim {
    /// Begins: probes of `kubelet`, and each user's GETs and creates in `namespace`. Returns when each user has been answered: the
    /// server knows them when an attack begins.
    pub async fn begin(kubelet: Target, users: Vec<User>, namespace: String, limits: Limits) -> Self {
        let (stop, stopped) = watch::channel(false);
        let probing = tokio::spawn(probe(kubelet, limits, stopped.clone()));
        let known = Arc::new(Barrier::new(users.len() + 1));
        let users: Vec<_> = users
            .into_iter()
            .map(|user| {
                let namespace = namespace.clone();
                let work = work(
                    user.target,
                    namespace,
                    limits.request,
                    stopped.clone(),
                    known.clone(),
                );
                (user.name, tokio::spawn(work))
            })
            .collect();
        known.wait().await;
        Self { probing, users, stop }
    }

    /// Ends, when what is under way has ended.
    pub async fn end(self) -> Seen {
        self.stop.send_replace(true);
        let mut who = vec![("probe".to_owned(), joined(self.probing).await)];
        for (name, user) in self.users {
            who.push((name.to_owned(), joined(user).await));
        }
        Seen { who }
    }
}

async fn joined(task: JoinHandle<Requests>) -> Requests {
    task.await.unwrap_or_else(|error| Requests {
        failed: vec![error.to_string()],
        ..Requests::default()
    })
}

impl Seen {
    /// Fails unless everybody was at work and nothing failed.
    ///
    /// # Errors
    /// With the first failures of each.
    pub fn unharmed(&self) -> Result<(), Error> {
        let harmed = |(name, requests): &(String, Requests)| {
            if requests.took.is_empty() && requests.failed.is_empty() {
                return Some(format!("{name}: nothing was asked"));
            }
            let count = requests.failed.len();
            let of = count + requests.took.len();
            let told: Vec<&str> = requests.failed.iter().take(TOLD).map(String::as_str).collect();
            (count > 0).then(|| format!("{name}: {count} of {of} failed, first with {}", told.join("; ")))
        };
        let harmed: Vec<String> = self.who.iter().filter_map(harmed).collect();
        if harmed.is_empty() {
            return Ok(());
        }
        Err(Error::Wrong(harmed.join("\n    ")))
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (name, requests)) in self.who.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(formatter, "{separator}{name} {requests}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut took = self.took.clone();
        took.sort_unstable();
        let at = |percent: usize| {
            let rank = (took.len() * percent).div_ceil(100).max(1);
            took.get(rank - 1).copied().unwrap_or_default().as_millis()
        };
        write!(
            formatter,
            "{} ok, {} failed, p50 {} ms, p99 {} ms, slowest {} ms",
            took.len(),
            self.failed.len(),
            at(50),
            at(99),
            at(100)
        )
    }
}

impl Requests {
    async fn attempt(&mut self, limit: Duration, request: impl Future<Output = Result<(), Error>>) {
        let began = Instant::now();
        match timeout(limit, request).await {
            Ok(Ok(())) => self.took.push(began.elapsed()),
            Ok(Err(error)) => self.failed.push(with_causes(&error)),
            Err(_) => self.failed.push(with_causes(&Error::Silence(limit))),
        }
    }
}

/// As the kubelet probes: over a new connection each time, whether or not the one before has ended.
async fn probe(kubelet: Target, limits: Limits, mut stopped: watch::Receiver<bool>) -> Requests {
    let mut ticks = tokio::time::interval(limits.period);
    let mut under_way = JoinSet::new();
    let mut all = Requests::default();
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let kubelet = kubelet.clone();
                under_way.spawn(async move {
                    let mut one = Requests::default();
                    one.attempt(limits.probe, ready(&kubelet)).await;
                    one
                });
            }
            Some(Ok(one)) = under_way.join_next() => all.add(one),
            _ = stopped.wait_for(|stop| *stop) => break,
        }
    }
    for one in under_way.join_all().await {
        all.add(one);
    }
    all
}

impl Requests {
    fn add(&mut self, other: Self) {
        self.took.extend(other.took);
        self.failed.extend(other.failed);
    }
}

async fn ready(kubelet: &Target) -> Result<(), Error> {
    let mut connection = kubelet.connect(Reading::Willing).await?;
    expect(
        &mut connection,
        &Ask::get("/readyz"),
        Bytes::new(),
        StatusCode::OK,
    )
    .await
}

/// Creates an object and gets it, again and again.
async fn work(
    target: Target,
    namespace: String,
    limit: Duration,
    stopped: watch::Receiver<bool>,
    known: Arc<Barrier>,
) -> Requests {
    let list = collection(&namespace);
    let run: u32 = rand::random();
    let mut requests = Requests::default();
    let mut connection = None;
    for number in 0_usize.. {
        if *stopped.borrow() {
            break;
        }
        let name = format!("victim-{run:08x}-{number}");
        let create = Ask::new(Method::POST, &list);
        let body = object(&name, "");
        let creating = once(&target, &mut connection, create, body, StatusCode::CREATED);
        requests.attempt(limit, creating).await;
        let get = Ask::get(format!("{list}/{ONE}"));
        let getting = once(&target, &mut connection, get, Bytes::new(), StatusCode::OK);
        requests.attempt(limit, getting).await;
        if number == 0 {
            known.wait().await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    requests
}

/// One request over the connection that there is, or over a new one where the server has ended it.
async fn once(
    target: &Target,
    connection: &mut Option<Connection>,
    ask: Ask,
    body: Bytes,
    wanted: StatusCode,
) -> Result<(), Error> {
    // Dropped with a request that came to nothing: it may be stuck.
    let mut open = match connection.take().filter(|open| !open.is_closed()) {
        Some(open) => open,
        None => target.connect(Reading::Willing).await?,
    };
    let answered = expect(&mut open, &ask, body, wanted).await;
    *connection = Some(open);
    answered
}

async fn expect(
    connection: &mut Connection,
    ask: &Ask,
    body: Bytes,
    wanted: StatusCode,
) -> Result<(), Error> {
    let mut ask = ask.clone();
    let payload = if body.is_empty() {
        Payload::none()
    } else {
        ask = ask.header(CONTENT_TYPE, "application/json")?;
        Payload::from(body)
    };
    let answer = connection.exchange(&ask, payload).await?;
    if answer.status == wanted {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&answer.body);
    let shown: String = text.chars().take(200).collect();
    Err(Error::Wrong(format!(
        "{} {} was answered with {}: {shown}",
        ask.method, ask.path, answer.status
    )))
}
