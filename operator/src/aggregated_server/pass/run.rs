//! Where a pass is from: what watches have brought, and live reads where what comes next must follow from what is there now.

use annex_crds::v1alpha1::{AggregatedServer, ConditionType};
use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::{Api, Resource as _, ResourceExt as _};
use tokio::time::Instant;

use super::{Pass, PassError, out_of_reach::out_of_reach};
use crate::aggregated_server::{
    certificates::Policy,
    claimant::{self, Claimant, ListedServer},
    context::Context,
    dereference::{ReadError, Reader, ServingSecret, Source, Surroundings},
    events,
    names::Names,
    pass_result::PassResult,
    validate,
};

/// Reads what there is, brings it closer to what is asked for, and says what it found.
///
/// # Errors
/// See [`PassError`].
pub async fn run(ctx: &Context, server: &AggregatedServer, now: Timestamp) -> Result<PassResult, PassError> {
    let names = Names::new(server, &ctx.namespace);
    if let Some(refusal) = validate::refuse_reach(&names, &ctx.namespaces) {
        return Ok(out_of_reach(ctx, server, &names, refusal));
    }
    let mut memory = ctx.memory(&names.uid);
    ctx.applier.recall(&names.uid, was_contested(server));
    let servers = ctx.servers.state().len();
    let first = memory.around.is_none();
    let serving = memory.serving.take();
    let serving = serving.filter(|serving| serving.is_fresh(Instant::now(), servers));
    let serving = match serving {
        Some(serving) => ServingSecret::Remembered(serving),
        None if first => ServingSecret::Recorded,
        None => ServingSecret::Unknown,
    };
    let source = if is_new(server) && !is_paused(server) {
        Source::New
    } else {
        Source::Stored
    };
    let mut pass = Pass {
        policy: Policy::new(server, &names),
        surroundings: read(ctx, server, &names, source, serving).await?,
        plans: validate::plan_apis(server),
        ctx,
        server,
        names,
        now,
    };
    if let Some(record) = pass.surroundings.record.take() {
        pass.recall(&record).await?;
    }
    if pass.surroundings.source != Source::Stored && !is_paused(server) {
        is_there(ctx, server).await?;
    }
    let before = memory.clone();
    let mut outcome = PassResult::default();
    let mut ended = pass.run(&mut memory, &mut outcome).await;
    let mut made = Vec::new();
    if pass.surroundings.source == Source::New {
        made = std::mem::take(&mut outcome.event_records);
        if ended.is_ok() {
            // What was made is known now, and is told of in the same status.
            let serving = memory.serving.clone();
            let serving = serving.map_or(ServingSecret::Unknown, ServingSecret::Remembered);
            pass.surroundings = read(ctx, server, &pass.names, Source::Stored, serving).await?;
            outcome = PassResult::default();
            ended = pass.run(&mut memory, &mut outcome).await;
        }
    }
    if matches!(ended, Err(PassError::NotLive)) {
        memory = before;
        is_there(ctx, server).await?;
        pass.surroundings = read(ctx, server, &pass.names, Source::Live, ServingSecret::Unknown).await?;
        outcome = PassResult::default();
        ended = pass.run(&mut memory, &mut outcome).await;
    }
    outcome.event_records.splice(0..0, made);
    ctx.remember(&pass.names.uid, memory);
    match ended {
        Ok(()) => Ok(outcome),
        Err(error) => {
            // What was written before is there.
            events::publish(ctx, server, outcome.event_records).await;
            Err(error)
        }
    }
}

/// Whether no pass over the server has come to its end so far: it has no status but what the definition sets.
fn is_new(server: &AggregatedServer) -> bool {
    let observed = server
        .status
        .as_ref()
        .and_then(|status| status.observed_generation);
    observed.is_none()
}

/// Whether somebody wants nothing to be written.
pub(super) fn is_paused(server: &AggregatedServer) -> bool {
    let annotation = server.annotations().get(annex_crds::PAUSED_ANNOTATION);
    annotation.is_some_and(|value| value == "true")
}

/// Whether status tells of a contest.
fn was_contested(server: &AggregatedServer) -> bool {
    let conditions = server.status.iter().flat_map(|status| &status.conditions);
    let mut contested = conditions.filter(|condition| condition.type_ == ConditionType::Contested.as_str());
    contested.any(|condition| condition.status == "True")
}

/// Makes sure that the server is there still: nothing is made for one that was deleted since the watch told of it.
async fn is_there(ctx: &Context, server: &AggregatedServer) -> Result<(), PassError> {
    let servers: Api<ListedServer> = Api::all(ctx.client.clone());
    let live = servers.get_opt(&server.name_any()).await;
    let live = live.map_err(|source| ReadError::Request {
        what: "the AggregatedServer",
        source,
    })?;
    let same = |live: &ListedServer| live.uid() == server.uid() && live.meta().deletion_timestamp.is_none();
    if live.as_ref().is_some_and(same) {
        Ok(())
    } else {
        Err(PassError::Raced)
    }
}

/// Boxed, since it is large, and a pass may read more than once.
fn read<'a>(
    ctx: &'a Context,
    server: &'a AggregatedServer,
    names: &'a Names,
    source: Source,
    serving: ServingSecret,
) -> BoxFuture<'a, Result<Surroundings, ReadError>> {
    let others = ctx.servers.state().into_iter();
    let rivals = others
        .filter(|other| other.uid() != server.uid())
        .filter(|other| claimant::claims_any(other, &server.spec.apis))
        .map(|other| Claimant::of(&other))
        .collect();
    let reader = reader(ctx, server, names);
    Box::pin(async move { reader.read(source, serving, rivals).await })
}

pub(super) const fn reader<'a>(
    ctx: &'a Context,
    server: &'a AggregatedServer,
    names: &'a Names,
) -> Reader<'a> {
    Reader {
        client: &ctx.client,
        informers: &ctx.informers,
        server,
        names,
    }
}
