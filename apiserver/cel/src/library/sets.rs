//! Lists as sets: cel-go's `ext.Sets`.

use super::Guard::Types;
use super::{Decl, native};
use crate::value::{List, Outcome, Value};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "sets.contains",
        guard: Types,
        overloads: &[("list_sets_contains_list", "(list(T), list(T)) -> bool", contains)],
    },
    Decl {
        function: "sets.equivalent",
        guard: Types,
        overloads: &[(
            "list_sets_equivalent_list",
            "(list(T), list(T)) -> bool",
            equivalent,
        )],
    },
    Decl {
        function: "sets.intersects",
        guard: Types,
        overloads: &[(
            "list_sets_intersects_list",
            "(list(T), list(T)) -> bool",
            intersects,
        )],
    },
];

fn has_all<'a>(list: &List<'a>, other: &List<'a>) -> Outcome<'a> {
    for value in other.iter() {
        match list.contains(&value?)? {
            Value::Bool(true) => {}
            other => return Ok(other),
        }
    }
    Ok(Value::Bool(true))
}

native!(fn contains(Value::List(list), Value::List(other)) has_all(list, other));
native!(fn equivalent(Value::List(list), Value::List(other)) match has_all(list, other)? {
    Value::Bool(true) => has_all(other, list),
    different => Ok(different),
});
native!(fn intersects(Value::List(list), Value::List(other)) {
    let common = list.iter().any(|value| value.is_ok_and(|value| matches!(other.contains(&value), Ok(Value::Bool(true)))));
    Ok(Value::Bool(common))
});
