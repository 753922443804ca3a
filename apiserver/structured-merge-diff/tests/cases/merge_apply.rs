//! Applies: merge/leaf_test.go, set_test.go, multiple_appliers_test.go, nested_test.go, deduced_test.go,
//! default_keys_test.go, field_level_overrides_test.go, schema_change_test.go, obsolete_versions_test.go.

use annex_structured_merge_diff::fieldpath::{Filter, ManagedFields, Path};
use annex_structured_merge_diff::merge::{Applied, ConversionError, Converter, Error, Updater};
use annex_structured_merge_diff::typed::{Duplicates, ParseableType, TypedValue};
use serde_json::{Value, json};

use crate::merge_update::{ALL, Same, managed};
use crate::support::{applied, at, bag, k, set, stored, type_of, v};

/// An object and its managers between writes.
pub(crate) struct State {
    pub(crate) updater: Updater<Same>,
    pub(crate) of: ParseableType,
    pub(crate) live: TypedValue,
    pub(crate) managers: ManagedFields,
}

impl State {
    pub(crate) fn new(of: ParseableType) -> Self {
        let live = stored(&of, Value::Null);
        Self {
            updater: Updater::new(ALL),
            of,
            live,
            managers: ManagedFields::new(),
        }
    }

    pub(crate) fn try_apply(
        &mut self,
        manager: &str,
        version: &str,
        config: Value,
        force: bool,
    ) -> Result<(), Error> {
        let config = applied(&self.of, config);
        let managers = self.managers.clone();
        let Applied { object, managers, .. } =
            self.updater
                .apply(&self.live, &config, &version.into(), managers, manager, force)?;
        self.managers = managers;
        self.live = object.unwrap_or_else(|| self.live.clone());
        Ok(())
    }

    pub(crate) fn apply(&mut self, manager: &str, version: &str, config: Value) {
        self.try_apply(manager, version, config, false)
            .expect("no conflicts");
    }

    pub(crate) fn force(&mut self, manager: &str, version: &str, config: Value) {
        self.try_apply(manager, version, config, true).expect("taken");
    }

    pub(crate) fn conflicts(&mut self, manager: &str, version: &str, config: Value) -> Vec<(String, Path)> {
        match self.try_apply(manager, version, config, false) {
            Err(Error::Conflicts(conflicts)) => conflicts
                .first(usize::MAX)
                .iter()
                .map(|conflict| (conflict.manager.clone(), conflict.path.clone()))
                .collect(),
            other => panic!("no conflicts: {other:?}"),
        }
    }

    pub(crate) fn update(&mut self, manager: &str, version: &str, object: Value) {
        let new = stored(&self.of, object);
        let managers = std::mem::take(&mut self.managers);
        self.managers = self
            .updater
            .update(&self.live, &new, &version.into(), managers, manager)
            .expect("an update");
        self.live = new;
    }

    /// The object is of another schema from now on.
    pub(crate) fn change_type(&mut self, of: ParseableType) {
        self.live = stored(&of, (**self.live.as_value()).clone());
        self.of = of;
    }

    pub(crate) fn expect(&self, object: Value, managers: ManagedFields) {
        assert_eq!(**self.live.as_value(), object);
        assert_eq!(self.managers, managers);
    }
}

fn conflict(manager: &str, path: Path) -> Vec<(String, Path)> {
    vec![(manager.to_owned(), path)]
}

#[test]
fn applying_again_changes_what_is_applied_and_its_version() {
    let mut state = State::new(bag());
    state.apply("default", "v1", json!({"numeric": 1, "string": "string"}));
    state.apply(
        "default",
        "v2",
        json!({"numeric": 2, "string": "new string", "bool": false}),
    );
    state.expect(
        json!({"numeric": 2, "string": "new string", "bool": false}),
        managed([(
            "default",
            set([at!["numeric"], at!["string"], at!["bool"]]),
            "v2",
            true,
        )]),
    );
}

#[test]
fn an_apply_without_a_change_returns_no_object() {
    let of = bag();
    let live = stored(&of, json!({"numeric": 1}));
    let config = applied(&of, json!({"numeric": 1}));
    let apply = |updater: Updater<Same>| {
        updater
            .apply(
                &live,
                &config,
                &"v1".into(),
                ManagedFields::new(),
                "default",
                false,
            )
            .unwrap()
    };
    let done = apply(Updater::new(ALL));
    assert!(done.object.is_none());
    assert_eq!(
        done.managers,
        managed([("default", set([at!["numeric"]]), "v1", true)])
    );
    assert!(
        apply(Updater::new(ALL).returning_input_on_noop())
            .object
            .is_some()
    );
}

