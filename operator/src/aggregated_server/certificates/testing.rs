//! A policy and times for tests: an authority lives 300 days, a leaf 30; each is due when a third is left.

use std::time::Duration;

use jiff::Timestamp;

use super::Policy;

const DAY: Duration = Duration::from_secs(86_400);

/// The n-th day.
pub(crate) fn at(day: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
}

pub(crate) fn policy() -> Policy {
    Policy {
        subject: "annex:wardle".into(),
        server_name: "wardle.wardle.svc".into(),
        dns_names: vec!["wardle.wardle.svc".into()],
        ca_duration: 300 * DAY,
        ca_renew_before: 100 * DAY,
        duration: 30 * DAY,
        renew_before: 10 * DAY,
        ca_request: None,
        leaf_request: None,
    }
}
