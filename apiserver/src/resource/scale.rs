//! The scale subresource: a `Scale` of autoscaling/v1 as a view of an object. Go: `ScaleREST` of apiextensions
//! (`registry/customresource/etcd.go`) and the scale rules of its `validator.go`.

use std::sync::{Arc, LazyLock};

use k8s_openapi::api::autoscaling::v1::Scale;
use serde_json::{Map, Value, json};

use super::subresource::{ScalePathError, integer_at, set_integer, text_at};
use super::{
    CREATED_DESCRIPTION, Column, ConversionError, Hub, Names, Policy, Resource, ScalePaths, Scope, Strategy,
    Subresources, Version,
};
use crate::object::Object;
use crate::schema::Schema;
use crate::status::{ApiError, FieldError};

/// What stands for replicas that the object does not say: the smallest `int32`.
const UNSET: i64 = i32::MIN as i64;

/// The one version of a Scale.
const SCALE_VERSION: &str = "v1";

/// What a Scale is: autoscaling/v1, with the columns that `kubectl get --subresource=scale` shows.
pub(crate) static SCALE_RESOURCE: LazyLock<Resource> = LazyLock::new(|| {
    let column = |name: &str, path: &str, description: &str| Column {
        name: name.into(),
        type_: "integer".into(),
        format: String::new(),
        description: description.into(),
        priority: 0,
        json_path: path.into(),
    };
    Resource {
        group: "autoscaling".into(),
        names: Names {
            plural: "scales".into(),
            singular: "scale".into(),
            kind: "Scale".into(),
            list_kind: "ScaleList".into(),
            ..Names::default()
        },
        scope: Scope::Namespaced,
        versions: vec![Version {
            name: SCALE_VERSION.into(),
            schema: Arc::new(Schema::of::<Scale>(SCALE_VERSION)),
            columns: vec![
                column("Desired", ".spec.replicas", "Number of desired replicas"),
                column("Available", ".status.replicas", "Number of actual replicas"),
            ],
            selectable_fields: Vec::new(),
            subresources: Subresources::default(),
            deprecation_warning: None,
        }],
        unserved: Vec::new(),
        storage_version: SCALE_VERSION.into(),
        hub: Hub::Version(SCALE_VERSION.into()),
        strategy: Arc::new(ScaleStrategy),
        policy: Policy {
            strategic_merge_patch: true,
            ..Policy::default()
        },
        rest: crate::rest::Rest::Stored,
        subresources: Vec::new(),
    }
});

/// The same of what has no type: apiextensions' converter of tables adds the age.
pub(crate) static SCALE_OF_UNSTRUCTURED: LazyLock<Resource> = LazyLock::new(|| {
    let mut resource = SCALE_RESOURCE.clone();
    for version in &mut resource.versions {
        version.columns.push(Column {
            description: CREATED_DESCRIPTION.into(),
            ..Column::new("Age", "date", ".metadata.creationTimestamp")
        });
    }
    resource
});

/// Brings a Scale to the form in which Go writes it.
struct ScaleStrategy;

impl Strategy for ScaleStrategy {
    fn normalize(&self, _version: &str, mut object: Object) -> Result<Object, ConversionError> {
        let take = |object: &mut Object, field: &str| match object.0.remove(field) {
            Some(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let (mut spec, mut status) = (take(&mut object, "spec"), take(&mut object, "status"));
        spec.retain(|_, replicas| *replicas != 0 && !replicas.is_null());
        status.retain(|key, value| key == "replicas" || *value != "");
        status.entry("replicas").or_insert_with(|| 0.into());
        object.0.insert("spec".into(), Value::Object(spec));
        object.0.insert("status".into(), Value::Object(status));
        Ok(object)
    }

    fn default_fields(&self, _version: &str, _object: &mut Object) {}

    fn convert(&self, object: Object, _to: &str) -> Result<Object, ConversionError> {
        Ok(object)
    }
}

/// The Scale of an object, and whether the object says how many replicas it wants.
///
/// # Errors
/// A path leads to something of another type.
pub(crate) fn scale_of(object: &Object, paths: &ScalePaths) -> Result<(Object, bool), ScalePathError> {
    let wanted = integer_at(&object.0, &paths.spec_replicas)?;
    let there = integer_at(&object.0, &paths.status_replicas)?.unwrap_or_default();
    let selector = match &paths.label_selector {
        Some(path) => text_at(&object.0, path)?.unwrap_or_default(),
        None => "",
    };
    let mut scale = Object::default();
    scale.set_type("autoscaling/v1", "Scale");
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        scale.set_meta(field, object.meta(field));
    }
    let mut spec = json!({});
    if let Some(replicas) = wanted.filter(|replicas| *replicas != 0) {
        spec["replicas"] = truncated(replicas);
    }
    let mut status = json!({"replicas": truncated(there)});
    if !selector.is_empty() {
        status["selector"] = selector.into();
    }
    scale.0.insert("spec".into(), spec);
    scale.0.insert("status".into(), status);
    Ok((scale, wanted.is_some()))
}

/// As Go's conversion to `int32` has it.
fn truncated(replicas: i64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "Go's conversion truncates too")]
    let replicas = replicas as i32;
    replicas.into()
}

/// The Scale that a write begins with: replicas that the object does not say are marked, so that they can be told from
/// those that the client sets.
///
/// # Errors
/// As [`scale_of`].
pub(crate) fn scale_to_change(object: &Object, paths: &ScalePaths) -> Result<Object, ScalePathError> {
    let (mut scale, is_set) = scale_of(object, paths)?;
    if !is_set {
        scale.0.insert("spec".into(), json!({"replicas": UNSET}));
    }
    Ok(scale)
}

