//! Which entries a list or a watch is about.

use annex_schema::names;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use futures::FutureExt as _;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::Registry;
use crate::object::{EncodingKey, Object};
use crate::request::options::ListOptions;
use crate::request::selector::{FieldSelector, LabelSelector};
use crate::resource::{Resource, Scope, Version};
use crate::status::ApiError;
use crate::storage::{Entry, Event, Key, Prefix};

const NAME: &str = "metadata.name";
const NAMESPACE: &str = "metadata.namespace";

/// What is selected: a range or one key, and what must hold of an entry there.
#[derive(Clone)]
pub(super) struct Selection {
    registry: Registry,
    /// The request's version, which decides what fields are called.
    pub(super) version: String,
    labels: LabelSelector,
    fields: FieldSelector,
    /// The range that everything selected lies in.
    pub(super) range: Prefix,
    /// The only key that can be selected, where a field selector names one.
    pub(super) key: Option<Key>,
}

impl Selection {
    /// What `options` of a request in `version` select in `namespace` (empty: all).
    ///
    /// # Errors
    /// 400: a field selector of a field that this version does not have.
    pub(super) fn new(
        registry: &Registry,
        version: &str,
        namespace: &str,
        options: &ListOptions,
    ) -> Result<Self, ApiError> {
        let fields = &options.field_selector;
        check_fields(registry.resource(), version, fields)?;
        // Further pages go on where the first one was: a selector must not move them to another range.
        let first_page = options.continue_token.is_empty();
        let selected = fields.exact(NAMESPACE).filter(|_| first_page);
        let namespace = match selected {
            Some(selected) if namespace.is_empty() && names::dns_label(selected).is_empty() => selected,
            _ => namespace,
        };
        let key = fields
            .exact(NAME)
            .filter(|name| first_page && names::path_segment(name).is_empty())
            .and_then(|name| registry.key(namespace, name).ok());
        Ok(Self {
            registry: registry.clone(),
            version: version.to_owned(),
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

    /// Whether `entry`, which lies in the range, is selected. Where conversion has to wait, it is converted to the request's version.
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

    /// Those of `entries` that are selected; all of them, where they have to be converted first.
    pub(super) fn retained(&self, mut entries: Vec<Entry>) -> Vec<Entry> {
        if !self.is_everything() && !self.registry.resource().conversion_waits() {
            entries.retain(|entry| self.matches(entry));
        }
        entries
    }

    /// What was [`retained`](Self::retained), in the request's version: those that are selected. `None`: the deadline came first.
    /// What few watches wait for lies on the heap, its timer too.
    ///
    /// # Errors
    /// 500: one of them cannot be had in this version.
    pub(super) async fn converted(
        &self,
        entries: Vec<Entry>,
        deadline: Instant,
    ) -> Option<Result<Vec<Entry>, ApiError>> {
        if !self.registry.resource().conversion_waits() {
            return Some(Ok(entries));
        }
        let converted = self.registry.entries_in(entries, &self.version);
        let converted = timeout_at(deadline, converted).boxed().await.ok()?;
        Some(converted.map(|mut entries| {
            entries.retain(|entry| self.matches(entry));
            entries
        }))
    }

    /// The events of a batch in the request's version, where conversion has to wait; else as they are. `None`: the deadline came first.
    ///
    /// # Errors
    /// 500: an object cannot be had in this version.
    pub(super) async fn events_converted(
        &self,
        mut events: Vec<Event>,
        deadline: Instant,
    ) -> Option<Result<Vec<Event>, ApiError>> {
        if !self.registry.resource().conversion_waits() {
            return Some(Ok(events));
        }
        // What another object is does not concern who watches one.
        for event in &mut events {
            if let Event::Changed(change) = event
                && self.key.as_ref().is_some_and(|key| key != change.entry().key())
            {
                *event = Event::Progress(change.revision());
            }
        }
        // What was there before is looked at by selectors alone.
        let with_previous = !self.is_everything();
        let converted = self.registry.events_in(events, &self.version, with_previous);
        timeout_at(deadline, converted).boxed().await.ok()
    }

    fn fields_match(&self, entry: &Entry) -> bool {
        let fields = OnceCell::new();
        self.fields.matches(|field| match field {
            NAME => entry.key().name().into(),
            NAMESPACE => self.registry.namespace_of(entry.key()).into(),
            field => fields
                .get_or_init(|| self.registry.selectable_values(entry, &self.version))
                .get(field),
        })
    }
}

/// What the selectable fields of an object in one version are.
struct SelectableValues<'a> {
    version: Option<&'a Version>,
    /// Each with its length before it, in the order of the version's paths.
    values: Bytes,
}

impl SelectableValues<'_> {
    /// The value of a field; empty where the object has none.
    fn get(&self, field: &str) -> Cow<'_, str> {
        let paths = self.version.map_or(&[][..], |version| &version.selectable_fields);
        let mut rest = &*self.values;
        for path in paths {
            let Some((length, behind)) = rest.split_first_chunk() else {
                break;
            };
            let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
            let Some((value, behind)) = behind.split_at_checked(length) else {
                break;
            };
            if dotted(path) == field {
                return String::from_utf8_lossy(value);
            }
            rest = behind;
        }
        "".into()
    }
}

