//! A subresource that connects. Go: `endpoints/handlers/rest.go`, ConnectResource.

use bytes::Bytes;
use http::header::{CONNECTION, PROXY_AUTHENTICATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName};
use hyper::upgrade::OnUpgrade;

use super::body;
use super::call::Call;
use super::computed;
use super::streamed_body::Streamed;
use crate::object::Object;
use crate::registry::{check_path, in_time};
use crate::request::options::GetOptions;
use crate::request::parameters::Parameters;
use crate::request::{RequestInfo, Verb, websocket};
use crate::response::{Body, Response};
use crate::rest::{ConnectRequest, Connecter, RequestBody, RequestContext};
use crate::status::{ApiError, Quoted};

/// What a connecter answers to a request, whose route was checked.
///
/// # Errors
/// 403: an upgrade that may do more than read wants the right to create, or a plugin refuses it; 404: there is no such object; what the connecter fails with.
pub(super) async fn connect<B>(
    call: &Call<'_>,
    connecter: &dyn Connecter,
    body: B,
) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let (info, parts) = (call.info(), call.parts);
    check_path(&info.namespace, &info.name)?;
    let path = subpath(info)?;
    if Parameters::new(call.query()).first("dryRun").is_some() {
        return Err(ApiError::BadRequest("dryRun is not supported".into()));
    }
    if websocket::is_requested(&parts.headers) && !connecter.only_reads() {
        call.request.may(Verb::Create).await?;
    }
    let request = async |body, streamed_body| {
        Ok::<_, ApiError>(ConnectRequest {
            object: object(call).await?,
            context: RequestContext::of(call.request),
            method: parts.method.clone(),
            path,
            query: call.query().to_owned(),
            headers: parts.headers.clone(),
            body,
            streamed_body,
            can_upgrade: parts.extensions.get::<OnUpgrade>().is_some(),
        })
    };
    let mut response = match connecter.streams_body().filter(|_| info.verb != Verb::Get) {
        Some(most_bytes) => {
            let (streamed, taken) = Streamed::new(&parts.headers, body, most_bytes)?;
            let begun = in_time(async {
                call.rules.admit_connect(call.request).await?;
                request(Bytes::new(), taken).await
            });
            let (response, unread) = streamed.until(connecter.connect(begun.await?)).await?;
            response.map(|body| match body {
                Body::Connected(pieces) => Body::Connected(unread.beside(pieces)),
                other => other,
            })
        }
        None => {
            let connected = in_time(async {
                call.rules.admit_connect(call.request).await?;
                // What may have a body is let in at the end of it.
                let body = if info.verb == Verb::Get {
                    Bytes::new()
                } else {
                    body::read(call.request, &parts.headers, body).await?
                };
                let request = request(body, RequestBody::default()).await?;
                connecter.connect(request).await
            });
            connected.await?
        }
    };
    if !matches!(response.body(), Body::Upgraded(_)) {
        remove_hop_by_hop(response.headers_mut());
    }
    Ok(response)
}

/// Headers that belong to the connection that an answer came over, which is not the one that it goes out by (RFC 9110, section
/// 7.6.1): these, and those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = websocket::values(headers, &CONNECTION)
        .filter_map(|name| name.parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// The object whose subresource it is, in the storage version.
async fn object(call: &Call<'_>) -> Result<Option<Object>, ApiError> {
    let resource = call.served.resource();
    let Some(computed) = resource.rest.computed() else {
        let (registry, info) = (call.registry()?, call.info());
        let options = GetOptions::default();
        let entry = registry.get(&info.namespace, &info.name, &options).await?;
        let entry = registry.entry_in(&entry, &resource.storage_version).await?;
        return registry.decode(&entry, &resource.storage_version).map(Some);
    };
    let Some(getter) = &computed.getter else {
        return Ok(None);
    };
    let found = computed::found(call, &**getter, GetOptions::default()).await?;
    let converted = resource.converted(found, &resource.storage_version).await;
    converted
        .map(Some)
        .map_err(|error| ApiError::Internal(error.to_string()))
}

/// What follows the subresource, with the slashes that stand around it in the path: a proxy passes them on. No segment of it leads
/// elsewhere.
///
/// # Errors
/// 400: one would.
fn subpath(info: &RequestInfo) -> Result<String, ApiError> {
    let path = info.subpath.trim_start_matches('/');
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(ApiError::BadRequest(format!(
            "invalid path {}: it may not have the segments '.' and '..'",
            Quoted(path)
        )));
    }
    let ends_with_slash = info.path.ends_with('/');
    Ok(match path {
        "" if ends_with_slash || !info.subpath.is_empty() => "/".to_owned(),
        "" => String::new(),
        path if ends_with_slash => format!("/{path}/"),
        path => format!("/{path}"),
    })
}
