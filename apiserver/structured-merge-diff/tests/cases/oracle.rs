//! What the Go library makes of random objects and writes, against what this crate makes of them. `e2e/go/structured-merge-diff`
//! makes the data; `ORACLE=FILE` takes other data than what is kept here.

use std::collections::BTreeMap;

use annex_structured_merge_diff::fieldpath::{
    ApiVersion, ElementMatcher, Filter, ManagedFields, PathElement, Set, SetMatcher, VersionedSet,
};
use annex_structured_merge_diff::merge::{ConversionError, Converter, Error, Updater};
use annex_structured_merge_diff::typed::{Duplicates, ParseableType, TypedValue};
use annex_structured_merge_diff::value;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{at, set, stored, type_of};

const SCHEMA: &str = include_str!("../data/schema.yaml");

#[derive(Deserialize)]
struct Data {
    pairs: Vec<Value>,
    invalid: Vec<Invalid>,
    sequences: Vec<Sequence>,
    keys: Vec<Key>,
    fields: Vec<FieldsV1>,
}

#[derive(Deserialize)]
struct Key {
    key: String,
    written: Option<String>,
    shown: Option<String>,
}

#[derive(Deserialize)]
struct FieldsV1 {
    fields: String,
    written: Option<String>,
}

#[derive(Deserialize)]
struct Invalid {
    object: Value,
    error: String,
}

