//! Which endpoints do not serve yet what the Secrets hold, and whether an old authority may go by what they answered. Pure.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::{
    CertificateState, Policy,
    rotation::{self, Progress},
};
use crate::aggregated_server::{
    diagnose,
    endpoints::{Presented, Report},
};

/// How old an answer may be that proves that an old authority can go: longer than it takes to ask every endpoint, be there many
/// and slow ones among them. Who serves a leaf of the new authority once does not serve an older one again.
pub(super) const PROOF_AGE: Duration = Duration::from_secs(120);

/// What decides about the last steps of a rotation.
pub(super) struct Gate<'a> {
    /// What the Secrets hold.
    pub(super) keys: &'a CertificateState,
    /// What the server asks for.
    pub(super) policy: &'a Policy,
    /// Now.
    pub(super) now: Timestamp,
    /// What endpoints answered; `None` where the Service does not lead to them.
    pub(super) looked: Option<&'a [Report]>,
    /// The server's pods.
    pub(super) pods: &'a [Pod],
    /// How many pods the workload should have, where it says so.
    pub(super) scale: Option<i32>,
}

impl Gate<'_> {
    /// The step that the rotation stands at; `None` where nothing is under way.
    pub(super) fn progress(&self) -> Option<Progress> {
        let mut not_serving = self.not_serving_leaf();
        if self.keys.is_replacing() {
            not_serving = self.not_serving(true);
            let endpoints = self.looked.map(<[_]>::len);
            not_serving.extend(rotation::unproven(endpoints, self.scaled_to_zero()));
        }
        rotation::derive(&self.keys.facts(not_serving))
    }

    /// The endpoints that do not serve the very leaf of the Secret.
    pub(super) fn not_serving_leaf(&self) -> Vec<String> {
        self.not_serving(false)
    }

    fn reports(&self) -> &[Report] {
        self.looked.unwrap_or_default()
    }

    /// Whether nothing is meant to serve.
    fn scaled_to_zero(&self) -> bool {
        self.scale == Some(0) && self.pods.is_empty()
    }

    /// The endpoints that do not serve what they should: a leaf of the current authority, or the very leaf of the Secret.
    /// What answers must serve it. Of what does not answer that counts which is sent requests, or runs: it has read its
    /// files already, and may yet begin to answer with what it read.
    fn not_serving(&self, any_leaf_of_authority: bool) -> Vec<String> {
        let keys = self.keys;
        if keys.leaf.is_none() {
            return Vec::new();
        }
        let (policy, now) = (self.policy, self.now);
        // Thousands of pods serve the same one.
        let mut right = HashMap::new();
        for report in self.reports() {
            if let Ok(Presented { leaf, .. }) = &report.handshake {
                let is_right = || keys.is_served(leaf, any_leaf_of_authority, policy, now);
                right.entry(leaf.fingerprint.as_str()).or_insert_with(is_right);
            }
        }
        let serves = |report: &Report| match &report.handshake {
            Ok(presented) => right.get(presented.leaf.fingerprint.as_str()) == Some(&true),
            Err(_) => !report.endpoint.ready && !diagnose::runs(self.pods, report),
        };
        // Of what is not known yet nothing is told; but what an authority's end hangs on is not taken for granted.
        let known = |report: &Report| !report.is_pending() && !report.is_beyond();
        let recent = |report: &Report| report.age <= PROOF_AGE && report.failed_since.is_none();
        let fails = |report: &&Report| {
            if any_leaf_of_authority {
                !(known(report) && recent(report) && serves(report))
            } else {
                known(report) && !serves(report)
            }
        };
        let describe = |report: &Report| match &report.handshake {
            _ if known(report) && serves(report) => {
                format!("{} has not answered lately", report.endpoint)
            }
            Ok(presented) => {
                format!(
                    "{} serves a certificate that is valid until {}",
                    report.endpoint, presented.leaf.not_after
                )
            }
            Err(error) => format!("{}: {error}", report.endpoint),
        };
        self.reports().iter().filter(fails).map(describe).collect()
    }
}
