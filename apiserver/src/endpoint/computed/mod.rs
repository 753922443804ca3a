//! The verbs of resources that are not stored. Go: the handlers of `endpoints/handlers` over a `rest.Storage` of one's own.

mod delete;
mod read;
mod watch;
mod write;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::StatusCode;

use super::answer;
use super::call::Call;
use super::route::Action;
use crate::object::Object;
use crate::offload;
use crate::registry::{Pieces, encode_object};
use crate::request::media::Wanted;
use crate::request::{RequestInfo, Verb};
use crate::response::Response;
use crate::rest::Computed;
use crate::status::ApiError;

pub(super) use delete::{delete, delete_collection};
pub(super) use read::{answer_list, found};
pub(super) use watch::events;
pub(super) use write::update;

/// What Go's router says of paths and methods that a resource without these verbs has not: nothing is at a path where no verb
/// is, and 405 is for those that have others.
///
/// # Errors
/// 404, 405.
pub(super) fn check_route(computed: &Computed, action: Action, info: &RequestInfo) -> Result<(), ApiError> {
    let has_any = |verbs: &[Verb]| verbs.iter().any(|verb| computed.offers(*verb));
    let of_one = || has_any(&[Verb::Get, Verb::Update, Verb::Delete]);
    let of_all = || has_any(&[Verb::List, Verb::Watch, Verb::Create, Verb::DeleteCollection]);
    let (is_there, verb) = match action {
        Action::Get => (of_one(), Verb::Get),
        Action::Update => (of_one(), Verb::Update),
        Action::Patch => (of_one(), Verb::Patch),
        Action::Delete => (of_one(), Verb::Delete),
        Action::List => (of_all(), Verb::List),
        Action::Create => (of_all(), Verb::Create),
        Action::DeleteCollection => (of_all(), Verb::DeleteCollection),
        Action::Watch => (computed.offers(Verb::Watch), Verb::Watch),
        Action::Connect => return Err(ApiError::UnknownPath),
    };
    if !is_there || !info.subresource.is_empty() {
        return Err(ApiError::UnknownPath);
    }
    // A watch by its parameters is the path of a list, and refused with words of its own.
    if computed.offers(verb) || (action == Action::List && computed.offers(Verb::Watch)) {
        Ok(())
    } else {
        Err(ApiError::MethodNotAllowed)
    }
}

/// Answers a request that reads or creates, whose route was checked.
///
/// # Errors
/// What its author's code fails with.
pub(super) async fn act<B>(
    call: &Call<'_>,
    computed: &Computed,
    action: Action,
    body: B,
) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin + Send,
    B::Error: std::fmt::Display,
{
    let answer: BoxFuture<'_, _> = match (action, &computed.getter, &computed.creater) {
        (Action::Get, Some(getter), _) => read::get(call, &**getter).boxed(),
        (Action::List, ..) => read::list(call, computed).boxed(),
        (Action::Create, _, Some(creater)) => write::create(call, &**creater, body).boxed(),
        _ => return Err(ApiError::MethodNotAllowed),
    };
    offload::movable(call.memory, answer).await
}

/// An object as the answer of a write.
///
/// # Errors
/// It cannot be had in the request's version, or not be made as the client wants it.
pub(super) async fn answered(
    call: &Call<'_>,
    wanted: Wanted,
    object: Object,
    code: StatusCode,
) -> Result<Response, ApiError> {
    answer::pieces(call, wanted, &pieces(call, object).await?, code)
}

/// An object as a client of this version is sent it.
async fn pieces(call: &Call<'_>, object: Object) -> Result<Pieces, ApiError> {
    Ok(Pieces::whole(encode_object(&in_version(call, object).await?)?))
}

/// An object in the request's version.
async fn in_version(call: &Call<'_>, object: Object) -> Result<Object, ApiError> {
    converted(call, object, &call.version.name).await
}

/// An object in the version that rules run in.
async fn in_hub(call: &Call<'_>, object: Object) -> Result<Object, ApiError> {
    converted(call, object, call.kind.hub_of(&call.version.name)).await
}

/// An object as its author's code is given it.
async fn to_author(call: &Call<'_>, object: Object) -> Result<Object, ApiError> {
    converted(call, object, &call.kind.storage_version).await
}

async fn converted(call: &Call<'_>, object: Object, version: &str) -> Result<Object, ApiError> {
    let converted = call.kind.converted(object, version).await;
    converted.map_err(|error| ApiError::Internal(error.to_string()))
}
