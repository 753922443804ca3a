//! Patches: JSON Patch, JSON merge patch, strategic merge patch and server-side apply. Go: `endpoints/handlers/patch.go`.
//!
//! A patch is applied to the object as it is at the moment of the write, again on each conflict. So it
//! never conflicts, unless it says itself which resourceVersion it means.

mod apply;
mod document;
mod json;
mod json_patch;
mod merge;
mod strategic;
mod strategic_merge;

use bytes::Bytes;

use super::answer;
use super::body;
use super::call::Call;
use super::field_managers::manager_or_user_agent;
use super::write::{answer_update, check_name, settle_names};
use crate::object::Object;
use crate::offload::{self, Text};
use crate::registry::Current;
use crate::request::media::{self, PatchMedia};
use crate::request::options::{PatchOptions, UpdateOptions};
use crate::response::Response;
use crate::status::ApiError;

/// A patched object.
pub(super) async fn patch<B>(call: &Call<'_>, body: B) -> Result<Response, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let headers = &call.parts.headers;
    let media = patch_media(call)?;
    check_name(call.info())?;
    let wanted = call.wanted()?;
    let body = body::read(call.request, headers, body).await?;
    let (text, more) = match media {
        PatchMedia::JsonPatch if json_patch::may_copy(&body) => (Text::Json, offload::room_for_copies()),
        PatchMedia::JsonPatch | PatchMedia::MergePatch => (Text::Json, 0),
        PatchMedia::StrategicMergePatch => (Text::Json, strategic_merge::room(&body)),
        PatchMedia::Apply => (Text::JsonOrYaml, 0),
    };
    offload::expect_body(&body, text, more).await?;
    let is_apply = media == PatchMedia::Apply;
    let mut options = PatchOptions::parse(call.query(), is_apply)?;
    options.field_manager = manager_or_user_agent(std::mem::take(&mut options.field_manager), headers);
    answer::check_object(call, wanted)?;
    // Read when it is applied, which takes it apart: of an object that is not there, that is what is said, whatever the
    // patch. On a conflict it is read again, which is rare enough.
    let mut change = |current: Option<Current<'_>>| patched(call, media, &body, current, &options);
    let update = UpdateOptions {
        fields_managed: is_apply || call.scale.is_some(),
        is_apply,
        ..options.clone().into()
    };
    // An apply creates what is not there.
    answer_update(call, wanted, &mut change, update, is_apply).await
}

/// How the patch is written. Of what has no type nothing is merged by types, and there is no router that looks at the media type before.
///
/// # Errors
/// 415.
fn patch_media(call: &Call<'_>) -> Result<PatchMedia, ApiError> {
    let headers = &call.parts.headers;
    if !call.served.resource().policy.unstructured {
        return media::patch_media(headers, call.kind.policy.strategic_merge_patch);
    }
    media::patch_media(headers, false).map_err(|error| match error {
        ApiError::UnknownPatchType => media::unsupported_patch(false),
        error => error,
    })
}

/// The resource's object after a patch of `current`, as it may be written.
fn patched(
    call: &Call<'_>,
    media: PatchMedia,
    body: &[u8],
    current: Option<Current<'_>>,
    options: &PatchOptions,
) -> Result<Object, ApiError> {
    let is_complete = call.scale.is_none() && current.is_some_and(|current| current.is_complete);
    let current = current.map(|current| current.object);
    let live = current.map(|current| call.old_object(current)).transpose()?;
    let live = live.as_deref();
    let existing = || live.ok_or_else(|| call.not_found());
    let validation = options.field_validation;
    let of_json = |kind| {
        let source = json::Source {
            body,
            kind,
            validation,
        };
        json::patched(call, source, existing()?)
    };
    let new = match media {
        PatchMedia::JsonPatch => of_json(json::Kind::JsonPatch)?,
        PatchMedia::MergePatch => of_json(json::Kind::MergePatch)?,
        PatchMedia::StrategicMergePatch => strategic_merge::patched(call, body, validation, existing()?)?,
        PatchMedia::Apply => {
            let live = live.map(|object| Current { object, is_complete });
            apply::applied(call, body, live, options)?
        }
    };
    let manager = (media != PatchMedia::Apply).then_some(options.field_manager.as_str());
    call.changed(current, new, manager)
}

/// 400: the patch itself cannot be read.
fn unreadable(message: &str) -> ApiError {
    ApiError::BadRequest(format!("error decoding patch: {message}"))
}
