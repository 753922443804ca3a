//! Which entries a list or a watch is about.

use serde_json::Value;

use super::{Registry, keys};
use crate::object::Object;
use crate::request::options::ListOptions;
use crate::request::selector::{FieldSelector, LabelSelector, rules};
use crate::status::ApiError;
use crate::storage::{Entry, Key, Prefix};

const NAME: &str = "metadata.name";
const NAMESPACE: &str = "metadata.namespace";

/// What is selected: a range or one key, and what must hold of an entry there.
#[derive(Clone)]
pub(super) struct Selection {
    registry: Registry,
    labels: LabelSelector,
    fields: FieldSelector,
    /// The range that everything selected lies in.
    pub(super) range: Prefix,
    /// The only key that can be selected, where a field selector names one.
    pub(super) key: Option<Key>,
}

impl Selection {
    /// What `options` select in `namespace` (empty: all).
    ///
    /// # Errors
    /// 400: a field selector of a field that the resource does not have.
    pub(super) fn new(registry: &Registry, namespace: &str, options: &ListOptions) -> Result<Self, ApiError> {
        let fields = &options.field_selector;
        registry.check_fields(fields)?;
        // Further pages go on where the first one was: a selector must not move them to another range.
        let first_page = options.continue_token.is_empty();
        let selected = fields.exact(NAMESPACE).filter(|_| first_page);
        let namespace = match selected {
            Some(selected) if namespace.is_empty() && rules::dns_label(selected).is_empty() => selected,
            _ => namespace,
        };
        let key = fields
            .exact(NAME)
            .filter(|name| first_page && keys::path_segment(name).is_empty())
            .and_then(|name| registry.key(namespace, name).ok());
        Ok(Self {
            registry: registry.clone(),
            labels: options.label_selector.clone(),
            fields: fields.clone(),
            range: registry.range(namespace)?,
            key,
        })
    }

    /// Whose objects they are.
    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Whether every entry of the range is selected.
    pub(super) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether `entry`, which lies in the range, is selected.
    pub(super) fn matches(&self, entry: &Entry) -> bool {
        if self.is_everything() {
            return true;
        }
        if self.key.as_ref().is_some_and(|key| key != entry.key()) {
            return false;
        }
        if entry.damage().is_some() {
            // Whether it would be selected is not known. It is told as what cannot be read, never left out.
            return true;
        }
        (self.labels.is_empty() || self.labels.matches(&entry.facts().labels)) && self.fields_match(entry)
    }

    fn fields_match(&self, entry: &Entry) -> bool {
        // Decoded at most once, and only for a field that is not in the key.
        let mut decoded: Option<(String, Option<Object>)> = None;
        self.fields.matches(|field| match field {
            NAME => entry.key().name().to_owned(),
            NAMESPACE => self.registry.namespace_of(entry.key()).to_owned(),
            field => {
                let version = self.registry.version_selecting(field).unwrap_or_default();
                if decoded.as_ref().is_none_or(|(found, _)| found != version) {
                    decoded = Some((version.to_owned(), self.registry.decode(entry, version).ok()));
                }
                let object = decoded.as_ref().and_then(|(_, object)| object.as_ref());
                object.map(|object| value_at(object, field)).unwrap_or_default()
            }
        })
    }
}

impl Registry {
    /// The first version that lets `field` be selected.
    fn version_selecting(&self, field: &str) -> Option<&str> {
        self.resource
            .versions
            .iter()
            .find(|version| {
                version
                    .selectable_fields
                    .iter()
                    .any(|path| path.strip_prefix('.').unwrap_or(path) == field)
            })
            .map(|version| version.name.as_str())
    }

    fn check_fields(&self, fields: &FieldSelector) -> Result<(), ApiError> {
        let unknown = fields
            .requirements()
            .iter()
            .map(|requirement| requirement.field.as_str())
            .find(|field| !matches!(*field, NAME | NAMESPACE) && self.version_selecting(field).is_none());
        let Some(field) = unknown else {
            return Ok(());
        };
        let has_own = self
            .resource
            .versions
            .iter()
            .any(|version| !version.selectable_fields.is_empty());
        Err(ApiError::BadRequest(if has_own {
            format!("field label not supported: {field}")
        } else {
            format!(r#"{field:?} is not a known field selector: only "metadata.name", "metadata.namespace""#)
        }))
    }
}

/// The text of a field by its dotted path; empty where it is absent.
fn value_at(object: &Object, path: &str) -> String {
    let mut steps = path.split('.');
    let first = steps.next().and_then(|step| object.0.get(step));
    let found = steps.try_fold(first, |value, step| value.map(|value| value.get(step)));
    match found.flatten() {
        Some(Value::String(text)) => text.clone(),
        Some(number @ (Value::Number(_) | Value::Bool(_))) => number.to_string(),
        _ => String::new(),
    }
}
