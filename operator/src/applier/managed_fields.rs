//! Drift, read from `metadata.managedFields`.
//!
//! Values are not compared: the server normalises some (a quantity of `0.5` comes back as `500m`), adds defaults
//! and admission's changes. Ownership tells the same more surely: a manager that gives a field another value
//! takes it away from ours, and a field that is removed leaves our entry. So every leaf of the desired object
//! must still be in the entry of our last apply. The format is `fieldsV1` of
//! <https://pkg.go.dev/sigs.k8s.io/structured-merge-diff/v6/fieldpath>: `f:NAME` for a field, `k:{…}` for the item
//! of a list with keys, `v:…` for an item of a set, `.` for the item itself, and an empty object for a leaf,
//! which may be an atomic list or object.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{APPLIED_HASH, Desired, FIELD_MANAGER, owner, restored};

const APPLY: &str = "Apply";
const UPDATE: &str = "Update";

/// A field that is desired and no longer ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The field, as `spec.template.spec.containers[name=server].image`.
    pub path: String,
    /// Who owns it now; nobody where it was removed.
    pub taken_by: Vec<Taker>,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.taken_by.is_empty() {
            return write!(f, "{} was removed", self.path);
        }
        let takers: Vec<_> = self.taken_by.iter().map(Taker::to_string).collect();
        write!(f, "{} was changed by {}", self.path, takers.join(", "))
    }
}

/// A field manager that owns a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taker {
    /// The manager's name, such as `kubectl-edit`.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The subresource that it wrote through, such as `scale`.
    pub subresource: Option<String>,
}

impl fmt::Display for Taker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subresource {
            Some(subresource) => write!(f, "{} ({} of {subresource})", self.manager, self.operation),
            None => write!(f, "{} ({})", self.manager, self.operation),
        }
    }
}

/// What the live object's managedFields say about our last apply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FieldOwnership {
    /// Every desired field is ours.
    Complete,
    /// There is no entry of ours, or it is in terms of another API version.
    NotApplied,
    /// Others have these fields now.
    Lost(Vec<Drift>),
}

/// Compares the desired object's leaves with what our entry owns.
pub(super) fn field_ownership(desired: &Value, live: &Value) -> FieldOwnership {
    let entries = entries(live);
    let Some(ours) = entries.iter().find(|entry| is_ours(entry, APPLY)) else {
        return FieldOwnership::NotApplied;
    };
    let Some(fields) = ours["fieldsV1"].as_object() else {
        return FieldOwnership::NotApplied;
    };
    if ours["apiVersion"] != desired["apiVersion"] {
        return FieldOwnership::NotApplied;
    }
    let drift: Vec<_> = lost(desired, fields, &[])
        .iter()
        .flat_map(|(path, value)| drift(entries, path, value))
        .collect();
    if drift.is_empty() {
        FieldOwnership::Complete
    } else {
        FieldOwnership::Lost(drift)
    }
}

/// Whether the hash annotation is still as our last apply left it.
pub(super) fn hash_is_ours(live: &Value) -> bool {
    let path = [
        Step::Field("metadata"),
        Step::Field("annotations"),
        Step::Field(APPLIED_HASH),
    ];
    entries(live)
        .iter()
        .any(|entry| is_ours(entry, APPLY) && owns(&entry["fieldsV1"], &path))
}

/// What our last apply owns of `live`.
pub(super) fn our_fields(live: &Value) -> Option<&Map<String, Value>> {
    let ours = entries(live).iter().find(|entry| is_ours(entry, APPLY))?;
    ours["fieldsV1"].as_object()
}

