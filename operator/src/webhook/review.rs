//! An AdmissionReview of an AggregatedResourceDefinition -> its answer. Pure.

use annex_crds::v1alpha1::AggregatedResourceDefinitionStatus;
use annex_schema::field::Error;
use annex_schema::resource_definition::Definition;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json, value::RawValue};

use crate::definitions::size;

/// The kind and group of definitions, as a Status names them.
const KIND: &str = "AggregatedResourceDefinition";
const GROUP: &str = "annex.dev";
/// The annotation by which groups of Kubernetes are approved.
const APPROVAL: &str = "api-approved.kubernetes.io";
/// Errors that are told at most.
const MOST_ERRORS: usize = 100;

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Asked<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    uid: String,
    #[serde(borrow, default)]
    object: Option<Object<'a>>,
    #[serde(borrow, default)]
    old_object: Option<Object<'a>>,
}

/// A definition, of which that is not parsed whose size nobody knows.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(default)]
    metadata: Metadata,
    #[serde(borrow, default)]
    spec: Option<&'a RawValue>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: String,
    deletion_timestamp: Option<IgnoredAny>,
    annotations: Option<Annotations>,
}

#[derive(Clone, Default, PartialEq, Deserialize)]
struct Annotations {
    #[serde(rename = "api-approved.kubernetes.io")]
    approval: Option<String>,
}

impl Object<'_> {
    fn spec(&self) -> &str {
        self.spec.map_or("null", RawValue::get)
    }

    fn approval(&self) -> Option<&str> {
        self.metadata.annotations.as_ref()?.approval.as_deref()
    }

    /// What it says; `None`: its spec is larger than one that is looked at, or no JSON that a parser takes.
    fn document(&self) -> Option<Value> {
        let mut document = json!({ "metadata": { "name": self.metadata.name } });
        if let Some(approval) = self.approval() {
            document["metadata"]["annotations"] = json!({ APPROVAL: approval });
        }
        document["spec"] = match size::too_large("spec", self.spec()) {
            Some(_) => return None,
            None => serde_json::from_str(self.spec()).ok()?,
        };
        Some(document)
    }

    fn status(&self) -> AggregatedResourceDefinitionStatus {
        let status = self.status.map_or("null", RawValue::get);
        match size::too_large("status", status) {
            Some(_) => AggregatedResourceDefinitionStatus::default(),
            None => serde_json::from_str(status).unwrap_or_default(),
        }
    }
}

/// The answer to `review`; `None`: it is none.
#[must_use]
pub fn answer(review: &[u8]) -> Option<Value> {
    let Review { request } = serde_json::from_slice(review).ok()?;
    let mut response = json!({ "uid": request.uid, "allowed": true });
    if let Some(status) = refuse(&request) {
        response["allowed"] = false.into();
        response["status"] = status;
    }
    Some(json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": response,
    }))
}

/// The Status that refuses a request.
fn refuse(request: &Asked<'_>) -> Option<Value> {
    let object = request.object.as_ref()?;
    // What is being deleted is let go, whatever it says.
    if object.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let old = request.old_object.as_ref();
    let same_approval = old.filter(|old| old.approval() == object.approval());
    if same_approval.is_some_and(|old| old.spec() == object.spec()) {
        return None;
    }
    let name = object.metadata.name.as_str();
    if let Some(error) = size::too_large("spec", object.spec()) {
        return Some(invalid(name, &[error]));
    }
    let Some(document) = object.document() else {
        return Some(bad_request("its spec cannot be parsed"));
    };
    let before = old.and_then(Object::document);
    if same_approval.is_some() && before.as_ref() == Some(&document) {
        return None;
    }
    let definition = match Definition::decode(document) {
        Ok(definition) => definition,
        Err(error) => return Some(bad_request(&error.to_string())),
    };
    let mut errors = match (old, before.map(Definition::decode)) {
        (Some(old), Some(Ok(before))) => {
            let status = old.status();
            let mut conditions = status.conditions.iter();
            let established =
                conditions.any(|condition| condition.type_ == "Established" && condition.status == "True");
            definition.validate_update(&before, established, &status.stored_versions)
        }
        _ => definition.validate(),
    };
    errors.extend(definition.unbuilt());
    (!errors.is_empty()).then(|| invalid(name, &errors))
}

/// As the kube-apiserver answers what it cannot decode.
fn bad_request(why: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "reason": "BadRequest", "code": 400,
        "message": format!("{KIND} in version \"v1alpha1\" cannot be handled as a {KIND}: {why}"),
    })
}

/// `NewInvalid` of apimachinery's `api/errors`: each error once, and as a cause.
fn invalid(name: &str, errors: &[Error]) -> Value {
    let mut texts: Vec<String> = Vec::new();
    for error in errors.iter().take(MOST_ERRORS) {
        let text = error.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    let all = match texts.as_slice() {
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    let causes: Vec<Value> = errors
        .iter()
        .take(MOST_ERRORS)
        .map(|error| json!({ "reason": error.kind.reason(), "message": error.body(), "field": error.field }))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "reason": "Invalid", "code": 422,
        "message": format!("{KIND}.{GROUP} {name:?} is invalid: {all}"),
        "details": { "name": name, "group": GROUP, "kind": KIND, "causes": causes },
    })
}
