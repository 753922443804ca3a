//! The reconciler of AggregatedServers.
//!
//! | file | step | client |
//! |---|---|---|
//! | `informers` | what watches have brought | none |
//! | `dereference` | what there is, of that and by reads | reads |
//! | `validate`, `version_order` | what is asked for -> a plan, or a refusal | none |
//! | `certificates` | which authority, which leaf, which step of a rotation | none |
//! | `certificates::{apply, advance}` | the writes that follow to the Secrets | writes |
//! | `certificates::control_plane` | whether every kube-apiserver has seen a write | network |
//! | `storage`, `live` | where it stores what it serves; the workload as it is | none |
//! | `build` | the children as they should be | none |
//! | `registration::decide` | whether a claim may be registered | none |
//! | `registration::apply` | the writes that follow to APIServices | writes |
//! | `diagnose` | what is wrong | none |
//! | `children`, `refusals` | server-side apply of the children; which of them the API server does not take | writes / none |
//! | `volume` | the volume of embedded storage: its growth, its faults, its end | writes |
//! | `endpoints` | where the endpoints are, and what each one answers | none |
//! | `network_policies` | the NetworkPolicies around an endpoint that does not answer | reads |
//! | `prober` | asks endpoints | network |
//! | `bypass` | asks whether they can be used past the aggregator | network |
//! | `control_planes`, `reach` | the kube-apiservers, and which of them do not reach a server | network |
//! | `pass` | one pass: all of the above in order | through them |
//! | `newcomers` | how many workers those have that are not registered yet | none |
//! | `servers`, `claimant`, `invalid` | all servers by what they claim, and which are gone; a server that does not decode | none / writes status |
//! | `status`, `pending`, `update_status`, `events` | what was found, told | writes status |

pub mod build;
pub mod bypass;
pub mod certificates;
pub mod children;
pub mod claimant;
pub mod context;
pub mod control_planes;
pub mod controller;
#[cfg(test)]
mod cut_off;
pub mod dereference;
pub mod diagnose;
pub mod endpoints;
pub mod events;
pub mod finding;
pub mod fleet;
pub mod informers;
pub mod invalid;
pub mod live;
pub mod names;
pub mod network_policies;
pub mod newcomers;
pub mod pass;
pub mod pass_result;
mod pending;
pub mod prober;
pub mod reach;
pub mod refusals;
pub mod registration;
pub mod requeue;
pub mod servers;
pub mod status;
pub mod storage;
#[cfg(test)]
pub(crate) mod testing;
pub mod update_status;
pub mod validate;
pub mod version_order;
pub mod volume;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use annex_crds::v1alpha1::{AggregatedServer, AggregatedServerStatus, ConditionType, Reason};
use jiff::Timestamp;
use kube::{Api, Resource as _, ResourceExt as _, core::ObjectMeta, runtime::controller::Action};

use self::{
    claimant::ListedServer,
    context::Context,
    finding::Finding,
    informers::server_index,
    pass::{HURRIED, IMPATIENT, PassError},
    pass_result::{EventRecord, PassResult},
    requeue::Failures,
    update_status::Update,
};
use crate::{
    error_chain::error_chain,
    metrics::{Certificate, ReconcileResult},
};

