//! Updates: merge/leaf_test.go, ignore_test.go, duplicates_test.go, obsolete_versions_test.go, and conflicts.

use annex_structured_merge_diff::MAX_DEPTH;
use annex_structured_merge_diff::fieldpath::{Filter, ManagedFields, Set, VersionedSet};
use annex_structured_merge_diff::merge::{Conflicts, ConversionError, Converter, Error, Updater};
use annex_structured_merge_diff::typed::{ParseableType, TypedValue};
use serde_json::{Value, json};

use crate::support::{at, bag, k, set, stored, type_of, v};

/// Every version has the same type; only these are served.
pub(crate) struct Same(pub(crate) &'static [&'static str]);

impl Converter for Same {
    fn convert(&self, object: &TypedValue, version: &str) -> Result<TypedValue, ConversionError> {
        if self.0.contains(&version) {
            return Ok(object.clone());
        }
        Err(ConversionError::MissingVersion(version.to_owned()))
    }
}

pub(crate) const ALL: Same = Same(&["v1", "v2", "v3"]);

/// Managers, as (name, fields, version, whether applied).
pub(crate) fn managed<const N: usize>(managers: [(&str, Set, &str, bool); N]) -> ManagedFields {
    let managers = managers.into_iter();
    let entry = |(name, set, version, applied): (&str, Set, &str, bool)| {
        (name.to_owned(), VersionedSet::new(set, version, applied))
    };
    managers.map(entry).collect()
}

// Updates one after the other, of an object that is not there before.
fn updated(updater: &Updater<Same>, of: &ParseableType, updates: &[(&str, &str, Value)]) -> ManagedFields {
    let mut live = stored(of, Value::Null);
    let mut managers = ManagedFields::new();
    for (manager, version, object) in updates {
        let new = stored(of, object.clone());
        managers = updater
            .update(&live, &new, &(*version).into(), managers, manager)
            .unwrap();
        live = new;
    }
    managers
}

#[test]
fn who_changes_a_field_owns_it_and_others_lose_it() {
    let updates = [
        ("one", "v1", json!({"string": "a", "numeric": 1})),
        ("two", "v1", json!({"string": "b", "numeric": 1, "bool": true})),
        ("three", "v2", json!({"string": "b", "bool": true})),
    ];
    assert_eq!(
        updated(&Updater::new(ALL), &bag(), &updates),
        managed([("two", set([at!["string"], at!["bool"]]), "v1", false)]),
        "a manager that owns nothing is forgotten"
    );
}

#[test]
fn an_update_without_a_change_owns_nothing() {
    let updates = [
        ("one", "v1", json!({"string": "a"})),
        ("two", "v1", json!({"string": "a"})),
    ];
    assert_eq!(
        updated(&Updater::new(ALL), &bag(), &updates),
        managed([("one", set([at!["string"]]), "v1", false)])
    );
}

#[test]
fn a_later_update_of_a_manager_is_in_its_version() {
    let updates = [
        ("one", "v1", json!({"string": "a"})),
        ("one", "v2", json!({"string": "a", "bool": true})),
    ];
    assert_eq!(
        updated(&Updater::new(ALL), &bag(), &updates),
        managed([("one", set([at!["string"], at!["bool"]]), "v2", false)])
    );
}

#[test]
fn ignored_fields_are_owned_by_nobody_and_taken_from_nobody() {
    let ignoring = |fields| Updater::new(ALL).ignoring([("v1".into(), Filter::Exclude(fields))]);
    let deduced = ParseableType::deduced();
    let updates = [(
        "one",
        "v1",
        json!({"numeric": 1, "obj": {"string": "foo", "numeric": 2}}),
    )];
    assert_eq!(
        updated(&ignoring(set([at!["obj"]])), &deduced, &updates),
        managed([("one", set([at!["numeric"]]), "v1", false)])
    );
    let updates = [
        ("two", "v2", json!({"string": "a"})),
        ("one", "v1", json!({"string": "b"})),
    ];
    let left = managed([("two", set([at!["string"]]), "v2", false)]);
    assert_ne!(
        updated(&ignoring(set([at!["string"]])), &deduced, &updates),
        left,
        "the filter is that of a version"
    );
    let both = Updater::new(ALL)
        .ignoring(["v1", "v2"].map(|version| (version.into(), Filter::Exclude(set([at!["string"]])))));
    let managers = both
        .update(
            &stored(&deduced, json!({"string": "a"})),
            &stored(&deduced, json!({"string": "b"})),
            &"v1".into(),
            left.clone(),
            "one",
        )
        .unwrap();
    assert_eq!(managers, left);
}

#[test]
fn duplicates_are_owned_as_one_by_who_made_them() {
    let updates = [
        ("one", "v1", json!({"setNumeric": [1, 3, 4]})),
        ("two", "v1", json!({"setNumeric": [1, 1, 3, 4]})),
    ];
    let one = set([
        at!["setNumeric"],
        at!["setNumeric", v(3)],
        at!["setNumeric", v(4)],
    ]);
    let two = set([at!["setNumeric", v(1)]]);
    let expected = managed([("one", one, "v1", false), ("two", two, "v1", false)]);
    assert_eq!(updated(&Updater::new(ALL), &bag(), &updates), expected);
    let updates = [
        ("one", "v1", json!({"setNumeric": [1, 1, 3, 4]})),
        ("two", "v1", json!({"setNumeric": [1, 3, 4]})),
    ];
    assert_eq!(
        updated(&Updater::new(ALL), &bag(), &updates),
        expected,
        "or who left one of them"
    );
}

