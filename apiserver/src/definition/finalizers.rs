//! What a client is warned of that adds finalizers: `validateKubeFinalizerName` of apiextensions' `pkg/registry/customresource`.

use annex_schema::names;
use std::collections::BTreeSet;

use crate::object::Object;
use crate::status::Quoted;

/// Those of Kubernetes itself.
const STANDARD: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];

/// The warnings about the finalizers of an object that `old` does not have.
pub(super) fn warnings(object: &Object, old: Option<&Object>) -> Vec<String> {
    let mut added: BTreeSet<&str> = object.finalizers().into_iter().collect();
    for finalizer in old.map(Object::finalizers).unwrap_or_default() {
        added.remove(finalizer);
    }
    added.into_iter().flat_map(of).collect()
}

fn of(finalizer: &str) -> Vec<String> {
    let warn = |text: &str| format!("metadata.finalizers: {}: {text}", Quoted(finalizer));
    let mut warnings: Vec<String> = names::label_key(finalizer)
        .iter()
        .map(|text| warn(text))
        .collect();
    if !finalizer.contains('/') && !STANDARD.contains(&finalizer) {
        let path = if finalizer.contains('.') {
            " including a path (/)"
        } else {
            ""
        };
        warnings.push(warn(&format!(
            "prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other finalizer writers"
        )));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn new_finalizers_are_to_be_qualified() {
        let object = |finalizers: &[&str]| {
            let value = json!({"metadata": {"finalizers": finalizers}});
            Object(value.as_object().unwrap().clone())
        };
        let new = object(&["b.example.com", "a", "example.com/c", "orphan"]);
        let prefer = "prefer a domain-qualified finalizer name";
        let avoid = "to avoid accidental conflicts with other finalizer writers";
        assert_eq!(
            warnings(&new, None),
            [
                format!("metadata.finalizers: \"a\": {prefer} {avoid}"),
                format!("metadata.finalizers: \"b.example.com\": {prefer} including a path (/) {avoid}"),
            ]
        );
        assert_eq!(warnings(&new, Some(&object(&["a"]))).len(), 1);
    }
}
