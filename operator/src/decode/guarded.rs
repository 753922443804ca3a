//! One object of a typed kind, or why it is none.

use std::borrow::Cow;

use kube::{Resource, core::ObjectMeta};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

use super::metadata::{self, Fields};

/// An object of kind `K`, or what can be known of one that does not decode as such.
///
/// A `status` that does not decode is no status: who wrote it may be newer, and who reads a spec needs none.
#[derive(Clone, Debug)]
pub struct Guarded<K>(pub Result<K, Box<Undecodable>>);

/// An object that does not decode as its kind.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Undecodable {
    /// What decodes of its metadata.
    pub metadata: ObjectMeta,
    /// Its `spec`: those of its fields that are JSON which this program can hold, see serde_json's limit of depth.
    pub spec: Map<String, Value>,
    /// Its `status`, likewise.
    pub status: Map<String, Value>,
    /// The field that does not decode, such as `spec.workload.strategy.rollingUpdate.maxSurge`.
    pub field: String,
    /// Why it does not.
    pub why: String,
}

/// A field and why it does not decode.
struct Fault {
    field: String,
    why: String,
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Guarded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = metadata::fields(deserializer)?;
        let metadata = metadata::object_meta(&fields);
        if let Ok(raw) = metadata::raw_object_meta(&metadata) {
            fields.insert("metadata".to_owned(), raw);
        }
        let fault = match decode(&fields) {
            Ok(object) => return Ok(Self(Ok(object))),
            Err(fault) => fault,
        };
        let status = fields.remove("status");
        if status.is_some()
            && let Ok(object) = decode(&fields)
        {
            tracing::debug!(
                field = fault.field,
                why = fault.why,
                "a status does not decode and is left out"
            );
            return Ok(Self(Ok(object)));
        }
        Ok(Self(Err(Box::new(Undecodable {
            spec: fields.get("spec").map(|raw| json_fields(raw)).unwrap_or_default(),
            status: status.map(|raw| json_fields(&raw)).unwrap_or_default(),
            metadata,
            field: fault.field,
            why: fault.why,
        }))))
    }
}

fn decode<K: DeserializeOwned>(fields: &Fields) -> Result<K, Fault> {
    let of_json = |error: serde_json::Error| Fault {
        field: "(object)".to_owned(),
        why: error.to_string(),
    };
    let text = serde_json::to_string(fields).map_err(of_json)?;
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| Fault {
        field: error.path().to_string(),
        why: without_position(&error.into_inner().to_string()).to_owned(),
    })
}

fn json_fields(object: &RawValue) -> Map<String, Value> {
    let fields: Fields = serde_json::from_str(object.get()).unwrap_or_default();
    fields
        .into_iter()
        .filter_map(|(name, raw)| Some((name, serde_json::from_str(raw.get()).ok()?)))
        .collect()
}

/// The place in a text that nobody has seen helps nobody, and would differ from one read to the next.
fn without_position(why: &str) -> &str {
    why.rsplit_once(" at line ").map_or(why, |(why, _)| why)
}

