//! The subresources that a version serves beside its objects: `status` and `scale`. Go: `CustomResourceSubresources` of
//! apiextensions, and the `StatusREST` and `ScaleREST` of a resource's registry.

use serde_json::{Map, Value};

/// The name of the subresource that writes the status alone.
pub const STATUS: &str = "status";
/// The name of the subresource that autoscalers write.
pub const SCALE: &str = "scale";

/// The subresources of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subresources {
    /// Whether `/status` is served. Then it alone writes `status`, which nothing else changes, and it writes nothing
    /// else; `metadata.generation` counts changes of what is neither metadata nor status.
    pub status: bool,
    /// Where `/scale` finds what a Scale says; `None`: it is not served.
    pub scale: Option<ScalePaths>,
}

impl Subresources {
    /// The names of those that are served, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let scale = self.scale.as_ref().map(|_| SCALE);
        scale.into_iter().chain(self.status.then_some(STATUS))
    }

    /// Whether this one is served.
    #[must_use]
    pub fn serves(&self, name: &str) -> bool {
        self.names().any(|served| served == name)
    }
}

/// Where in an object the fields of a Scale are: JSON paths without indices, such as `.spec.replicas`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalePaths {
    /// The replicas that are wanted: an integer below `.spec`.
    pub spec_replicas: String,
    /// The replicas that are there: an integer below `.status`.
    pub status_replicas: String,
    /// The selector of what is counted, as text; `None`: autoscalers cannot find it.
    pub label_selector: Option<String>,
}

/// A path of a Scale leads through something that is no object, or to something of another type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} accessor error: {found} is of the type {found_type}, expected {expected}")]
pub struct ScalePathError {
    path: String,
    found: String,
    found_type: &'static str,
    expected: &'static str,
}

/// The integer at `path`; `None`: nothing is there. Go: `unstructured.NestedInt64`.
///
/// # Errors
/// Something else is there.
pub(crate) fn integer_at(object: &Map<String, Value>, path: &str) -> Result<Option<i64>, ScalePathError> {
    let Some(value) = value_at(object, path)? else {
        return Ok(None);
    };
    match value.as_i64() {
        Some(number) => Ok(Some(number)),
        None => Err(unexpected(path, value, "int64")),
    }
}

/// The text at `path`; `None`: nothing is there. Go: `unstructured.NestedString`.
///
/// # Errors
/// Something else is there.
pub(crate) fn text_at<'a>(
    object: &'a Map<String, Value>,
    path: &str,
) -> Result<Option<&'a str>, ScalePathError> {
    let Some(value) = value_at(object, path)? else {
        return Ok(None);
    };
    match value.as_str() {
        Some(text) => Ok(Some(text)),
        None => Err(unexpected(path, value, "string")),
    }
}

/// Puts an integer at `path`, in objects that are made where there are none. Go: `unstructured.SetNestedField`.
///
/// # Errors
/// The path leads through something that is no object.
pub(crate) fn set_integer(
    mut object: &mut Map<String, Value>,
    path: &str,
    number: i64,
) -> Result<(), ScalePathError> {
    let (parents, last) = split(path);
    for segment in parents {
        let next = object.entry(segment).or_insert_with(|| Value::Object(Map::new()));
        if !next.is_object() {
            return Err(unexpected(path, next, "map[string]interface{}"));
        }
        object = match next {
            Value::Object(next) => next,
            _ => return Ok(()),
        };
    }
    object.insert(last.to_owned(), number.into());
    Ok(())
}

/// The names of the fields that a path of a Scale leads through.
pub(crate) fn segments(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('.').filter(|segment| !segment.is_empty())
}

/// The names of the fields on the way, and the last one.
fn split(path: &str) -> (impl Iterator<Item = &str>, &str) {
    let mut segments = segments(path);
    let last = segments.next_back().unwrap_or_default();
    (segments, last)
}

fn value_at<'a>(object: &'a Map<String, Value>, path: &str) -> Result<Option<&'a Value>, ScalePathError> {
    let (parents, last) = split(path);
    let mut fields = object;
    for segment in parents {
        fields = match fields.get(segment) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(next)) => next,
            Some(other) => return Err(unexpected(path, other, "map[string]interface{}")),
        };
    }
    Ok(fields.get(last).filter(|value| !value.is_null()))
}

fn unexpected(path: &str, found: &Value, expected: &'static str) -> ScalePathError {
    ScalePathError {
        path: path.to_owned(),
        found: found.to_string(),
        found_type: match found {
            Value::Null => "<nil>",
            Value::Bool(_) => "bool",
            Value::Number(number) if number.is_f64() => "float64",
            Value::Number(_) => "int64",
            Value::String(_) => "string",
            Value::Array(_) => "[]interface {}",
            Value::Object(_) => "map[string]interface {}",
        },
        expected,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn paths_lead_through_objects() {
        let mut object = fields(json!({"spec": {"replicas": 3, "name": "a", "none": null}}));
        assert_eq!(integer_at(&object, ".spec.replicas"), Ok(Some(3)));
        assert_eq!(integer_at(&object, ".status.replicas"), Ok(None));
        assert_eq!(integer_at(&object, ".spec.none.deep"), Ok(None));
        assert_eq!(text_at(&object, "spec.name"), Ok(Some("a")));
        assert_eq!(
            integer_at(&object, ".spec.name").unwrap_err().to_string(),
            r#".spec.name accessor error: "a" is of the type string, expected int64"#
        );
        assert!(integer_at(&object, ".spec.name.deep").is_err());
        set_integer(&mut object, ".spec.deep.er.replicas", 7).unwrap();
        assert_eq!(integer_at(&object, ".spec.deep.er.replicas"), Ok(Some(7)));
        assert!(set_integer(&mut object, ".spec.name.replicas", 7).is_err());
        assert_eq!(text_at(&object, ".spec.name"), Ok(Some("a")));
    }

    #[test]
    fn names_are_sorted() {
        let both = Subresources {
            status: true,
            scale: Some(ScalePaths {
                spec_replicas: ".spec.replicas".into(),
                status_replicas: ".status.replicas".into(),
                label_selector: None,
            }),
        };
        assert_eq!(both.names().collect::<Vec<_>>(), ["scale", "status"]);
        assert!(both.serves("scale") && !both.serves("log"));
        assert_eq!(Subresources::default().names().count(), 0);
    }
}