#[derive(Deserialize)]
struct Sequence {
    ignores: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    apply: bool,
    force: bool,
    version: String,
    manager: String,
    object: Value,
    r#type: String,
    error: Option<String>,
    #[serde(default)]
    old: bool,
    #[serde(default)]
    noop: bool,
    conflicts: Option<String>,
    live: Option<Value>,
    managers: Option<BTreeMap<String, Manager>>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Manager {
    version: String,
    applied: bool,
    fields: String,
}

fn data() -> Data {
    let text = match std::env::var("ORACLE") {
        Ok(file) => std::fs::read_to_string(file).expect("the file"),
        Err(_) => include_str!("../data/oracle.json").to_owned(),
    };
    serde_json::from_str(&text).expect("the oracle's data")
}

fn same(ours: &Value, theirs: &Value, what: &str) {
    assert!(
        value::equals(ours, theirs),
        "{what}:\n ours {ours}\ntheirs {theirs}"
    );
}

#[test]
fn two_objects_have_the_fields_differences_and_merges_that_go_finds() {
    let of = type_of(SCHEMA, "v1");
    for (index, pair) in data().pairs.iter().enumerate() {
        let left = stored(&of, pair["left"].clone());
        let right = stored(&of, pair["right"].clone());
        let encoded = |name: &str, set: &Set| {
            assert_eq!(
                set.to_fields_v1(),
                pair[name].as_str().unwrap(),
                "{name} of pair {index}"
            );
        };
        let (left_set, right_set) = (left.to_field_set().unwrap(), right.to_field_set().unwrap());
        encoded("leftSet", &left_set);
        encoded("rightSet", &right_set);
        assert_eq!(left_set.to_string(), pair["lines"].as_str().unwrap());
        assert_eq!(Set::from_fields_v1(&left_set.to_fields_v1()).unwrap(), left_set);
        encoded("union", &left_set.union(&right_set));
        encoded("intersection", &left_set.intersection(&right_set));
        encoded("difference", &left_set.clone().difference(&right_set));
        encoded(
            "recursiveDifference",
            &left_set.clone().recursive_difference(&right_set),
        );
        encoded("leaves", &left_set.leaves());
        encoded(
            "named",
            &left_set.ensure_named_fields_are_members(left.schema(), left.type_ref()),
        );
        encoded("fromValue", &Set::from_value(left.as_value()).unwrap());
        let labels = SetMatcher::prefix(["list".into(), ElementMatcher::Any, "labels".into()]).unwrap();
        encoded("included", &left_set.filter_include_matches(&labels));
        same(
            left.remove_items(&right_set).as_value(),
            &pair["removed"],
            "removed",
        );
        same(
            left.extract_items(&right_set).as_value(),
            &pair["extracted"],
            "extracted",
        );
        let with_keys = left.extract_items_with_keys(&right_set.leaves());
        same(
            with_keys.as_value(),
            &pair["extractedWithKeys"],
            "extracted with keys",
        );
        let compared = left.compare(&right).unwrap();
        let ours = [&compared.removed, &compared.modified, &compared.added].map(Set::to_fields_v1);
        assert_eq!(
            serde_json::to_value(ours).unwrap(),
            pair["compared"],
            "compared, pair {index}"
        );
        match (left.merge(&right), pair.get("merged")) {
            (Ok(merged), Some(theirs)) => same(merged.as_value(), theirs, "merged"),
            (Err(_), None) => {}
            (ours, theirs) => panic!("merge of pair {index}: {ours:?}, {theirs:?}"),
        }
        let atomic = ParseableType::named(left.schema().clone(), "atomic").type_ref;
        let atomic = TypedValue::unvalidated(left.as_value().clone(), left.schema().clone(), atomic).unwrap();
        let reconciled = atomic.reconcile_field_set(&left_set).unwrap();
        let reconciled = reconciled
            .filter(|set| *set != left_set)
            .map(|set| set.to_fields_v1());
        assert_eq!(
            reconciled.as_deref(),
            pair.get("reconciled").and_then(Value::as_str),
            "reconciled, {index}"
        );
    }
}

#[test]
fn invalid_objects_have_the_errors_of_go() {
    let of = type_of(SCHEMA, "v1");
    for Invalid { object, error } in data().invalid {
        let ours = of
            .typed(object.clone(), Duplicates::Refuse)
            .expect_err("an invalid object");
        assert_eq!(ours.to_string(), error, "{object}");
    }
}

#[test]
fn spoiled_fields_v1_is_read_and_refused_as_go_does_it() {
    let Data { keys, fields, .. } = data();
    for Key { key, written, shown } in keys {
        let element = PathElement::from_fields_v1_key(&key).ok();
        assert_eq!(
            element.as_ref().map(PathElement::to_fields_v1_key),
            written,
            "{key}"
        );
        // Go shows the entries of maps in no order.
        if !key.contains('{') {
            assert_eq!(element.map(|element| element.to_string()), shown, "{key}");
        }
    }
    for FieldsV1 { fields, written } in fields {
        let set = Set::from_fields_v1(&fields).ok();
        assert_eq!(set.map(|set| set.to_fields_v1()), written, "{fields}");
    }
}

/// `v2` has two fields of `v1` under other names; no other version is served. The type of `v1` may become another one, and
/// `deduced` is that of both versions.
struct Renames(String);

impl Renames {
    fn type_of(&self, version: &str) -> &str {
        match (&*self.0, version) {
            ("deduced", _) => "__untyped_deduced_",
            (v1, "v1") => v1,
            _ => "v2",
        }
    }
}

impl Converter for Renames {
    fn convert(&self, object: &TypedValue, version: &str) -> Result<TypedValue, ConversionError> {
        if !["v1", "v2"].contains(&version) {
            return Err(ConversionError::MissingVersion(version.to_owned()));
        }
        let to = ParseableType::named(object.schema().clone(), self.type_of(version));
        if *object.type_ref() == to.type_ref {
            return Ok(object.clone());
        }
        let renames: [(&str, &str); 2] = match self.type_of(version) {
            "v2" => [("numeric", "number"), ("list", "items")],
            _ => [("number", "numeric"), ("items", "list")],
        };
        let mut converted = (**object.as_value()).clone();
        for (from, to) in renames {
            let value = converted.as_object_mut().and_then(|fields| fields.remove(from));
            if let (Some(value), Value::Object(fields)) = (value, &mut converted) {
                fields.insert(to.to_owned(), value);
            }
        }
        TypedValue::unvalidated(converted, to.schema, to.type_ref)
            .map_err(|error| ConversionError::Failed(error.into()))
    }
}

#[test]
fn writes_of_several_managers_and_versions_leave_what_go_leaves() {
    let v1 = type_of(SCHEMA, "v1");
    for (number, sequence) in data().sequences.into_iter().enumerate() {
        let filter = match &*sequence.ignores {
            "exclude" => Some(Filter::Exclude(set([at!["struct"], at!["map", "a"]]))),
            "include" => SetMatcher::prefix([ElementMatcher::Any, ElementMatcher::Any])
                .ok()
                .map(Filter::Include),
            _ => None,
        };
        let filters: Vec<_> = filter.into_iter().map(|filter| ("v1".into(), filter)).collect();
        let mut live: Option<TypedValue> = None;
        let mut managers = ManagedFields::new();
        for (index, step) in sequence.steps.into_iter().enumerate() {
            let what = format!("step {index} of sequence {number}");
            let converter = Renames(step.r#type);
            let updater = Updater::new(&converter).ignoring(filters.clone());
            let of = ParseableType::named(v1.schema.clone(), converter.type_of(&step.version));
            let object = stored(&of, step.object);
            let version: ApiVersion = step.version.into();
            let before = live.take().unwrap_or_else(|| stored(&of, Value::Null));
            let before = converter.convert(&before, &version).unwrap();
            let mut given = managers.clone();
            if step.old {
                given.insert(
                    "old".to_owned(),
                    VersionedSet::new(set([at!["string"]]), "v0", true),
                );
            }
            let written = if step.apply {
                updater
                    .apply(&before, &object, &version, given, &step.manager, step.force)
                    .map(|applied| {
                        assert_eq!(applied.object.is_none(), step.noop, "{what}");
                        (applied.object.unwrap_or_else(|| before.clone()), applied.managers)
                    })
            } else {
                let managers = updater.update(&before, &object, &version, given, &step.manager);
                managers.map(|managers| (object.clone(), managers))
            };
            let now = match written {
                Ok((now, owned)) => {
                    managers = owned;
                    now
                }
                Err(Error::Conflicts(conflicts)) => {
                    assert_eq!(Some(conflicts.to_string()), step.conflicts, "{what}");
                    live = Some(before);
                    continue;
                }
                // Go's says one of the faults, in no order.
                Err(error) => {
                    assert!(step.error.is_some(), "{what}: {error}");
                    live = Some(before);
                    continue;
                }
            };
            same(now.as_value(), &step.live.unwrap_or_default(), &what);
            live = Some(now);
            let ours = managers
                .iter()
                .map(|(name, owned)| (name.clone(), written_down(owned)));
            assert_eq!(Some(ours.collect()), step.managers, "{what}");
        }
    }
}

fn written_down(owned: &VersionedSet) -> Manager {
    Manager {
        version: owned.api_version.to_string(),
        applied: owned.applied,
        fields: owned.set.to_fields_v1(),
    }
}
