//! Asks one endpoint, over the network.

use std::{net::SocketAddr, sync::Arc};

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::{
    Ask,
    question::{Answer, Question, Requests},
};
use crate::{
    clock::Clock,
    metrics::Metrics,
    pki::verify_chain,
    probe::{
        Limits,
        discovery::{self, Discovery},
        health,
        tls::{self, HandshakeError},
        verified::{self, Connection, ProbeError},
    },
};

/// Asks endpoints within `limits`, whose certificates must be valid by `clock`, and counts in `metrics`.
#[must_use]
pub fn over_network(limits: Limits, clock: Clock, metrics: Metrics) -> Ask {
    Arc::new(move |address, question| {
        let (clock, metrics) = (clock.clone(), metrics.clone());
        Box::pin(async move { ask(address, &question, &limits, &metrics, clock.now()).await })
    })
}

/// A secret goes only to an endpoint that the bundle vouches for.
async fn ask(
    address: SocketAddr,
    question: &Question,
    limits: &Limits,
    metrics: &Metrics,
    now: Timestamp,
) -> Answer {
    let deadline = Instant::now() + limits.whole;
    let handshake = tls::handshake(address, &question.server_name, limits).await;
    let trusted = handshake.as_ref().is_ok_and(|served| {
        verify_chain(&served.chain, &question.bundle, &question.server_name, now).is_ok()
    });
    metrics.count_probe(if trusted { "trusted" } else { "failed" });
    let mut answer = Answer {
        timed_out: handshake.as_ref().is_err_and(is_timeout),
        handshake,
        at: Instant::now(),
        discovery: Default::default(),
        readyz: None,
    };
    if trusted && !matches!(question.requests, Requests::None) {
        let requests = request(address, question, limits, now, &mut answer);
        if timeout_at(deadline, requests).await.is_err() {
            answer.timed_out = true;
            // It has not answered the question that it was cut off at.
            if let Requests::Discovery { group_versions, .. } = &question.requests
                && let Some(unanswered) = group_versions
                    .iter()
                    .map(|(group, version)| format!("{group}/{version}"))
                    .find(|group_version| !answer.discovery.contains_key(group_version))
            {
                answer.discovery.insert(unanswered, Discovery::TooSlow);
            }
        }
    }
    answer
}

async fn request(
    address: SocketAddr,
    question: &Question,
    limits: &Limits,
    now: Timestamp,
    answer: &mut Answer,
) {
    let Question {
        server_name,
        bundle,
        requests,
    } = question;
    let mut connection = match verified::connect(address, server_name, bundle, now, limits).await {
        Ok(connection) => connection,
        Err(error) => {
            answer.timed_out = matches!(error, ProbeError::Handshake(error) if is_timeout(&error));
            return;
        }
    };
    match requests {
        Requests::None => {}
        Requests::Readiness => match health::readyz(&mut connection).await {
            Ok(readyz) => answer.readyz = Some(readyz),
            Err(error) => answer.timed_out = error == verified::RequestError::TimedOut,
        },
        Requests::Discovery {
            group_versions,
            token,
        } => discover(&mut connection, group_versions, token.as_ref(), answer).await,
    }
}

async fn discover(
    connection: &mut Connection,
    group_versions: &[(String, String)],
    token: Option<&verified::Token>,
    answer: &mut Answer,
) {
    for (group, version) in group_versions {
        let found = discovery::group_version(connection, group, version, token).await;
        let late = found == Discovery::TooSlow;
        let broken = late || matches!(found, Discovery::Failed(_));
        answer.discovery.insert(format!("{group}/{version}"), found);
        answer.timed_out |= late;
        // What did not answer in time will not answer the next question either.
        if broken {
            break;
        }
    }
}

fn is_timeout(error: &HandshakeError) -> bool {
    matches!(error, HandshakeError::ConnectTimeout | HandshakeError::TlsTimeout)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        pki::testing::{NAME, now},
        probe::testing::{PATIENT, answer, wardle},
    };

    fn group_versions() -> Vec<(String, String)> {
        ["v1", "v2", "v3"]
            .map(|version| ("a".to_owned(), version.to_owned()))
            .to_vec()
    }

    /// What was answered before counts.
    #[tokio::test]
    async fn a_probe_ends_though_no_step_has_reached_its_limit() {
        let (server, bundle) = wardle(|request| match request.uri.path() {
            "/apis/a/v1" => answer(404, ""),
            _ => None,
        })
        .await;
        let question = |requests| Question {
            server_name: NAME.to_owned(),
            bundle: bundle.clone(),
            requests,
        };
        let metrics = Metrics::new();
        let limits = Limits {
            whole: Duration::from_secs(1),
            ..PATIENT
        };
        let discovery = question(Requests::Discovery {
            group_versions: group_versions(),
            token: None,
        });
        let answer = ask(server.addr, &discovery, &limits, &metrics, now()).await;
        assert!(answer.timed_out);
        assert!(answer.handshake.is_ok());
        assert_eq!(answer.discovery.get("a/v3"), None);
        let late = answer
            .discovery
            .iter()
            .filter(|(_, found)| **found == Discovery::TooSlow);
        assert_eq!(late.count(), 1, "{answer:?}");
        let readiness = question(Requests::Readiness);
        let answer = ask(server.addr, &readiness, &limits, &metrics, now()).await;
        assert!(answer.timed_out && answer.readyz.is_none());
        let handshake = question(Requests::None);
        let answer = ask(server.addr, &handshake, &PATIENT, &metrics, now()).await;
        assert!(!answer.timed_out);
        let counted = metrics.encode().unwrap();
        assert!(
            counted.contains("annex_probe_total{result=\"trusted\"} 3\n"),
            "{counted}"
        );
    }
}
