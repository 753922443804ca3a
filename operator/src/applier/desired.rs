//! An object as it should be, made ready for comparison and for the wire.

use annex_crds::TRIAL_ANNOTATION;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use kube::core::{ApiResource, DynamicObject};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::error::ObjectName;
use super::{APPLIED_HASH, owner};

/// The length of the hash annotation: 128 bits of SHA-256, in hexadecimal.
const HASH_CHARS: usize = 32;

/// Fields of metadata that the server alone sets.
const SERVER_SET: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Why a value is no desired object. All are mistakes of the builder, not of a user.
#[derive(Debug, thiserror::Error)]
pub enum DesiredError {
    /// The typed object does not serialize.
    #[error("failed to serialize the desired object")]
    Serialize(#[source] serde_json::Error),
    /// It is not a JSON object with `apiVersion`, `kind` and `metadata.name`.
    #[error("desired object lacks {0}")]
    Incomplete(&'static str),
    /// It does not name the owner: it could be created, and would be foreign from then on.
    #[error("desired {object} carries no ownerReference to uid {owner_uid}")]
    NotOwned {
        /// The object.
        object: ObjectName,
        /// The owner that it should name.
        owner_uid: String,
    },
}

/// An object as its owner wants it: the fields to be applied and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    resource: ApiResource,
    object: Value,
    owner: OwnerReference,
    hash: String,
    timeless_hash: String,
    left: &'static [&'static [&'static str]],
}

impl Desired {
    /// Takes a typed object that names the owner with `owner_uid` in its ownerReferences.
    ///
    /// # Errors
    /// See [`DesiredError`].
    pub fn new<K>(object: &K, owner_uid: &str) -> Result<Self, DesiredError>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let value = serde_json::to_value(object).map_err(DesiredError::Serialize)?;
        Self::from_value(ApiResource::erase::<K>(&()), value, owner_uid)
    }

    /// The same for an object of any kind. `status`, nulls and metadata that the server sets are left out.
    ///
    /// # Errors
    /// See [`DesiredError`].
    pub fn from_value(
        resource: ApiResource,
        mut object: Value,
        owner_uid: &str,
    ) -> Result<Self, DesiredError> {
        strip(&mut object);
        for (pointer, name) in [
            ("/apiVersion", "apiVersion"),
            ("/kind", "kind"),
            ("/metadata/name", "metadata.name"),
        ] {
            if object
                .pointer(pointer)
                .and_then(Value::as_str)
                .is_none_or(str::is_empty)
            {
                return Err(DesiredError::Incomplete(name));
            }
        }
        if object
            .pointer("/metadata/annotations")
            .is_some_and(|annotations| !annotations.is_object())
        {
            return Err(DesiredError::Incomplete("annotations that are an object"));
        }
        let is_owner = |reference: &OwnerReference| !owner_uid.is_empty() && reference.uid == owner_uid;
        let Some(owner) = owner::references(&object).into_iter().find(is_owner) else {
            let owner_uid = owner_uid.to_owned();
            return Err(DesiredError::NotOwned {
                object: ObjectName::of(&object),
                owner_uid,
            });
        };
        let hash = digest(&object);
        let timeless_hash = timeless(&object).map_or_else(|| hash.clone(), |timeless| digest(&timeless));
        Ok(Self {
            resource,
            object,
            owner,
            hash,
            timeless_hash,
            left: &[],
        })
    }

    /// Names the fields, such as `["spec", "replicas"]`, that are others' where the object does not have them. Once it had
    /// them, and does no more, they keep their value: server-side apply alone would remove what Annex applied, and a field
    /// that the API gives a default would get that.
    #[must_use]
    pub const fn leaving(mut self, fields: &'static [&'static [&'static str]]) -> Self {
        self.left = fields;
        self
    }

    /// Those of the fields left to others that the object does not have.
    pub(super) fn left_to_others(&self) -> impl Iterator<Item = &'static [&'static str]> {
        let is_absent = |path: &&[&str]| {
            let field = path
                .iter()
                .try_fold(&self.object, |value, field| value.get(field));
            field.is_none()
        };
        self.left.iter().copied().filter(is_absent)
    }

    /// The object, without the hash annotation.
    #[must_use]
    pub const fn object(&self) -> &Value {
        &self.object
    }

    /// The kind as the API serves it.
    #[must_use]
    pub const fn resource(&self) -> &ApiResource {
        &self.resource
    }

    /// The owner that the object names.
    #[must_use]
    pub const fn owner(&self) -> &OwnerReference {
        &self.owner
    }

    /// Kind, namespace and name.
    #[must_use]
    pub fn name(&self) -> ObjectName {
        ObjectName::of(&self.object)
    }

    /// Differs where anything differs that is wanted.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The same for objects that differ in nothing but the time at which their trial began: to ask for another time is to ask for the
    /// same again.
    #[must_use]
    pub fn timeless_hash(&self) -> &str {
        &self.timeless_hash
    }

    /// Its `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.object["apiVersion"].as_str().unwrap_or_default()
    }

