//! A definition as the cluster has it now: a watch may be late.

use std::time::Duration;

use kube::core::DynamicObject;
use kube::{Api, Client};
use tokio::time::timeout;

use super::seen::{Seen, api_resource};
use crate::kubernetes::failure;

/// How long the cluster may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// What the cluster has by a name.
pub(super) enum Live {
    /// No definition of this server.
    Absent,
    /// This one.
    Is(Box<Seen>),
    /// It does not say.
    Unknown,
}

/// What the cluster has by this name for `server`. No resourceVersion is asked for, so that the answer is no older than the question.
pub(super) async fn get(client: Client, name: &str, server: &str) -> Live {
    let api: Api<DynamicObject> = Api::all_with(client, &api_resource());
    let Ok(answer) = timeout(TIMEOUT, api.get(name)).await else {
        tracing::warn!(
            definition = name,
            "the cluster does not say whether there is a definition"
        );
        return Live::Unknown;
    };
    match answer {
        Ok(found) => Seen::of(found, server).map_or(Live::Absent, |seen| Live::Is(Box::new(seen))),
        Err(error) if is_not_found(&error, name) => Live::Absent,
        Err(error) => {
            tracing::warn!(
                definition = name,
                error = failure(&error),
                "it is not known whether there is a definition"
            );
            Live::Unknown
        }
    }
}

/// Whether there is no object of this name. Where nobody knows the kind it is not known what there is.
fn is_not_found(error: &kube::Error, name: &str) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    let is_about = status
        .details
        .as_ref()
        .is_some_and(|details| details.name == name);
    status.code == 404 && is_about
}
