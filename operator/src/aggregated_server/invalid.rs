//! An AggregatedServer that does not decode: its schema is another version's, or wider than the type. It is told of in its
//! status, by an Event and a metric; its children stay as they are, and nobody else waits for it.

use jiff::Timestamp;
use kube::{Api, Resource as _, ResourceExt as _, runtime::controller::Action};
use serde_json::{Value, json};

use super::{
    Error,
    claimant::ListedServer,
    context::Context,
    events,
    pass::HURRIED,
    status,
    update_status::{self, Update},
};
use crate::decode::Undecodable;

/// Tells that `server` does not decode.
///
/// # Errors
/// The status could not be written.
pub async fn tell(
    ctx: &Context,
    api: &Api<ListedServer>,
    server: &ListedServer,
    undecodable: &Undecodable,
    now: Timestamp,
) -> Result<Action, Error> {
    let name = server.name_any();
    let uid = server.uid().unwrap_or_default();
    let old = status::decodable_conditions(&undecodable.status);
    let generation = server.meta().generation.unwrap_or(0);
    let conditions = status::invalid(&old, &message(undecodable), generation, now);
    ctx.metrics.set_invalid(&name, true);
    // No pass takes note of what its endpoints answer, nor of how far a rotation is.
    ctx.prober.forget(&uid);
    ctx.fleet.observe(&uid, None);
    for condition in &conditions {
        ctx.metrics
            .set_condition(&name, &condition.type_, condition.status == "True");
    }
    // Not with each failure to write the status, which may be refused for as long as the spec stays.
    let mut memory = ctx.memory(&uid);
    let told = Some(message(undecodable));
    if memory.invalid != told {
        let event_record = events::transition(&old, &conditions);
        events::publish(ctx, server, event_record.into_iter().collect()).await;
        memory.invalid = told;
        ctx.remember(&uid, memory);
    }
    let mut status = undecodable.status.clone();
    status.insert("observedGeneration".to_owned(), generation.into());
    status.insert("conditions".to_owned(), json!(conditions));
    if status != undecodable.status {
        let update = update_status::update(api, server.meta(), &Value::Object(status)).await?;
        super::remember(ctx, server.meta(), &update);
        if update == Update::Conflict {
            return Ok(Action::requeue(HURRIED));
        }
    }
    Ok(Action::requeue(ctx.resync))
}

fn message(undecodable: &Undecodable) -> String {
    format!(
        "{}: {} (this operator is version {}); nothing that belongs to this server is changed until it can be read",
        undecodable.field,
        undecodable.why,
        env!("CARGO_PKG_VERSION")
    )
}