#[test]
fn a_field_that_another_changed_is_a_conflict_unless_forced() {
    let mut state = State::new(bag());
    state.apply("default", "v1", json!({"numeric": 1, "string": "string"}));
    state.update(
        "controller",
        "v2",
        json!({"numeric": 1, "string": "controller string", "bool": true}),
    );
    let config = json!({"numeric": 2, "string": "user string"});
    assert_eq!(
        state.conflicts("default", "v1", config.clone()),
        conflict("controller", at!["string"])
    );
    state.force("default", "v1", config);
    state.expect(
        json!({"numeric": 2, "string": "user string", "bool": true}),
        managed([
            ("controller", set([at!["bool"]]), "v2", false),
            ("default", set([at!["numeric"], at!["string"]]), "v1", true),
        ]),
    );
}

#[test]
fn the_same_value_is_owned_together() {
    let mut state = State::new(bag());
    state.apply("one", "v1", json!({"string": "a"}));
    state.apply("two", "v2", json!({"string": "a"}));
    state.expect(
        json!({"string": "a"}),
        managed([
            ("one", set([at!["string"]]), "v1", true),
            ("two", set([at!["string"]]), "v2", true),
        ]),
    );
    state.apply("one", "v1", json!({}));
    state.expect(
        json!({"string": "a"}),
        managed([("two", set([at!["string"]]), "v2", true)]),
    );
    state.apply("two", "v2", json!({}));
    state.expect(Value::Null, ManagedFields::new());
}

#[test]
fn what_an_apply_leaves_out_is_removed_where_nobody_else_owns_it() {
    let mut state = State::new(bag());
    state.apply(
        "default",
        "v1",
        json!({"numeric": 1, "string": "a", "bool": false}),
    );
    state.update(
        "controller",
        "v1",
        json!({"numeric": 1, "string": "b", "bool": false}),
    );
    state.apply("default", "v2", json!({}));
    state.expect(
        json!({"string": "b"}),
        managed([("controller", set([at!["string"]]), "v1", false)]),
    );
}

#[test]
fn items_of_sets_are_merged_reordered_and_removed() {
    let mut state = State::new(bag());
    state.apply("default", "v1", json!({"setStr": ["a", "c"]}));
    state.update("controller", "v1", json!({"setStr": ["a", "b", "c", "d"]}));
    state.apply("default", "v2", json!({"setStr": ["aprime", "c", "cprime"]}));
    state.expect(
        json!({"setStr": ["b", "aprime", "c", "d", "cprime"]}),
        managed([
            (
                "controller",
                set([at!["setStr", v("b")], at!["setStr", v("d")]]),
                "v1",
                false,
            ),
            (
                "default",
                set([
                    at!["setStr", v("aprime")],
                    at!["setStr", v("c")],
                    at!["setStr", v("cprime")],
                ]),
                "v2",
                true,
            ),
        ]),
    );
    state.apply("default", "v2", json!({"setStr": ["cprime", "aprime"]}));
    assert_eq!(
        **state.live.as_value(),
        json!({"setStr": ["b", "d", "cprime", "aprime"]})
    );
}

fn item(key: &str) -> annex_structured_merge_diff::fieldpath::PathElement {
    k([("key", json!(key))])
}

#[test]
fn items_of_associative_lists_stay_while_somebody_applies_them() {
    let mut state = State::new(bag());
    state.apply(
        "one",
        "v1",
        json!({"list": [{"key": "a"}, {"key": "b"}, {"key": "c"}]}),
    );
    state.apply("two", "v2", json!({"list": [{"key": "c"}, {"key": "d"}]}));
    state.apply("one", "v3", json!({"list": [{"key": "a"}]}));
    state.expect(
        json!({"list": [{"key": "a"}, {"key": "c"}, {"key": "d"}]}),
        managed([
            (
                "one",
                set([at!["list", item("a")], at!["list", item("a"), "key"]]),
                "v3",
                true,
            ),
            (
                "two",
                set([
                    at!["list", item("c")],
                    at!["list", item("c"), "key"],
                    at!["list", item("d")],
                    at!["list", item("d"), "key"],
                ]),
                "v2",
                true,
            ),
        ]),
    );
}

