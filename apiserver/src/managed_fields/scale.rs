//! managedFields of an object seen as those of its Scale, and back (Go: `managedfields/scalehandler.go`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use annex_structured_merge_diff::fieldpath::{Path, PathElement, Set, VersionedSet};
use serde_json::Value;

use super::entry::DecodeError;
use super::managed::Managed;

const SCALE_VERSION: &str = "autoscaling/v1";

static REPLICAS: LazyLock<Vec<PathElement>> =
    LazyLock::new(|| vec![PathElement::field("spec"), PathElement::field("replicas")]);

/// Where the replicas are in the objects of each version that has `/scale`, by `apiVersion`; `None`: in a version that is
/// served without it.
pub type ReplicasPaths = BTreeMap<String, Option<Vec<PathElement>>>;

/// The managedFields of a Scale of an object: of those who manage its replicas, that they do.
///
/// # Errors
/// The object's managedFields are not understood.
pub fn to_scale(parent: Option<&Value>, paths: &ReplicasPaths) -> Result<Option<Value>, DecodeError> {
    let parent = Managed::decode(parent)?;
    let mut scale = Managed::default();
    for (manager, owned) in &parent.fields {
        let path = paths.get(&*owned.api_version).and_then(Option::as_ref);
        if path.is_some_and(|path| owned.set.has(path)) {
            let set = VersionedSet::new(set_of(&REPLICAS), SCALE_VERSION, owned.applied);
            scale.fields.insert(manager.clone(), set);
            scale.set_time(manager, parent.times.get(manager).cloned());
        }
    }
    Ok(scale.encode())
}

/// The managedFields of an object of the version `api_version` whose Scale was written, and has the managedFields `scale`
/// now.
///
/// # Errors
/// Either are not understood.
pub fn to_parent(
    parent: Option<&Value>,
    scale: Option<&Value>,
    api_version: &str,
    paths: &ReplicasPaths,
) -> Result<Option<Value>, DecodeError> {
    let (mut parent, mut scale) = (Managed::decode(parent)?, Managed::decode(scale)?);
    // Managers of versions that are no longer served are forgotten.
    parent
        .fields
        .retain(|_, owned| paths.contains_key(&*owned.api_version));
    for (manager, owned) in &mut parent.fields {
        let path = paths.get(&*owned.api_version).and_then(Option::as_ref);
        if let Some(path) = path.filter(|path| owned.set.has(path))
            && scale.fields.remove(manager).is_none()
        {
            // Somebody else manages the replicas now.
            owned.set = std::mem::take(&mut owned.set).difference(&set_of(path));
        }
    }
    parent.fields.retain(|_, owned| !owned.set.is_empty());
    let replicas = paths.get(api_version).and_then(Option::as_ref);
    for (manager, owned) in scale.fields {
        if let Some(replicas) = replicas.filter(|_| owned.set.has(&REPLICAS)) {
            let set = VersionedSet::new(set_of(replicas), api_version, owned.applied);
            // Go takes the time of the manager's entry in the object too: who was not there has none.
            parent.fields.insert(manager, set);
        }
    }
    Ok(parent.encode())
}

fn set_of(path: &[PathElement]) -> Set {
    // A path of a Scale is as deep as its description is long, and that was read before.
    Set::from_paths([&Path::new(path.iter().cloned())]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const V1: &str = "test.example.com/v1";

    fn paths() -> ReplicasPaths {
        let path = ["spec", "size"].map(PathElement::field).to_vec();
        [
            (V1.to_owned(), Some(path)),
            ("test.example.com/v2".to_owned(), None),
        ]
        .into()
    }

    fn entry(manager: &str, version: &str, fields: &Value, subresource: &str) -> Value {
        let mut entry = json!({
            "manager": manager, "operation": "Update", "apiVersion": version, "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        if !subresource.is_empty() {
            entry["subresource"] = subresource.into();
        }
        entry
    }

    #[test]
    fn who_manages_the_replicas_manages_those_of_the_scale() {
        let size = json!({"f:spec": {"f:size": {}, "f:color": {}}});
        let color = json!({"f:spec": {"f:color": {}}});
        let parent = json!([
            entry("a", V1, &size, ""),
            entry("b", V1, &color, ""),
            entry("c", "test.example.com/v2", &size, ""),
            entry("d", "test.example.com/v0", &size, ""),
        ]);
        assert_eq!(
            to_scale(Some(&parent), &paths()).unwrap().unwrap(),
            json!([entry(
                "a",
                "autoscaling/v1",
                &json!({"f:spec": {"f:replicas": {}}}),
                ""
            )])
        );
    }

    #[test]
    fn who_scales_takes_the_replicas_from_who_had_them() {
        let parent = json!([
            entry("a", V1, &json!({"f:spec": {"f:size": {}, "f:color": {}}}), ""),
            entry("b", V1, &json!({"f:spec": {"f:size": {}}}), ""),
            entry("d", "test.example.com/v0", &json!({"f:spec": {"f:x": {}}}), ""),
        ]);
        let replicas = json!({"f:spec": {"f:replicas": {}}});
        let scale = json!([entry("hpa", "autoscaling/v1", &replicas, "scale")]);
        assert_eq!(
            to_parent(Some(&parent), Some(&scale), V1, &paths())
                .unwrap()
                .unwrap(),
            json!([
                {
                    "manager": "hpa", "operation": "Update", "apiVersion": V1, "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:spec": {"f:size": {}}}, "subresource": "scale",
                },
                entry("a", V1, &json!({"f:spec": {"f:color": {}}}), ""),
            ])
        );
        // An update is known by its version too, and a Scale is of another one: Go takes who kept the replicas for a new manager.
        let kept = json!([entry("b", "autoscaling/v1", &replicas, "")]);
        assert_eq!(
            to_parent(Some(&parent), Some(&kept), V1, &paths())
                .unwrap()
                .unwrap()[0],
            json!({
                "manager": "b", "operation": "Update", "apiVersion": V1, "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:size": {}}},
            })
        );
    }
}
