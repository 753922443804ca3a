//! HTTP verbs on resources: from an authorized request to the registry, and from objects to an answer.
//!
//! ```text
//! route -> media types -> body, options -> decode -> registry -> encode
//! ```

mod answer;
mod body;
mod call;
mod computed;
mod connect;
mod delete;
mod encode;
mod endpoints;
mod field_managers;
mod initial_events;
mod patch;
mod read;
mod route;
mod streamed_body;
mod table;
mod watch;
mod write;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::HeaderMap;
use http::request::Parts;

use crate::authz::Authorized;
use crate::offload;
use crate::request::media;
use crate::resource::{SCALE, SubresourceRest};
use crate::response::Response;
use crate::status::ApiError;
use call::Call;
use route::{Action, Route};

pub use crate::warnings::Warnings;
pub use answer::status;
pub use body::{MOST_BODY_BYTES, read as read_body};
pub use endpoints::{Endpoint, Endpoints};
pub use initial_events::InitialEvents;

/// Answers a request for a resource. What it warns of goes into the request's [`Warnings`], for the server to write into whatever
/// answer it becomes.
///
/// # Errors
/// Every way in which a request can fail; [`status`] makes an answer of it.
pub async fn serve<B>(
    endpoints: &Endpoints,
    request: &Authorized,
    parts: &Parts,
    body: B,
) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin + Send,
    B::Error: std::fmt::Display,
{
    let Route {
        served,
        version,
        action,
    } = endpoints.route(request.info())?;
    let warnings = request.warnings();
    let mut call = Call {
        request,
        parts,
        served: &served,
        kind: served.resource(),
        version: &version,
        scale: None,
        rules: served.endpoint.rules(),
        computed: None,
        warnings,
        memory: endpoints.memory(),
        may_drop_managed_fields: endpoints.may_drop_managed_fields(),
    };
    if request.info().subresource == SCALE {
        call.scale = version.subresources.scale.as_ref();
        let (kind, scale) = endpoints::scale(served.resource());
        call.kind = kind;
        call.version = scale.ok_or_else(|| endpoints.unknown())?;
    }
    let resource = served.resource();
    let warn = || {
        if let Some(text) = &version.deprecation_warning {
            warnings.add(text);
        }
    };
    // Go's router refuses some of what is asked of a type before anybody looks at its version.
    let is_unstructured = resource.policy.unstructured;
    if is_unstructured {
        warn();
    }
    let action = action?;
    let subresource = resource.own_subresource(&request.info().subresource);
    if let Some(subresource) = subresource {
        if let SubresourceRest::Computed(kind) = &subresource.rest {
            let version = version.kinds.get(&subresource.name);
            let rules = call.rules.of_subresource(&subresource.name);
            let (Some(version), Some(rules)) = (version, rules) else {
                return Err(endpoints.unknown());
            };
            (call.kind, call.version, call.rules) = (kind, version, rules);
            call.computed = kind.rest.computed();
        }
    } else if let Some(verbs) = resource.rest.computed() {
        computed::check_route(verbs, action, request.info())?;
        call.computed = Some(verbs);
    }
    if !is_unstructured {
        if action != Action::Connect {
            check_media(&call, action, &parts.headers)?;
        }
        warn();
    }
    match subresource.map(|own| &own.rest) {
        Some(SubresourceRest::Connect(connecter)) => {
            connect::connect(&call, &**connecter, body).boxed().await
        }
        Some(SubresourceRest::Computed(_)) | None => act(&call, action, body).await,
    }
}

/// What Go's router refuses before it hands a request to a verb.
fn check_media(call: &Call<'_>, action: Action, headers: &HeaderMap) -> Result<(), ApiError> {
    let strategic = call.kind.policy.strategic_merge_patch;
    if action == Action::Patch
        && let Err(error @ ApiError::UnknownPatchType) = media::patch_media(headers, strategic)
    {
        return Err(error);
    }
    media::check_produced(headers, matches!(action, Action::List | Action::Watch))
}

async fn act<B>(call: &Call<'_>, action: Action, body: B) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin + Send,
    B::Error: std::fmt::Display,
{
    if let Some(computed) = call.computed
        && let Action::Get | Action::List | Action::Create = action
    {
        return computed::act(call, computed, action, body).boxed().await;
    }
    // Boxed, so that a GET is not as large as the largest list or write. What may be large can go on elsewhere.
    let write: BoxFuture<'_, _> = match action {
        Action::Get => return read::get(call).await,
        Action::List => return read::list(call).boxed().await,
        Action::Watch => return read::watch_path(call).boxed().await,
        Action::Create => write::create(call, body).boxed(),
        Action::Update => write::update(call, body).boxed(),
        Action::Patch => patch::patch(call, body).boxed(),
        Action::Delete => delete::delete(call, body).boxed(),
        Action::DeleteCollection => delete::delete_collection(call, body).boxed(),
        // Its route has a connecter.
        Action::Connect => return Err(ApiError::MethodNotAllowed),
    };
    offload::movable(call.memory, write).await
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
