//! Whether a server has read its files again (`reload: HotOrRestart`).

use jiff::{SignedDuration, Timestamp};

use super::ServingLeaf;
use crate::aggregated_server::endpoints::Report;

/// How long after its issue a leaf may be missing at an endpoint: the kubelet brings it within about a minute, two at most, and
/// programs look at their files once a minute.
pub const LIMIT: SignedDuration = SignedDuration::from_mins(5);

/// The endpoints that serve another leaf though they had the time to read this one.
#[must_use]
pub fn overdue(leaf: &ServingLeaf, reports: &[Report], now: Timestamp) -> Vec<String> {
    let had_time = leaf
        .issued_at
        .is_some_and(|issued| now.duration_since(issued) >= LIMIT);
    let serves_another = |report: &&Report| {
        let presented = report.handshake.as_ref();
        presented.is_ok_and(|presented| presented.leaf.fingerprint != leaf.certificate.fingerprint)
    };
    let late = reports.iter().filter(serves_another).filter(|_| had_time);
    late.map(|report| report.endpoint.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        aggregated_server::{
            certificates::IssueCause,
            endpoints::{Endpoint, Origin, Presented},
        },
        pki::{Certificate, testing as pki},
        probe::tls::HandshakeError,
    };

    fn report(port: u16, served: Option<&Certificate>) -> Report {
        let presented = |leaf: &Certificate| Presented {
            leaf: leaf.clone(),
            trust: Ok(()),
        };
        Report {
            endpoint: Endpoint {
                address: ([10, 0, 0, 1], port).into(),
                pod: None,
                ready: true,
                origin: Origin::Backend,
            },
            handshake: served.map(presented).ok_or(HandshakeError::ConnectionRefused),
            discovery: BTreeMap::new(),
            readyz: None,
            age: std::time::Duration::ZERO,
            failed_since: None,
        }
    }

    #[test]
    fn a_leaf_that_is_not_served_after_its_time_is_overdue() {
        let authority = pki::authority(&[pki::NAME]);
        let (old, new) = (
            pki::leaf(&authority).certificate,
            pki::leaf(&authority).certificate,
        );
        let issued = Timestamp::from_second(1_800_000_000).unwrap();
        let leaf = ServingLeaf {
            certificate: new.clone(),
            published: Vec::new(),
            handled_request: None,
            issued_at: Some(issued),
            cause: Some(IssueCause::Renewal),
        };
        // Who does not answer may have read it.
        let reports = [report(1, Some(&new)), report(2, Some(&old)), report(3, None)];
        let late = issued + LIMIT;
        assert_eq!(overdue(&leaf, &reports, late), ["10.0.0.1:2"]);
        assert!(overdue(&leaf, &reports, late - SignedDuration::from_secs(1)).is_empty());
        assert!(overdue(&leaf, &reports[..1], late).is_empty());
    }
}