    /// The object with the hash annotation, as it is applied.
    pub(super) fn hashed(&self) -> Value {
        let mut object = self.object.clone();
        object["metadata"]["annotations"][APPLIED_HASH] = Value::String(self.hash.clone());
        object
    }

    pub(super) fn url_path(&self) -> String {
        url_path(&self.resource, self.object["metadata"]["namespace"].as_str())
    }
}

/// The path of a collection.
pub(super) fn url_path(resource: &ApiResource, namespace: Option<&str>) -> String {
    DynamicObject::url_path(resource, namespace)
}

/// The object with no time in the place of that of its trial; `None` where it is on none.
fn timeless(object: &Value) -> Option<Value> {
    let of_trial = &object["metadata"]["annotations"][TRIAL_ANNOTATION];
    (!of_trial.is_null()).then(|| {
        let mut timeless = object.clone();
        timeless["metadata"]["annotations"][TRIAL_ANNOTATION] = "".into();
        timeless
    })
}

fn strip(object: &mut Value) {
    drop_nulls(object);
    if let Some(top) = object.as_object_mut() {
        top.remove("status");
        if let Some(metadata) = top.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|field, _| !SERVER_SET.contains(&field.as_str()));
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove(APPLIED_HASH);
            }
        }
    }
}

/// The server owns a null like a value, but means by it what absence means.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A digest of `value`: equal for equal content, in whatever order its fields are.
#[must_use]
pub fn digest(value: &Value) -> String {
    let digest = Sha256::digest(canonical(value).to_string());
    let mut text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(HASH_CHARS);
    text
}

/// Keys sorted at every level, whichever map serde_json was built with.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(key, _)| key.as_str());
            Value::Object(
                sorted
                    .into_iter()
                    .map(|(key, field)| (key.clone(), canonical(field)))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    const OWNER: &str = "11111111-1111-1111-1111-111111111111";

    fn config_map(object: Value) -> Result<Desired, DesiredError> {
        Desired::from_value(ApiResource::erase::<ConfigMap>(&()), object, OWNER)
    }

    fn owned() -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "wardle-ca",
                "namespace": "wardle",
                "ownerReferences": [{ "apiVersion": "annex.dev/v1alpha1", "kind": "AggregatedServer", "name": "wardle", "uid": OWNER }],
            },
            "data": { "ca.crt": "PEM", "b": "2" },
        })
    }

    #[test]
    fn what_the_server_sets_is_left_out() {
        let mut object = owned();
        object["metadata"]["creationTimestamp"] = Value::Null;
        object["metadata"]["resourceVersion"] = json!("7");
        object["metadata"]["uid"] = json!("u");
        object["metadata"]["managedFields"] = json!([{}]);
        object["status"] = json!({ "replicas": 1 });
        let desired = config_map(object).expect("an owned object");
        assert_eq!(desired.object(), &owned());
    }

    #[test]
    fn the_hash_depends_on_content_alone() {
        let first = config_map(owned()).expect("an owned object");
        let reordered: Value = serde_json::from_str(
            &owned()
                .to_string()
                .replace(r#""b":"2","ca.crt":"PEM""#, r#""ca.crt":"PEM","b":"2""#),
        )
        .expect("JSON");
        assert_eq!(
            config_map(reordered).expect("an owned object").hash(),
            first.hash()
        );
        assert_eq!(first.hash().len(), HASH_CHARS);

        let mut annotated = owned();
        annotated["metadata"]["annotations"] = json!({ APPLIED_HASH: "stale" });
        annotated["data"]["b"] = json!("3");
        let changed = config_map(annotated).expect("an owned object");
        assert_ne!(changed.hash(), first.hash());
        assert_eq!(
            changed.hashed()["metadata"]["annotations"][APPLIED_HASH],
            changed.hash()
        );
    }

    #[test]
    fn another_time_of_a_trial_is_nothing_else_that_is_wanted() {
        let on_trial = |since: &str| {
            let mut object = owned();
            object["metadata"]["annotations"] = json!({ TRIAL_ANNOTATION: since });
            config_map(object).expect("an owned object")
        };
        let (first, second) = (on_trial("2027-01-01T12:00:00Z"), on_trial("2027-01-01T12:00:05Z"));
        assert_ne!(first.hash(), second.hash(), "it is applied");
        assert_eq!(first.timeless_hash(), second.timeless_hash());
        let registered = config_map(owned()).expect("an owned object");
        assert_eq!(registered.timeless_hash(), registered.hash());
        assert_ne!(registered.timeless_hash(), first.timeless_hash());
    }

    #[test]
    fn an_incomplete_or_unowned_object_is_refused() {
        let mut nameless = owned();
        nameless["metadata"]["name"] = json!("");
        assert!(matches!(
            config_map(nameless),
            Err(DesiredError::Incomplete("metadata.name"))
        ));
        let mut unowned = owned();
        unowned["metadata"]["ownerReferences"][0]["uid"] = json!("another");
        assert!(matches!(config_map(unowned), Err(DesiredError::NotOwned { .. })));
    }

    #[test]
    fn the_path_is_the_kinds_own() {
        assert_eq!(
            config_map(owned()).expect("an owned object").url_path(),
            "/api/v1/namespaces/wardle/configmaps"
        );
    }
}
