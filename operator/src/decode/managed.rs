//! An object, and what one manager's applies own of it, or, where it has applied nothing, who has written it: the rest of
//! `managedFields` is not kept.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::{Resource, core::ObjectMeta};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};
use serde_json::value::RawValue;

use super::metadata::{Fields, fields};

/// The entry of Annex' own applies among an object's `managedFields`, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnEntry {
    /// The version that its fields are of.
    pub api_version: Box<str>,
    /// `fieldsV1`, as JSON.
    pub fields: Box<str>,
}

/// How many managers of an object of somebody else are kept.
const MANAGERS: usize = 8;

/// An object that decodes as `T`, which drops `managedFields`, with the entry of our own.
#[derive(Clone, Debug)]
pub struct Managed<T> {
    /// The object.
    pub object: T,
    /// What we have applied to it, where we have.
    pub own: Option<OwnEntry>,
    /// The names of those who have written it, where we have not.
    pub managers: Vec<String>,
}

impl<T: Resource> Managed<T> {
    /// The same with the names of its managers in `managedFields`, for who has to say whose it is.
    #[must_use]
    pub fn with_managers(mut self) -> Self {
        let entry = |manager: &String| ManagedFieldsEntry {
            manager: Some(manager.clone()),
            ..ManagedFieldsEntry::default()
        };
        let entries: Vec<_> = self.managers.iter().map(entry).collect();
        self.object.meta_mut().managed_fields = (!entries.is_empty()).then_some(entries);
        self
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Managed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let entries = entries(&raw).unwrap_or_default();
        let own = own_entry(&entries);
        Ok(Self {
            object: serde_json::from_str(raw.get()).map_err(D::Error::custom)?,
            managers: if own.is_none() {
                managers(&entries)
            } else {
                Vec::new()
            },
            own,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    manager: String,
    operation: String,
    api_version: Box<str>,
    #[serde(default)]
    subresource: String,
    #[serde(rename = "fieldsV1")]
    fields: Box<RawValue>,
}

/// Entries are looked at one by one: clients write them as they like.
fn entries(object: &RawValue) -> Option<Vec<Entry>> {
    let below = |parent: &RawValue, name: &str| -> Option<Box<RawValue>> {
        let mut fields: Fields = fields(parent).ok()?;
        fields.remove(name)
    };
    let entries = below(&below(object, "metadata")?, "managedFields")?;
    let entries: Vec<Box<RawValue>> = serde_json::from_str(entries.get()).ok()?;
    let entries = entries.iter();
    let entries = entries.filter_map(|entry| serde_json::from_str::<Entry>(entry.get()).ok());
    Some(entries.filter(|entry| entry.subresource.is_empty()).collect())
}

fn own_entry(entries: &[Entry]) -> Option<OwnEntry> {
    let mut entries = entries.iter();
    let own = entries.find(|entry| entry.manager == annex_crds::MANAGER && entry.operation == "Apply")?;
    Some(OwnEntry {
        api_version: own.api_version.clone(),
        fields: own.fields.get().into(),
    })
}

fn managers(entries: &[Entry]) -> Vec<String> {
    let others = entries.iter().map(|entry| entry.manager.clone());
    others.take(MANAGERS).collect()
}

impl<T: Resource> Resource for Managed<T> {
    type DynamicType = T::DynamicType;
    type Scope = T::Scope;

    fn metadata_api() -> bool {
        T::metadata_api()
    }

    fn kind(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        T::kind(dynamic)
    }

    fn group(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        T::group(dynamic)
    }

    fn version(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        T::version(dynamic)
    }

    fn plural(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        T::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        self.object.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.object.meta_mut()
    }
}

#[cfg(test)]
mod tests {
    use kube::{ResourceExt as _, core::ObjectList};

    use super::*;
    use crate::decode::ObjectMetadata;

    #[test]
    fn our_entry_is_kept_and_what_others_write_fails_no_list() {
        let deep = format!("{}1{}", r#"{"f:a":"#.repeat(400), "}".repeat(400));
        let own =
            r#"{"manager":"annex-operator","operation":"Apply","apiVersion":"v1","fieldsV1":{"f:data":{}}}"#;
        let list = format!(
            r#"{{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": {{}}, "items": [
                {{"metadata": {{"name": "a", "managedFields": [
                    {{"manager": "x", "time": "9999-12-31T23:59:59Z", "fieldsV1": {deep}}}, 7,
                    {{"manager": "annex-operator", "operation": "Update", "apiVersion": "v1", "fieldsV1": {{}}}},
                    {{"manager": "annex-operator", "operation": "Apply", "apiVersion": "v1", "subresource": "status", "fieldsV1": {{}}}},
                    {own}]}}}},
                {{"metadata": {{"name": "b", "managedFields": 3}}}},
                {{"metadata": {{"name": "c"}}}},
                {{}}
            ]}}"#
        );
        let list: ObjectList<Managed<ObjectMetadata>> = serde_json::from_str(&list).unwrap();
        let names: Vec<String> = list.items.iter().map(|object| object.name_any()).collect();
        assert_eq!(names, ["a", "b", "c", ""]);
        let own = list.items[0].own.as_ref().unwrap();
        assert_eq!((&*own.api_version, &*own.fields), ("v1", r#"{"f:data":{}}"#));
        assert!(list.items[1..].iter().all(|object| object.own.is_none()));
        assert!(list.items.iter().all(|object| object.managers.is_empty()));
    }

    #[test]
    fn of_what_is_not_ours_the_writers_are_known() {
        let object = r#"{"metadata": {"name": "a", "managedFields": [
            {"manager": "kubectl", "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:spec": {}}},
            {"manager": "kube-apiserver", "operation": "Update", "apiVersion": "v1", "subresource": "status", "fieldsV1": {}}]}}"#;
        let object: Managed<ObjectMetadata> = serde_json::from_str(object).unwrap();
        assert_eq!(object.managers, ["kubectl"]);
        let named = object.with_managers().object;
        let entries = named.meta().managed_fields.as_deref().unwrap();
        assert_eq!(entries[0].manager.as_deref(), Some("kubectl"));
        assert_eq!((entries.len(), &entries[0].fields_v1), (1, &None));
    }
}
