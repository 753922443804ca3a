//! What to do about a Lease. Pure: no client, no clock of its own.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use tokio::time::Instant;

use super::LeaseSettings;

/// The Lease as this process saw it, and since when by its own clock.
#[derive(Clone, Debug)]
pub(super) struct Observation {
    /// The Lease read or written last; `None` when there was none.
    pub(super) lease: Option<Lease>,
    /// When the spec was first seen like this. The holder's `renewTime` is by another clock and not looked at.
    pub(super) since: Instant,
}

/// What a process may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Create the Lease: there is none.
    Create,
    /// Take the Lease over: it is free, or has expired.
    Take,
    /// Renew the Lease: it is ours.
    Renew,
    /// Leave it: somebody else holds it.
    Wait,
    /// Stop leading: the Lease is no longer ours.
    StepDown,
}

impl Observation {
    /// What is known after the Lease was seen as `lease` at `now`. Only another *spec* starts the time anew: a label
    /// that somebody sets must not keep the lease of a dead holder alive.
    #[must_use]
    pub(super) fn of(previous: Option<&Self>, lease: Option<Lease>, now: Instant) -> Self {
        let spec = |lease: &Option<Lease>| lease.as_ref().and_then(|lease| lease.spec.clone());
        let unchanged =
            previous.filter(|old| old.lease.is_some() == lease.is_some() && spec(&old.lease) == spec(&lease));
        let since = unchanged.map_or(now, |old| old.since);
        Self { lease, since }
    }

    /// The holder, where there is one.
    #[must_use]
    pub(super) fn holder(&self) -> Option<&str> {
        let spec = self.lease.as_ref()?.spec.as_ref()?;
        spec.holder_identity
            .as_deref()
            .filter(|holder| !holder.is_empty())
    }

    /// When the Lease runs out if it does not change. One without a duration was written by no elector and has.
    fn expires(&self) -> Instant {
        let spec = self.lease.as_ref().and_then(|lease| lease.spec.as_ref());
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or(0);
        self.since + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }
}

/// Decides what the process `identity` does at `now`, leading or not.
#[must_use]
pub(super) fn decide(observed: &Observation, now: Instant, identity: &str, leading: bool) -> Action {
    match (observed.lease.is_some(), observed.holder()) {
        // A standby can find itself as the holder: its write was done, and the answer was lost.
        (_, Some(holder)) if holder == identity => Action::Renew,
        // Even an expired one: its holder leads, or led, since.
        (_, Some(_)) if leading => Action::StepDown,
        (_, Some(_)) if now < observed.expires() => Action::Wait,
        (_, Some(_)) => Action::Take,
        // Deleted under a leader: creating it again fails when somebody else was faster.
        (false, None) => Action::Create,
        // Released by somebody else in our name: a way to make a leader go.
        (true, None) if leading => Action::StepDown,
        (true, None) => Action::Take,
    }
}

/// The Lease to write for an action at `time`; whatever else the old one has (labels, strategy) stays.
pub(super) fn held(old: Option<&Lease>, settings: &LeaseSettings, time: MicroTime) -> Lease {
    let mut lease = old.cloned().unwrap_or_else(|| empty(settings));
    let spec = lease.spec.get_or_insert_default();
    if spec.holder_identity.as_deref() != Some(&settings.identity) {
        // client-go counts from zero at creation, and each change of the holder after it.
        spec.lease_transitions = Some(match old {
            Some(_) => spec.lease_transitions.unwrap_or(0).saturating_add(1),
            None => 0,
        });
        spec.acquire_time = Some(time.clone());
    }
    spec.holder_identity = Some(settings.identity.clone());
    spec.lease_duration_seconds = Some(settings.timings.lease_seconds());
    spec.renew_time = Some(time);
    lease
}

/// The Lease to write when its holder goes: free, and with the shortest duration for those who do not look at the
/// holder first.
pub(super) fn released(mut lease: Lease, time: MicroTime) -> Lease {
    let spec = lease.spec.get_or_insert_default();
    spec.holder_identity = Some(String::new());
    spec.lease_duration_seconds = Some(1);
    spec.acquire_time = Some(time.clone());
    spec.renew_time = Some(time);
    lease
}

fn empty(settings: &LeaseSettings) -> Lease {
    let mut lease = Lease {
        spec: Some(LeaseSpec::default()),
        ..Lease::default()
    };
    lease.metadata.name = Some(settings.name.clone());
    lease.metadata.namespace = Some(settings.namespace.clone());
    lease
}
