//! The loop around [`decide`]: reads and writes the Lease, keeps time, tells the process where it stands.

use std::error::Error as _;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{api::coordination::v1::Lease, apimachinery::pkg::apis::meta::v1::MicroTime};
use kube::{Api, Client, api::PostParams};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    ElectionMonitor, JITTER_FACTOR, LeaseSettings,
    decide::{Action, Observation, decide, held, released},
};

/// How often a release is tried against others' writes to the Lease.
const RELEASE_ATTEMPTS: u32 = 3;

/// Where a process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It waits for the lease.
    Standby,
    /// It holds the lease.
    Leading,
    /// It held the lease and must stop at once.
    Lost(LossReason),
}

/// Why a leader leads no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LossReason {
    /// The Lease names somebody else, or nobody.
    #[error("the lease is held by another process or was taken away")]
    Taken,
    /// The Lease could not be renewed within the renew deadline.
    #[error("the lease could not be renewed in time")]
    RenewDeadline,
    /// The election itself has ended.
    #[error("leader election ended unexpectedly")]
    Ended,
}

/// An election that runs on a task of its own, so that nothing the process does delays a renewal. Dropping it ends
/// the task and leaves the Lease to expire.
#[derive(Debug)]
pub struct Election {
    state: watch::Receiver<State>,
    stop: watch::Sender<bool>,
    task: JoinSet<()>,
}

impl Election {
    /// Begins to ask for the lease.
    ///
    /// The client should not retry by itself: attempts are made each retry period anyway.
    #[must_use]
    pub fn start(client: Client, settings: LeaseSettings) -> Self {
        let monitor = ElectionMonitor::new(&settings);
        Self::monitored(client, settings, monitor)
    }

    /// The same, and tells `monitor`, which is of the same settings.
    #[must_use]
    pub fn monitored(client: Client, settings: LeaseSettings, monitor: ElectionMonitor) -> Self {
        monitor.begins();
        let (report, state) = watch::channel(State::Standby);
        let (stop, stopped) = watch::channel(false);
        let elector = Elector {
            leases: Api::namespaced(client, &settings.namespace),
            settings,
            observed: None,
            report,
            monitor,
        };
        let mut task = JoinSet::new();
        task.spawn(elector.run(stopped));
        Self { state, stop, task }
    }

    /// Waits until this process leads.
    ///
    /// # Errors
    /// The election ended before.
    pub async fn leading(&mut self) -> Result<(), LossReason> {
        let state = self
            .state
            .wait_for(|state| *state != State::Standby)
            .await
            .map(|state| *state);
        match state {
            Ok(State::Leading) => Ok(()),
            Ok(State::Lost(reason)) => Err(reason),
            Ok(State::Standby) | Err(_) => Err(LossReason::Ended),
        }
    }

    /// Waits until this process, having led, must stop at once.
    pub async fn lost(&mut self) -> LossReason {
        let state = self
            .state
            .wait_for(|state| matches!(state, State::Lost(_)))
            .await
            .map(|state| *state);
        match state {
            Ok(State::Lost(reason)) => reason,
            Ok(State::Standby | State::Leading) | Err(_) => LossReason::Ended,
        }
    }

    /// Ends the election, and gives the lease back if this process holds it. To be called when nothing that needs
    /// the lease runs any more. Takes at most half the renew deadline.
    pub async fn release(mut self) {
        self.stop.send_replace(true);
        while self.task.join_next().await.is_some() {}
    }
}

/// A request about the Lease that did not succeed.
#[derive(Debug, thiserror::Error)]
enum LeaseError {
    #[error("failed to read the lease: {}", said(.0))]
    Read(kube::Error),
    #[error("failed to create the lease: {}", said(.0))]
    Create(kube::Error),
    #[error("failed to update the lease: {}", said(.0))]
    Update(kube::Error),
    #[error("no answer about the lease within {0:?}")]
    NoAnswer(Duration),
}

struct Elector {
    leases: Api<Lease>,
    settings: LeaseSettings,
    observed: Option<Observation>,
    report: watch::Sender<State>,
    monitor: ElectionMonitor,
}

