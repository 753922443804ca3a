//! An AdmissionReview of an AggregatedResourceDefinition -> its answer. Pure.

use annex_crds::v1alpha1::AggregatedResourceDefinitionStatus;
use annex_schema::field::Error;
use annex_schema::resource_definition::Definition;
use serde_json::{Value, json};

/// The kind and group of definitions, as a Status names them.
const KIND: &str = "AggregatedResourceDefinition";
const GROUP: &str = "annex.dev";
/// Errors that are told at most.
const MOST_ERRORS: usize = 100;

/// The answer to `review`; `None`: it is none.
#[must_use]
pub fn answer(review: &Value) -> Option<Value> {
    let request = review.get("request")?;
    let uid = request.get("uid")?.as_str()?;
    let mut response = json!({ "uid": uid, "allowed": true });
    if let Some(status) = refuse(request) {
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
fn refuse(request: &Value) -> Option<Value> {
    let (object, old) = (&request["object"], &request["oldObject"]);
    // What is being deleted is let go, whatever it says.
    if !object.is_object() || !object["metadata"]["deletionTimestamp"].is_null() {
        return None;
    }
    let is_update = old.is_object();
    if is_update && object["spec"] == old["spec"] && annotations(object) == annotations(old) {
        return None;
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let definition = match Definition::decode(object.clone()) {
        Ok(definition) => definition,
        Err(error) => return Some(bad_request(&error.to_string())),
    };
    let mut errors = match Definition::decode(old.clone()) {
        Ok(before) if is_update => {
            let status: AggregatedResourceDefinitionStatus =
                serde_json::from_value(old["status"].clone()).unwrap_or_default();
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

fn annotations(object: &Value) -> &Value {
    &object["metadata"]["annotations"]["api-approved.kubernetes.io"]
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
