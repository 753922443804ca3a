//! Whether it is in doubt that every kube-apiserver reaches a server. Pure.
//!
//! Each kube-apiserver looks for itself, and all of them write the one condition `Available` of an APIService: where one does not
//! reach what the others do, the condition goes back and forth, and says `True` most of the time (kube-aggregator,
//! remote_available_controller.go).

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;

/// How long a doubt lasts after what gave rise to it: longer than the 30 s after which each kube-apiserver looks again.
const LASTS: Duration = Duration::from_secs(60);

/// What an APIService's condition `Available` was when it was seen last, by the APIService's name, and until when that is reason to
/// doubt.
#[derive(Clone, Debug, Default)]
pub struct Doubt {
    seen: HashMap<String, Availability>,
    until: Option<Instant>,
}

/// The condition `Available`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Availability {
    /// It is True.
    pub is_available: bool,
    /// When it changed last.
    since: Option<Timestamp>,
}

/// What the aggregator says of `service`, if it has looked.
#[must_use]
pub fn availability(service: &APIService) -> Option<Availability> {
    let conditions = service.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions
        .iter()
        .find(|condition| condition.type_ == "Available")?;
    Some(Availability {
        is_available: condition.status == "True",
        since: condition.last_transition_time.as_ref().map(|time| time.0),
    })
}

impl Doubt {
    /// Takes note at `now` of what the aggregator says of the registered APIServices. Whether it is in doubt that all kube-apiservers
    /// find the same: one is not available, or was not for a moment.
    pub fn look<'a>(
        &mut self,
        registered: impl Iterator<Item = (&'a str, Availability)>,
        now: Instant,
    ) -> bool {
        let registered: HashMap<String, Availability> = registered
            .map(|(name, availability)| (name.to_owned(), availability))
            .collect();
        let doubtful = |(name, availability): (&String, &Availability)| {
            !availability.is_available || self.seen.get(name).is_some_and(|seen| seen != availability)
        };
        if registered.iter().any(doubtful) {
            self.until = now.checked_add(LASTS);
        }
        self.seen = registered;
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(status: &str, since: &str) -> APIService {
        let yaml = format!(
            "status: {{ conditions: [{{ type: Available, status: '{status}', lastTransitionTime: '{since}' }}] }}"
        );
        serde_saphyr::from_str(&yaml).unwrap()
    }

    fn looked(doubt: &mut Doubt, status: &str, since: &str, now: Instant) -> bool {
        let availability = availability(&service(status, since)).unwrap();
        doubt.look([("v1.wardle.example.com", availability)].into_iter(), now)
    }

    const NOON: &str = "2027-01-01T12:00:00Z";
    const LATER: &str = "2027-01-01T12:00:05Z";

    #[test]
    fn what_is_available_and_stays_so_is_beyond_doubt() {
        let (mut doubt, now) = (Doubt::default(), Instant::now());
        assert!(!looked(&mut doubt, "True", NOON, now));
        assert!(!looked(&mut doubt, "True", NOON, now + Duration::from_secs(3600)));
        assert_eq!(availability(&APIService::default()), None);
    }

    #[test]
    fn a_change_that_nobody_saw_is_a_doubt_for_a_minute() {
        let (mut doubt, now) = (Doubt::default(), Instant::now());
        assert!(!looked(&mut doubt, "True", NOON, now));
        assert!(looked(&mut doubt, "True", LATER, now));
        assert!(looked(&mut doubt, "True", LATER, now + Duration::from_secs(59)));
        assert!(!looked(&mut doubt, "True", LATER, now + LASTS));
    }

    #[test]
    fn what_is_not_available_is_in_doubt_while_it_is_not() {
        let (mut doubt, now) = (Doubt::default(), Instant::now());
        assert!(looked(&mut doubt, "False", NOON, now));
        assert!(looked(&mut doubt, "False", NOON, now + LASTS * 2));
        let cured = now + LASTS * 3;
        assert!(looked(&mut doubt, "True", LATER, cured));
        assert!(!looked(&mut doubt, "True", LATER, cured + LASTS));
    }
}
