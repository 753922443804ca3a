//! Where a pass is from: what watches have brought, and live reads where what comes next must follow from what is there now.

use annex_crds::v1alpha1::{AggregatedServer, ConditionType};
use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::{Api, Resource as _, ResourceExt as _};
use tokio::time::Instant;

use super::{Pass, PassError, out_of_reach::out_of_reach};
use crate::aggregated_server::{
    certificates::Policy,
    claimant::ListedServer,
    context::{Context, Memory},
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
    let servers = ctx.servers.count();
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
    let mut outcome = PassResult::default();
    let ended = pass.run_as_often_as_needed(&mut memory, &mut outcome).await;
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

impl Pass<'_> {
    /// Over what watches have brought, and again where that is not enough. What was done before an error stays in `memory` and
    /// `outcome`, and so does what was done by a run after which another one begins.
    async fn run_as_often_as_needed(
        &mut self,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) -> Result<(), PassError> {
        let (ctx, server) = (self.ctx, self.server);
        let mut before = memory.clone();
        let mut ended = self.run(memory, outcome).await;
        if self.surroundings.source == Source::New && ended.is_ok() {
            // What was made is known now, and is told of in the same status.
            before = memory.clone();
            outcome.begin_again();
            let serving = memory.serving.clone();
            let serving = serving.map_or(ServingSecret::Unknown, ServingSecret::Remembered);
            self.surroundings = read(ctx, server, &self.names, Source::Stored, serving).await?;
            ended = self.run(memory, outcome).await;
        }
        if matches!(ended, Err(PassError::NotLive)) {
            memory.begin_again(before);
            outcome.begin_again();
            is_there(ctx, server).await?;
            self.surroundings = read(ctx, server, &self.names, Source::Live, ServingSecret::Unknown).await?;
            ended = self.run(memory, outcome).await;
        }
        outcome.tell_once();
        ended
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
    let rivals = ctx.servers.rivals(server.uid().as_deref(), &server.spec.apis);
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

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use kube::runtime::watcher;
    use serde_json::json;

    use super::*;
    use crate::{
        aggregated_server::{
            pass_result::EventRecord,
            testing::{context, names, server},
        },
        fake_client::{Answer, fake_client},
        fake_cluster::FakeCluster,
    };

    /// What was made is told of, and counts, though the pass comes to no end.
    #[tokio::test]
    async fn an_error_after_a_certificate_was_issued_loses_neither_its_event_nor_its_count() {
        let (cluster, server) = (FakeCluster::default(), server());
        cluster.put("/apis/annex.dev/v1alpha1/aggregatedservers/wardle", json!(server));
        let namespace = json!({ "metadata": { "name": "wardle", "uid": "n" } });
        cluster.put("/api/v1/namespaces/wardle", namespace.clone());
        let (answering, is_away) = (cluster.clone(), Arc::new(AtomicBool::new(false)));
        let ctx = context(fake_client(move |request| {
            // What is to be made is there, so that the pass begins again; then the API server is away.
            if request.method == "PATCH" && request.path.ends_with("/serviceaccounts/wardle") {
                is_away.store(true, Ordering::Relaxed);
                return Answer::status(409, "Conflict");
            }
            if request.path.contains("/aggregatedservers/") && is_away.load(Ordering::Relaxed) {
                return Answer::status(500, "InternalError");
            }
            answering.answer(&request)
        }));
        let namespace = serde_json::from_value(namespace).unwrap();
        ctx.informers.namespaces.observe(watcher::Event::Apply(namespace));
        let ended = run(&ctx, &server, Timestamp::now()).await;
        assert!(matches!(ended, Err(PassError::Read(_))), "{:?}", ended.err());
        let requests = cluster.requests();
        let is_event = |request: &&String| request.starts_with("POST") && request.ends_with("/events");
        assert_eq!(requests.iter().filter(is_event).count(), 1, "{requests:?}");
        assert_eq!(ctx.memory(&names().uid).leaves_issued.count(), 1);
    }

    #[test]
    fn a_run_that_begins_again_keeps_what_was_issued_and_what_happened() {
        let mut memory = Memory::default();
        memory.leaves_issued.note(Instant::now());
        memory.asks_at_once = true;
        memory.begin_again(Memory::default());
        assert_eq!((memory.leaves_issued.count(), memory.asks_at_once), (1, false));
        let mut outcome = PassResult::default();
        let happened = EventRecord::normal("Registered", "Register", "a");
        outcome.event_records.push(happened.clone());
        outcome.hurry = true;
        outcome.begin_again();
        assert!(!outcome.hurry);
        outcome.event_records.push(happened.clone());
        outcome.tell_once();
        assert_eq!(outcome.event_records, [happened]);
    }
}
