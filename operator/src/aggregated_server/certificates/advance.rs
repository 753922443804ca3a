//! Where a rotation stands after the endpoints were asked, and its last step.

use annex_crds::v1alpha1::{CertificatesStatus, Reason, RotationStatus, RotationStep};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    CertificateState,
    apply::{self, SecretsApplier},
    gate::Gate,
    rotation,
};
use crate::aggregated_server::{endpoints::Report, fleet, live::LiveWorkload, pass_result::PassResult};
use crate::{error_chain::error_chain, pki::Certificate};

/// A new leaf that is not served when this part of `renewBefore` is left is more than slow.
const LATE_FRACTION: u32 = 2;

/// The rotation of one server's certificates, after its endpoints were asked.
pub struct Rotation<'a> {
    /// Writes.
    pub keeper: &'a SecretsApplier<'a>,
    /// What there is.
    pub keys: &'a CertificateState,
    /// What endpoints answered; `None` where the Service does not lead to them.
    pub looked: Option<&'a [Report]>,
}

impl Rotation<'_> {
    fn reports(&self) -> &[Report] {
        self.looked.unwrap_or_default()
    }

    /// Where the rotation stands, and its last step. Returns what is to be published from now on.
    pub async fn advance(&self, outcome: &mut PassResult) -> Vec<Certificate> {
        outcome.observed = true;
        let Self { keeper, keys, looked } = self;
        let gate = Gate {
            keys,
            policy: keeper.policy,
            now: keeper.now,
            looked: *looked,
            pods: &keeper.surroundings.pods,
            scale: keeper
                .surroundings
                .workload
                .as_ref()
                .and_then(LiveWorkload::replicas),
        };
        let progress = gate.progress();
        outcome.authority_rotation = keys
            .is_replacing()
            .then(|| fleet::Progress::of(keys.authority.issued_at, keeper.now));
        outcome
            .findings
            .extend(apply::findings(keys, &gate.not_serving_leaf(), keeper.now));
        self.tell(progress.as_ref(), outcome);
        let Some(progress) = progress else {
            return keys.bundle.clone();
        };
        outcome.hurry = true;
        let waits = progress
            .blocked_by
            .clone()
            .unwrap_or_else(|| "nothing".to_owned());
        outcome.find(
            Reason::Rotating,
            format!("step {:?} waits for: {waits}", progress.step),
        );
        if progress.step != RotationStep::Narrow || keeper.paused {
            return keys.bundle.clone();
        }
        match keeper.narrow(keys, outcome).await {
            Ok(()) => keys.authority.clone().narrowed().bundle(),
            Err(error) => {
                if !error.is_race() {
                    outcome.find(error.reason(), error_chain(&error));
                }
                keys.bundle.clone()
            }
        }
    }

    fn tell(&self, progress: Option<&rotation::Progress>, outcome: &mut PassResult) {
        let keys = self.keys;
        let time =
            |timestamp: Timestamp| Time(Timestamp::from_second(timestamp.as_second()).unwrap_or(timestamp));
        let served = self
            .reports()
            .iter()
            .filter_map(|report| report.handshake.as_ref().ok());
        let served = served.map(|presented| presented.leaf.not_after).min();
        let leaf_due = keys
            .leaf
            .as_ref()
            .map(|leaf| (leaf, leaf.renewal_time(self.keeper.policy)))
            // At that time, and not now: it would be told anew a second after a leaf was issued.
            .filter(|(leaf, renewal)| {
                let authority = keys.authority.current.certificate();
                leaf.is_outlived(authority, self.keeper.policy, *renewal)
            })
            .map(|(_, renewal)| renewal);
        let due = leaf_due
            .into_iter()
            .chain([keys.authority.renewal_time(self.keeper.policy)])
            .min();
        let began = if keys.is_replacing() {
            keys.authority.issued_at
        } else {
            keys.leaf.as_ref().and_then(|leaf| leaf.issued_at)
        };
        if let (Some(served), Some(_)) = (served, progress) {
            let late = self.keeper.policy.renew_before / LATE_FRACTION;
            if self.keeper.now >= served.checked_sub(late).unwrap_or(served) {
                let waits = progress
                    .and_then(|progress| progress.blocked_by.clone())
                    .unwrap_or_default();
                outcome.find(
                    Reason::RotationBlocked,
                    format!("a served certificate ends at {served} and its successor is not in use: {waits}"),
                );
            }
        }
        outcome.due = due;
        outcome.certificates = CertificatesStatus {
            ca_not_after: Some(time(keys.authority.current.certificate().not_after)),
            serving_not_after: keys.leaf.as_ref().map(|leaf| time(leaf.certificate.not_after)),
            served_not_after: served.map(time),
            storage_client_not_after: None,
            next_rotation_time: due.map(time),
            rotation_count: keys.rotation_count,
            rotation: progress.map(|progress| RotationStatus {
                step: progress.step,
                start_time: began.map(time),
                blocked_by: progress.blocked_by.clone(),
            }),
        };
    }
}