impl<K: Resource> Resource for Guarded<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dynamic)
    }

    fn group(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dynamic)
    }

    fn version(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dynamic)
    }

    fn plural(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0
            .as_ref()
            .map_or_else(|undecodable| &undecodable.metadata, K::meta)
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0
            .as_mut()
            .map_or_else(|undecodable| &mut undecodable.metadata, K::meta_mut)
    }
}

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::AggregatedServer;
    use k8s_openapi::{api::core::v1::Pod, kube_aggregator::pkg::apis::apiregistration::v1::APIService};
    use kube::{
        ResourceExt as _,
        core::{ObjectList, WatchEvent},
    };
    use serde_json::{Value, json};

    use super::Guarded;

    fn server(name: &str, more: Value) -> Value {
        let mut server = json!({
            "apiVersion": "annex.dev/v1alpha1", "kind": "AggregatedServer",
            "metadata": { "name": name, "uid": name },
            "spec": {
                "namespace": "wardle",
                "apis": [{ "group": "wardle.example.com", "version": "v1" }],
                "workload": { "image": "x" },
            },
        });
        for (pointer, value) in more.as_object().unwrap() {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            server.pointer_mut(parent).unwrap()[field] = value.clone();
        }
        server
    }

    fn list(items: Vec<Value>) -> ObjectList<Guarded<AggregatedServer>> {
        let list = json!({ "apiVersion": "annex.dev/v1alpha1", "kind": "AggregatedServerList", "metadata": {}, "items": items });
        serde_json::from_str(&list.to_string()).unwrap()
    }

    #[test]
    fn one_server_that_does_not_decode_fails_no_list_and_names_its_field() {
        let surge =
            json!({ "/spec/workload/strategy": { "rollingUpdate": { "maxSurge": 3_000_000_000_u64 } } });
        let reload = json!({ "/spec/certificates": { "reload": "Signal" } });
        let list = list(vec![
            server("a", json!({})),
            server("b", surge),
            server("c", reload),
        ]);
        assert!(list.items[0].0.is_ok());
        for (item, name, field) in [
            (
                &list.items[1],
                "b",
                "spec.workload.strategy.rollingUpdate.maxSurge",
            ),
            (&list.items[2], "c", "spec.certificates.reload"),
        ] {
            let undecodable = item.0.as_ref().unwrap_err();
            assert_eq!(
                (item.name_any().as_str(), undecodable.field.as_str()),
                (name, field)
            );
            assert_eq!(undecodable.spec["apis"][0]["version"], "v1");
            assert!(!undecodable.why.contains("column"), "{}", undecodable.why);
        }
    }

    #[test]
    fn a_status_that_does_not_decode_is_none() {
        let status = json!({ "/status": { "observedGeneration": 1, "certificates": { "rotation": { "step": "Newer" } } } });
        let list = list(vec![server("a", status)]);
        assert_eq!(list.items[0].0.as_ref().unwrap().status, None);
    }

    #[test]
    fn times_and_depths_that_no_type_holds_fail_no_event() {
        let deep = (0..300).fold(json!(1), |inner, _| json!({ "a": inner }));
        let server = server(
            "a",
            json!({
                "/spec/workload/template": deep,
                "/metadata/managedFields": [{ "time": "9999-12-31T23:59:59Z" }],
            }),
        );
        let event = format!(r#"{{"type":"ADDED","object":{server}}}"#);
        match serde_json::from_str(&event).unwrap() {
            WatchEvent::Added(Guarded::<AggregatedServer>(Err(undecodable))) => {
                assert!(undecodable.why.contains("recursion limit"), "{}", undecodable.why);
                assert_eq!(undecodable.metadata.uid.as_deref(), Some("a"));
                assert_eq!(undecodable.spec["apis"][0]["group"], "wardle.example.com");
            }
            other => panic!("{other:?}"),
        }
    }

    /// The kinds that are listed over all namespaces, or that others than their namespace's owner may write to.
    #[test]
    fn the_same_holds_of_other_kinds() {
        let service: Guarded<APIService> = serde_json::from_value(json!({
            "metadata": { "name": "v1.a.b", "managedFields": [{ "time": "9999-12-31T23:59:59Z" }] },
            "spec": { "group": "a.b", "groupPriorityMinimum": 1, "version": "v1", "versionPriority": 1 },
            "status": { "conditions": [{ "type": "Available", "status": "True", "lastTransitionTime": "9999-12-31T23:59:59Z" }] },
        }))
        .unwrap();
        assert_eq!(service.0.unwrap().status, None);
        let pod: Guarded<Pod> =
            serde_json::from_value(json!({ "metadata": { "name": "p" }, "spec": 3 })).unwrap();
        assert_eq!(pod.0.unwrap_err().field, "spec");
    }
}
