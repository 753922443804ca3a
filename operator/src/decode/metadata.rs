//! `metadata` of any object: what decodes of it.

use std::{borrow::Cow, collections::BTreeMap};

use kube::{
    Resource,
    api::{ApiResource, DynamicObject},
    core::ObjectMeta,
};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

/// The fields of an object, each as it was sent.
pub(super) type Fields = BTreeMap<String, Box<RawValue>>;

/// Reads the fields of an object. A raw value is skipped without recursion, so that no depth fails it.
pub(super) fn fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
    let object = Box::<RawValue>::deserialize(deserializer)?;
    serde_json::from_str(object.get()).map_err(D::Error::custom)
}

/// The metadata among `fields`, without what does not decode, and without `managedFields`: clients write them as they
/// like, and nothing here reads them.
pub(super) fn object_meta(fields: &Fields) -> ObjectMeta {
    let metadata: Fields = fields
        .get("metadata")
        .and_then(|metadata| serde_json::from_str(metadata.get()).ok())
        .unwrap_or_default();
    let mut decodable = Map::new();
    for (name, raw) in metadata {
        let Ok(value) = serde_json::from_str::<Value>(raw.get()) else {
            continue;
        };
        let alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        if name != "managedFields" && serde_json::from_value::<ObjectMeta>(alone).is_ok() {
            decodable.insert(name, value);
        }
    }
    serde_json::from_value(Value::Object(decodable)).unwrap_or_default()
}

/// The same as JSON.
pub(super) fn raw_object_meta(metadata: &ObjectMeta) -> Result<Box<RawValue>, serde_json::Error> {
    to_raw_value(metadata)
}

/// An object of any kind, of which nothing but the metadata is asked for and kept (`PartialObjectMetadata`).
#[derive(Clone, Debug, Default)]
pub struct ObjectMetadata {
    metadata: ObjectMeta,
}

impl<'de> Deserialize<'de> for ObjectMetadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let metadata = object_meta(&fields(deserializer)?);
        Ok(Self { metadata })
    }
}

impl Resource for ObjectMetadata {
    type DynamicType = ApiResource;
    type Scope = <DynamicObject as Resource>::Scope;

    fn metadata_api() -> bool {
        true
    }

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        DynamicObject::kind(resource)
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        DynamicObject::group(resource)
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        DynamicObject::version(resource)
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        DynamicObject::plural(resource)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use kube::{ResourceExt as _, core::ObjectList};

    use super::ObjectMetadata;

    #[test]
    fn metadata_that_nobody_can_decode_fail_no_list() {
        let deep = format!("{}1{}", r#"{"f:a":"#.repeat(400), "}".repeat(400));
        let list = format!(
            r#"{{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": {{}}, "items": [
                {{"metadata": {{"name": "a", "managedFields": [{{"time": "9999-12-31T23:59:59Z"}}]}}}},
                {{"metadata": {{"name": "b", "managedFields": [{{"fieldsV1": {deep}}}]}}}},
                {{"metadata": {{"name": "c", "creationTimestamp": "9999-12-31T23:59:59Z", "labels": {{"x": "y"}}}}}},
                {{"metadata": {{"name": "d", "labels": 3}}, "spec": {deep}}},
                {{}}
            ]}}"#
        );
        let list: ObjectList<ObjectMetadata> = serde_json::from_str(&list).unwrap();
        let names: Vec<String> = list.items.iter().map(|object| object.name_any()).collect();
        assert_eq!(names, ["a", "b", "c", "d", ""]);
        assert_eq!(list.items[2].labels()["x"], "y");
        assert_eq!(list.items[2].creation_timestamp(), None);
    }
}
