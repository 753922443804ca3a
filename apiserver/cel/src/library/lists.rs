//! Kubernetes' own functions of lists.

use std::cmp::Ordering;

use super::Guard::Types;
use super::{Decl, native, standard};
use crate::value::{Lister, Outcome, Value, compare, equal_inner, fail, no_overload};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "isSorted",
        guard: Types,
        overloads: &[
            ("list_int_is_sorted_bool", "list(int).() -> bool", is_sorted),
            ("list_uint_is_sorted_bool", "list(uint).() -> bool", is_sorted),
            ("list_double_is_sorted_bool", "list(double).() -> bool", is_sorted),
            ("list_bool_is_sorted_bool", "list(bool).() -> bool", is_sorted),
            (
                "list_duration_is_sorted_bool",
                "list(duration).() -> bool",
                is_sorted,
            ),
            (
                "list_timestamp_is_sorted_bool",
                "list(timestamp).() -> bool",
                is_sorted,
            ),
            ("list_string_is_sorted_bool", "list(string).() -> bool", is_sorted),
            ("list_bytes_is_sorted_bool", "list(bytes).() -> bool", is_sorted),
        ],
    },
    Decl {
        function: "sum",
        guard: Types,
        overloads: &[
            ("list_int_sum_int", "list(int).() -> int", sum_int),
            ("list_uint_sum_uint", "list(uint).() -> uint", sum_uint),
            ("list_double_sum_double", "list(double).() -> double", sum_double),
            (
                "list_duration_sum_duration",
                "list(duration).() -> duration",
                sum_duration,
            ),
        ],
    },
    Decl {
        function: "max",
        guard: Types,
        overloads: &[
            ("list_int_max_int", "list(int).() -> int", max),
            ("list_uint_max_uint", "list(uint).() -> uint", max),
            ("list_double_max_double", "list(double).() -> double", max),
            ("list_bool_max_bool", "list(bool).() -> bool", max),
            ("list_duration_max_duration", "list(duration).() -> duration", max),
            (
                "list_timestamp_max_timestamp",
                "list(timestamp).() -> timestamp",
                max,
            ),
            ("list_string_max_string", "list(string).() -> string", max),
            ("list_bytes_max_bytes", "list(bytes).() -> bytes", max),
        ],
    },
    Decl {
        function: "min",
        guard: Types,
        overloads: &[
            ("list_int_min_int", "list(int).() -> int", min),
            ("list_uint_min_uint", "list(uint).() -> uint", min),
            ("list_double_min_double", "list(double).() -> double", min),
            ("list_bool_min_bool", "list(bool).() -> bool", min),
            ("list_duration_min_duration", "list(duration).() -> duration", min),
            (
                "list_timestamp_min_timestamp",
                "list(timestamp).() -> timestamp",
                min,
            ),
            ("list_string_min_string", "list(string).() -> string", min),
            ("list_bytes_min_bytes", "list(bytes).() -> bytes", min),
        ],
    },
    Decl {
        function: "indexOf",
        guard: Types,
        overloads: &[("list_a_index_of_int", "list(A).(A) -> int", index_of)],
    },
    Decl {
        function: "lastIndexOf",
        guard: Types,
        overloads: &[("list_a_last_index_of_int", "list(A).(A) -> int", last_index_of)],
    },
];

native!(fn is_sorted(Value::List(list)) {
    let mut previous: Option<Value<'a>> = None;
    for value in list.iter() {
        let value = value?;
        // What cannot be compared is not out of order.
        if previous.is_some_and(|previous| compare(&previous, &value) == Ok(Ordering::Greater)) {
            return Ok(Value::Bool(false));
        }
        previous = Some(value);
    }
    Ok(Value::Bool(true))
});

fn sum<'a>(args: &[Value<'a>], zero: Value<'a>) -> Outcome<'a> {
    let [Value::List(list)] = args else {
        return no_overload();
    };
    list.iter()
        .try_fold(zero, |sum, value| standard::add(&[sum, value?]))
}

fn sum_int<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    sum(args, Value::Int(0))
}

fn sum_uint<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    sum(args, Value::Uint(0))
}

fn sum_double<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    sum(args, Value::Double(0.0))
}

fn sum_duration<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    sum(args, Value::Duration(0))
}

fn most<'a>(args: &[Value<'a>], name: &str, replaced: Ordering) -> Outcome<'a> {
    let [Value::List(list)] = args else {
        return no_overload();
    };
    let mut most: Option<Value<'a>> = None;
    for value in list.iter() {
        let value = value?;
        most = match most {
            Some(most) if compare(&most, &value) != Ok(replaced) => Some(most),
            _ => Some(value),
        };
    }
    most.map_or_else(|| fail(format!("{name} called on empty list")), Ok)
}

fn max<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    most(args, "max", Ordering::Less)
}

fn min<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    most(args, "min", Ordering::Greater)
}

fn find<'a>(args: &[Value<'a>], last: bool) -> Outcome<'a> {
    let [Value::List(list), item] = args else {
        return no_overload();
    };
    let is_it = |at: &usize| {
        list.get(*at)
            .is_ok_and(|value| equal_inner(&value, item) == Ok(true))
    };
    let mut indices = 0..list.size();
    let found = if last {
        indices.rev().find(is_it)
    } else {
        indices.find(is_it)
    };
    Ok(found.map_or(Value::Int(-1), Value::count))
}

fn index_of<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    find(args, false)
}

fn last_index_of<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    find(args, true)
}
