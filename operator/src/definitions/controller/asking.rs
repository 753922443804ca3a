//! Asks the replicas of servers what they serve, beside the looks: at once and again and again while something hangs on it, else once in
//! a while.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};

use crate::{
    aggregated_server::context::Context,
    definitions::{
        replicas::Replicas,
        reports::{self, AskError, Question, Report},
        shared::Target,
    },
    error_chain::error_chain,
    probe::Limits,
};

/// How many are asked at the same time.
const AT_ONCE: usize = 16;
/// When a replica is asked again while something hangs on it.
const HURRY: Duration = Duration::from_millis(200);
/// The same where nothing does.
const CALM: Duration = Duration::from_secs(30);
/// How long an answer counts while later questions are not answered: one that is lost changes nothing.
const COUNTS: Duration = Duration::from_secs(90);
/// After this a question that has not come back is lost.
const LOST: Duration = Duration::from_secs(60);

/// What one replica has answered.
#[derive(Default)]
struct Known {
    /// When it was asked last.
    asked: Option<Instant>,
    /// The last report, and when it came.
    report: Option<(Arc<Report>, Instant)>,
    /// Why there was none the last time.
    error: Option<String>,
    is_being_asked: bool,
}

type Key = (String, SocketAddr);

/// The questions that are under way, and the answers.
pub(super) struct Asking {
    ctx: Arc<Context>,
    targets: HashMap<String, Target>,
    known: HashMap<Key, Known>,
    under_way: JoinSet<(Key, Result<Report, AskError>)>,
}

impl Asking {
    pub(super) fn new(ctx: Arc<Context>) -> Self {
        Self {
            ctx,
            targets: HashMap::new(),
            known: HashMap::new(),
            under_way: JoinSet::new(),
        }
    }

    /// Returns once one has answered something else than before.
    pub(super) async fn answered(&mut self) {
        loop {
            let Some(ended) = self.under_way.join_next().await else {
                return std::future::pending().await;
            };
            // A question that panicked is asked again when it is its turn.
            let Ok((key, answer)) = ended else { continue };
            if self.take(&key, answer) {
                return;
            }
        }
    }

    /// Whether it is something else than before.
    fn take(&mut self, key: &Key, answer: Result<Report, AskError>) -> bool {
        let Some(known) = self.known.get_mut(key) else {
            return false;
        };
        known.is_being_asked = false;
        match answer {
            Ok(report) => {
                let before = known.report.as_ref().map(|(report, _)| report);
                let is_new = before.is_none_or(|before| **before != report);
                let report = before
                    .filter(|_| !is_new)
                    .cloned()
                    .unwrap_or_else(|| Arc::new(report));
                known.report = Some((report, Instant::now()));
                known.error = None;
                is_new
            }
            Err(error) => {
                let words = error_chain(&error);
                let is_new = known.error.as_ref() != Some(&words);
                known.error = Some(words);
                is_new
            }
        }
    }

    /// What the ready replicas of `server` say.
    pub(super) fn replicas(&mut self, server: &str) -> Replicas {
        match self.ctx.definitions.target(server) {
            Some(target) => drop(self.targets.insert(server.to_owned(), target)),
            None => drop(self.targets.remove(server)),
        }
        let Some(target) = self.targets.get(server) else {
            return Replicas {
                are_unknown: true,
                ..Replicas::default()
            };
        };
        let mut replicas = Replicas::default();
        for address in &target.replicas {
            let known = self.known.get(&(server.to_owned(), *address));
            let report = known.and_then(|known| known.report.as_ref());
            match report {
                Some((report, at)) if at.elapsed() < COUNTS => replicas.reports.push(Arc::clone(report)),
                _ => match known.and_then(|known| known.error.as_deref()) {
                    Some(why) => replicas.silent.push(format!("{address}: {why}")),
                    None => replicas.unasked += 1,
                },
            }
        }
        replicas
    }

    /// Asks those of `servers` whose turn it is; those of `hurried` are asked again at once.
    pub(super) async fn ask(&mut self, servers: &HashSet<String>, hurried: &HashSet<String>) {
        self.targets.retain(|server, _| servers.contains(server));
        let targets = &self.targets;
        let is_wanted = |(server, address): &Key| {
            let target = targets.get(server);
            target.is_some_and(|target| target.replicas.contains(address))
        };
        self.known.retain(|key, _| is_wanted(key));
        let mut due = Vec::new();
        for (server, target) in &self.targets {
            let pause = if hurried.contains(server) { HURRY } else { CALM };
            for address in &target.replicas {
                let known = self.known.entry((server.clone(), *address)).or_default();
                let is_due = known.asked.is_none_or(|asked| asked.elapsed() >= pause);
                let is_lost = known.asked.is_some_and(|asked| asked.elapsed() >= LOST);
                if is_due && (!known.is_being_asked || is_lost) {
                    due.push((known.asked, server.clone(), *address));
                }
            }
        }
        due.sort_by_key(|(asked, ..)| *asked);
        due.truncate(AT_ONCE.saturating_sub(self.under_way.len()));
        if due.is_empty() {
            return;
        }
        let token = match self.ctx.probe_token().await {
            Ok(token) => token,
            Err(error) => {
                tracing::warn!(
                    error = error_chain(&error),
                    "replicas are not asked for definitions"
                );
                return;
            }
        };
        for (_, server, address) in due {
            let Some(target) = self.targets.get(&server) else {
                continue;
            };
            let question = Question {
                address,
                server_name: target.server_name.clone(),
                bundle: target.bundle.clone(),
                token: token.clone(),
            };
            let key = (server, address);
            let known = self.known.entry(key.clone()).or_default();
            known.asked = Some(Instant::now());
            known.is_being_asked = true;
            let now = self.ctx.clock.now();
            self.under_way.spawn(async move {
                let answer = reports::ask(&question, &Limits::default(), now).await;
                (key, answer)
            });
        }
    }
}