/// Why a reconcile did not come to its end. All of it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The AggregatedServer itself could not be read.
    #[error("failed to read the AggregatedServer")]
    Get(#[source] kube::Error),
    /// A pass over it ended early.
    #[error(transparent)]
    Pass(#[from] PassError),
    /// The API server did not take a write, or did not answer: in its words.
    #[error("{0}")]
    Unanswered(String),
    /// It was cut off, so that others get their turn.
    #[error("it took longer than {} s", DEADLINE.as_secs())]
    TookTooLong,
    /// The status could not be written.
    #[error("failed to write the status")]
    WriteStatus(#[source] kube::Error),
}

/// How long one reconcile may take: several requests to the API server at their own limit, since none is made to an endpoint
/// within it, and shorter than what `/livez` takes for a standstill.
const DEADLINE: Duration = Duration::from_secs(90);

/// Brings one AggregatedServer closer to what it asks for, and writes down how far it is.
///
/// # Guarantees
/// Idempotent, and resumable wherever it was cut off: each step follows from what is there. Status is written on failure
/// too. Where all is as it should be, nothing is written.
///
/// # Errors
/// See [`Error`].
pub async fn reconcile(server: Arc<ListedServer>, ctx: Arc<Context>) -> Result<Action, Error> {
    let _work = ctx.heartbeat.begin();
    let started = Instant::now();
    let (name, uid) = (server.name_any(), server.uid().unwrap_or_default());
    let _place = if ctx
        .informers
        .api_services
        .indexed(&server_index(&name))
        .is_empty()
    {
        match ctx.newcomers.enter(rand::random()) {
            Ok(place) => Some(place),
            Err(pause) => return Ok(Action::requeue(pause)),
        }
    } else {
        None
    };
    // It may be cut off anywhere, see below.
    let result = tokio::time::timeout(
        DEADLINE,
        reconcile_current(Arc::clone(&server), &name, &uid, &ctx),
    )
    .await
    .unwrap_or(Err(Error::TookTooLong));
    let counted = if result.is_ok() {
        ctx.change_memory(&uid, |memory| memory.failures = Failures::default());
        ReconcileResult::Success
    } else {
        ReconcileResult::Error
    };
    if let Err(error @ (Error::TookTooLong | Error::WriteStatus(_))) = &result
        && is_to_be_told(&ctx, &uid)
    {
        // What status cannot tell.
        let note = error_chain(error);
        let event_record = EventRecord::warning("ReconcileFailed", "Reconcile", note);
        events::publish(&ctx, &*server, vec![event_record]).await;
    }
    ctx.metrics.observe_reconcile(counted, started.elapsed());
    forget_if_gone(&ctx, &name, &uid);
    result
}

/// Forgets a server that was deleted while it was reconciled: what the reconcile left behind, nobody comes for any more.
fn forget_if_gone(ctx: &Context, name: &str, uid: &str) {
    let listed = ctx.servers.get(name);
    if listed.as_ref().and_then(|listed| listed.uid()).as_deref() != Some(uid) {
        ctx.forget(uid);
    }
    if listed.is_none() {
        ctx.metrics.remove_server(name);
    }
}

/// What an error leads to: a pause, which grows from error to error.
pub fn error_policy(server: Arc<ListedServer>, error: &Error, ctx: Arc<Context>) -> Action {
    tracing::warn!(
        server = server.name_any(),
        error = error_chain(error),
        "reconcile failed"
    );
    let mut pause = IMPATIENT;
    // It is known what that waits for, and the rest of the server is well.
    if matches!(error, Error::Pass(PassError::HeldBack(_)) | Error::Unanswered(_)) {
        return Action::requeue(pause);
    }
    ctx.change_memory(&server.uid().unwrap_or_default(), |memory| {
        pause = memory.failures.next(rand::random());
    });
    Action::requeue(pause)
}

/// The AggregatedServer as it is: the watch's copy, where that is not older than what was written last.
async fn current(
    listed: Arc<ListedServer>,
    least: Option<u64>,
    api: &Api<ListedServer>,
) -> Result<Option<Arc<ListedServer>>, Error> {
    if version(&listed).is_some_and(|version| Some(version) >= least) {
        return Ok(Some(listed));
    }
    let read = api.get_opt(&listed.name_any()).await.map_err(Error::Get)?;
    Ok(read.map(Arc::new))
}

fn version(server: &ListedServer) -> Option<u64> {
    server.resource_version()?.parse().ok()
}

async fn reconcile_current(
    listed: Arc<ListedServer>,
    name: &str,
    uid: &str,
    ctx: &Context,
) -> Result<Action, Error> {
    let api: Api<ListedServer> = Api::all(ctx.client.clone());
    let server = current(listed, ctx.memory(uid).least_version, &api).await?;
    let Some(server) = server.filter(|server| server.meta().deletion_timestamp.is_none()) else {
        // Every child names it as its owner: the garbage collector takes them, with or without an operator.
        ctx.forget(uid);
        ctx.metrics.remove_server(name);
        return Ok(Action::await_change());
    };
    let now = ctx.clock.now();
    ctx.fleet.note(uid);
    let server = match &server.0 {
        Ok(server) => server,
        Err(undecodable) => return invalid::tell(ctx, &api, &server, undecodable, now).await,
    };
    if !ctx.definitions.are_known() {
        // What is registered stands until then, which the watch has to have told.
        ctx.informers.listed(&server.spec.namespace).await;
    }
    let server = &*ctx.definitions.complete(server, &ctx.informers);
    ctx.metrics.set_invalid(name, false);
    events::publish(ctx, server, ctx.observe_skew().into_iter().collect()).await;
    match pass::run(ctx, server, now).await {
        Ok(mut outcome) => {
            ctx.fleet.observe(uid, outcome.authority_rotation);
            ctx.metrics.set_authority_rotations(ctx.fleet.count());
            let resync = resync(ctx.resync, ctx.servers.count());
            let pause = pause(&outcome, resync, now);
            // The API server may take it again before anybody has to know. After that it is told beside all else.
            let unanswered = outcome.unanswered.take();
            if let Some(why) = &unanswered {
                if !is_to_be_told(ctx, uid) {
                    events::publish(ctx, server, outcome.event_records).await;
                    return Err(Error::Unanswered(why.clone()));
                }
                outcome.find(Reason::ApplyFailed, why);
            }
            let status = status::compute(server, &outcome, now);
            let update = finish(ctx, &api, server, status, outcome.event_records).await?;
            match (unanswered, update) {
                (Some(why), _) => Err(Error::Unanswered(why)),
                (None, Update::Stored(_)) => Ok(Action::requeue(pause)),
                (None, Update::Conflict) => Ok(Action::requeue(HURRIED)),
            }
        }
        Err(PassError::Raced) => Ok(Action::requeue(HURRIED)),
        Err(error) if error.may_pass() && !is_to_be_told(ctx, uid) => Err(error.into()),
        Err(error) => {
            // What was to begin has not; what is under way is seen again by the next pass. Nobody takes note of what endpoints answer.
            ctx.fleet.observe(uid, None);
            ctx.prober.forget(uid);
            let reason = error.reason();
            let status = status::compute_unread(server, reason, &error_chain(&error), now);
            finish(ctx, &api, server, status, Vec::new()).await?;
            Err(error.into())
        }
    }
}

/// Whether what there is could not be read for so long that conditions are to say so.
fn is_to_be_told(ctx: &Context, uid: &str) -> bool {
    let mut is_to_be_told = false;
    ctx.change_memory(uid, |memory| {
        is_to_be_told = memory.failures.unread(tokio::time::Instant::now())
    });
    is_to_be_told
}

/// Metrics, Events, and the status where it changed. The change of `Ready` is told once it is stored.
async fn finish(
    ctx: &Context,
    api: &Api<ListedServer>,
    server: &AggregatedServer,
    status: AggregatedServerStatus,
    event_records: Vec<EventRecord>,
) -> Result<Update, Error> {
    measure(ctx, server, &status);
    events::publish(ctx, server, event_records).await;
    if server.status.as_ref() == Some(&status) {
        return Ok(Update::Stored(None));
    }
    let update = update_status::update(api, server.meta(), &status).await?;
    remember(ctx, server.meta(), &update);
    if let Update::Stored(_) = update {
        let old = server.status.as_ref();
        let old = old.map(|status| status.conditions.as_slice()).unwrap_or_default();
        events::publish(ctx, server, events::transitions(old, &status.conditions)).await;
    }
    Ok(update)
}

/// Remembers which version the copy must have that the next pass begins with.
pub(crate) fn remember(ctx: &Context, read: &ObjectMeta, update: &Update) {
    let parsed = |version: &Option<String>| version.as_ref()?.parse::<u64>().ok();
    let least = match update {
        Update::Stored(version) => parsed(version),
        // A later one than this copy.
        Update::Conflict => parsed(&read.resource_version).map(|version| version.saturating_add(1)),
    };
    ctx.change_memory(read.uid.as_deref().unwrap_or_default(), |memory| {
        memory.least_version = least;
    });
}

fn measure(ctx: &Context, server: &AggregatedServer, status: &AggregatedServerStatus) {
    let name = server.name_any();
    for condition in &status.conditions {
        ctx.metrics
            .set_condition(&name, &condition.type_, condition.status == "True");
    }
    let certificates = &status.certificates;
    for (which, time) in [
        (Certificate::Ca, &certificates.ca_not_after),
        (Certificate::Serving, &certificates.serving_not_after),
        (Certificate::Served, &certificates.served_not_after),
        (Certificate::StorageClient, &certificates.storage_client_not_after),
    ] {
        ctx.metrics
            .set_certificate_not_after(&name, which, time.as_ref().map(|time| time.0));
    }
}

/// So many servers are reconciled as often as [`Context::resync`] says, and more of them a third as often, as endpoints are asked.
const FEW: usize = 100;

/// The longest time between two reconciles of one of so many `servers`: watches tell of what changes, so that it is for what goes
/// wrong beside them, and a thousand servers must not cost ten times what a hundred do.
const fn resync(resync: Duration, servers: usize) -> Duration {
    if servers > FEW {
        resync.saturating_mul(3)
    } else {
        resync
    }
}

/// How long until the next look: soon while something is about to change, and never past what is due.
fn pause(outcome: &PassResult, resync: Duration, now: Timestamp) -> Duration {
    // An open door is one as long as nobody shuts it.
    let may_change = |finding: &Finding| finding.reason.condition() != ConditionType::BypassProtected;
    let usual = if outcome.hurry {
        HURRIED
    } else if !outcome.findings.iter().any(may_change) && outcome.pending_endpoints.is_empty() {
        resync
    } else {
        IMPATIENT.min(resync)
    };
    match outcome.due {
        Some(due) if due > now => usual.min(due.duration_since(now).unsigned_abs()).max(HURRIED),
        _ => usual,
    }
}

#[cfg(test)]
mod tests;