/// A path of a version's selectable fields, as field selectors say it.
fn dotted(path: &str) -> &str {
    path.strip_prefix('.').unwrap_or(path)
}

impl Registry {
    /// The selectable fields of `entry` in `version`. They are kept with the entry: it is decoded for them once, however many
    /// watchers and lists select by them.
    fn selectable_values(&self, entry: &Entry, version: &str) -> SelectableValues<'_> {
        let version = self.rules.resource.version(version);
        let values = version.map(|version| {
            let encodings = &entry.facts().encodings;
            let made: Result<Bytes, std::convert::Infallible> = encodings
                .get_or_make(selectable_key(version), || {
                    Ok(self.read_selectable(entry, version))
                });
            made.unwrap_or_default()
        });
        SelectableValues {
            version,
            values: values.unwrap_or_default(),
        }
    }

    /// Of an object that cannot be had in this version: nothing.
    fn read_selectable(&self, entry: &Entry, version: &Version) -> Bytes {
        let Ok(object) = self.decode(entry, &version.name) else {
            return Bytes::new();
        };
        let mut values = Vec::new();
        for path in &version.selectable_fields {
            let value = value_at(&object, dotted(path));
            values.extend_from_slice(&(value.len() as u64).to_le_bytes());
            values.extend_from_slice(value.as_bytes());
        }
        values.into()
    }
}

/// # Errors
/// 400: a field selector of a field that objects of this version do not have.
pub(crate) fn check_fields(
    resource: &Resource,
    version: &str,
    fields: &FieldSelector,
) -> Result<(), ApiError> {
    let selectable = resource
        .version(version)
        .map_or(&[][..], |version| &version.selectable_fields);
    let is_unstructured = resource.policy.unstructured;
    // apiextensions' converter knows who has a namespace, where Go's scheme does not.
    let has_namespace = !is_unstructured || resource.scope == Scope::Namespaced;
    let is_of_metadata = |field: &str| field == NAME || (field == NAMESPACE && has_namespace);
    let unknown = fields
        .requirements()
        .iter()
        .map(|requirement| requirement.field.as_str())
        .find(|field| !is_of_metadata(field) && !selectable.iter().any(|path| dotted(path) == *field));
    let Some(field) = unknown else {
        return Ok(());
    };
    Err(ApiError::BadRequest(
        if selectable.is_empty() && !is_unstructured {
            format!(r#"{field:?} is not a known field selector: only "metadata.name", "metadata.namespace""#)
        } else {
            format!("field label not supported: {field}")
        },
    ))
}

/// Values of another version, or of other paths, are others.
fn selectable_key(version: &Version) -> EncodingKey {
    let mut hasher = DefaultHasher::new();
    ("selectable fields", &version.name, version.schema.fingerprint).hash(&mut hasher);
    version.selectable_fields.hash(&mut hasher);
    hasher.finish()
}

/// The text of a field by its dotted path; empty where it is absent.
pub(crate) fn value_at(object: &Object, path: &str) -> String {
    let mut steps = path.split('.');
    let first = steps.next().and_then(|step| object.0.get(step));
    let found = steps.try_fold(first, |value, step| value.map(|value| value.get(step)));
    match found.flatten() {
        Some(Value::String(text)) => text.clone(),
        Some(number @ (Value::Number(_) | Value::Bool(_))) => number.to_string(),
        _ => String::new(),
    }
}
