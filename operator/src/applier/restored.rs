//! What of a restorer's fields Annex takes up with an object: all but what the tool, or somebody before it, wrote into the metadata for
//! purposes of their own.

use serde_json::{Map, Value, json};

/// The prefix of the annotations that Annex alone writes, be they wanted any more or not.
const OWN_PREFIX: &str = "annex.dev/";

/// Splits the `fields` (`fieldsV1`) of a restorer into those that are taken, and those that stay its own. Below `metadata` only what
/// `desired` has is taken, annotations of Annex' own, and ownerReferences, among which is the one to be replaced; of all else
/// everything, so that what is not wanted any more can be removed.
pub(super) fn split(fields: &Value, desired: &Value) -> (Value, Option<Value>) {
    let mut taken = fields.clone();
    let Some(metadata) = taken.get_mut("f:metadata").and_then(Value::as_object_mut) else {
        return (taken, None);
    };
    let mut left = Map::new();
    metadata.retain(|field, node| match (field.as_str(), node.as_object_mut()) {
        (".", _) | ("f:ownerReferences", _) => true,
        ("f:labels" | "f:annotations", Some(entries)) => {
            let wanted = &desired["metadata"][field.trim_start_matches("f:")];
            let mut others = Map::new();
            entries.retain(|entry, node| {
                let name = entry.trim_start_matches("f:");
                let is_ours = entry == "." || name.starts_with(OWN_PREFIX) || !wanted[name].is_null();
                if !is_ours {
                    others.insert(entry.clone(), node.clone());
                }
                is_ours
            });
            if !others.is_empty() {
                left.insert(field.clone(), others.into());
            }
            entries.keys().any(|entry| entry != ".")
        }
        _ => {
            left.insert(field.clone(), node.clone());
            false
        }
    });
    let left = (!left.is_empty()).then(|| json!({ "f:metadata": left }));
    (taken, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_added_stays_the_tools() {
        let desired = json!({ "metadata": { "labels": { "app": "x" }, "annotations": { "annex.dev/applied-hash": "h" } } });
        let fields = json!({
            "f:metadata": {
                "f:labels": { ".": {}, "f:app": {}, "f:velero.io/backup-name": {} },
                "f:annotations": { "f:annex.dev/trial-since": {}, "f:annex.dev/applied-hash": {}, "f:note": {} },
                "f:finalizers": { "v:\"a\"": {} },
                "f:ownerReferences": { ".": {}, "k:{\"uid\":\"dead\"}": {} },
            },
            "f:data": { "f:old": {} },
        });
        let (taken, left) = split(&fields, &desired);
        let ours = json!({
            "f:metadata": {
                "f:labels": { ".": {}, "f:app": {} },
                "f:annotations": { "f:annex.dev/trial-since": {}, "f:annex.dev/applied-hash": {} },
                "f:ownerReferences": { ".": {}, "k:{\"uid\":\"dead\"}": {} },
            },
            "f:data": { "f:old": {} },
        });
        let theirs = json!({ "f:metadata": {
            "f:labels": { "f:velero.io/backup-name": {} },
            "f:annotations": { "f:note": {} },
            "f:finalizers": { "v:\"a\"": {} },
        } });
        assert_eq!((taken, left), (ours, Some(theirs)));
        // Nothing that stands for a whole is left in the place of what was taken out.
        let labels = json!({ "f:metadata": { "f:labels": { ".": {}, "f:a": {} } } });
        assert_eq!(
            split(&labels, &desired),
            (
                json!({ "f:metadata": {} }),
                Some(json!({ "f:metadata": { "f:labels": { "f:a": {} } } }))
            )
        );
        let data = json!({ "f:data": {} });
        assert_eq!(split(&data, &desired), (data, None));
    }
}
