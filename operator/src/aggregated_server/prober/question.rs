//! What an endpoint is asked, what it answered, and what that is worth. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    mem::discriminant,
    sync::Arc,
};

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use super::known::Given;
use crate::{
    aggregated_server::endpoints::{Endpoint, Presented, Report},
    pki::{Certificate, TrustFault, verify_chain},
    probe::{
        discovery::Discovery,
        health::Readyz,
        tls::{HandshakeError, Served},
        verified::Token,
    },
};

/// What a pass asks the endpoints of one server.
#[derive(Clone, Debug)]
pub struct Questions {
    ready: Arc<Question>,
    unready: Arc<Question>,
    /// See [`Self::at_once`].
    pub(super) at_once: bool,
}

impl Questions {
    /// Ready endpoints are asked for discovery of `group_versions`, with `token`; the others why they are not ready.
    /// Either only over a connection whose certificate `bundle` vouches for, for `server_name`.
    #[must_use]
    pub fn new(
        server_name: &str,
        bundle: &[Certificate],
        group_versions: Vec<(String, String)>,
        token: Option<Token>,
    ) -> Self {
        let question = |requests| {
            Arc::new(Question {
                server_name: server_name.to_owned(),
                bundle: bundle.to_vec(),
                requests,
            })
        };
        let ready = if group_versions.is_empty() {
            Requests::None
        } else {
            Requests::Discovery {
                group_versions,
                token,
            }
        };
        Self {
            ready: question(ready),
            unready: question(Requests::Readiness),
            at_once: false,
        }
    }

    /// The same, asked now of every endpoint: something hangs on the answers, or has changed. Otherwise an endpoint is asked when it
    /// is its turn.
    #[must_use]
    pub const fn at_once(mut self, at_once: bool) -> Self {
        self.at_once |= at_once;
        self
    }

    /// What `endpoint` is asked.
    pub(super) fn of(&self, endpoint: &Endpoint) -> Arc<Question> {
        Arc::clone(if endpoint.ready {
            &self.ready
        } else {
            &self.unready
        })
    }
}

/// What one endpoint is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The name in the handshake.
    pub server_name: String,
    /// Who must vouch for it before it is sent a request.
    pub bundle: Vec<Certificate>,
    /// What it is sent then.
    pub requests: Requests,
}

/// What is asked beside the handshake.
#[derive(Clone, Debug)]
pub enum Requests {
    /// Nothing.
    None,
    /// Why it is not ready.
    Readiness,
    /// Whether it serves group-versions.
    Discovery {
        /// Which.
        group_versions: Vec<(String, String)>,
        /// The rightless identity that asks.
        token: Option<Token>,
    },
}

impl Question {
    /// Whether an answer to one answers the other. Where there is nothing but a handshake, no bundle matters: the answer is
    /// judged when it is given.
    pub(super) fn is_answered_by(&self, other: &Self) -> bool {
        let same = match (&self.requests, &other.requests) {
            (Requests::None, Requests::None) => true,
            (Requests::Readiness, Requests::Readiness) => self.bundle == other.bundle,
            (
                Requests::Discovery { group_versions, .. },
                Requests::Discovery {
                    group_versions: others,
                    ..
                },
            ) => group_versions == others && self.bundle == other.bundle,
            _ => false,
        };
        same && self.server_name == other.server_name
    }

    fn asks_for(&self, group_version: &str) -> bool {
        match &self.requests {
            Requests::Discovery { group_versions, .. } => group_versions
                .iter()
                .any(|(group, version)| group_version == format!("{group}/{version}")),
            Requests::None | Requests::Readiness => false,
        }
    }
}

/// What one endpoint answered. Nobody has judged its certificate yet.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its handshake.
    pub handshake: Result<Served, HandshakeError>,
    /// When that ended.
    pub at: Instant,
    /// Discovery by `group/version`, where it was asked.
    pub discovery: BTreeMap<String, Discovery>,
    /// What it says of its own readiness, where it was asked.
    pub readyz: Option<Readyz>,
    /// Whether it let a limit pass.
    pub timed_out: bool,
}

impl Answer {
    /// What of it answers `question`.
    pub(super) fn to(&self, question: &Question) -> Self {
        let mut part = self.clone();
        part.discovery
            .retain(|group_version, _| question.asks_for(group_version));
        part.readyz = part
            .readyz
            .filter(|_| matches!(question.requests, Requests::Readiness));
        part
    }

    /// Whether it says the same, at whatever time.
    /// Words that a server may choose anew each time, such as the number of a request, make no difference.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        let same_discovery = self.discovery.len() == other.discovery.len()
            && self.discovery.iter().all(|(group_version, answer)| {
                let other = other.discovery.get(group_version);
                other.is_some_and(|other| discriminant(answer) == discriminant(other))
            });
        let same_handshake = match (&self.handshake, &other.handshake) {
            (Err(error), Err(other)) => discriminant(error) == discriminant(other),
            (handshake, other) => handshake == other,
        };
        same_handshake && same_discovery && self.readyz == other.readyz
    }
}

/// Judges what was presented with one bundle at one time. The pods of a workload present the same chain: each is verified once.
pub(super) struct Judge<'a> {
    question: &'a Question,
    now: Timestamp,
    at: Instant,
    verdicts: HashMap<Vec<CertificateDer<'static>>, Result<(), TrustFault>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(questions: &'a Questions, now: Timestamp) -> Self {
        Self {
            question: &questions.ready,
            now,
            at: Instant::now(),
            verdicts: HashMap::new(),
        }
    }

    /// What `endpoint` answered to `question`.
    pub(super) fn report(&mut self, endpoint: Endpoint, question: &Question, given: &Given) -> Report {
        let Answer {
            handshake,
            at,
            discovery,
            readyz,
            ..
        } = given.answer.to(question);
        let handshake = handshake.map(|served| Presented {
            trust: self.trust(&served),
            leaf: served.leaf,
        });
        Report {
            endpoint,
            handshake,
            discovery,
            readyz,
            age: self.at.saturating_duration_since(at),
            failed_since: given.failed_since.clone(),
        }
    }

    fn trust(&mut self, served: &Served) -> Result<(), TrustFault> {
        if let Some(verdict) = self.verdicts.get(&served.chain) {
            return verdict.clone();
        }
        let Question {
            server_name, bundle, ..
        } = self.question;
        let verdict = verify_chain(&served.chain, bundle, server_name, self.now);
        self.verdicts.insert(served.chain.clone(), verdict.clone());
        verdict
    }
}
