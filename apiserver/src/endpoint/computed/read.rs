//! Reading what is not stored. Go: `endpoints/handlers/get.go`.

use std::borrow::Cow;

use http::StatusCode;

use super::pieces;
use crate::endpoint::answer;
use crate::endpoint::call::Call;
use crate::endpoint::read::{check_watch, watch};
use crate::object::Object;
use crate::offload;
use crate::registry::{Pieces, check_fields, check_path, encode_object, value_at};
use crate::request::media::Wanted;
use crate::request::options::{GetOptions, ListOptions};
use crate::request::selector::FieldRequirement;
use crate::resource::CONVERSION_PAGE;
use crate::response::Response;
use crate::rest::{Computed, Getter, List, Lister, RequestContext};
use crate::status::ApiError;

/// Bytes that an object of a list is thought to take.
const OBJECT: usize = 1024;

pub(super) async fn get(call: &Call<'_>, getter: &dyn Getter) -> Result<Response, ApiError> {
    let wanted = call.wanted()?;
    let options = GetOptions::parse(call.query())?;
    answer::check_object(call, wanted)?;
    check_path(&call.info().namespace, &call.info().name)?;
    let pieces = pieces(call, found(call, getter, options).await?).await?;
    let _memory = offload::expect_made(pieces.len()).await;
    answer::pieces(call, wanted, &pieces, StatusCode::OK)
}

/// The object that the request names. What was authorized is this name in this namespace.
///
/// # Errors
/// 404; what its author's code fails with.
pub(in crate::endpoint) async fn found(
    call: &Call<'_>,
    getter: &dyn Getter,
    options: GetOptions,
) -> Result<Object, ApiError> {
    let found = found_or_none(call, getter, options).await?;
    found.ok_or_else(|| call.not_found())
}

/// The same; `None`: there is none.
///
/// # Errors
/// What its author's code fails with.
pub(super) async fn found_or_none(
    call: &Call<'_>,
    getter: &dyn Getter,
    options: GetOptions,
) -> Result<Option<Object>, ApiError> {
    let info = call.info();
    let found = getter.get(RequestContext::of(call.request), options).await?;
    Ok(found.filter(|object| object.name() == info.name && object.namespace() == info.namespace))
}

pub(super) async fn list(call: &Call<'_>, computed: &Computed) -> Result<Response, ApiError> {
    let mut options = ListOptions::parse(call.query())?;
    check_watch(call, &options)?;
    if !call.info().name.is_empty() {
        options.restrict_to(&call.info().name)?;
    }
    if options.watch {
        return watch(call, &options).await;
    }
    let lister = computed.lister.as_ref().ok_or(ApiError::MethodNotAllowed)?;
    let wanted = call.wanted()?;
    answer::check_list(call, wanted)?;
    let Selected {
        objects,
        resource_version,
    } = selected(call, &**lister, &options, |_| ()).await?;
    let objects = objects.into_iter().map(|(object, ())| object).collect();
    answer_list(call, wanted, (objects, resource_version)).await
}

/// These objects of the request's version as a list.
///
/// # Errors
/// It cannot be made as the client wants it.
pub(in crate::endpoint) async fn answer_list(
    call: &Call<'_>,
    wanted: Wanted,
    (selected, resource_version): (Vec<Object>, String),
) -> Result<Response, ApiError> {
    let _memory = offload::expect_made(selected.len().saturating_mul(OBJECT)).await;
    let mut encoded = Vec::with_capacity(selected.len());
    let mut turns = offload::Turns::default();
    for object in selected {
        let pieces = Pieces::whole(encode_object(&object)?);
        turns.take(pieces.len()).await;
        encoded.push(pieces);
    }
    answer::list_of_pieces(call, wanted, encoded, resource_version)
}

/// What is listed and selected.
pub(super) struct Selected<K> {
    /// Each in the request's version, and what was kept of it as the lister gave it.
    pub(super) objects: Vec<(Object, K)>,
    /// Of the list.
    pub(super) resource_version: String,
}

/// What is listed in the request's namespace and matches the selectors, with what `keep` keeps of each as the lister gave it.
///
/// # Errors
/// 400: a field selector of a field that this version does not have; what its author's code fails with.
pub(super) async fn selected<K>(
    call: &Call<'_>,
    lister: &dyn Lister,
    options: &ListOptions,
    keep: fn(&Object) -> K,
) -> Result<Selected<K>, ApiError> {
    check_selection(call, options)?;
    let List {
        items,
        resource_version,
    } = lister
        .list(RequestContext::of(call.request), options.clone())
        .await?;
    let _memory = offload::expect_made(items.len().saturating_mul(OBJECT)).await;
    let mut turns = offload::Turns::default();
    let mut objects = Vec::new();
    let mut items = items.into_iter();
    // Selectors speak of the fields of the version that the client asks for. Where conversion waits, a page is converted at once.
    let page = if call.kind.conversion_waits() {
        CONVERSION_PAGE
    } else {
        1
    };
    loop {
        let listed: Vec<Object> = items.by_ref().take(page).collect();
        if listed.is_empty() {
            break;
        }
        turns.take(OBJECT * listed.len()).await;
        let kept: Vec<K> = listed.iter().map(keep).collect();
        let seen = call.kind.all_converted(listed, &call.version.name).await;
        let seen = seen.map_err(|error| ApiError::Internal(error.to_string()))?;
        let selected = seen.into_iter().zip(kept);
        objects.extend(selected.filter(|(seen, _)| is_selected(seen, options, &call.info().namespace)));
    }
    Ok(Selected {
        objects,
        resource_version,
    })
}

/// Whether the request's namespace can be, and its version has the fields that it selects by.
///
/// # Errors
/// 400.
pub(super) fn check_selection(call: &Call<'_>, options: &ListOptions) -> Result<(), ApiError> {
    let (resource, version) = (call.served.resource(), &call.version.name);
    check_fields(resource, version, &options.field_selector)?;
    check_path(&call.info().namespace, "")
}

fn is_in(object: &Object, namespace: &str) -> bool {
    namespace.is_empty() || object.namespace() == namespace
}

/// Whether it is in the request's namespace, and has the name and the namespace that the field selector wants: what never changes of an
/// object.
pub(super) fn is_named(object: &Object, options: &ListOptions, namespace: &str) -> bool {
    let wanted = |requirement: &FieldRequirement| match requirement.field.as_str() {
        "metadata.name" => requirement.matches(object.name()),
        "metadata.namespace" => requirement.matches(object.namespace()),
        _ => true,
    };
    is_in(object, namespace) && options.field_selector.requirements().iter().all(wanted)
}

/// Whether the selectors match, and the namespace is the request's.
pub(super) fn is_selected(object: &Object, options: &ListOptions, namespace: &str) -> bool {
    is_in(object, namespace)
        && (options.label_selector.is_empty() || options.label_selector.matches(&object.labels()))
        && options.field_selector.matches(|field| match field {
            "metadata.name" => Cow::Borrowed(object.name()),
            "metadata.namespace" => Cow::Borrowed(object.namespace()),
            field => value_at(object, field).into(),
        })
}