/// `object` with the replicas, and under the resourceVersion where there is one, of `scale`.
///
/// # Errors
/// 400: no replicas are said. 500: the path leads through something that is no object.
pub(crate) fn scaled(object: &Object, scale: &Object, paths: &ScalePaths) -> Result<Object, ApiError> {
    let plain = |error: ScalePathError| ApiError::Plain(error.to_string());
    let replicas = integer_at(&scale.0, ".spec.replicas")
        .map_err(plain)?
        .unwrap_or_default();
    if replicas == UNSET {
        return Err(ApiError::BadRequest(format!(
            "the spec replicas field {:?} cannot be empty",
            paths.spec_replicas
        )));
    }
    let mut object = object.clone();
    set_integer(&mut object.0, &paths.spec_replicas, replicas).map_err(plain)?;
    if !scale.resource_version().is_empty() {
        object.set_meta("resourceVersion", scale.resource_version());
    }
    Ok(object)
}

/// What is wrong with the replicas that an object wants. Go: `ValidateScaleSpec`.
pub(crate) fn validate_spec(object: &Object, paths: &ScalePaths) -> Vec<FieldError> {
    validate_replicas(object, &paths.spec_replicas)
}

/// What is wrong with the replicas that there are, and with their selector. Go: `ValidateScaleStatus`.
pub(crate) fn validate_status(object: &Object, paths: &ScalePaths) -> Vec<FieldError> {
    let mut errors = validate_replicas(object, &paths.status_replicas);
    if let Some(path) = &paths.label_selector
        && let Err(error) = text_at(&object.0, path)
    {
        errors.push(FieldError::invalid(path.as_str(), "", error.to_string()));
    }
    errors
}

fn validate_replicas(object: &Object, path: &str) -> Vec<FieldError> {
    let (value, detail) = match integer_at(&object.0, path) {
        Err(error) => (0, error.to_string()),
        Ok(Some(replicas)) if replicas < 0 => (replicas, "should be a non-negative integer".to_owned()),
        Ok(Some(replicas)) if replicas > i64::from(i32::MAX) => {
            (replicas, format!("should be less than or equal to {}", i32::MAX))
        }
        Ok(_) => return Vec::new(),
    };
    vec![FieldError::invalid(path, value, detail)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        Object(value.as_object().unwrap().clone())
    }

    fn paths() -> ScalePaths {
        ScalePaths {
            spec_replicas: ".spec.replicas".into(),
            status_replicas: ".status.replicas".into(),
            label_selector: Some(".status.selector".into()),
        }
    }

    #[test]
    fn a_scale_is_a_view_of_an_object() {
        let widget = object(json!({
            "metadata": {"name": "a", "namespace": "b", "uid": "u", "resourceVersion": "7", "labels": {"x": "y"}},
            "spec": {"replicas": 3},
            "status": {"replicas": 2, "selector": "a=b"},
        }));
        let (scale, is_set) = scale_of(&widget, &paths()).unwrap();
        assert!(is_set);
        assert_eq!(
            Value::Object(scale.0.clone()),
            json!({
                "apiVersion": "autoscaling/v1",
                "kind": "Scale",
                "metadata": {"name": "a", "namespace": "b", "uid": "u", "resourceVersion": "7"},
                "spec": {"replicas": 3},
                "status": {"replicas": 2, "selector": "a=b"},
            })
        );
        let mut wanted = scale;
        wanted.0["spec"]["replicas"] = 5.into();
        wanted.set_meta("resourceVersion", "6");
        let scaled = scaled(&widget, &wanted, &paths()).unwrap();
        assert_eq!(scaled.0["spec"], json!({"replicas": 5}));
        assert_eq!(scaled.resource_version(), "6");
    }

    #[test]
    fn replicas_that_nobody_set_stay_unset() {
        let widget = object(json!({"metadata": {"name": "a"}}));
        let (scale, is_set) = scale_of(&widget, &paths()).unwrap();
        assert!(!is_set);
        assert_eq!(scale.0["spec"], json!({}));
        let unset = scale_to_change(&widget, &paths()).unwrap();
        assert_eq!(unset.0["spec"], json!({"replicas": -2_147_483_648_i64}));
        assert_eq!(
            scaled(&widget, &unset, &paths()).unwrap_err().status().message,
            r#"the spec replicas field ".spec.replicas" cannot be empty"#
        );
        let zero = SCALE_RESOURCE.strategy.normalize("v1", scale).unwrap();
        assert_eq!(
            scaled(&widget, &zero, &paths()).unwrap().0["spec"],
            json!({"replicas": 0})
        );
    }

    #[test]
    fn replicas_are_counted_in_32_bits_and_not_below_nothing() {
        let of = |replicas: Value| object(json!({"spec": {"replicas": replicas}, "status": {"selector": 1}}));
        let texts = |errors: Vec<FieldError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(validate_spec(&of(json!(0)), &paths()).is_empty());
        assert_eq!(
            texts(validate_spec(&of(json!(-1)), &paths())),
            [".spec.replicas: Invalid value: -1: should be a non-negative integer"]
        );
        assert_eq!(
            texts(validate_spec(&of(json!(1_i64 << 31)), &paths())),
            [".spec.replicas: Invalid value: 2147483648: should be less than or equal to 2147483647"]
        );
        assert_eq!(
            texts(validate_status(&of(json!(0)), &paths())),
            [
                ".status.selector: Invalid value: \"\": .status.selector accessor error: 1 is of the type int64, expected string"
            ]
        );
    }
}
