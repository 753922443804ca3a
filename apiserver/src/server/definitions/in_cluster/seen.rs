//! An AggregatedResourceDefinition as the cluster has it, as far as a server needs it.

use bytes::Bytes;
use kube::core::{ApiResource, DynamicObject};
use serde_json::{Value, json};

/// What holds a definition until its objects are gone. The operator alone writes it.
const FINALIZER: &str = "annex.dev/objects";
/// The operator's word that the objects of the definition with this uid are to be deleted with it.
const DELETE_OBJECTS: &str = "annex.dev/delete-objects";
/// That they are not, whatever else is said.
const KEEP_OBJECTS: &str = "annex.dev/keep-objects";
/// What kubectl keeps of what it applied: as large as the definition itself.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The kind of definitions in a cluster.
pub(super) fn api_resource() -> ApiResource {
    ApiResource {
        group: "annex.dev".into(),
        version: "v1alpha1".into(),
        api_version: "annex.dev/v1alpha1".into(),
        kind: "AggregatedResourceDefinition".into(),
        plural: "aggregatedresourcedefinitions".into(),
    }
}

/// A definition in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    /// `PLURAL.GROUP`
    pub(super) name: String,
    /// What tells it from another one of the same name.
    pub(super) uid: String,
    /// Of its spec.
    pub(super) generation: i64,
    /// Whether it is being deleted.
    pub(super) is_deleting: bool,
    /// Whether its objects are to be deleted with it: only the operator's word says so.
    pub(super) deletes_objects: bool,
    /// Whether clients know it.
    pub(super) is_established: bool,
    /// Why its names are not accepted, in this generation.
    pub(super) names_refused: Option<String>,
    /// The versions that it serves.
    pub(super) served_versions: Vec<String>,
    /// The definition as JSON, without status and most of the metadata: decoded it would take several times as much.
    pub(super) document: Bytes,
}

impl Seen {
    /// What the cluster says; `None`: it is a definition of another server than `server`.
    pub(super) fn of(object: DynamicObject, server: &str) -> Option<Self> {
        let DynamicObject {
            metadata, mut data, ..
        } = object;
        if data["spec"]["server"].as_str() != Some(server) {
            return None;
        }
        let name = metadata.name.unwrap_or_default();
        let uid = metadata.uid.unwrap_or_default();
        let generation = metadata.generation.unwrap_or_default();
        let mut annotations = metadata.annotations.unwrap_or_default();
        let is_deleting = metadata.deletion_timestamp.is_some();
        let is_held = metadata.finalizers.iter().flatten().any(|held| held == FINALIZER);
        let is_told = !uid.is_empty() && annotations.get(DELETE_OBJECTS) == Some(&uid);
        let is_kept = annotations.contains_key(KEEP_OBJECTS);
        annotations.retain(|name, _| ![LAST_APPLIED, DELETE_OBJECTS, KEEP_OBJECTS].contains(&name.as_str()));
        let status = data["status"].take();
        let refused = condition(&status, "NamesAccepted").filter(|condition| {
            let of = condition["observedGeneration"].as_i64();
            condition["status"] == "False" && of.is_none_or(|of| of >= generation)
        });
        let refused = refused.map(|condition| condition["message"].as_str().unwrap_or_default().to_owned());
        let established = condition(&status, "Established");
        let spec = data["spec"].take();
        let versions = spec["versions"].as_array().into_iter().flatten();
        let served_versions = versions
            .filter(|version| version["served"] == true)
            .filter_map(|version| version["name"].as_str().map(str::to_owned));
        let served_versions = served_versions.collect();
        let document = json!({
            "apiVersion": "annex.dev/v1alpha1",
            "kind": "AggregatedResourceDefinition",
            "metadata": {"name": name, "uid": uid, "generation": generation, "annotations": annotations},
            "spec": spec,
        });
        Some(Self {
            is_deleting,
            deletes_objects: is_deleting && is_held && is_told && !is_kept,
            is_established: established.is_some_and(|condition| condition["status"] == "True"),
            names_refused: refused,
            served_versions,
            document: document.to_string().into(),
            name,
            uid,
            generation,
        })
    }
}

fn condition<'a>(status: &'a Value, name: &str) -> Option<&'a Value> {
    let conditions = status["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == name)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{definition, seen};
    use super::*;

    #[test]
    fn a_definition_of_another_server_is_none() {
        let object = serde_json::from_value::<DynamicObject>(definition("lamps", "color")).unwrap();
        assert!(Seen::of(object.clone(), "others").is_none());
        let lamps = Seen::of(object, "test").unwrap();
        assert_eq!(lamps.name, "lamps.example.com");
        assert_eq!((lamps.uid.as_str(), lamps.generation), ("uid-lamps", 1));
        assert_eq!(lamps.served_versions, ["v1"]);
    }

    #[test]
    fn objects_are_deleted_by_the_word_of_the_operator_alone() {
        let with = |change: &dyn Fn(&mut Value)| {
            let mut value = definition("lamps", "color");
            value["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z".into();
            value["metadata"]["finalizers"] = json!([FINALIZER]);
            value["metadata"]["annotations"] = json!({DELETE_OBJECTS: "uid-lamps"});
            change(&mut value);
            seen(&value)
        };
        assert!(with(&|_| {}).deletes_objects);
        let without: [&dyn Fn(&mut Value); 5] = [
            &|value| value["metadata"]["deletionTimestamp"] = Value::Null,
            &|value| value["metadata"]["finalizers"] = json!(["example.com/other"]),
            &|value| value["metadata"]["annotations"] = json!({}),
            &|value| value["metadata"]["annotations"][DELETE_OBJECTS] = "uid-before".into(),
            &|value| value["metadata"]["annotations"][KEEP_OBJECTS] = "true".into(),
        ];
        for change in without {
            assert!(!with(change).deletes_objects);
        }
    }

    #[test]
    fn names_are_refused_in_the_generation_that_was_looked_at() {
        let with = |condition: Value| {
            let mut value = definition("lamps", "color");
            value["metadata"]["generation"] = 3.into();
            value["status"] = json!({"conditions": [condition]});
            seen(&value).names_refused
        };
        let refused = json!({"type": "NamesAccepted", "status": "False", "message": "taken"});
        assert_eq!(with(refused).as_deref(), Some("taken"));
        for (generation, is_refused) in [(2, false), (3, true)] {
            let condition = json!({"type": "NamesAccepted", "status": "False", "message": "taken", "observedGeneration": generation});
            assert_eq!(with(condition).is_some(), is_refused);
        }
        assert_eq!(with(json!({"type": "NamesAccepted", "status": "True"})), None);
    }
}