#[test]
fn an_item_of_which_another_owns_a_field_stays_with_its_key() {
    let mut state = State::new(bag());
    state.apply(
        "one",
        "v1",
        json!({"list": [{"key": "a"}, {"key": "b", "value": {"c": "d"}}]}),
    );
    state.apply("two", "v2", json!({"list": [{"key": "b", "value": {"e": "f"}}]}));
    state.apply("one", "v3", json!({"list": [{"key": "a"}]}));
    assert_eq!(
        **state.live.as_value(),
        json!({"list": [{"key": "a"}, {"key": "b", "value": {"e": "f"}}]})
    );
}

#[test]
fn an_item_goes_with_fields_that_only_an_updater_added() {
    let mut state = State::new(bag());
    state.apply("one", "v1", json!({"list": [{"key": "a"}, {"key": "b"}]}));
    state.update(
        "controller",
        "v1",
        json!({"list": [{"key": "a"}, {"key": "b", "nv": 1}]}),
    );
    state.apply("one", "v1", json!({"list": [{"key": "a"}]}));
    state.expect(
        json!({"list": [{"key": "a"}]}),
        managed([(
            "one",
            set([at!["list", item("a")], at!["list", item("a"), "key"]]),
            "v1",
            true,
        )]),
    );
}

#[test]
fn an_atomic_map_is_taken_as_a_whole() {
    let mut state = State::new(bag());
    state.apply("one", "v1", json!({"waves": {"IR": 1}}));
    let config = json!({"waves": {"UV": 2}});
    assert_eq!(
        state.conflicts("two", "v1", config.clone()),
        conflict("one", at!["waves"])
    );
    state.force("two", "v1", config.clone());
    state.expect(config, managed([("two", set([at!["waves"]]), "v1", true)]));
}

#[test]
fn a_relationship_that_a_field_overrides_decides_who_owns_what() {
    let of = type_of(
        "
types:
- name: t
  map:
    fields:
    - {name: whole, type: {namedType: labels, elementRelationship: atomic}}
    - {name: parts, type: {namedType: labels}}
    - {name: items, type: {namedType: words, elementRelationship: associative}}
- name: labels
  map: {elementType: {scalar: string}}
- name: words
  list: {elementType: {scalar: string}, elementRelationship: atomic}
",
        "t",
    );
    let mut state = State::new(of);
    state.apply(
        "one",
        "v1",
        json!({"whole": {"a": "b"}, "parts": {"a": "b"}, "items": ["a"]}),
    );
    state.apply("two", "v1", json!({"parts": {"c": "d"}, "items": ["b"]}));
    assert_eq!(
        state.conflicts("three", "v1", json!({"whole": {"c": "d"}})),
        conflict("one", at!["whole"])
    );
    state.expect(
        json!({"whole": {"a": "b"}, "parts": {"a": "b", "c": "d"}, "items": ["a", "b"]}),
        managed([
            (
                "one",
                set([at!["whole"], at!["parts", "a"], at!["items", v("a")]]),
                "v1",
                true,
            ),
            ("two", set([at!["parts", "c"], at!["items", v("b")]]), "v1", true),
        ]),
    );
}

#[test]
fn objects_without_a_schema_are_merged_by_their_maps() {
    let mut state = State::new(ParseableType::deduced());
    state.apply("one", "v1", json!({"a": {"b": {"c": 1}}, "list": ["a"]}));
    state.apply("two", "v1", json!({"a": {"b": {"d": 2}}}));
    assert_eq!(
        state.conflicts("two", "v1", json!({"list": ["b"]})),
        conflict("one", at!["list"])
    );
    state.apply("one", "v1", json!({"list": ["a", "c"]}));
    assert_eq!(
        **state.live.as_value(),
        json!({"a": {"b": {"d": 2}}, "list": ["a", "c"]})
    );
}

const PORTS: &str = "
types:
- name: service
  map:
    fields:
    - {name: ports, type: {list: {elementType: {namedType: port}, elementRelationship: associative, keys: [port, protocol]}}}
- name: port
  map:
    fields:
    - {name: port, type: {scalar: numeric}}
    - {name: protocol, type: {scalar: string}, default: TCP}
    - {name: name, type: {scalar: string}}
";