#[test]
fn managers_of_versions_that_are_no_longer_served_are_forgotten() {
    let of = ParseableType::deduced();
    let before = managed([
        ("one", set([at!["v1"]]), "v1", false),
        ("two", set([at!["v2"]]), "v2", false),
    ]);
    let live = stored(&of, json!({"v1": 0, "v2": 0}));
    let new = stored(&of, json!({"v1": 0, "v2": 0, "v3": 0}));
    let managers = Updater::new(Same(&["v2", "v3"]))
        .update(&live, &new, &"v3".into(), before, "three")
        .unwrap();
    assert_eq!(
        managers,
        managed([
            ("three", set([at!["v3"]]), "v3", false),
            ("two", set([at!["v2"]]), "v2", false)
        ])
    );
}

#[test]
fn conflicts_are_listed_by_manager() {
    let item = || k([("key", json!("a")), ("id", json!(2))]);
    let bob = set([at!["key"], at!["list", item(), "id"]]);
    let alice = set([at!["value"], at!["list", item(), "key"]]);
    let conflicts = Conflicts::from_managers(managed([
        ("Bob", bob, "v1", false),
        ("Alice", alice, "v2", false),
    ]));
    assert_eq!(
        conflicts.to_string(),
        "conflicts with \"Alice\":\n- .value\n- .list[id=2,key=\"a\"].key\nconflicts with \"Bob\":\n- .key\n- .list[id=2,key=\"a\"].id"
    );
    assert_eq!(conflicts.count(), 4);
    let first = conflicts.first(3);
    let shown: Vec<_> = first
        .iter()
        .map(|conflict| (&*conflict.manager, &*conflict.api_version))
        .collect();
    assert_eq!(
        shown,
        [("Alice", "v2"), ("Alice", "v2"), ("Bob", "v1")],
        "as many as are asked for"
    );
    let one = Conflicts::from_managers(managed([("Bob", set([at!["key"]]), "v1", false)]));
    assert_eq!(one.to_string(), "conflict with \"Bob\": .key");
}

#[test]
fn thousands_of_managers_cost_as_much_as_their_fields() {
    let of = ParseableType::deduced();
    let object = |value: i64| {
        let fields = (0..5000).map(|number| (format!("field{number}"), json!(value)));
        stored(&of, Value::Object(fields.collect()))
    };
    let managers = (0..5000).map(|number| {
        let field = format!("field{number}");
        (
            format!("manager{number}"),
            VersionedSet::new(set([at![&*field]]), "v1", true),
        )
    });
    let updater = Updater::new(ALL);
    let (one, two) = (object(1), object(2));
    let managers: ManagedFields = managers.collect();
    let left = updater
        .update(&one, &two, &"v1".into(), managers.clone(), "updater")
        .unwrap();
    assert_eq!(left.len(), 1);
    let applied = updater
        .apply(&one, &one, &"v1".into(), managers, "applier", false)
        .unwrap();
    let pruned = updater.apply(
        &one,
        &stored(&of, json!({})),
        &"v1".into(),
        applied.managers,
        "applier",
        false,
    );
    assert_eq!(pruned.unwrap().managers.len(), 5000);
}

#[test]
fn deep_and_wide_objects_cost_as_much_as_their_size() {
    let of = ParseableType::deduced();
    let object = |value: i64| {
        let fields = (0..20_000).map(|number| (number.to_string(), json!(value)));
        let wide = Value::Object(fields.collect());
        let nest = |value, _| Value::Object(std::iter::once(("a".to_owned(), value)).collect());
        stored(&of, (0..100).fold(wide, nest))
    };
    let updater = Updater::new(ALL);
    let (one, two) = (object(1), object(2));
    let nothing = stored(&of, Value::Null);
    let managers = updater
        .update(&nothing, &one, &"v1".into(), ManagedFields::new(), "one")
        .unwrap();
    let conflicts = updater.apply(&one, &two, &"v1".into(), managers, "two", false);
    let Err(Error::Conflicts(conflicts)) = conflicts else {
        panic!("{conflicts:?}")
    };
    assert_eq!((conflicts.count(), conflicts.first(10).len()), (20_000, 10));
}

/// The stack of a thread of a server is 2 MiB; this is that of a build without optimisation.
#[test]
fn the_deepest_objects_fit_on_half_a_stack() {
    let of = type_of(
        "
types:
- name: node
  map:
    fields:
    - {name: name, type: {scalar: string}}
    - {name: value, type: {scalar: numeric}}
    - {name: nodes, type: {list: {elementType: {namedType: node}, elementRelationship: associative, keys: [name]}}}
",
        "node",
    );
    let nest = |value: Value, _| {
        let nodes = Value::Array(vec![value]);
        Value::Object(
            [("name".to_owned(), json!("a")), ("nodes".to_owned(), nodes)]
                .into_iter()
                .collect(),
        )
    };
    let object = move |value: i64| (0..MAX_DEPTH / 2 - 1).fold(json!({"name": "a", "value": value}), nest);
    let write = move || {
        let updater = Updater::new(ALL);
        let [one, two, none] = [object(1), object(2), Value::Null].map(|value| stored(&of, value));
        let updated = updater
            .update(&none, &one, &"v1".into(), ManagedFields::new(), "two")
            .unwrap();
        let forced = updater
            .apply(&one, &two, &"v1".into(), updated, "two", true)
            .unwrap();
        let text = forced.managers["two"].set.to_fields_v1();
        assert_eq!(Set::from_fields_v1(&text).unwrap(), forced.managers["two"].set);
        updater
            .apply(
                &two,
                &stored(&of, json!({"name": "a"})),
                &"v1".into(),
                forced.managers,
                "two",
                false,
            )
            .unwrap()
    };
    let thread = std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(write)
        .unwrap();
    assert_eq!(
        **thread.join().unwrap().object.unwrap().as_value(),
        json!({"name": "a"})
    );
}
