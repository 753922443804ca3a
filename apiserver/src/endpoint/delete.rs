//! Deleting: one object, or all that match.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::answer;
use super::body;
use super::call::Call;
use super::computed;
use crate::decode::{BodyMedia, syntax, yaml};
use crate::offload;
use crate::protobuf::delete_options;
use crate::registry::Deleted;
use crate::request::media;
use crate::request::options::{DeleteOptions, IGNORE_STORE_READ_ERROR, ListOptions};
use crate::request::{GroupKind, User};
use crate::response::Response;
use crate::rest::Deletion;
use crate::status::{ApiError, FieldError, Status, StatusDetails};

/// One object.
pub(super) async fn delete<B>(call: &Call<'_>, body: B) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let wanted = call.wanted()?;
    let options = options(call, body).await?;
    if options.ignore_store_read_error && !call.request.user().is_in(User::MASTERS) {
        return Err(not_permitted(call));
    }
    if let Some(computed) = call.computed {
        let (was, deletion) = computed::delete(call, computed, &options).await?;
        return match deletion {
            Deletion::Gone => answer::success(call, &gone(call, was.uid().to_owned()), StatusCode::OK),
            Deletion::Pending(object) => computed::answered(call, wanted, object, pending(&options)).await,
        };
    }
    match call.registry()?.delete(call.request, &options).await? {
        Deleted::Gone(entry) => answer::success(call, &gone(call, uid(entry.value())), StatusCode::OK),
        Deleted::Pending(entry) => answer::object(call, wanted, &entry, pending(&options)).await,
    }
}

/// The code for what is still there. Whoever asked for dependents to go first, in the words of old, is told that it is not done yet.
fn pending(options: &DeleteOptions) -> StatusCode {
    match options.orphan_dependents {
        Some(false) => StatusCode::ACCEPTED,
        Some(true) | None => StatusCode::OK,
    }
}

/// All that match. It may take long, so it has no deadline of its own, as in k8s.io/apiserver.
pub(super) async fn delete_collection<B>(call: &Call<'_>, body: B) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let wanted = call.wanted()?;
    let list = ListOptions::parse(call.query())?;
    let options = options(call, body).await?;
    answer::check_list(call, wanted)?;
    if options.ignore_store_read_error {
        return Err(ApiError::invalid_field(
            GroupKind::new("meta.k8s.io", "DeleteOptions"),
            "",
            FieldError::invalid(
                IGNORE_STORE_READ_ERROR,
                true,
                "is not allowed with DELETECOLLECTION, try again after removing the option",
            ),
        ));
    }
    if let Some(computed) = call.computed {
        let deleted = computed::delete_collection(call, computed, &list, &options).await?;
        return computed::answer_list(call, wanted, deleted).await;
    }
    let listed = call
        .registry()?
        .delete_collection(call.request, &list, &options)
        .await?;
    answer::list(call, wanted, listed).await
}

/// Kubernetes asks for a verb of its own. Here only who may do everything may delete what nobody can look at.
fn not_permitted(call: &Call<'_>) -> ApiError {
    ApiError::Forbidden {
        resource: Some(call.served.resource().group_resource()),
        name: call.info().name.clone(),
        message: format!(
            "not permitted to do \"unsafe-delete-ignore-read-errors\", reason: not in the group {}",
            User::MASTERS
        ),
        causes: Vec::new(),
    }
}

/// A body is all that counts; without one, the query.
async fn options<B>(call: &Call<'_>, body: B) -> Result<DeleteOptions, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let headers = &call.parts.headers;
    let body = body::read(call.request, headers, body).await?;
    if body.is_empty() {
        return DeleteOptions::parse(call.query());
    }
    if media::is_protobuf(headers) {
        let memory = delete_options::MEMORY_OF_A_BYTE * body.len();
        offload::expect_body(&body, BodyMedia::Json, memory).await?;
        let value =
            delete_options::to_json(&body).map_err(|error| ApiError::BadRequest(error.to_string()))?;
        return DeleteOptions::from_body(value);
    }
    let media = media::body_media(headers)?;
    offload::expect_body(&body, media, 0).await?;
    let value = parsed(&body, media).map_err(ApiError::BadRequest)?;
    DeleteOptions::from_body(value)
}

fn parsed(body: &[u8], media: BodyMedia) -> Result<Value, String> {
    match media {
        BodyMedia::Json => serde_json::from_slice(body).map_err(|error| {
            let message = syntax::explain(body).unwrap_or_else(|| error.to_string());
            format!("couldn't get version/kind; json parse error: {message}")
        }),
        BodyMedia::Yaml => yaml::read(body)
            .map(|document| document.value)
            .map_err(|error| error.to_string()),
    }
}

/// Whoever waits for the object to go knows it by its uid.
fn gone(call: &Call<'_>, uid: String) -> Status {
    let info = call.info();
    Status::success(StatusDetails {
        name: info.name.clone(),
        group: info.group.clone(),
        kind: info.resource.clone(),
        uid,
        ..StatusDetails::default()
    })
}

fn uid(json: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    struct Outer {
        #[serde(default)]
        metadata: Metadata,
    }
    #[derive(Default, Deserialize)]
    struct Metadata {
        #[serde(default)]
        uid: String,
    }
    serde_json::from_slice::<Outer>(json)
        .unwrap_or_default()
        .metadata
        .uid
}
