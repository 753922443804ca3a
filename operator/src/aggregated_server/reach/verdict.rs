//! Which kube-apiservers do not reach a server, of what each one answered to a request for it. Pure.

use std::collections::BTreeMap;

use annex_crds::v1alpha1::Reason;
use http::StatusCode;

use crate::aggregated_server::{finding::Finding, registration::decide};

/// How many are named.
const NAMED: usize = 5;

/// What Go says of a connection that broke, beside what [`decide::interpret`] knows.
const BROKEN: [&str; 4] = ["read tcp", "write tcp", "tls:", "EOF"];

/// What one kube-apiserver answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What the server said, whatever that was.
    Reached,
    /// That it got no answer from the server, for this reason.
    Unreached(Reason),
    /// Nothing that says the one or the other.
    Unknown,
}

/// What an answer means. Where the aggregator's proxy gets no answer, its own is Go's error as plain text (kube-aggregator,
/// handler_proxy.go). That it takes an API for unavailable is no finding of its own, since any kube-apiserver may have written so.
#[must_use]
pub fn interpret(status: StatusCode, body: &str) -> Answer {
    let says_nothing = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    let text = body.trim();
    if says_nothing.contains(&status) {
        Answer::Unknown
    } else if status != StatusCode::SERVICE_UNAVAILABLE || text.starts_with('{') {
        Answer::Reached
    } else if text == "service unavailable" {
        Answer::Unknown
    } else {
        match decide::interpret(text) {
            Reason::NotAvailable if BROKEN.iter().any(|broken| text.contains(broken)) => {
                Answer::Unreached(Reason::ControlPlaneUnreachable)
            }
            // The server's own words.
            Reason::NotAvailable => Answer::Reached,
            reason => Answer::Unreached(reason),
        }
    }
}

/// What is known of every kube-apiserver: of those that do not reach the server, why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    unreached: BTreeMap<String, Reason>,
    all: usize,
}

impl Verdict {
    /// What is known after one more round of answers, by address. Of whom nothing new is known, what was known stands; who is there no
    /// more is forgotten.
    #[must_use]
    pub fn after(&self, answers: &[(String, Answer)]) -> Self {
        let unreached = answers.iter().filter_map(|(address, answer)| {
            let reason = match answer {
                Answer::Reached => return None,
                Answer::Unreached(reason) => *reason,
                Answer::Unknown => *self.unreached.get(address)?,
            };
            Some((address.clone(), reason))
        });
        Self {
            unreached: unreached.collect(),
            all: answers.len(),
        }
    }

    /// Whether every kube-apiserver reaches the server, as far as is known.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.unreached.is_empty()
    }

    /// Who does not reach the server, a finding for each reason.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut by_reason: BTreeMap<Reason, Vec<&str>> = BTreeMap::new();
        for (address, reason) in &self.unreached {
            by_reason.entry(*reason).or_default().push(address);
        }
        by_reason
            .into_iter()
            .map(|(reason, addresses)| Finding::new(reason, self.message(reason, &addresses)))
            .collect()
    }

    fn message(&self, reason: Reason, addresses: &[&str]) -> String {
        let named = addresses
            .iter()
            .take(NAMED)
            .copied()
            .collect::<Vec<_>>()
            .join(", ");
        let more = match addresses.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let verb = if reason == Reason::ControlPlaneUnreachable {
            "get no answer from the server"
        } else {
            "refuse the server's certificate"
        };
        let (some, all) = (addresses.len(), self.all);
        format!("{some} of {all} control planes {verb}: {named}{more}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable(body: &str) -> Answer {
        interpret(StatusCode::SERVICE_UNAVAILABLE, body)
    }

    #[test]
    fn the_proxys_own_words_are_told_from_the_servers() {
        let unreached = Answer::Unreached(Reason::ControlPlaneUnreachable);
        for words in [
            "dial tcp 10.96.7.1:443: i/o timeout",
            "context deadline exceeded",
            "EOF",
        ] {
            assert_eq!(unavailable(&format!("{words}\n")), unreached, "{words}");
        }
        let untrusted = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
        assert_eq!(unavailable(untrusted), Answer::Unreached(Reason::CaNotTrusted));
        assert_eq!(unavailable("service unavailable\n"), Answer::Unknown);
        assert_eq!(unavailable("down for repair"), Answer::Reached);
        assert_eq!(unavailable(r#"{"kind":"Status","code":503}"#), Answer::Reached);
        assert_eq!(interpret(StatusCode::OK, "{}"), Answer::Reached);
        assert_eq!(interpret(StatusCode::NOT_FOUND, ""), Answer::Reached);
        assert_eq!(interpret(StatusCode::FORBIDDEN, ""), Answer::Unknown);
    }

    fn round(answers: &[(&str, Answer)]) -> Vec<(String, Answer)> {
        let owned = answers
            .iter()
            .map(|(address, answer)| ((*address).to_owned(), *answer));
        owned.collect()
    }

    const A: &str = "10.0.0.1:6443";
    const B: &str = "10.0.0.2:6443";

    #[test]
    fn who_does_not_reach_the_server_is_named_until_it_does() {
        let unreached = Answer::Unreached(Reason::ControlPlaneUnreachable);
        let first = Verdict::default().after(&round(&[(A, Answer::Reached), (B, unreached)]));
        let told = [Finding::new(
            Reason::ControlPlaneUnreachable,
            "1 of 2 control planes get no answer from the server: 10.0.0.2:6443",
        )];
        assert_eq!(first.findings(), told);
        let unsure = first.after(&round(&[(A, Answer::Unknown), (B, Answer::Unknown)]));
        assert_eq!(unsure, first, "nothing new is known");
        assert!(
            first.after(&round(&[(A, Answer::Reached)])).is_clean(),
            "it is gone"
        );
        let cured = first.after(&round(&[(A, Answer::Reached), (B, Answer::Reached)]));
        assert!(cured.is_clean() && cured.findings().is_empty());
    }

    #[test]
    fn each_reason_is_told_and_few_are_named() {
        let addresses: Vec<String> = (1..=8).map(|number| format!("10.0.0.{number}:6443")).collect();
        let answers: Vec<(String, Answer)> = addresses
            .iter()
            .enumerate()
            .map(|(number, address)| {
                let reason = if number == 7 {
                    Reason::CaNotTrusted
                } else {
                    Reason::ControlPlaneUnreachable
                };
                (address.clone(), Answer::Unreached(reason))
            })
            .collect();
        let told: Vec<String> = Verdict::default()
            .after(&answers)
            .findings()
            .into_iter()
            .map(|finding| format!("{}: {}", finding.reason, finding.message))
            .collect();
        assert_eq!(
            told,
            [
                "CANotTrusted: 1 of 8 control planes refuse the server's certificate: 10.0.0.8:6443",
                "ControlPlaneUnreachable: 7 of 8 control planes get no answer from the server: 10.0.0.1:6443, \
                 10.0.0.2:6443, 10.0.0.3:6443, 10.0.0.4:6443, 10.0.0.5:6443 and 2 more",
            ]
        );
    }
}
