//! What Kubernetes' field managers make of writes to objects of random kinds, against what these make of them.
//! `e2e/go/managed-fields` makes the data; `ANNEX_MANAGED_FIELDS_FACTS=FILE` takes other data than what is kept here.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use annex_structured_merge_diff::fieldpath::{ApiVersion, Filter, Path, Set};
use annex_structured_merge_diff::merge::ConversionError;
use annex_structured_merge_diff::typed::ParseableType;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::{FieldManager, FieldManagerOptions, ObjectConverter, Types, types};
use super::wardle;
use crate::object::Object;

#[derive(Deserialize)]
struct Kind {
    kind: String,
    typed: bool,
    deduced: bool,
    schemas: BTreeMap<String, Value>,
    resets: BTreeMap<String, Option<Vec<Vec<String>>>>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    version: String,
    subresource: String,
    apply: bool,
    force: bool,
    manager: String,
    now: String,
    live: Option<Map<String, Value>>,
    object: Map<String, Value>,
    result: Option<Value>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: u16,
    #[serde(default)]
    reason: String,
    message: Option<String>,
    #[serde(default)]
    causes: Vec<String>,
}

fn kinds() -> Vec<Kind> {
    let mut text = String::new();
    match std::env::var("ANNEX_MANAGED_FIELDS_FACTS") {
        Ok(file) => text = std::fs::read_to_string(file).expect("the file"),
        Err(_) => {
            let kept = &include_bytes!("oracle.json.gz")[..];
            GzDecoder::new(kept).read_to_string(&mut text).expect("text");
        }
    }
    text.lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

// What each version calls one field of spec.
const SIZES: [(&str, &str); 3] = [
    ("example.com/v1", "size"),
    ("example.com/v2", "amount"),
    ("example.com/v3", "scale"),
];

struct Renaming;

impl ObjectConverter for Renaming {
    fn convert(&self, mut object: Object, api_version: &str) -> Result<Object, ConversionError> {
        let name = |version: &str| {
            SIZES
                .iter()
                .find(|(known, _)| *known == version)
                .map(|(_, name)| *name)
        };
        let (Some(from), Some(to)) = (name(object.api_version()), name(api_version)) else {
            return Err(ConversionError::MissingVersion(api_version.to_owned()));
        };
        if let Some(Value::Object(spec)) = object.0.get_mut("spec")
            && let Some(size) = spec.remove(from)
        {
            spec.insert(to.to_owned(), size);
        }
        object.0.insert("apiVersion".into(), api_version.into());
        Ok(object)
    }
}

impl Kind {
    fn types(&self) -> Types {
        let parseable = |schema: &Value| {
            if self.deduced {
                ParseableType::deduced()
            } else {
                types::parseable_type(schema).unwrap()
            }
        };
        let types = self.schemas.iter();
        Arc::new(
            types
                .map(|(version, schema)| (version.clone(), parseable(schema)))
                .collect(),
        )
    }

    fn manager(&self, types: &Types, version: &str, subresource: &str) -> FieldManager {
        let paths: Vec<Path> = self.resets[subresource]
            .iter()
            .flatten()
            .map(|path| Path::new(path.iter().map(|name| &**name)))
            .collect();
        let filter = Filter::Exclude(Set::from_paths(&paths).unwrap());
        let reset_fields = self
            .schemas
            .keys()
            .map(|version| (ApiVersion::from(&**version), filter.clone()));
        let converter: Arc<dyn ObjectConverter> = if self.typed {
            Arc::new(wardle::Flunders)
        } else {
            Arc::new(Renaming)
        };
        let empty = if self.typed {
            json!({"metadata": {}, "spec": {}, "status": {}})
        } else {
            json!({})
        };
        FieldManager::new(FieldManagerOptions {
            kind: self.kind.clone(),
            api_version: version.to_owned(),
            subresource: subresource.to_owned(),
            types: types.clone(),
            converter,
            reset_fields: reset_fields.collect(),
            empty: serde_json::from_value::<Map<_, _>>(empty).map(Object).unwrap(),
        })
        .unwrap()
    }
}

#[test]
fn writes_come_to_what_they_come_to_in_kubernetes() {
    let (mut steps, mut different) = (0, 0);
    for (number, kind) in kinds().iter().enumerate() {
        let types = kind.types();
        for (index, step) in kind.steps.iter().enumerate() {
            let manager = kind.manager(&types, &step.version, &step.subresource);
            let live = step.live.clone().map(Object);
            let object = Object(step.object.clone());
            let result = if step.apply {
                manager.apply(live.as_ref(), object, &step.manager, step.force, &step.now)
            } else {
                // A client's object is decoded before.
                let object = if kind.typed {
                    wardle::decoded(object)
                } else {
                    object
                };
                Ok(manager.update(live.as_ref(), object, &step.manager, &step.now))
            };
            let result = result.map_err(super::super::ApplyError::into_api_error);
            steps += 1;
            if let Some(difference) = difference(kind, step, result) {
                different += 1;
                if different <= 3 {
                    println!("kind {number}, step {index}: {difference}");
                }
            }
        }
    }
    println!("{steps} steps");
    assert!(steps > 0);
    assert_eq!(different, 0, "of {steps} steps");
}

fn difference(kind: &Kind, step: &Step, result: Result<Object, crate::status::ApiError>) -> Option<String> {
    match (result, &step.result, &step.error) {
        (Ok(object), Some(expected), _) => {
            let object = if kind.typed {
                wardle::decoded(object)
            } else {
                object
            };
            let found = Value::Object(object.0);
            (found != *expected).then(|| format!("found\n{found}\nexpected\n{expected}"))
        }
        (Err(error), None, Some(expected)) => {
            let status = error.status();
            let mut causes: Vec<_> = status
                .details
                .iter()
                .flat_map(|details| &details.causes)
                .map(|cause| format!("{}|{}|{}", cause.reason, cause.message, cause.field))
                .collect();
            causes.sort();
            let message = expected.message.as_ref().unwrap_or(&status.message);
            let is_same = status.code == expected.code
                && status.reason == expected.reason
                && status.message == *message
                && causes == expected.causes;
            (!is_same).then(|| {
                format!(
                    "found\n{status:?}\nexpected\n{} {} {message:?} {:?}",
                    expected.code, expected.reason, expected.causes
                )
            })
        }
        (found, _, _) => Some(format!(
            "found\n{found:?}\nexpected\n{:?} {:?}",
            step.result,
            step.error.as_ref().map(|error| &error.message)
        )),
    }
}