#[cfg(test)]
mod effects;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        aggregated_server::{
            certificates::{
                Authority, Replacement,
                gate::PROOF_AGE,
                testing::{at, policy},
            },
            context::Memory,
            endpoints::{Endpoint, Origin, Presented},
            testing::{context, names, surroundings},
        },
        fake_client::{Answer, fake_client},
        probe::tls::HandshakeError,
    };

    fn endpoint() -> Endpoint {
        Endpoint {
            address: "10.0.0.1:8443".parse().unwrap(),
            pod: Some("a".into()),
            ready: false,
            origin: Origin::Backend,
        }
    }

    /// The rotation of an authority, all but over: a leaf of the new one is in its Secret.
    async fn stands_at(
        reports: impl Fn(&CertificateState) -> Vec<Report>,
        previous: bool,
    ) -> Option<RotationStatus> {
        let ctx = context(fake_client(|request| Answer::ok(request.body)));
        let (names, policy) = (names(), policy());
        let issue = |previous| {
            let why = "test";
            Authority::issue(&policy, Replacement { why, previous }, at(0)).unwrap()
        };
        let kept = |surroundings| SecretsApplier {
            paused: false,
            ctx: &ctx,
            names: &names,
            policy: &policy,
            surroundings,
            now: at(1),
        };
        let empty = surroundings();
        let keeper = kept(&empty);
        let mut keys = keeper
            .keep(&mut Memory::default(), &mut PassResult::default())
            .await
            .unwrap();
        if previous {
            keys.authority.previous = vec![issue(Vec::new()).current.certificate().clone()];
        }
        let mut outcome = PassResult::default();
        let reports = reports(&keys);
        let rotation = Rotation {
            keeper: &keeper,
            keys: &keys,
            looked: Some(&reports),
        };
        rotation.advance(&mut outcome).await;
        outcome.certificates.rotation
    }

    fn serves(keys: &CertificateState, age: Duration) -> Report {
        let leaf = keys.leaf.as_ref().unwrap().certificate.clone();
        Report {
            handshake: Ok(Presented { leaf, trust: Ok(()) }),
            age,
            ..Report::unasked(endpoint(), HandshakeError::NoAnswerYet)
        }
    }

    /// An authority goes only on answers of every endpoint, and recent ones.
    #[tokio::test]
    async fn narrow_waits_for_a_recent_answer_of_every_endpoint() {
        let step = async |report: fn(&CertificateState) -> Report| {
            let fresh = |keys: &CertificateState| vec![serves(keys, Duration::ZERO), report(keys)];
            stands_at(fresh, true).await.unwrap()
        };
        let step_of = async |report| step(report).await.step;
        assert_eq!(
            step_of(|keys| serves(keys, PROOF_AGE)).await,
            RotationStep::Narrow
        );
        let gone = |_: &CertificateState| Report::unasked(endpoint(), HandshakeError::ConnectTimeout);
        assert_eq!(step_of(gone).await, RotationStep::Narrow);
        let late = |keys: &CertificateState| serves(keys, PROOF_AGE + Duration::from_secs(1));
        let late = step(late).await;
        assert_eq!(late.step, RotationStep::Probe);
        assert_eq!(
            late.blocked_by.as_deref(),
            Some("pod a (10.0.0.1:8443) has not answered lately")
        );
        for unknown in [
            |_: &CertificateState| Report::unasked(endpoint(), HandshakeError::NoAnswerYet),
            |_: &CertificateState| Report::unasked(endpoint(), HandshakeError::TooMany),
            // What it answered before a probe that failed is told, and proves nothing.
            |keys: &CertificateState| Report {
                failed_since: Some(HandshakeError::ConnectionRefused),
                ..serves(keys, Duration::ZERO)
            },
        ] {
            assert_eq!(step_of(unknown).await, RotationStep::Probe);
        }
    }

    /// A pod that has just come is no rotation.
    #[tokio::test]
    async fn of_an_endpoint_that_has_not_answered_yet_no_rotation_is_told() {
        let ready = || Endpoint {
            ready: true,
            ..endpoint()
        };
        let pending = |_: &CertificateState| vec![Report::unasked(ready(), HandshakeError::NoAnswerYet)];
        assert_eq!(stands_at(pending, false).await, None);
        let refused =
            |_: &CertificateState| vec![Report::unasked(ready(), HandshakeError::ConnectionRefused)];
        assert_eq!(stands_at(refused, false).await.unwrap().step, RotationStep::Probe);
    }
}
