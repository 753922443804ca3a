//! `kubectl.kubernetes.io/last-applied-configuration`, by which kubectl applied before servers did: from who applied so to who
//! applies by the server (Go: `managedfields/internal/lastapplied.go`, `lastappliedmanager.go` and
//! `lastappliedupdater.go`).

use std::sync::Arc;

use annex_structured_merge_diff::fieldpath::{ManagedFields, Set};
use annex_structured_merge_diff::merge::Conflicts;
use annex_structured_merge_diff::typed::{Duplicates, TypedValue};
use serde_json::{Map, Value};

use super::apply_error::ApplyError;
use super::field_manager::Inner;
use super::go_json::to_go_json;

/// The annotation is this manager's alone: who wants nothing of this calls itself otherwise.
pub(super) const KUBECTL: &str = "kubectl";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Bytes of all annotations of an object, keys and values.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

impl Inner {
    /// The conflicts that what kubectl applied last, by its annotation on `live`, does not explain. `None`: it explains all, so
    /// that there are none.
    pub(super) fn unexplained(&self, live: &TypedValue, conflicts: &Conflicts) -> Option<Conflicts> {
        let Some(explained) = self.last_applied_and_unchanged(live) else {
            return Some(conflicts.clone());
        };
        let mut left = ManagedFields::new();
        for (manager, fields) in conflicts.managers() {
            let mut fields = fields.clone();
            fields.set = std::mem::take(&mut fields.set).difference(&explained);
            if !fields.set.is_empty() {
                left.insert(manager.clone(), fields);
            }
        }
        (!left.is_empty()).then(|| Conflicts::from_managers(left))
    }

    // The fields that kubectl applied last and that are as it applied them; `None` where that is not known.
    fn last_applied_and_unchanged(&self, live: &TypedValue) -> Option<Set> {
        let annotation = annotations(live.as_value())?.get(LAST_APPLIED)?.as_str()?;
        live.validate(Duplicates::Refuse).ok()?;
        let last: Value = serde_json::from_str(annotation).ok()?;
        let has = |field: &str, text: &str| last.get(field).and_then(Value::as_str) == Some(text);
        if !has("apiVersion", &self.version) || !has("kind", &self.kind) {
            return None;
        }
        let last = self.parseable.typed(last, Duplicates::Refuse).ok()?;
        let fields = last.to_field_set().ok()?;
        let compared = last.compare(live).ok()?;
        let different = [&compared.modified, &compared.added, &compared.removed];
        Some(
            different
                .iter()
                .fold(fields, |fields, set| fields.difference(set)),
        )
    }
}

/// `object`, its annotation, where it has one, in step with the configuration that was applied.
///
/// # Errors
/// Where the configuration has no JSON.
pub(super) fn refresh(object: Arc<Value>, config: &Value) -> Result<Arc<Value>, ApplyError> {
    let there = annotations(&object).and_then(|annotations| annotations.get(LAST_APPLIED));
    if there.and_then(Value::as_str).is_none_or(str::is_empty) {
        return Ok(object);
    }
    let annotation = written(config).map_err(ApplyError::LastApplied)?;
    let mut object = Arc::unwrap_or_clone(object);
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations.insert(LAST_APPLIED.to_owned(), annotation.into());
        let size = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
        // Too large, it would make the object invalid: kubectl goes on without.
        if annotations.iter().map(size).sum::<usize>() > ANNOTATIONS_LIMIT {
            annotations.remove(LAST_APPLIED);
        }
    }
    Ok(Arc::new(object))
}

// The configuration without the annotation itself, as kubectl writes it.
fn written(config: &Value) -> Result<String, serde_json::Error> {
    let mut config = config.clone();
    let are_there = annotations(&config).is_some();
    if let Some(Value::Object(metadata)) = config.get_mut("metadata") {
        match metadata.get_mut("annotations") {
            Some(Value::Object(annotations)) if are_there => drop(annotations.remove(LAST_APPLIED)),
            _ => drop(metadata.remove("annotations")),
        }
    }
    Ok(to_go_json(&config)? + "\n")
}

// Where one is no text, Go sees none.
fn annotations(object: &Value) -> Option<&Map<String, Value>> {
    let annotations = object.get("metadata")?.get("annotations")?.as_object()?;
    annotations.values().all(Value::is_string).then_some(annotations)
}
