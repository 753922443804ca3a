//! `metadata`, typed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::object::Object;

/// The fields of `metav1.ObjectMeta` that rules are about; borrowed from the object.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
pub(in crate::registry) struct Metadata<'a> {
    pub(in crate::registry) name: Option<&'a str>,
    pub(in crate::registry) generate_name: Option<&'a str>,
    pub(in crate::registry) namespace: Option<&'a str>,
    pub(in crate::registry) uid: Option<&'a str>,
    pub(in crate::registry) resource_version: Option<&'a str>,
    pub(in crate::registry) generation: Option<i64>,
    pub(in crate::registry) deletion_timestamp: Option<&'a str>,
    pub(in crate::registry) deletion_grace_period_seconds: Option<i64>,
    pub(in crate::registry) labels: Option<BTreeMap<&'a str, &'a str>>,
    pub(in crate::registry) annotations: Option<BTreeMap<&'a str, &'a str>>,
    pub(in crate::registry) owner_references: Option<Vec<Owner<'a>>>,
    pub(in crate::registry) finalizers: Option<Vec<&'a str>>,
}

/// `metav1.OwnerReference`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
pub(in crate::registry) struct Owner<'a> {
    pub(in crate::registry) api_version: &'a str,
    pub(in crate::registry) kind: &'a str,
    pub(in crate::registry) name: &'a str,
    pub(in crate::registry) uid: &'a str,
    pub(in crate::registry) controller: Option<bool>,
}

impl<'a> Metadata<'a> {
    /// The metadata of `object`; of an object without any: nothing.
    ///
    /// # Errors
    /// A field has another type than ObjectMeta's.
    pub(in crate::registry) fn read(object: &'a Object) -> Result<Self, String> {
        match object.0.get("metadata") {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(value) => Self::deserialize(value).map_err(|error| format!("metadata: {error}")),
        }
    }

    pub(in crate::registry) fn finalizers(&self) -> &[&'a str] {
        self.finalizers.as_deref().unwrap_or_default()
    }

    pub(in crate::registry) fn is_in_deletion(&self) -> bool {
        self.deletion_timestamp.is_some()
    }
}
