//! Deleting what is not stored. Go: `endpoints/handlers/delete.go`, over a `rest.GracefulDeleter` of one's own, and `DeleteCollection`
//! of `registry/generic/registry/store.go`.

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::read::{Selected, found, selected};
use super::{in_hub, to_author};
use crate::endpoint::call::Call;
use crate::object::Object;
use crate::registry::{check_path, in_time};
use crate::request::options::{DeleteOptions, GetOptions, IGNORE_STORE_READ_ERROR, ListOptions};
use crate::rest::{Computed, Deletion, GracefulDeleter, RequestContext};
use crate::status::ApiError;

/// Objects that a deletecollection deletes at once.
const AT_ONCE: usize = 16;

/// Deletes the object that the request names, and says what it was, in the request's version, and what it is.
///
/// # Errors
/// 404, 409; admission's; what its author's code fails with; 504 after 34 s.
pub(in crate::endpoint) async fn delete(
    call: &Call<'_>,
    computed: &Computed,
    options: &DeleteOptions,
) -> Result<(Object, Deletion), ApiError> {
    let (Some(getter), Some(deleter)) = (&computed.getter, &computed.deleter) else {
        return Err(ApiError::MethodNotAllowed);
    };
    if options.ignore_store_read_error {
        return Err(ApiError::BadRequest(format!(
            "{IGNORE_STORE_READ_ERROR} is not supported: the object is not stored"
        )));
    }
    check_path(&call.info().namespace, &call.info().name)?;
    in_time(async {
        let found = found(call, &**getter, GetOptions::default()).await?;
        let context = RequestContext::of(call.request);
        let name = call.info().name.clone();
        let deletion = delete_found(call, &**deleter, context, &name, found.clone(), options).await?;
        Ok((found, deletion))
    })
    .await
}

/// Deletes what the lister lists and the selectors match, several objects at once; what somebody else deleted meanwhile is no error.
/// Returns all that were met, as they were, with the list's resourceVersion. It may take long, and has no deadline of its own.
///
/// # Errors
/// Those of list, and of delete at the first object that makes one.
pub(in crate::endpoint) async fn delete_collection(
    call: &Call<'_>,
    computed: &Computed,
    list: &ListOptions,
    options: &DeleteOptions,
) -> Result<(Vec<Object>, String), ApiError> {
    let (Some(lister), Some(deleter)) = (&computed.lister, &computed.deleter) else {
        return Err(ApiError::MethodNotAllowed);
    };
    let Selected {
        mut objects,
        resource_version,
    } = selected(call, &**lister, list, Object::clone).await?;
    // A lister may leave it to others how many there are in a page.
    if let Some(limit) = list.limit.and_then(|limit| usize::try_from(limit).ok()) {
        objects.truncate(limit);
    }
    // What is deleted is what was listed: the request's version may not be able to say all of it.
    let (seen, listed): (Vec<_>, Vec<_>) = objects.into_iter().unzip();
    stream::iter(listed)
        .map(|object| async move {
            let context = RequestContext {
                namespace: object.namespace().to_owned(),
                name: object.name().to_owned(),
                ..RequestContext::of(call.request)
            };
            match in_time(delete_found(call, &**deleter, context, "", object, options)).await {
                Ok(_) | Err(ApiError::NotFound { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok((seen, resource_version))
}

/// `name` is what admission is told: of a deletecollection none.
async fn delete_found(
    call: &Call<'_>,
    deleter: &dyn GracefulDeleter,
    context: RequestContext,
    name: &str,
    found: Object,
    options: &DeleteOptions,
) -> Result<Deletion, ApiError> {
    let old = in_hub(call, found).await?;
    let current = [old.uid(), old.resource_version()];
    call.rules
        .check_early(old.name(), current, &options.preconditions)?;
    call.rules
        .admit_deletion(call.request, name, &old, options.dry_run)
        .await?;
    let object = to_author(call, old).await?;
    deleter.delete(context, object, options.clone()).await
}
