//! Leader election by Lease, with the algorithm of client-go's `leaderelection`.
//!
//! # Guarantees
//! - At most one process leads, as long as clocks *run* at about the same speed; what they *show* never matters: a
//!   lease counts as expired when this process has not seen it change for as long as its holder asked for.
//! - A leader stops by itself, `renew_deadline` after it sent its last successful renewal, which is before
//!   anybody else may take the lease. It does not need an answer for that.
//! - Every write carries the resourceVersion that was read, so that of two writers one fails.
//!
//! # Caveats
//! A process that is stopped (SIGSTOP, a paused machine) and wakes up leads until its next timer fires.

mod decide;
mod election;
#[cfg(feature = "fake")]
pub mod fake;
mod monitor;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use election::{Election, LossReason};
pub use monitor::{ElectionMonitor, ExpiredLease, MAX_TOLERABLE_EXPIRED_LEASE};

/// client-go's jitter: a standby waits between one and 2.2 retry periods.
const JITTER_FACTOR: f64 = 1.2;

/// The times of leader election, known to fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    lease_duration: Duration,
    renew_deadline: Duration,
    retry_period: Duration,
}

/// Why times of leader election do not fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimingsError {
    /// A Lease holds whole seconds, in 32 bits.
    #[error("the lease duration must be a whole number of seconds, at least one")]
    LeaseDurationNotInSeconds,
    /// Two processes could lead at the same time.
    #[error("the lease duration must be longer than the renew deadline")]
    LeaseNotLongerThanRenewDeadline,
    /// A leader could miss its only attempt to renew.
    #[error("the renew deadline must be longer than 1.2 times the retry period")]
    RenewDeadlineNotLongerThanRetries,
    /// There must be a pause between attempts.
    #[error("the retry period must not be zero")]
    RetryPeriodZero,
}

impl Timings {
    /// Takes times that fit: lease duration > renew deadline > 1.2 × retry period > 0.
    ///
    /// # Errors
    /// They do not fit.
    pub fn new(
        lease_duration: Duration,
        renew_deadline: Duration,
        retry_period: Duration,
    ) -> Result<Self, TimingsError> {
        let seconds = i32::try_from(lease_duration.as_secs()).unwrap_or(0);
        if seconds == 0 || lease_duration.subsec_nanos() != 0 {
            return Err(TimingsError::LeaseDurationNotInSeconds);
        }
        if lease_duration <= renew_deadline {
            return Err(TimingsError::LeaseNotLongerThanRenewDeadline);
        }
        if renew_deadline <= retry_period.mul_f64(JITTER_FACTOR) {
            return Err(TimingsError::RenewDeadlineNotLongerThanRetries);
        }
        if retry_period.is_zero() {
            return Err(TimingsError::RetryPeriodZero);
        }
        Ok(Self {
            lease_duration,
            renew_deadline,
            retry_period,
        })
    }

    /// The lease duration as the Lease has it.
    fn lease_seconds(self) -> i32 {
        i32::try_from(self.lease_duration.as_secs()).unwrap_or(i32::MAX)
    }
}

impl Default for Timings {
    /// Those of Kubernetes' own components: 15 s, 10 s, 2 s.
    fn default() -> Self {
        Self {
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// Which Lease, who asks for it, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseSettings {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// What stands in the Lease for this process.
    pub identity: String,
    /// Who writes it, in its managedFields.
    pub field_manager: String,
    /// When to try and to give up.
    pub timings: Timings,
}

impl LeaseSettings {
    /// Settings with an identity of its own for this process, `<pod>_<uuid>`: a restarted container has the name of
    /// its pod again and must not take the lease for its own.
    #[must_use]
    pub fn new(namespace: &str, name: &str, pod_name: &str, field_manager: &str, timings: Timings) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity: format!("{pod_name}_{}", random_uuid()),
            field_manager: field_manager.to_owned(),
            timings,
        }
    }
}

/// A version 4 UUID (RFC 9562).
fn random_uuid() -> String {
    let bits = rand::random::<u128>() & !(0xf << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