impl Drop for Elector {
    /// However it ends, also with its task: whose metric goes on to say that it leads would be the second one.
    fn drop(&mut self) {
        self.monitor.leads(false);
    }
}

impl Elector {
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let outcome = tokio::select! {
            outcome = self.lead_once() => Some(outcome),
            // The sender's end is the caller's: without it nobody wants the lease given back.
            asked = stop.wait_for(|stop| *stop) => match asked {
                Ok(_) => None,
                Err(_) => return,
            },
        };
        match outcome {
            Some(reason) => {
                tracing::error!(lease = %self.settings.name, %reason, "lost the lease");
                self.monitor.leads(false);
                self.report.send_replace(State::Lost(reason));
            }
            None => {
                self.monitor.leads(false);
                self.release().await;
            }
        }
    }

    /// Acquires the lease and holds it for as long as possible.
    async fn lead_once(&mut self) -> LossReason {
        let mut renewed = self.acquire().await;
        tracing::info!(lease = %self.settings.name, identity = %self.settings.identity, "holds the lease");
        self.monitor.leads(true);
        self.report.send_replace(State::Leading);
        loop {
            sleep(self.settings.timings.retry_period).await;
            match self.renew(renewed).await {
                Ok(at) => renewed = at,
                Err(reason) => return reason,
            }
        }
    }

    /// Tries until the lease is ours; gives the time before the write that made it so.
    async fn acquire(&mut self) -> Instant {
        let mut told = None;
        loop {
            let began = Instant::now();
            match self.attempt(false).await {
                Ok(Action::Create | Action::Take | Action::Renew) => return began,
                Ok(Action::Wait | Action::StepDown) => {
                    let holder = self
                        .observed
                        .as_ref()
                        .and_then(Observation::holder)
                        .map(str::to_owned);
                    if holder != told {
                        tracing::info!(lease = %self.settings.name, holder = holder.as_deref().unwrap_or(""), "stands by");
                        told = holder;
                    }
                }
                Err(error) => {
                    tracing::warn!(lease = %self.settings.name, %error, "cannot acquire the lease")
                }
            }
            sleep(jittered(self.settings.timings.retry_period)).await;
        }
    }

    /// Tries to renew until the deadline, counted from the last renewal's beginning; gives the new beginning.
    async fn renew(&mut self, renewed: Instant) -> Result<Instant, LossReason> {
        let deadline = renewed + self.settings.timings.renew_deadline;
        loop {
            let began = Instant::now();
            // The deadline also ends an attempt under way: an answer that comes too late is worth nothing.
            match timeout_at(deadline, self.attempt(true)).await {
                Err(_) => return Err(LossReason::RenewDeadline),
                Ok(Ok(Action::StepDown | Action::Wait)) => return Err(LossReason::Taken),
                Ok(Ok(Action::Renew | Action::Create | Action::Take)) => return Ok(began),
                Ok(Err(error)) => {
                    tracing::warn!(lease = %self.settings.name, %error, "cannot renew the lease")
                }
            }
            if timeout_at(deadline, sleep(self.settings.timings.retry_period))
                .await
                .is_err()
            {
                return Err(LossReason::RenewDeadline);
            }
        }
    }

    /// One attempt: what was decided has been done when this returns.
    async fn attempt(&mut self, leading: bool) -> Result<Action, LeaseError> {
        // As client-go: a request may take half the renew deadline, so that another one still fits.
        let limit = self.settings.timings.renew_deadline / 2;
        let attempt = timeout(limit, self.read_decide_write(leading))
            .await
            .unwrap_or(Err(LeaseError::NoAnswer(limit)));
        if attempt.is_err() {
            self.monitor.failed();
        }
        attempt
    }

    async fn read_decide_write(&mut self, leading: bool) -> Result<Action, LeaseError> {
        // A leader knows the Lease that it wrote last; only when somebody else wrote it is it read again.
        if leading && let Some(known) = self.observed.as_ref().and_then(|observed| observed.lease.clone()) {
            match self.write(Some(&known)).await {
                Err(LeaseError::Update(kube::Error::Api(status)))
                    if status.is_conflict() || status.is_not_found() => {}
                other => return other.map(|()| Action::Renew),
            }
        }
        let lease = self
            .leases
            .get_opt(&self.settings.name)
            .await
            .map_err(LeaseError::Read)?;
        let now = Instant::now();
        let observed = Observation::of(self.observed.as_ref(), lease, now);
        let action = decide(&observed, now, &self.settings.identity, leading);
        let lease = observed.lease.clone();
        self.observe(observed);
        match action {
            Action::Wait | Action::StepDown => {}
            Action::Create => self.write(None).await?,
            Action::Take => self.write(lease.as_ref()).await?,
            Action::Renew => {
                self.monitor.slow_path();
                self.write(lease.as_ref()).await?;
            }
        }
        Ok(action)
    }

    fn observe(&mut self, observed: Observation) {
        let is_held = observed.holder() == Some(&self.settings.identity);
        self.monitor.observed(is_held.then_some(observed.since));
        self.observed = Some(observed);
    }

    /// Makes the Lease ours, or ours for longer.
    async fn write(&mut self, old: Option<&Lease>) -> Result<(), LeaseError> {
        let desired = held(old, &self.settings, MicroTime(Timestamp::now()));
        let written = match old {
            None => self
                .leases
                .create(&self.parameters(), &desired)
                .await
                .map_err(LeaseError::Create)?,
            Some(_) => {
                let name = &self.settings.name;
                self.leases
                    .replace(name, &self.parameters(), &desired)
                    .await
                    .map_err(LeaseError::Update)?
            }
        };
        self.observe(Observation {
            lease: Some(written),
            since: Instant::now(),
        });
        Ok(())
    }

    /// Gives the lease back, so that the next one need not wait for it to expire.
    async fn release(&self) {
        let limit = self.settings.timings.renew_deadline / 2;
        match timeout(limit, self.try_release())
            .await
            .unwrap_or(Err(LeaseError::NoAnswer(limit)))
        {
            Ok(true) => {
                self.monitor.observed(None);
                tracing::info!(lease = %self.settings.name, "released the lease");
            }
            Ok(false) => tracing::debug!(lease = %self.settings.name, "the lease is not ours to release"),
            Err(error) => {
                self.monitor.failed();
                tracing::warn!(lease = %self.settings.name, %error, "cannot release the lease; it will expire")
            }
        }
    }

    fn parameters(&self) -> PostParams {
        PostParams {
            field_manager: Some(self.settings.field_manager.clone()),
            ..PostParams::default()
        }
    }

    async fn try_release(&self) -> Result<bool, LeaseError> {
        let mut attempt = 1;
        loop {
            // Read anew: a write that was cut off by the stop may have been done.
            let lease = self
                .leases
                .get_opt(&self.settings.name)
                .await
                .map_err(LeaseError::Read)?;
            let holder = lease
                .as_ref()
                .and_then(|lease| lease.spec.as_ref()?.holder_identity.as_deref());
            let Some(lease) = lease.as_ref().filter(|_| holder == Some(&self.settings.identity)) else {
                return Ok(false);
            };
            let desired = released(lease.clone(), MicroTime(Timestamp::now()));
            match self
                .leases
                .replace(&self.settings.name, &self.parameters(), &desired)
                .await
            {
                Ok(_) => return Ok(true),
                Err(kube::Error::Api(status)) if status.is_conflict() && attempt < RELEASE_ATTEMPTS => {
                    attempt += 1
                }
                Err(error) => return Err(LeaseError::Update(error)),
            }
        }
    }
}

/// What a failed request says to people: of a Status, which the client shows with all its fields, its message alone.
fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.message.is_empty() => {
            format!("the API server answered {}", status.code)
        }
        kube::Error::Api(status) => status.message.clone(),
        other => {
            let causes =
                std::iter::successors(other.source(), |&cause: &&(dyn std::error::Error + 'static)| {
                    cause.source()
                });
            causes.fold(other.to_string(), |text, cause| match cause.to_string() {
                more if text.contains(&more) => text,
                more => format!("{text}: {more}"),
            })
        }
    }
}

/// Between one and 2.2 times `period`: standbys that began together must not ask together for ever.
fn jittered(period: Duration) -> Duration {
    period.mul_f64(1.0 + JITTER_FACTOR * rand::random::<f64>())
}
