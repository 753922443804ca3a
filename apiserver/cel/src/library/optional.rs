//! What may be missing: cel-go's optional types. `or` and `orValue` are evaluated where they stand, since they may not need their
//! argument.

use super::Guard::{Itself, Types};
use super::{Decl, native};
use crate::value::{Lister, Outcome, Value, fail, no_overload};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "optional.of",
        guard: Types,
        overloads: &[("optional_of", "(V) -> optional(V)", of)],
    },
    Decl {
        function: "optional.ofNonZeroValue",
        guard: Types,
        overloads: &[("optional_ofNonZeroValue", "(V) -> optional(V)", of_non_zero)],
    },
    Decl {
        function: "optional.none",
        guard: Types,
        overloads: &[("optional_none", "() -> optional(V)", nothing)],
    },
    Decl {
        function: "value",
        guard: Types,
        overloads: &[("optional_value", "optional(V).() -> V", value)],
    },
    Decl {
        function: "hasValue",
        guard: Types,
        overloads: &[("optional_hasValue", "optional(V).() -> bool", has_value)],
    },
    Decl {
        function: "or",
        guard: Itself,
        overloads: &[(
            "optional_or_optional",
            "optional(V).(optional(V)) -> optional(V)",
            nothing,
        )],
    },
    Decl {
        function: "orValue",
        guard: Itself,
        overloads: &[("optional_orValue_value", "optional(V).(V) -> V", nothing)],
    },
    Decl {
        function: "_?._",
        guard: Itself,
        overloads: &[("select_optional_field", "(dyn, string) -> optional(V)", nothing)],
    },
    Decl {
        function: "_[?_]",
        guard: Itself,
        overloads: &[
            (
                "list_optindex_optional_int",
                "(list(V), int) -> optional(V)",
                nothing,
            ),
            (
                "optional_list_optindex_optional_int",
                "(optional(list(V)), int) -> optional(V)",
                nothing,
            ),
            (
                "map_optindex_optional_value",
                "(map(K, V), K) -> optional(V)",
                nothing,
            ),
            (
                "optional_map_optindex_optional_value",
                "(optional(map(K, V)), K) -> optional(V)",
                nothing,
            ),
        ],
    },
    Decl {
        function: "last",
        guard: Types,
        overloads: &[("list_last", "list(V).() -> optional(V)", last)],
    },
    Decl {
        function: "first",
        guard: Types,
        overloads: &[("list_first", "list(V).() -> optional(V)", first)],
    },
    Decl {
        function: "optional.unwrap",
        guard: Types,
        overloads: &[("optional_unwrap", "(list(optional(V))) -> list(V)", unwrap)],
    },
    Decl {
        function: "unwrapOpt",
        guard: Types,
        overloads: &[("optional_unwrapOpt", "list(optional(V)).() -> list(V)", unwrap)],
    },
];

native!(fn of(value) Ok(Value::some(value.clone())));
native!(fn of_non_zero(value) Ok(if value.is_zero() { Value::Optional(None) } else { Value::some(value.clone()) }));
native!(fn has_value(Value::Optional(value)) Ok(Value::Bool(value.is_some())));

fn nothing<'a>(_: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Optional(None))
}

fn value<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::Optional(Some(value))] => Ok((**value).clone()),
        [Value::Optional(None)] => fail("optional.none() dereference"),
        _ => no_overload(),
    }
}

fn first<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::List(list)] if list.size() == 0 => Ok(Value::Optional(None)),
        [Value::List(list)] => list.get(0).map(Value::some),
        _ => no_overload(),
    }
}

fn last<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::List(list)] => match list.size().checked_sub(1) {
            Some(last) => list.get(last).map(Value::some),
            None => Ok(Value::Optional(None)),
        },
        _ => no_overload(),
    }
}

fn unwrap<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = args else {
        return no_overload();
    };
    crate::value::work::spend(list.size().saturating_mul(crate::value::work::ELEMENT))?;
    let mut all = Vec::with_capacity(list.size());
    for element in list.iter() {
        match element? {
            Value::Optional(Some(value)) => all.push((*value).clone()),
            Value::Optional(None) => {}
            other => return fail(format!("value {other} is not optional")),
        }
    }
    Ok(Value::list(all))
}
