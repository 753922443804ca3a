//! One pass over a server: dereference, validate, build, apply, and what was found out on the way.
//!
//! | file | what it does |
//! |---|---|
//! | `run` | where a pass is from: watches, or live reads where these are not enough |
//! | `recall` | the serving Secret as it is recorded, after a restart |
//! | `apply`, `accounts`, `workload`, `volume` | the children |
//! | `look`, `reach` | the endpoints, and who reaches them |
//! | `claims` | the APIServices |
//! | `paused`, `out_of_reach` | servers of which nothing is written |

mod accounts;
mod apply;
mod claims;
mod look;
mod out_of_reach;
mod paused;
mod reach;
mod recall;
mod run;
#[cfg(test)]
mod steady;
mod volume;
mod workload;

use std::{sync::Arc, time::Duration};

use annex_crds::v1alpha1::{AggregatedServer, Reason};
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::Instant;

pub use self::run::run;
use self::{claims::unregistered, look::DOUBTED_AFTER, run::is_paused};
use super::{
    certificates::{
        self, Policy, Remembered,
        advance::Rotation,
        apply::{CertificatesError, SecretsApplier},
    },
    children::{Children, Writes},
    context::{Context, Memory},
    dereference::{ReadError, Source, Surroundings},
    finding::Finding,
    names::Names,
    pass_result::PassResult,
    validate::{self, ApiPlan, SERVICE_PORT},
};

/// A pass over one server.
pub struct Pass<'a> {
    ctx: &'a Context,
    server: &'a AggregatedServer,
    names: Names,
    policy: Policy,
    surroundings: Surroundings,
    plans: Vec<ApiPlan>,
    now: Timestamp,
}

/// Why a pass ended before it had found out how things are. What was known before stays in status.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// What there is could not be read; nothing was written.
    #[error("failed to read what there is")]
    Read(#[from] ReadError),
    /// Certificates could not be kept.
    #[error("failed to keep the certificates")]
    Certificates(#[source] CertificatesError),
    /// There is no authority, and none may be made now.
    #[error("{}", .0.message)]
    HeldBack(Finding),
    /// Somebody wrote a Secret at the same time: the next pass sees what.
    #[error("a Secret changed while it was worked on")]
    Raced,
    /// What comes next must follow from what is there now: the pass begins again with live reads.
    #[error("what watches have brought is not enough")]
    NotLive,
}

impl PassError {
    /// Whether it is the API server that does not answer, or has not told everything yet: nothing is known to be wrong.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Read(error) => !matches!(error, ReadError::Decode { .. }),
            Self::Certificates(CertificatesError::Owner(_)) => true,
            Self::Certificates(_) | Self::HeldBack(_) | Self::Raced | Self::NotLive => false,
        }
    }

    /// What it is called in status.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::HeldBack(finding) => finding.reason,
            Self::Read(_) | Self::Certificates(_) | Self::Raced | Self::NotLive => Reason::ApplyFailed,
        }
    }
}

/// The longest pause while something is not as it should be.
pub const IMPATIENT: Duration = Duration::from_secs(5);
/// The pause while something is about to change.
pub const HURRIED: Duration = Duration::from_secs(1);

impl Pass<'_> {
    /// Boxed, since it is large, and may be run more than once.
    fn run<'a>(
        &'a self,
        memory: &'a mut Memory,
        outcome: &'a mut PassResult,
    ) -> BoxFuture<'a, Result<(), PassError>> {
        Box::pin(self.run_once(memory, outcome))
    }

    async fn run_once(&self, memory: &mut Memory, outcome: &mut PassResult) -> Result<(), PassError> {
        outcome.apis = unregistered(&self.plans);
        let writes = match self.surroundings.source {
            _ if is_paused(self.server) => Writes::Never,
            Source::Stored => Writes::AfterLiveReads,
            Source::New => Writes::Creations,
            Source::Live => Writes::Allowed,
        };
        self.run_with(writes, memory, outcome).await?;
        if outcome.not_live {
            return Err(PassError::NotLive);
        }
        let applier = &self.ctx.applier;
        let contested = applier.contested(&self.names.uid).into_iter();
        let contested = contested.map(|words| Finding::new(Reason::Contested, words));
        outcome.findings.extend(contested);
        outcome.contests_are_recalled = applier.is_recalled(&self.names.uid);
        if writes == Writes::Never {
            outcome.findings.push(certificates::apply::paused());
            // Nothing is about to change, and nobody waits for it.
            outcome.hurry = false;
            outcome.authority_rotation = None;
        }
        Ok(())
    }

    async fn run_with(
        &self,
        writes: Writes,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) -> Result<(), PassError> {
        let children = Children {
            ctx: self.ctx,
            names: &self.names,
            writes,
        };
        self.remove_unclaimed(&children, outcome).await;
        if let Some(refusal) = validate::refuse_namespace(&self.names, self.surroundings.namespace) {
            self.ctx.prober.forget(&self.names.uid);
            self.withdraw(&children, outcome).await;
            outcome.findings.push(refusal);
            return Ok(());
        }
        let keeper = SecretsApplier {
            ctx: self.ctx,
            names: &self.names,
            policy: &self.policy,
            surroundings: &self.surroundings,
            now: self.now,
            paused: writes == Writes::Never,
        };
        let keys = match keeper.keep(memory, outcome).await {
            Ok(keys) => keys,
            Err(error) if error.is_race() => return Err(PassError::Raced),
            Err(CertificatesError::NotLive) => return Err(PassError::NotLive),
            Err(CertificatesError::HeldBack(_)) if writes == Writes::Never => {
                self.tell_without_authority(outcome);
                return Ok(());
            }
            Err(CertificatesError::HeldBack(finding)) => return Err(PassError::HeldBack(finding)),
            Err(error @ CertificatesError::Foreign { .. }) => {
                outcome.find(error.reason(), error.to_string());
                self.tell_what_stands(outcome);
                return Ok(());
            }
            Err(error) => return Err(PassError::Certificates(error)),
        };
        self.apply_children(&children, &keys, memory, outcome).await;
        // It begins again: nobody is asked for an answer that is thrown away.
        if outcome.not_live {
            return Err(PassError::NotLive);
        }
        let looked = self.look(&keys, memory, outcome).await;
        let serving = self.surroundings.serving.clone();
        let may_be_old = |serving: &Arc<Remembered>| serving.age(Instant::now()) >= DOUBTED_AFTER;
        if serving.as_ref().is_some_and(may_be_old)
            && self.doubts(&keys, looked.as_deref().unwrap_or_default())
        {
            return Err(PassError::NotLive);
        }
        let read = || Remembered::of(&keys, Instant::now(), rand::random());
        memory.serving = serving.or_else(|| read().map(Arc::new));
        let rotation = Rotation {
            keeper: &keeper,
            keys: &keys,
            looked: looked.as_deref(),
        };
        let published = rotation.advance(outcome).await;
        memory.asks_at_once |= outcome.certificates.rotation.is_some();
        self.tell_of_client_certificate(outcome);
        let reports = looked.unwrap_or_default();
        self.tell_of_bypass(&keys, &reports, outcome);
        self.roll_what_was_not_reloaded(&keys, &reports, memory, outcome);
        self.register(&children, &published, &reports, memory, outcome)
            .await;
        self.tell_who_does_not_reach(&reports, memory, outcome);
        Ok(())
    }

    fn port(&self) -> i32 {
        self.server
            .spec
            .service
            .as_ref()
            .map_or(SERVICE_PORT, |service| service.port)
    }
}
