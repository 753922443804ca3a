//! Reading: get, list and watch.

use bytes::Bytes;
use futures::FutureExt as _;
use futures::stream::BoxStream;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use hyper::upgrade::OnUpgrade;

use super::answer;
use super::call::Call;
use super::computed;
use super::initial_events::InitialEvents;
use super::watch::{Encoder, Frames};
use crate::offload;
use crate::request::Verb;
use crate::request::media::Wanted;
use crate::request::options::{GetOptions, ListOptions};
use crate::request::websocket::Offer;
use crate::response::{Body, Response};
use crate::status::ApiError;

/// One object.
pub(super) async fn get(call: &Call<'_>) -> Result<Response, ApiError> {
    let query = call.query();
    let wanted = call.wanted()?;
    let options = if query.is_empty() {
        GetOptions::default()
    } else {
        GetOptions::parse(query)?
    };
    let info = call.info();
    let entry = call
        .registry()?
        .get(&info.namespace, &info.name, &options)
        .await?;
    let answer = answer::object(call, wanted, &entry, StatusCode::OK);
    if entry.value().len() < offload::LARGE || answer::is_copied(call, wanted, &entry) {
        return answer.await;
    }
    offload::movable(call.memory, answer).boxed().await
}

/// A list, or a watch where the parameters ask for one.
pub(super) async fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    let wanted = call.wanted()?;
    let mut options = ListOptions::parse(call.query())?;
    check_watch(call, &options)?;
    // A name was authorized alone, so that nothing else may be served.
    restrict(call, &mut options)?;
    if options.watch {
        return watch(call, &options).await;
    }
    let registry = call.registry()?;
    let listed = registry.list(&call.version.name, &call.info().namespace, &options);
    // Where conversion has to wait, a list is converted as it is read.
    let listed = if registry.resource().conversion_waits() {
        offload::movable(call.memory, listed).await?
    } else {
        listed.await?
    };
    offload::movable(call.memory, answer::list(call, wanted, listed)).await
}

/// Whether it is what was authorized, which the server has read of the same query.
///
/// # Errors
/// 400.
pub(super) fn check_watch(call: &Call<'_>, options: &ListOptions) -> Result<(), ApiError> {
    if options.watch == (call.info().verb == Verb::Watch) {
        return Ok(());
    }
    Err(ApiError::BadRequest(
        "it is not clear whether this is a watch".into(),
    ))
}

/// A watch by its path.
pub(super) async fn watch_path(call: &Call<'_>) -> Result<Response, ApiError> {
    let mut options = ListOptions::parse(&format!("watch=true&{}", call.query()))?;
    restrict(call, &mut options)?;
    watch(call, &options).await
}

/// Selects the object that the request names, where it names one, alone.
fn restrict(call: &Call<'_>, options: &mut ListOptions) -> Result<(), ApiError> {
    match call.info().name.as_str() {
        "" => Ok(()),
        name => options.restrict_to(name),
    }
}

pub(super) async fn watch(call: &Call<'_>, options: &ListOptions) -> Result<Response, ApiError> {
    let wanted = call.wanted_stream()?;
    answer::check_encodable(call, wanted, &call.served.resource().names.kind)?;
    // An HTTP/2 stream changes its protocol in another way, which nobody asks a Kubernetes API for.
    let headers = &call.parts.headers;
    let handshake = if call.parts.extensions.get::<OnUpgrade>().is_some() {
        let offer = Offer::of(headers).and_then(|offer| offer.map(Offer::only).transpose());
        offer.map_err(|error| ApiError::BadRequest(error.to_string()))?
    } else {
        None
    };
    let frames = frames(call, wanted, options, handshake.is_some()).await?;
    let mut response = Response::new(Body::Stream(frames));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static(wanted.format.stream_media_type()),
    );
    if let Some(handshake) = handshake {
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        handshake.accept(response.headers_mut());
    }
    Ok(response)
}

/// The events, as the client wants them.
async fn frames(
    call: &Call<'_>,
    wanted: Wanted,
    options: &ListOptions,
    one_by_one: bool,
) -> Result<BoxStream<'static, Bytes>, ApiError> {
    let encoder = Encoder::new(call, wanted)?;
    if let Some(computed) = call.computed {
        let Some(watcher) = &computed.watcher else {
            return Err(ApiError::MethodNotSupported {
                resource: call.served.resource().group_resource(),
                action: "watch",
            });
        };
        return computed::events(call, &**watcher, options, encoder, one_by_one).await;
    }
    let registry = call.registry()?;
    let mut frames = Frames::new(registry, encoder);
    if one_by_one {
        frames.one_by_one();
    }
    let told = registry
        .watch(&call.version.name, &call.info().namespace, options)
        .await?;
    frames.follow(match call.parts.extensions.get::<InitialEvents>() {
        Some(initial) => initial.follow(told, registry.resource().conversion_waits()),
        None => told,
    });
    Ok(Box::pin(frames))
}
