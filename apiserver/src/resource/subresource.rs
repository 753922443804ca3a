//! The subresources of a resource: `status` and `scale`, which a version says, and the author's own. Go:
//! `CustomResourceSubresources` of apiextensions, the `StatusREST` and `ScaleREST` of a resource's registry, and any other
//! `rest.Storage` behind `RESOURCE/SUBRESOURCE`.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Resource;
use crate::request::Verb;
use crate::rest::Connecter;
use crate::status::GoValue;

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

/// A subresource of the author's own. It is served in every version of its resource.
#[derive(Clone)]
pub struct Subresource {
    /// `log`
    pub name: String,
    /// What is served there.
    pub rest: SubresourceRest,
}

/// What serves a subresource.
#[derive(Clone)]
pub enum SubresourceRest {
    /// Whatever a connecter answers.
    Connect(Arc<dyn Connecter>),
    /// Objects of a kind of their own, which are computed: with the verbs of this description, whose names but
    /// for the kinds are not used. In the version of its resource, where it has that, else in its first.
    Computed(Arc<Resource>),
}

impl fmt::Debug for Subresource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Subresource")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Subresource {
    /// Whether somebody does this.
    #[must_use]
    pub fn offers(&self, verb: Verb) -> bool {
        match &self.rest {
            SubresourceRest::Connect(connecter) => connecter.verbs().contains(&verb),
            SubresourceRest::Computed(kind) => kind.rest.offers(verb),
        }
    }

    /// Whether a path may follow.
    #[must_use]
    pub fn has_subpath(&self) -> bool {
        matches!(&self.rest, SubresourceRest::Connect(connecter) if connecter.has_subpath())
    }

    /// Whether it connects.
    #[must_use]
    pub fn connects(&self) -> bool {
        matches!(self.rest, SubresourceRest::Connect(_))
    }

    /// Whether it connects, and is passed a body while that comes.
    pub(crate) fn streams_body(&self) -> bool {
        matches!(&self.rest, SubresourceRest::Connect(connecter) if connecter.streams_body().is_some())
    }
}

/// A subresource as discovery and OpenAPI tell of it.
pub(crate) struct Advertised<'a> {
    pub(crate) name: &'a str,
    /// Sorted.
    pub(crate) verbs: Vec<&'static str>,
    /// Group, version and kind of its objects; `None`: those of its resource.
    pub(crate) kind: Option<[&'a str; 3]>,
    /// The author's own.
    pub(crate) own: Option<&'a Subresource>,
}

impl Resource {
    /// The author's subresource of this name.
    #[must_use]
    pub fn own_subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|own| own.name == name)
    }

    /// What is served behind the name of an object in `version`, in the order in which it is told.
    pub(crate) fn advertised(&self, version: &str) -> Vec<Advertised<'_>> {
        let stored = self.version(version).filter(|_| self.rest.is_stored());
        let stored = stored
            .into_iter()
            .flat_map(|version| version.subresources.names());
        let stored = stored.map(|name| Advertised {
            name,
            verbs: vec!["get", "patch", "update"],
            kind: (name == SCALE).then_some(["autoscaling", "v1", "Scale"]),
            own: None,
        });
        let own = self.subresources.iter().map(|own| Advertised {
            name: &own.name,
            verbs: OWN_VERBS
                .into_iter()
                .filter(|verb| own.offers(*verb))
                .map(Verb::as_str)
                .collect(),
            kind: match &own.rest {
                SubresourceRest::Connect(_) => None,
                SubresourceRest::Computed(kind) => kind
                    .version_beside(&self.group, version)
                    .map(|version| [kind.group.as_str(), &version.name, &kind.names.kind]),
            },
            own: Some(own),
        });
        let mut all: Vec<_> = stored.chain(own).collect();
        // apiextensions tells of the status first.
        let is_later = |name: &str| self.policy.unstructured && name != STATUS;
        all.sort_by_key(|subresource| (is_later(subresource.name), subresource.name));
        all
    }

    /// The verbs of the resource itself: sorted, or, of what has no type, as apiextensions has them.
    pub(crate) fn advertised_verbs(&self) -> Vec<&'static str> {
        let mut verbs = self.rest.verbs();
        if self.policy.unstructured {
            verbs.sort_by_key(|verb| WITHOUT_TYPE.iter().position(|known| known == verb));
        }
        verbs
    }

    /// The version in which objects of this kind stand at a path of `version` of `group`.
    pub(crate) fn version_beside(&self, group: &str, version: &str) -> Option<&super::Version> {
        let same = self.version(version).filter(|_| self.group == group);
        same.or_else(|| self.versions.first())
    }
}

/// The order of verbs in apiextensions' `customresource_discovery_controller.go`.
const WITHOUT_TYPE: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];

/// What can be done with subresources of the author's own, sorted.
const OWN_VERBS: [Verb; 5] = [Verb::Create, Verb::Delete, Verb::Get, Verb::Patch, Verb::Update];

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
        found: GoValue(found).to_string(),
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
            ".spec.name accessor error: a is of the type string, expected int64"
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
