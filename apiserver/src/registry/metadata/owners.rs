//! Owner references that stand twice.

use serde_json::Value;

use crate::object::Object;

/// Keeps each owner reference once. Returns the warning that a client gets who sent one twice; `patch`: Kubernetes looks
/// only after mutating admission there, and says so.
pub(in crate::registry) fn dedup_owners(object: &mut Object, patch: bool) -> Option<String> {
    let owners = object
        .0
        .get_mut("metadata")?
        .get_mut("ownerReferences")?
        .as_array_mut()?;
    let mut duplicates = Vec::new();
    let mut kept: Vec<Value> = Vec::with_capacity(owners.len());
    for owner in owners.drain(..) {
        if kept.contains(&owner) {
            let uid = owner.get("uid").and_then(Value::as_str).unwrap_or_default();
            duplicates.push(uid.to_owned());
        } else {
            kept.push(owner);
        }
    }
    *owners = kept;
    if duplicates.is_empty() {
        return None;
    }
    let when = if patch {
        " after mutating admission happens"
    } else {
        ""
    };
    Some(format!(
        ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and \
         may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
        duplicates.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(owners: &Value) -> Object {
        let value = json!({"metadata": {"ownerReferences": owners}});
        Object(value.as_object().unwrap().clone())
    }

    #[test]
    fn an_owner_that_stands_twice_is_kept_once_and_the_client_warned() {
        let owners =
            json!([{"uid": "1", "name": "a"}, {"uid": "2"}, {"uid": "1", "name": "a"}, {"uid": "1"}]);
        let mut object = object(&owners);
        let warning = dedup_owners(&mut object, false).unwrap();
        assert_eq!(
            object.0["metadata"]["ownerReferences"],
            json!([{"uid": "1", "name": "a"}, {"uid": "2"}, {"uid": "1"}])
        );
        assert_eq!(
            warning,
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may \
             reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: 1"
        );
        assert_eq!(dedup_owners(&mut object, true), None);
    }
}
