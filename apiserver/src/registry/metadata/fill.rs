//! What the server writes into `metadata`, and what it takes out.

use jiff::Timestamp;
use uuid::Uuid;

use super::owners::dedup_owners;
use crate::object::Object;
use crate::status::ApiError;

/// What a create needs of the world: the time and a new uid, so that rules stay pure.
#[derive(Clone, Debug)]
pub(in crate::registry) struct Clock {
    /// Now, in seconds, as `metav1.Time` is written.
    pub(in crate::registry) now: String,
    /// A uid that no object ever had.
    pub(in crate::registry) uid: String,
}

/// Now, in seconds, as `metav1.Time` is written.
pub(crate) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Clock {
    pub(in crate::registry) fn read() -> Self {
        Self {
            now: now(),
            uid: Uuid::new_v4().to_string(),
        }
    }
}

/// Takes out what only the server may say of a new object.
pub(in crate::registry) fn wipe_system_fields(object: &mut Object) {
    let metadata = object.metadata_mut();
    for field in [
        "creationTimestamp",
        "uid",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
    ] {
        metadata.remove(field);
    }
}

/// What is done to a new object before anybody else sees it; what its client is warned of. Go: `endpoints/handlers/create.go`.
///
/// # Errors
/// 400: it names another namespace.
pub(crate) fn begin_create(object: &mut Object, namespace: &str) -> Result<Option<String>, ApiError> {
    wipe_system_fields(object);
    ensure_namespace(object, namespace)?;
    Ok(dedup_owners(object, false))
}

/// Takes out what is no longer served.
pub(in crate::registry) fn drop_self_link(object: &mut Object) {
    object.metadata_mut().remove("selfLink");
}

/// Says when the object was made, and which one it is.
pub(in crate::registry) fn fill_system_fields(object: &mut Object, clock: &Clock) {
    object.set_meta("creationTimestamp", &clock.now);
    object.set_meta("uid", &clock.uid);
}

/// Puts an object into the namespace of its request (empty: the cluster).
///
/// # Errors
/// 400: it says that it is in another one.
pub(crate) fn ensure_namespace(object: &mut Object, namespace: &str) -> Result<(), ApiError> {
    let said = object.namespace();
    if !said.is_empty() && !namespace.is_empty() && said != namespace {
        return Err(ApiError::BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request".into(),
        ));
    }
    object.set_meta("namespace", namespace);
    Ok(())
}
