//! Where a rotation stands after the endpoints were asked, and its last step.

use annex_crds::v1alpha1::{CertificatesStatus, Reason, RotationStatus, RotationStep};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    certificates::{Keys, rotation},
    diagnose,
    endpoints::Report,
    keys::{self, Keeper},
    live::LiveWorkload,
    outcome::Outcome,
};
use crate::{error_chain::error_chain, pki::Certificate};

/// A new leaf that is not served when this part of `renewBefore` is left is more than slow.
const LATE_FRACTION: u32 = 2;

/// The rotation of one server's certificates, after its endpoints were asked.
pub struct Rotation<'a> {
    /// Writes.
    pub keeper: &'a Keeper<'a>,
    /// What there is.
    pub keys: &'a Keys,
    /// What endpoints answered; `None` where the Service does not lead to them.
    pub looked: Option<&'a [Report]>,
}

impl Rotation<'_> {
    fn reports(&self) -> &[Report] {
        self.looked.unwrap_or_default()
    }

    /// Where the rotation stands, and its last step. Returns what is to be published from now on.
    pub async fn advance(&self, outcome: &mut Outcome) -> Vec<Certificate> {
        outcome.observed = true;
        let Self { keeper, keys, looked } = self;
        let mut not_serving = self.not_serving(keys.is_replacing());
        if keys.is_replacing() {
            not_serving.extend(rotation::unproven(looked.map(<[_]>::len), self.scaled_to_zero()));
        }
        let progress = rotation::derive(&keys.facts(not_serving));
        outcome
            .findings
            .extend(keys::findings(keys, &self.not_serving(false), self.keeper.now));
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
        if progress.step != RotationStep::Narrow {
            return keys.bundle.clone();
        }
        match keeper.narrow(keys, outcome).await {
            Ok(()) => keys.authority.clone().narrowed().bundle(keeper.now),
            Err(error) => {
                if !error.is_race() {
                    outcome.find(error.reason(), error_chain(&error));
                }
                keys.bundle.clone()
            }
        }
    }

    /// Whether nothing is meant to serve.
    fn scaled_to_zero(&self) -> bool {
        let workload = self.keeper.surroundings.workload.as_ref();
        let scale = workload.and_then(LiveWorkload::replicas);
        scale == Some(0) && self.keeper.surroundings.pods.is_empty()
    }

    /// The endpoints that do not serve what they should: a leaf of the current authority, or the very leaf of the Secret.
    /// What answers must serve it. Of what does not answer that counts which is sent requests, or runs: it has read its
    /// files already, and may yet begin to answer with what it read.
    fn not_serving(&self, any_leaf_of_authority: bool) -> Vec<String> {
        let keys = self.keys;
        if keys.leaf.is_none() {
            return Vec::new();
        }
        let (policy, now) = (self.keeper.policy, self.keeper.now);
        let serves = |report: &Report| match &report.handshake {
            Ok(presented) => keys.is_served(&presented.leaf, any_leaf_of_authority, policy, now),
            Err(_) => !report.endpoint.ready && !diagnose::runs(&self.keeper.surroundings.pods, report),
        };
        let describe = |report: &Report| match &report.handshake {
            Ok(presented) => {
                format!(
                    "{} serves a certificate that is valid until {}",
                    report.endpoint, presented.leaf.not_after
                )
            }
            Err(error) => format!("{}: {error}", report.endpoint),
        };
        self.reports()
            .iter()
            .filter(|report| !serves(report))
            .map(describe)
            .collect()
    }

    fn tell(&self, progress: Option<&rotation::Progress>, outcome: &mut Outcome) {
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
            .map(|leaf| leaf.renewal_time(self.keeper.policy));
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
