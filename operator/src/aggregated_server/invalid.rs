//! An AggregatedServer that does not decode: its schema is another version's, or wider than the type. It is told of in its
//! status, by an Event and a metric; its children stay as they are, and nobody else waits for it.

use annex_crds::MANAGER;
use jiff::Timestamp;
use kube::{
    Api, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::controller::Action,
};
use serde_json::{Value, json};

use super::{Error, claimant::ListedServer, context::Context, events, status};
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
    for condition in &conditions {
        ctx.metrics
            .set_condition(&name, &condition.type_, condition.status == "True");
    }
    // Not with each failure to write the status, which may be refused for as long as the spec stays.
    let mut memory = ctx.memory(&uid);
    let told = Some(message(undecodable));
    if memory.invalid != told {
        let happening = events::transition(&old, &conditions);
        events::publish(ctx, server, happening.into_iter().collect()).await;
        memory.invalid = told;
        ctx.remember(&uid, memory);
    }
    let mut status = undecodable.status.clone();
    status.insert("observedGeneration".to_owned(), generation.into());
    status.insert("conditions".to_owned(), json!(conditions));
    if status != undecodable.status {
        write(api, &name, &uid, &Value::Object(status)).await?;
    }
    Ok(Action::requeue(ctx.resync))
}

/// Writes the status of an AggregatedServer, whatever its spec and the rest of its status look like.
///
/// # Errors
/// The API server refused it.
pub async fn write(api: &Api<ListedServer>, name: &str, uid: &str, status: &Value) -> Result<(), Error> {
    let patch = json!({
        "apiVersion": "annex.dev/v1alpha1",
        "kind": "AggregatedServer",
        "metadata": { "name": name, "uid": uid },
        "status": status,
    });
    let params = PatchParams::apply(MANAGER).force();
    api.patch_status(name, &params, &Patch::Apply(&patch))
        .await
        .map_err(Error::WriteStatus)?;
    Ok(())
}

fn message(undecodable: &Undecodable) -> String {
    format!(
        "{}: {} (this operator is version {}); nothing that belongs to this server is changed until it can be read",
        undecodable.field,
        undecodable.why,
        env!("CARGO_PKG_VERSION")
    )
}