/// Names who took each leaf below a lost path; one drift for all of them where they went the same way.
///
/// Asking for the path itself would blame whoever owns anything below it, such as a label of its own.
fn drift(entries: &[Value], path: &[Step<'_>], value: &Value) -> Vec<Drift> {
    let leaves = leaves(value, path);
    let mut drift: Vec<_> = leaves
        .iter()
        .map(|leaf| Drift {
            path: display(leaf),
            taken_by: takers(entries, leaf),
        })
        .collect();
    if drift.len() > 1 && drift.iter().all(|one| one.taken_by == drift[0].taken_by) {
        drift.truncate(1);
        drift[0].path = display(path);
    }
    drift
}

fn leaves<'a>(value: &'a Value, path: &[Step<'a>]) -> Vec<Path<'a>> {
    // A list of scalars is nearly always atomic, and a reader knows it by its own name.
    let is_plain = |item: &Value| !item.is_object();
    let below = if value.as_array().is_some_and(|items| items.iter().all(is_plain)) {
        vec![]
    } else {
        children(value)
    };
    if below.is_empty() {
        return vec![path.to_vec()];
    }
    below
        .into_iter()
        .flat_map(|(step, child)| leaves(child, &[path, &[step]].concat()))
        .collect()
}

/// The managedFields with our entry as an apply of `desired` needs it, or nothing where it is so.
///
/// What a POST recorded as `Update` becomes `Apply`, so that fields which are not desired any more can be
/// removed; so does, of what was recorded of whoever restored the object, as the reference to its former owner tells, what is
/// Annex' ([`restored::split`]). What is
/// left to others leaves our entry: a field that nobody owns keeps its value. An object that lost its managedFields gets
/// an entry with the annotation alone: an object without any would have all its fields given to `before-first-apply`,
/// which keeps them for ever.
pub(super) fn converted(desired: &Desired, live: &Value) -> Option<Vec<Value>> {
    let entries = entries(live);
    if entries.is_empty() {
        return Some(vec![json!({
            "manager": FIELD_MANAGER,
            "operation": APPLY,
            "apiVersion": desired.api_version(),
            "fieldsType": "FieldsV1",
            "fieldsV1": hash_alone(),
        })]);
    }
    let former = former_references(desired, live);
    let before = entries.iter().find(|entry| is_ours(entry, APPLY));
    let posted = entries.iter().find(|entry| is_ours(entry, UPDATE));
    let is_restorers = |entry: &Value| is_restored(entry, &former);
    let first = posted
        .or(before)
        .or_else(|| entries.iter().find(|entry| is_restorers(entry)))?;
    // Two entries of one manager and operation are refused, and fields of different versions do not mix.
    let (mut is_ready, version) = (posted.is_none(), &first["apiVersion"]);
    let wanted = desired.hashed();
    let mut ours = first.clone();
    ours["manager"] = FIELD_MANAGER.into();
    ours["operation"] = APPLY.into();
    if is_restorers(first) {
        ours["fieldsV1"] = restored::split(&first["fieldsV1"], &wanted).0;
    }
    let mut others = Vec::new();
    for entry in entries {
        if is_restorers(entry) && entry["apiVersion"] == *version {
            is_ready = false;
            let (taken, left) = restored::split(&entry["fieldsV1"], &wanted);
            unite(&mut ours["fieldsV1"], &taken);
            others.extend(left.map(|left| {
                let mut theirs = entry.clone();
                theirs["fieldsV1"] = left;
                theirs
            }));
        } else if !is_ours(entry, UPDATE) && !is_ours(entry, APPLY) {
            others.push(entry.clone());
        } else if entry["apiVersion"] == *version {
            unite(&mut ours["fieldsV1"], &entry["fieldsV1"]);
        }
    }
    for path in desired.left_to_others() {
        is_ready &= !release(&mut ours["fieldsV1"], path);
    }
    if is_ready {
        return None;
    }
    // An entry without fields is none, and the server takes a list without entries for no change.
    if ours["fieldsV1"].as_object().is_some_and(Map::is_empty) {
        ours["fieldsV1"] = hash_alone();
    }
    others.push(ours);
    Some(others)
}

/// The references to former owners as steps of a path.
fn former_references(desired: &Desired, live: &Value) -> Vec<Value> {
    let references = owner::references(live).into_iter();
    references
        .filter(|reference| owner::is_former(reference, desired.owner()))
        .map(|reference| json!({ "uid": reference.uid }))
        .collect()
}

/// Whether somebody else wrote one of these references, and the object with it, as it was in a backup. One who applies it
/// goes on doing so, and keeps what it applies.
fn is_restored(entry: &Value, references: &[Value]) -> bool {
    let is_others = entry["manager"] != FIELD_MANAGER && entry["operation"] == UPDATE;
    is_others
        && subresource(entry).is_none()
        && references.iter().enumerate().any(|(index, item)| {
            let (metadata, field) = (Step::Field("metadata"), Step::Field("ownerReferences"));
            owns(&entry["fieldsV1"], &[metadata, field, Step::Item { index, item }])
        })
}

fn hash_alone() -> Value {
    json!({ "f:metadata": { "f:annotations": { format!("f:{APPLIED_HASH}"): {} } } })
}

/// Takes the field at `path` out of `node`, and what is left empty above it: that would stand for the whole. Says whether
/// it was there.
fn release(node: &mut Value, path: &[&str]) -> bool {
    let (Some((field, rest)), Value::Object(fields)) = (path.split_first(), node) else {
        return false;
    };
    let field = format!("f:{field}");
    let Some(child) = fields.get_mut(&field) else {
        return false;
    };
    let is_released = rest.is_empty() || release(child, rest);
    if rest.is_empty() || (is_released && child.as_object().is_some_and(Map::is_empty)) {
        fields.remove(&field);
    }
    is_released
}

fn unite(into: &mut Value, from: &Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        for (key, child) in from {
            unite(into.entry(key.clone()).or_insert_with(|| json!({})), child);
        }
    }
}

fn entries(live: &Value) -> &[Value] {
    let entries = live["metadata"]["managedFields"].as_array();
    entries.map(Vec::as_slice).unwrap_or_default()
}

fn is_ours(entry: &Value, operation: &str) -> bool {
    entry["manager"] == FIELD_MANAGER && entry["operation"] == operation && subresource(entry).is_none()
}

fn subresource(entry: &Value) -> Option<&str> {
    entry["subresource"]
        .as_str()
        .filter(|subresource| !subresource.is_empty())
}

/// One step from a value to a part of it.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Field(&'a str),
    Item { index: usize, item: &'a Value },
}

type Path<'a> = Vec<Step<'a>>;

/// The parts of `desired` that `node` does not own, the highest one where all below is missing too.
fn lost<'a>(desired: &'a Value, node: &Map<String, Value>, above: &[Step<'a>]) -> Vec<(Path<'a>, &'a Value)> {
    children(desired)
        .into_iter()
        .filter(|(step, _)| !is_never_owned(above, *step))
        .flat_map(|(step, child)| {
            let path = [above, &[step]].concat();
            // A key that the item leaves to the server's default may match several: one that is whole is ours.
            let found = matching(node, step).map(|node| lost_below(child, node, &path));
            found
                .min_by_key(Vec::len)
                .unwrap_or_else(|| vec![(path.clone(), child)])
        })
        .collect()
}

fn lost_below<'a>(desired: &'a Value, node: &Value, path: &[Step<'a>]) -> Vec<(Path<'a>, &'a Value)> {
    match node.as_object() {
        Some(fields) if !fields.is_empty() => lost(desired, fields, path),
        // A leaf: a scalar, something empty, or a list or object that is owned as a whole.
        _ => Vec::new(),
    }
}

pub(super) fn children(value: &Value) -> Vec<(Step<'_>, &Value)> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (Step::Field(name), field))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (Step::Item { index, item }, item))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// The server strips these from every entry: they identify the object.
pub(super) fn is_never_owned(above: &[Step<'_>], step: Step<'_>) -> bool {
    match (above, step) {
        ([], Step::Field(name)) => matches!(name, "apiVersion" | "kind"),
        ([Step::Field("metadata")], Step::Field(name)) => matches!(name, "name" | "namespace"),
        _ => false,
    }
}

/// The nodes below `node` that a step may lead to.
fn matching<'n>(node: &'n Map<String, Value>, step: Step<'_>) -> impl Iterator<Item = &'n Value> {
    matching_nodes(node, step).map(|(_, child)| child)
}

/// The same with their keys.
pub(super) fn matching_nodes<'n>(
    node: &'n Map<String, Value>,
    step: Step<'_>,
) -> impl Iterator<Item = (&'n String, &'n Value)> + Clone {
    let is_match = move |key: &str| match step {
        Step::Field(name) => key.strip_prefix("f:") == Some(name),
        Step::Item { index, item } => match key.split_at_checked(2) {
            Some(("k:", keys)) => has_keys(item, keys),
            Some(("v:", value)) => serde_json::from_str::<Value>(value).is_ok_and(|value| value == *item),
            Some(("i:", position)) => position.parse() == Ok(index),
            _ => false,
        },
    };
    node.iter().filter(move |(key, _)| is_match(key))
}

/// Whether the item has these keys. One that it does not set is the server's default.
pub(super) fn has_keys(item: &Value, keys: &str) -> bool {
    let Ok(Value::Object(keys)) = serde_json::from_str(keys) else {
        return false;
    };
    let mut set = keys
        .iter()
        .filter_map(|(key, value)| item.get(key).map(|own| own == value))
        .peekable();
    set.peek().is_some() && set.all(|equal| equal)
}

fn takers(entries: &[Value], path: &[Step<'_>]) -> Vec<Taker> {
    let others = entries.iter().filter(|entry| !is_ours(entry, APPLY));
    others
        .filter(|entry| owns(&entry["fieldsV1"], path))
        .map(|entry| Taker {
            manager: entry["manager"].as_str().unwrap_or_default().to_owned(),
            operation: entry["operation"].as_str().unwrap_or_default().to_owned(),
            subresource: subresource(entry).map(str::to_owned),
        })
        .collect()
}

/// Whether a manager owns the path, something above it as a whole, or something below it.
fn owns(node: &Value, path: &[Step<'_>]) -> bool {
    let Some((step, rest)) = path.split_first() else {
        return true;
    };
    let Some(fields) = node.as_object() else {
        return false;
    };
    matching(fields, *step).any(|child| child.as_object().is_some_and(Map::is_empty) || owns(child, rest))
}

pub(super) fn display(path: &[Step<'_>]) -> String {
    // The keys of the API's list maps, the one that a reader knows an item by first.
    const KEYS: [&str; 8] = [
        "name",
        "mountPath",
        "containerPort",
        "port",
        "topologyKey",
        "ip",
        "type",
        "uid",
    ];
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => text.extend([".", *name]),
            Step::Item { index, item } => {
                let key = KEYS.iter().find_map(|key| Some((key, item.get(key)?)));
                text.push_str(&match (key, item) {
                    (Some((key, Value::String(value))), _) => format!("[{key}={value}]"),
                    (Some((key, value)), _) => format!("[{key}={value}]"),
                    (None, Value::String(value)) => format!("[{value}]"),
                    (None, _) => format!("[{index}]"),
                });
            }
        }
    }
    text
}
