//! What stays of structs, lists whose keys change, extracted configurations, and conversions that need a field:
//! merge/nested_test.go, schema_change_test.go, extract_apply_test.go, preserve_unknown_test.go, default_keys_test.go,
//! multiple_appliers_test.go.

use annex_structured_merge_diff::fieldpath::{ManagedFields, PathElement};
use annex_structured_merge_diff::merge::{ConversionError, Converter, Updater};
use annex_structured_merge_diff::typed::{ParseableType, TypedValue};
use serde_json::{Value, json};

use crate::merge_apply::State;
use crate::merge_update::managed;
use crate::support::{at, bag, k, set, stored, type_of, v};

fn with_struct() -> State {
    State::new(type_of(
        "
types:
- name: t
  map:
    fields:
    - name: struct
      type: {map: {fields: [{name: name, type: {scalar: string}}, {name: value, type: {scalar: numeric}}]}}
",
        "t",
    ))
}

#[test]
fn a_struct_goes_with_the_last_of_its_fields() {
    let mut state = with_struct();
    state.apply("default", "v1", json!({"struct": {"name": "a", "value": 1}}));
    state.apply("default", "v1", Value::Null);
    state.expect(Value::Null, ManagedFields::new());
    state.apply("default", "v1", json!({"struct": {"name": "a"}}));
    state.apply("default", "v1", json!({"struct": null}));
    state.expect(
        json!({"struct": null}),
        managed([("default", set([at!["struct"]]), "v1", true)]),
    );
}

#[test]
fn a_struct_stays_with_what_an_updater_owns_in_it() {
    for config in [json!({}), json!({"struct": {}}), json!({"struct": null})] {
        let mut state = with_struct();
        state.apply("default", "v1", json!({"struct": {"name": "a"}}));
        state.update("controller", "v1", json!({"struct": {"name": "a", "value": 1}}));
        state.apply("default", "v1", config.clone());
        assert_eq!(
            **state.live.as_value(),
            json!({"struct": {"value": 1}}),
            "{config}"
        );

        let mut state = with_struct();
        state.apply("default", "v1", json!({"struct": {"name": "a"}}));
        state.update("controller", "v1", json!({"struct": {"name": "b", "value": 1}}));
        state.apply("default", "v1", config.clone());
        assert_eq!(
            **state.live.as_value(),
            json!({"struct": {"name": "b", "value": 1}}),
            "{config}"
        );
    }
}

#[test]
fn fields_that_are_not_declared_are_kept_where_the_schema_has_a_type_for_them() {
    let mut state = State::new(type_of(
        "types: [{name: t, map: {fields: [{name: num, type: {scalar: numeric}}], elementType: {scalar: string}}}]",
        "t",
    ));
    state.apply("default", "v1", json!({"num": 5, "unknown": "value"}));
    state.apply("default", "v1", json!({"num": 6, "unknown": "new"}));
    state.expect(
        json!({"num": 6, "unknown": "new"}),
        managed([("default", set([at!["num"], at!["unknown"]]), "v1", true)]),
    );
}

fn keyed_by(keys: &str, default: &str) -> ParseableType {
    let schema = format!(
        "
types:
- name: t
  map: {{fields: [{{name: list, type: {{list: {{elementType: {{namedType: item}}, elementRelationship: associative, keys: {keys}}}}}}}]}}
- name: item
  map:
    fields:
    - {{name: name, type: {{scalar: string}}}}
    - {{name: id, type: {{scalar: numeric}}{default}}}
    - {{name: value, type: {{scalar: numeric}}}}
"
    );
    type_of(&schema, "t")
}

fn named(name: &str) -> PathElement {
    k([("name", json!(name))])
}

fn numbered(name: &str, id: i64) -> PathElement {
    k([("name", json!(name)), ("id", json!(id))])
}

#[test]
fn a_new_key_with_a_default_is_that_of_the_items_there_are() {
    let mut state = State::new(keyed_by("[name]", ""));
    state.apply(
        "one",
        "v1",
        json!({"list": [{"name": "a", "value": 1}, {"name": "c", "value": 1}]}),
    );
    state.change_type(keyed_by("[name, id]", ", default: 1"));
    let config = json!({"list": [
        {"name": "a", "value": 2}, {"name": "c", "value": 1}, {"name": "c", "id": 2, "value": 2},
    ]});
    state.apply("one", "v1", config.clone());
    let of = |id: i64, name: &str, field: &str| at!["list", numbered(name, id), field];
    state.expect(
        config,
        managed([(
            "one",
            set([
                at!["list", numbered("a", 1)],
                of(1, "a", "name"),
                of(1, "a", "value"),
                at!["list", numbered("c", 1)],
                of(1, "c", "name"),
                of(1, "c", "value"),
                at!["list", numbered("c", 2)],
                of(2, "c", "name"),
                of(2, "c", "id"),
                of(2, "c", "value"),
            ]),
            "v1",
            true,
        )]),
    );
}

#[test]
fn a_new_key_without_a_default_tells_items_with_it_from_those_without() {
    let mut state = State::new(keyed_by("[name]", ""));
    state.apply("one", "v1", json!({"list": [{"name": "a", "value": 1}]}));
    state.change_type(keyed_by("[name, id]", ""));
    let config = json!({"list": [{"name": "a", "value": 2}, {"name": "a", "id": 1, "value": 1}]});
    state.apply("one", "v1", config.clone());
    assert_eq!(**state.live.as_value(), config);
    let owned = &state.managers["one"].set;
    assert!(owned.has(&at!["list", named("a"), "value"]) && owned.has(&at!["list", numbered("a", 1), "id"]));
}