#[test]
fn absent_keys_have_their_defaults() {
    let mut state = State::new(type_of(PORTS, "service"));
    state.apply(
        "one",
        "v1",
        json!({"ports": [{"port": 80}, {"port": 80, "protocol": "UDP"}]}),
    );
    let port = |protocol: &str| k([("port", json!(80)), ("protocol", json!(protocol))]);
    state.expect(
        json!({"ports": [{"port": 80}, {"port": 80, "protocol": "UDP"}]}),
        managed([(
            "one",
            set([
                at!["ports", port("TCP")],
                at!["ports", port("TCP"), "port"],
                at!["ports", port("UDP")],
                at!["ports", port("UDP"), "port"],
                at!["ports", port("UDP"), "protocol"],
            ]),
            "v1",
            true,
        )]),
    );
    let mut state = State::new(type_of(PORTS, "service"));
    state.apply(
        "one",
        "v1",
        json!({"ports": [{"port": 80, "protocol": "TCP", "name": "foo"}]}),
    );
    assert_eq!(
        state.conflicts("two", "v1", json!({"ports": [{"port": 80, "name": "bar"}]})),
        conflict("one", at!["ports", port("TCP"), "name"])
    );
    let same = json!({"ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}]});
    assert!(
        state.of.typed(same, Duplicates::Refuse).is_err(),
        "they are the same port"
    );
    state.apply("two", "v1", json!({"ports": [{"protocol": "TCP", "name": "A"}]}));
    assert!(
        state.managers["two"]
            .set
            .has(&at!["ports", k([("protocol", json!("TCP"))]), "name"]),
        "without a default it is left out"
    );
}

#[test]
fn ignored_fields_are_applied_and_not_owned() {
    let mut state = State::new(bag());
    state.updater =
        Updater::new(ALL).ignoring([("v1".into(), Filter::Exclude(set([at!["string"], at!["labels"]])))]);
    state.apply(
        "one",
        "v1",
        json!({"numeric": 1, "string": "a", "labels": {"a": "b"}}),
    );
    state.expect(
        json!({"numeric": 1, "string": "a", "labels": {"a": "b"}}),
        managed([("one", set([at!["numeric"]]), "v1", true)]),
    );
}

fn structs(relationship: &str) -> ParseableType {
    let schema = format!(
        "types: [{{name: t, map: {{fields: [{{name: struct, type: {{map: {{elementRelationship: {relationship}, \
         fields: [{{name: numeric, type: {{scalar: numeric}}}}, {{name: string, type: {{scalar: string}}}}]}}}}}}]}}}}]"
    );
    type_of(&schema, "t")
}

#[test]
fn a_struct_that_has_become_atomic_is_a_conflict_as_a_whole() {
    let mut state = State::new(structs("separable"));
    state.apply("one", "v1", json!({"struct": {"numeric": 1}}));
    state.change_type(structs("atomic"));
    let config = json!({"struct": {"string": "string"}});
    assert_eq!(
        state.conflicts("two", "v1", config.clone()),
        conflict("one", at!["struct"])
    );
    state.force("two", "v1", config.clone());
    state.expect(config, managed([("two", set([at!["struct"]]), "v1", true)]));
}

#[test]
fn a_struct_that_is_no_longer_atomic_stays_owned_without_its_fields() {
    let mut state = State::new(structs("atomic"));
    state.apply("one", "v1", json!({"struct": {"numeric": 1, "string": "a"}}));
    let config = json!({"struct": {"string": "b"}});
    assert_eq!(
        state.conflicts("two", "v1", config.clone()),
        conflict("one", at!["struct"])
    );
    state.change_type(structs("separable"));
    state.apply("two", "v1", config);
    state.expect(
        json!({"struct": {"numeric": 1, "string": "b"}}),
        managed([
            ("one", set([at!["struct"]]), "v1", true),
            ("two", set([at!["struct", "string"]]), "v1", true),
        ]),
    );
}

#[test]
fn nothing_is_removed_that_was_applied_in_a_version_that_is_no_longer_served() {
    let mut state = State::new(bag());
    state.apply("one", "v1", json!({"setStr": ["a", "b", "c"]}));
    state.updater = Updater::new(Same(&["v2"]));
    state.apply("one", "v2", json!({"setStr": ["a"]}));
    state.expect(
        json!({"setStr": ["a", "b", "c"]}),
        managed([("one", set([at!["setStr", v("a")]]), "v2", true)]),
    );
}

/// Fails.
struct Broken;

impl Converter for Broken {
    fn convert(&self, _: &TypedValue, version: &str) -> Result<TypedValue, ConversionError> {
        Err(ConversionError::Failed(
            format!("no conversion to {version}").into(),
        ))
    }
}

#[test]
fn a_failed_conversion_is_told_as_go_tells_it() {
    let of = bag();
    let live = stored(&of, json!({"string": "a"}));
    let managers = managed([("one", set([at!["string"]]), "v2", true)]);
    let error = Updater::new(Broken)
        .update(&live, &live, &"v1".into(), managers, "two")
        .expect_err("a failure");
    assert_eq!(error.to_string(), "no conversion to v2");
}
