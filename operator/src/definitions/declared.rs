//! A definition as the API server has it, and what it says. Pure.

use annex_crds::v1alpha1::{AcceptedNames, AggregatedResourceDefinitionStatus, DefinitionCondition};
use annex_crds::{DELETE_OBJECTS_ANNOTATION, KEEP_OBJECTS_ANNOTATION, OBJECTS_FINALIZER};
use annex_schema::resource_definition::{Definition, DefinitionNames};
use jiff::Timestamp;
use kube::ResourceExt as _;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{size, watched::Watched};

/// The annotation by which groups of Kubernetes are approved: it is no part of the spec, and decides whether that is right.
const APPROVAL: &str = "api-approved.kubernetes.io";

/// What is known of a definition. Its schemas, which are most of it, are not kept.
#[derive(Clone, Debug)]
pub struct Declared {
    /// `PLURAL.GROUP`.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Of the spec.
    pub generation: i64,
    /// Of the object.
    pub resource_version: String,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// It is being deleted.
    pub deleting: bool,
    /// Its finalizers.
    pub finalizers: Vec<String>,
    /// Whether its server may delete its objects.
    pub may_delete_objects: bool,
    /// Whether its objects stay when it is deleted.
    pub keeps_objects: bool,
    /// The AggregatedServer that it names.
    pub server: String,
    /// What it says.
    pub said: Result<Said, Wrong>,
    /// What was told of it.
    pub status: AggregatedResourceDefinitionStatus,
    approval: Option<String>,
}

/// What a definition says that is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The group.
    pub group: String,
    /// The names that it asks for.
    pub names: AcceptedNames,
    /// The versions that are served.
    pub served: Vec<String>,
    /// The version that objects are stored in.
    pub storage: String,
}

/// What is wrong with a definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    /// With its schemas.
    pub schema: Vec<String>,
    /// With all else.
    pub others: Vec<String>,
}

impl Declared {
    /// What is known of `object`. `before` is what was known of it, whose judgement is taken over where nothing has changed.
    #[must_use]
    pub fn of(object: Watched, before: Option<&Self>) -> Self {
        let metadata = &object.metadata;
        let uid = metadata.uid.clone().unwrap_or_default();
        let generation = metadata.generation.unwrap_or(0);
        let approval = object.annotations().get(APPROVAL).cloned();
        let same = before.filter(|before| {
            (&before.uid, before.generation, &before.approval) == (&uid, generation, &approval)
        });
        let allowed = object.annotations().get(DELETE_OBJECTS_ANNOTATION);
        Self {
            name: object.name_any(),
            generation,
            resource_version: metadata.resource_version.clone().unwrap_or_default(),
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            deleting: metadata.deletion_timestamp.is_some(),
            finalizers: metadata.finalizers.clone().unwrap_or_default(),
            may_delete_objects: allowed == Some(&uid),
            keeps_objects: object.annotations().contains_key(KEEP_OBJECTS_ANNOTATION),
            server: server(object.spec.as_deref()),
            said: same.map_or_else(|| said(&object), |before| before.said.clone()),
            // One that does not decode is written anew.
            status: status(object.status.as_deref()),
            uid,
            approval,
        }
    }

    /// The group, also of one that is wrong: what it was served by stands.
    #[must_use]
    pub fn group(&self) -> &str {
        match &self.said {
            Ok(said) => &said.group,
            Err(_) => self.name.split_once('.').map_or("", |(_, group)| group),
        }
    }

    /// Whether status says so of it.
    #[must_use]
    pub fn is(&self, condition: DefinitionCondition) -> bool {
        let mut conditions = self.status.conditions.iter();
        conditions.any(|it| it.type_ == condition.as_str() && it.status == "True")
    }

    /// Whether it is kept until its objects are deleted.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.finalizers.iter().any(|name| name == OBJECTS_FINALIZER)
    }
}

fn server(spec: Option<&RawValue>) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Spec {
        server: String,
    }
    let spec = spec.map(|spec| serde_json::from_str::<Spec>(spec.get()));
    spec.and_then(Result::ok).unwrap_or_default().server
}

fn status(status: Option<&RawValue>) -> AggregatedResourceDefinitionStatus {
    let status = status.map(RawValue::get);
    let status = status.filter(|status| size::too_large("status", status).is_none());
    let status = status.map(serde_json::from_str);
    status.and_then(Result::ok).unwrap_or_default()
}

/// What the definition in `object` says.
fn said(object: &Watched) -> Result<Said, Wrong> {
    let spec = object.spec.as_deref().map_or("null", RawValue::get);
    let wrong = |words: String| Wrong {
        others: vec![words],
        ..Wrong::default()
    };
    if let Some(error) = size::too_large("spec", spec) {
        return Err(wrong(error.to_string()));
    }
    let spec: Value = serde_json::from_str(spec).map_err(|error| wrong(format!("spec: {error}")))?;
    judge(json!({
        "kind": "AggregatedResourceDefinition",
        "apiVersion": "annex.dev/v1alpha1",
        "metadata": { "name": object.name_any(), "annotations": object.annotations() },
        "spec": spec,
    }))
}

/// What a document says, or everything that is wrong with it.
///
/// # Errors
/// What is wrong.
pub fn judge(document: Value) -> Result<Said, Wrong> {
    let definition = Definition::decode(document).map_err(|error| Wrong {
        others: vec![error.to_string()],
        ..Wrong::default()
    })?;
    let mut errors = definition.validate();
    errors.extend(definition.unbuilt());
    if !errors.is_empty() {
        let (schema, others): (Vec<_>, Vec<_>) = errors
            .into_iter()
            .partition(|error| error.field.contains("openAPIV3Schema"));
        let texts =
            |errors: Vec<annex_schema::field::Error>| errors.iter().map(ToString::to_string).collect();
        return Err(Wrong {
            schema: texts(schema),
            others: texts(others),
        });
    }
    let spec = definition.spec;
    let served = spec.versions.iter().filter(|version| version.served);
    let storage = spec.versions.iter().find(|version| version.storage);
    Ok(Said {
        served: served.map(|version| version.name.clone()).collect(),
        storage: storage.map(|version| version.name.clone()).unwrap_or_default(),
        names: names(spec.names),
        group: spec.group,
    })
}

fn names(names: DefinitionNames) -> AcceptedNames {
    AcceptedNames {
        plural: names.plural,
        singular: names.singular,
        short_names: names.short_names,
        kind: names.kind,
        list_kind: names.list_kind,
        categories: names.categories,
    }
}