#[test]
fn a_field_that_becomes_a_key_is_that_of_the_item_that_has_it() {
    let mut state = State::new(keyed_by("[name]", ""));
    state.apply("one", "v1", json!({"list": [{"name": "a", "id": 1, "value": 1}]}));
    state.change_type(keyed_by("[name, id]", ""));
    let config = json!({"list": [{"name": "a", "id": 1, "value": 2}, {"name": "a", "id": 2, "value": 2}]});
    state.apply("one", "v1", config.clone());
    assert_eq!(**state.live.as_value(), config);
    assert!(
        state.managers["one"]
            .set
            .with_prefix(&"list".into())
            .is_some_and(|items| items.len() == 8)
    );
}

#[test]
fn an_integer_key_is_the_float_that_is_its_default() {
    let mut state = State::new(keyed_by("[id, value]", ", default: 1.0"));
    state.apply("one", "v1", json!({"list": [{"value": 2, "name": "a"}]}));
    state.apply("one", "v1", json!({"list": [{"value": 2, "id": 1, "name": "a"}]}));
    assert_eq!(
        **state.live.as_value(),
        json!({"list": [{"value": 2, "id": 1, "name": "a"}]})
    );
}

// What a manager owns of the object, with a configuration on it, applied again.
fn extract_apply(state: &mut State, manager: &str, config: Value) {
    let owned = state
        .managers
        .get(manager)
        .map(|owned| owned.set.leaves())
        .unwrap_or_default();
    let extracted = state.live.extract_items(&owned);
    let config = extracted.merge(&stored(&state.of, config)).unwrap();
    state.force(manager, "v1", (**config.as_value()).clone());
}

#[test]
fn an_extracted_configuration_keeps_what_its_manager_owns_still() {
    let mut state = State::new(bag());
    state.apply("default", "v1", json!({"setStr": ["a"]}));
    state.update("controller", "v1", json!({"setStr": ["a", "b"]}));
    extract_apply(&mut state, "default", json!({"setStr": ["c"]}));
    state.expect(
        json!({"setStr": ["a", "b", "c"]}),
        managed([
            ("controller", set([at!["setStr", v("b")]]), "v1", false),
            (
                "default",
                set([at!["setStr", v("a")], at!["setStr", v("c")]]),
                "v1",
                true,
            ),
        ]),
    );
    state.update("controller", "v1", json!({"setStr": ["b"]}));
    extract_apply(&mut state, "default", json!({"setStr": ["d"]}));
    assert_eq!(**state.live.as_value(), json!({"setStr": ["b", "d"]}));
    state.apply("default", "v1", json!({"setStr": ["e"]}));
    assert_eq!(
        **state.live.as_value(),
        json!({"setStr": ["b", "e"]}),
        "what is applied plainly replaces it"
    );
}

/// An object in `v2` has no equivalent in `v1` without `required`, which is called `relied` there.
struct Reliant;

impl Converter for Reliant {
    fn convert(&self, object: &TypedValue, version: &str) -> Result<TypedValue, ConversionError> {
        if object.type_ref().named_type.as_deref() == Some(version) {
            return Ok(object.clone());
        }
        let (from, to) = if version == "v1" {
            ("required", "relied")
        } else {
            ("relied", "required")
        };
        let mut fields = object.as_value().as_object().cloned().unwrap_or_default();
        match fields.remove(from) {
            Some(value) => drop(fields.insert(to.to_owned(), value)),
            None if version == "v1" => return Err(ConversionError::Failed("missing required field".into())),
            None => {}
        }
        let of = ParseableType::named(object.schema().clone(), version);
        Ok(stored(&of, Value::Object(fields)))
    }
}

#[test]
fn fields_that_a_conversion_needs_are_back_before_it() {
    let v2 = type_of(
        "
types:
- name: v1
  map: {fields: [{name: relied, type: {scalar: string}}, {name: common, type: {scalar: string}}]}
- name: v2
  map: {fields: [{name: required, type: {scalar: string}}, {name: common, type: {scalar: string}}]}
",
        "v2",
    );
    let v1 = ParseableType::named(v2.schema.clone(), "v1");
    let updater = Updater::new(Reliant);
    let mut live = stored(&v2, Value::Null);
    let mut managers = ManagedFields::new();
    for (manager, version, config) in [
        ("two", "v2", json!({"required": "a"})),
        ("one", "v1", json!({"common": "b"})),
        ("two", "v2", json!({"required": "b"})),
    ] {
        let of = if version == "v1" { &v1 } else { &v2 };
        live = Reliant.convert(&live, version).unwrap();
        let config = stored(of, config);
        let applied = updater
            .apply(&live, &config, &version.into(), managers, manager, false)
            .unwrap();
        live = applied.object.unwrap_or(live);
        managers = applied.managers;
    }
    assert_eq!(**live.as_value(), json!({"required": "b", "common": "b"}));
    assert_eq!(
        managers,
        managed([
            ("one", set([at!["common"]]), "v1", true),
            ("two", set([at!["required"]]), "v2", true)
        ])
    );
}
