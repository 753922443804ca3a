//! A definition of a document of JSON.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::spec::{DefinitionSpec, WEBHOOK};
use super::validate::{validate, validate_update};
use crate::field::{Error, ErrorKind};

/// A definition of a resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definition {
    /// Its name: `PLURAL.GROUP`.
    pub name: String,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The AggregatedServer that serves it; a CustomResourceDefinition names none.
    pub server: Option<String>,
    /// What it says, with its defaults.
    pub spec: DefinitionSpec,
}

/// A definition is not as its type has it.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {path}: {reason}")]
pub struct TypeError {
    /// The definition's name.
    pub name: String,
    /// Where.
    pub path: String,
    /// What is there.
    pub reason: String,
}

impl Definition {
    /// What is wrong with it, in the words that the kube-apiserver has for a CustomResourceDefinition.
    #[must_use]
    pub fn validate(&self) -> Vec<Error> {
        validate(self)
    }

    /// What is wrong with it in the place of `old`, which clients have seen where it is `established`, and whose objects may be stored in
    /// `stored_versions`. A schema that was wrong before is not let pass, as Kubernetes does: none was taken that was.
    #[must_use]
    pub fn validate_update(&self, old: &Self, established: bool, stored_versions: &[String]) -> Vec<Error> {
        validate_update(self, old, established, stored_versions)
    }

    /// What it asks for that is not built: it is refused, and not ignored.
    #[must_use]
    pub fn unbuilt(&self) -> Vec<Error> {
        let conversion = self.spec.conversion.iter();
        let webhooks = conversion.filter(|conversion| conversion.strategy == WEBHOOK);
        let of_webhook = |_| Error {
            kind: ErrorKind::NotSupported,
            field: "spec.conversion.strategy".to_owned(),
            value: WEBHOOK.into(),
            detail: "conversion by a webhook is not built yet".to_owned(),
        };
        webhooks.map(of_webhook).collect()
    }

    /// Whether a document is a definition.
    #[must_use]
    pub fn is_one(document: &Value) -> bool {
        let text = |field: &str| document[field].as_str().unwrap_or_default();
        match text("kind") {
            "CustomResourceDefinition" => text("apiVersion") == "apiextensions.k8s.io/v1",
            "AggregatedResourceDefinition" => text("apiVersion") == "annex.dev/v1alpha1",
            _ => false,
        }
    }

    /// The definition that a document says, with its defaults.
    ///
    /// # Errors
    /// A field has another type than the definition's.
    pub fn decode(mut document: Value) -> Result<Self, TypeError> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Metadata {
            name: String,
            annotations: BTreeMap<String, String>,
        }
        let name = document["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        without_nulls(&mut document);
        let server = document["spec"]["server"].as_str().map(ToOwned::to_owned);
        let metadata: Metadata = field(&name, &mut document, "metadata")?;
        let mut spec: DefinitionSpec = field(&name, &mut document, "spec")?;
        spec.set_defaults();
        Ok(Self {
            name: metadata.name,
            annotations: metadata.annotations,
            server,
            spec,
        })
    }
}

/// A field of a document, typed.
fn field<T: Default + for<'de> Deserialize<'de>>(
    name: &str,
    document: &mut Value,
    field: &str,
) -> Result<T, TypeError> {
    let value = document[field].take();
    if value.is_null() {
        return Ok(T::default());
    }
    serde_path_to_error::deserialize(value).map_err(|error| TypeError {
        name: name.to_owned(),
        path: match error.path().to_string().as_str() {
            "." => field.to_owned(),
            path => format!("{field}.{path}"),
        },
        reason: error.into_inner().to_string(),
    })
}

/// A null stands for nothing, as in Go. In schemas it may be a default.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            let outside = fields.iter_mut().filter(|(name, _)| *name != "openAPIV3Schema");
            outside.for_each(|(_, value)| without_nulls(value));
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
