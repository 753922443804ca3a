//! Owner references that stand twice.

use std::collections::HashSet;

use serde_json::Value;

use crate::object::Object;
use crate::status::MOST_LISTED;

/// Keeps each owner reference once. Returns the warning that a client gets; `admitted`: mutating admission is over, which the warning
/// says.
pub(in crate::registry) fn dedup_owners(object: &mut Object, admitted: bool) -> Option<String> {
    let owners = object
        .0
        .get_mut("metadata")?
        .get_mut("ownerReferences")?
        .as_array_mut()?;
    let mut duplicates = Vec::new();
    let mut seen = HashSet::with_capacity(owners.len());
    let is_first: Vec<bool> = owners
        .iter()
        .map(|owner| {
            let is_first = seen.insert(owner);
            if !is_first && duplicates.len() <= MOST_LISTED {
                let uid = owner.get("uid").and_then(Value::as_str).unwrap_or_default();
                duplicates.push(uid.to_owned());
            }
            is_first
        })
        .collect();
    if duplicates.is_empty() {
        return None;
    }
    drop(seen);
    let mut is_first = is_first.into_iter();
    owners.retain(|_| is_first.next() == Some(true));
    if duplicates.len() > MOST_LISTED {
        duplicates.truncate(MOST_LISTED);
        duplicates.push("...".to_owned());
    }
    let when = if admitted {
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

    #[test]
    fn of_many_duplicates_some_are_named() {
        let owners = vec![json!({"uid": "1"}); 1000];
        let mut object = object(&json!(owners));
        let warning = dedup_owners(&mut object, false).unwrap();
        assert!(warning.ends_with(", 1, ..."), "{warning}");
        assert_eq!(warning.matches("1, ").count(), MOST_LISTED);
        assert_eq!(object.0["metadata"]["ownerReferences"], json!([{"uid": "1"}]));
    }
}
