//! What counts of what an endpoint answers: one probe that fails changes nothing. Pure.
//!
//! An endpoint that presents a certificate has answered, whatever that certificate is worth, and that counts at once; so does
//! its recovery. A probe that came to no certificate may have met a packet that was lost, or a node that was busy for a moment:
//! only a second one says that the endpoint is to blame. Who acts on a proof is told of the first one all the same
//! ([`Report::failed_since`](crate::aggregated_server::endpoints::Report)).

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::question::{Answer, Question};
use crate::probe::tls::HandshakeError;

/// How far two failed probes are apart that count.
pub(super) const APART: Duration = Duration::from_secs(5);

/// An answer with what was asked.
pub(super) type Answered = (Arc<Question>, Arc<Answer>);

/// The answers of one endpoint.
#[derive(Clone, Default)]
pub(super) struct Answers {
    counting: Option<Answered>,
    newest: Option<Answered>,
    /// When the first probe failed since a certificate was presented.
    failing_since: Option<Instant>,
}

impl Answers {
    /// Takes the answer to one more probe.
    pub(super) fn take(&mut self, question: Arc<Question>, answer: Answer) {
        let answered = (question, Arc::new(answer));
        let at = answered.1.at;
        if answered.1.handshake.is_ok() {
            self.failing_since = None;
            self.counting = Some(answered.clone());
        } else {
            let since = *self.failing_since.get_or_insert(at);
            if at.saturating_duration_since(since) >= APART {
                self.counting = Some(answered.clone());
            }
        }
        self.newest = Some(answered);
    }

    /// The newest, whether it counts or not.
    pub(super) const fn newest(&self) -> Option<&Answered> {
        self.newest.as_ref()
    }

    /// The one that counts; `None` where the endpoint has not answered yet, or failed once.
    pub(super) const fn counting(&self) -> Option<&Answered> {
        self.counting.as_ref()
    }

    /// How the newest probe failed, where that does not count yet.
    pub(super) fn failed_since(&self) -> Option<&HandshakeError> {
        self.second_due()?;
        self.newest.as_ref()?.1.handshake.as_ref().err()
    }

    /// When a second probe tells whether a failed one counts.
    pub(super) fn second_due(&self) -> Option<Instant> {
        let since = self.failing_since?;
        let newest = self.newest.as_ref()?.1.at;
        (newest.saturating_duration_since(since) < APART).then_some(since + APART)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{aggregated_server::prober::question::Requests, pki::testing as pki, probe::tls::Served};

    fn question() -> Arc<Question> {
        Arc::new(Question {
            server_name: pki::NAME.to_owned(),
            bundle: Vec::new(),
            requests: Requests::None,
        })
    }

    struct Endpoint {
        answers: Answers,
        began: Instant,
    }

    impl Endpoint {
        fn new() -> Self {
            Self {
                answers: Answers::default(),
                began: Instant::now(),
            }
        }

        /// What counts once the endpoint has answered so, so many seconds after its beginning.
        fn takes(
            &mut self,
            seconds: u64,
            handshake: Result<Served, HandshakeError>,
        ) -> Option<Result<Served, HandshakeError>> {
            let answer = Answer {
                handshake,
                at: self.began + Duration::from_secs(seconds),
                discovery: BTreeMap::new(),
                readyz: None,
                timed_out: false,
            };
            self.answers.take(question(), answer);
            let counting = self.answers.counting();
            counting.map(|(_, answer)| answer.handshake.clone())
        }
    }

    fn served() -> Served {
        let leaf = pki::leaf(&pki::authority(&[pki::NAME])).certificate;
        Served {
            chain: vec![leaf.der.clone()],
            leaf,
        }
    }

    const REFUSED: Result<Served, HandshakeError> = Err(HandshakeError::ConnectionRefused);
    const SILENT: Result<Served, HandshakeError> = Err(HandshakeError::ConnectTimeout);

    #[test]
    fn one_failed_probe_changes_nothing_and_two_that_are_apart_do() {
        let (mut endpoint, leaf) = (Endpoint::new(), served());
        assert_eq!(endpoint.takes(0, Ok(leaf.clone())), Some(Ok(leaf.clone())));
        assert_eq!(endpoint.answers.second_due(), None);
        for (seconds, handshake) in [(20, REFUSED), (21, SILENT), (24, REFUSED)] {
            assert_eq!(endpoint.takes(seconds, handshake.clone()), Some(Ok(leaf.clone())));
            assert_eq!(endpoint.answers.failed_since(), handshake.as_ref().err());
            let due = endpoint.began + Duration::from_secs(25);
            assert_eq!(endpoint.answers.second_due(), Some(due));
        }
        assert_eq!(endpoint.takes(25, REFUSED), Some(REFUSED));
        assert_eq!(endpoint.answers.failed_since(), None);
        // From then on the newest counts, in whatever way it fails.
        assert_eq!(endpoint.takes(26, SILENT), Some(SILENT));
    }

    #[test]
    fn a_certificate_counts_at_once_and_so_does_recovery() {
        let (mut endpoint, first, second) = (Endpoint::new(), served(), served());
        endpoint.takes(0, Ok(first));
        assert_eq!(endpoint.takes(1, Ok(second.clone())), Some(Ok(second.clone())));
        endpoint.takes(20, REFUSED);
        assert_eq!(endpoint.takes(30, REFUSED), Some(REFUSED));
        assert_eq!(endpoint.takes(31, Ok(second.clone())), Some(Ok(second.clone())));
        // What failed before a recovery is forgotten.
        assert_eq!(endpoint.takes(40, REFUSED), Some(Ok(second)));
    }

    #[test]
    fn of_an_endpoint_that_has_failed_once_and_no_more_nothing_is_known() {
        let mut endpoint = Endpoint::new();
        assert_eq!(endpoint.takes(0, REFUSED), None);
        assert_eq!(endpoint.takes(4, REFUSED), None);
        assert_eq!(endpoint.takes(5, REFUSED), Some(REFUSED));
    }
}
