//! CEL's own functions and operators: cel-go's `stdlib`.

use std::cmp::Ordering;

use super::Guard::{Itself, Types};
use super::{Decl, native, two};
use crate::value::{Fail, Outcome, Text, Timestamp, Value, compare, fail, no_overload};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "_?_:_",
        guard: Itself,
        overloads: &[("conditional", "(bool, A, A) -> A", none)],
    },
    Decl {
        function: "_&&_",
        guard: Itself,
        overloads: &[("logical_and", "(bool, bool) -> bool", none)],
    },
    Decl {
        function: "_||_",
        guard: Itself,
        overloads: &[("logical_or", "(bool, bool) -> bool", none)],
    },
    Decl {
        function: "!_",
        guard: Itself,
        overloads: &[("logical_not", "(bool) -> bool", not)],
    },
    Decl {
        function: "@not_strictly_false",
        guard: Types,
        overloads: &[("not_strictly_false", "(bool) -> bool", identity)],
    },
    Decl {
        function: "_==_",
        guard: Itself,
        overloads: &[("equals", "(A, A) -> bool", none)],
    },
    Decl {
        function: "_!=_",
        guard: Itself,
        overloads: &[("not_equals", "(A, A) -> bool", none)],
    },
    Decl {
        function: "_+_",
        guard: Itself,
        overloads: &[
            ("add_bytes", "(bytes, bytes) -> bytes", add),
            ("add_double", "(double, double) -> double", add),
            ("add_duration_duration", "(duration, duration) -> duration", add),
            (
                "add_duration_timestamp",
                "(duration, timestamp) -> timestamp",
                add,
            ),
            (
                "add_timestamp_duration",
                "(timestamp, duration) -> timestamp",
                add,
            ),
            ("add_int64", "(int, int) -> int", add),
            ("add_list", "(list(A), list(A)) -> list(A)", add),
            ("add_string", "(string, string) -> string", add),
            ("add_uint64", "(uint, uint) -> uint", add),
        ],
    },
    Decl {
        function: "_/_",
        guard: Itself,
        overloads: &[
            ("divide_double", "(double, double) -> double", divide),
            ("divide_int64", "(int, int) -> int", divide),
            ("divide_uint64", "(uint, uint) -> uint", divide),
        ],
    },
    Decl {
        function: "_%_",
        guard: Itself,
        overloads: &[
            ("modulo_int64", "(int, int) -> int", modulo),
            ("modulo_uint64", "(uint, uint) -> uint", modulo),
        ],
    },
    Decl {
        function: "_*_",
        guard: Itself,
        overloads: &[
            ("multiply_double", "(double, double) -> double", multiply),
            ("multiply_int64", "(int, int) -> int", multiply),
            ("multiply_uint64", "(uint, uint) -> uint", multiply),
        ],
    },
    Decl {
        function: "-_",
        guard: Itself,
        overloads: &[
            ("negate_double", "(double) -> double", negate),
            ("negate_int64", "(int) -> int", negate),
        ],
    },
    Decl {
        function: "_-_",
        guard: Itself,
        overloads: &[
            ("subtract_double", "(double, double) -> double", subtract),
            (
                "subtract_duration_duration",
                "(duration, duration) -> duration",
                subtract,
            ),
            ("subtract_int64", "(int, int) -> int", subtract),
            (
                "subtract_timestamp_duration",
                "(timestamp, duration) -> timestamp",
                subtract,
            ),
            (
                "subtract_timestamp_timestamp",
                "(timestamp, timestamp) -> duration",
                subtract,
            ),
            ("subtract_uint64", "(uint, uint) -> uint", subtract),
        ],
    },
    Decl {
        function: "_<_",
        guard: Itself,
        overloads: &[
            ("less_bool", "(bool, bool) -> bool", less),
            ("less_int64", "(int, int) -> bool", less),
            ("less_int64_double", "(int, double) -> bool", less),
            ("less_int64_uint64", "(int, uint) -> bool", less),
            ("less_uint64", "(uint, uint) -> bool", less),
            ("less_uint64_double", "(uint, double) -> bool", less),
            ("less_uint64_int64", "(uint, int) -> bool", less),
            ("less_double", "(double, double) -> bool", less),
            ("less_double_int64", "(double, int) -> bool", less),
            ("less_double_uint64", "(double, uint) -> bool", less),
            ("less_string", "(string, string) -> bool", less),
            ("less_bytes", "(bytes, bytes) -> bool", less),
            ("less_timestamp", "(timestamp, timestamp) -> bool", less),
            ("less_duration", "(duration, duration) -> bool", less),
        ],
    },
    Decl {
        function: "_<=_",
        guard: Itself,
        overloads: &[
            ("less_equals_bool", "(bool, bool) -> bool", less_equals),
            ("less_equals_int64", "(int, int) -> bool", less_equals),
            ("less_equals_int64_double", "(int, double) -> bool", less_equals),
            ("less_equals_int64_uint64", "(int, uint) -> bool", less_equals),
            ("less_equals_uint64", "(uint, uint) -> bool", less_equals),
            ("less_equals_uint64_double", "(uint, double) -> bool", less_equals),
            ("less_equals_uint64_int64", "(uint, int) -> bool", less_equals),
            ("less_equals_double", "(double, double) -> bool", less_equals),
            ("less_equals_double_int64", "(double, int) -> bool", less_equals),
            ("less_equals_double_uint64", "(double, uint) -> bool", less_equals),
            ("less_equals_string", "(string, string) -> bool", less_equals),
            ("less_equals_bytes", "(bytes, bytes) -> bool", less_equals),
            (
                "less_equals_timestamp",
                "(timestamp, timestamp) -> bool",
                less_equals,
            ),
            (
                "less_equals_duration",
                "(duration, duration) -> bool",
                less_equals,
            ),
        ],
    },
    Decl {
        function: "_>_",
        guard: Itself,
        overloads: &[
            ("greater_bool", "(bool, bool) -> bool", greater),
            ("greater_int64", "(int, int) -> bool", greater),
            ("greater_int64_double", "(int, double) -> bool", greater),
            ("greater_int64_uint64", "(int, uint) -> bool", greater),
            ("greater_uint64", "(uint, uint) -> bool", greater),
            ("greater_uint64_double", "(uint, double) -> bool", greater),
            ("greater_uint64_int64", "(uint, int) -> bool", greater),
            ("greater_double", "(double, double) -> bool", greater),
            ("greater_double_int64", "(double, int) -> bool", greater),
            ("greater_double_uint64", "(double, uint) -> bool", greater),
            ("greater_string", "(string, string) -> bool", greater),
            ("greater_bytes", "(bytes, bytes) -> bool", greater),
            ("greater_timestamp", "(timestamp, timestamp) -> bool", greater),
            ("greater_duration", "(duration, duration) -> bool", greater),
        ],
    },
    Decl {
        function: "_>=_",
        guard: Itself,
        overloads: &[
            ("greater_equals_bool", "(bool, bool) -> bool", greater_equals),
            ("greater_equals_int64", "(int, int) -> bool", greater_equals),
            (
                "greater_equals_int64_double",
                "(int, double) -> bool",
                greater_equals,
            ),
            (
                "greater_equals_int64_uint64",
                "(int, uint) -> bool",
                greater_equals,
            ),
            ("greater_equals_uint64", "(uint, uint) -> bool", greater_equals),
            (
                "greater_equals_uint64_double",
                "(uint, double) -> bool",
                greater_equals,
            ),
            (
                "greater_equals_uint64_int64",
                "(uint, int) -> bool",
                greater_equals,
            ),
            (
                "greater_equals_double",
                "(double, double) -> bool",
                greater_equals,
            ),
            (
                "greater_equals_double_int64",
                "(double, int) -> bool",
                greater_equals,
            ),
            (
                "greater_equals_double_uint64",
                "(double, uint) -> bool",
                greater_equals,
            ),
            (
                "greater_equals_string",
                "(string, string) -> bool",
                greater_equals,
            ),
            ("greater_equals_bytes", "(bytes, bytes) -> bool", greater_equals),
            (
                "greater_equals_timestamp",
                "(timestamp, timestamp) -> bool",
                greater_equals,
            ),
            (
                "greater_equals_duration",
                "(duration, duration) -> bool",
                greater_equals,
            ),
        ],
    },
    Decl {
        function: "_[_]",
        guard: Itself,
        overloads: &[
            ("index_list", "(list(A), int) -> A", none),
            ("index_map", "(map(A, B), A) -> B", none),
            (
                "optional_list_index_int",
                "(optional(list(V)), int) -> optional(V)",
                none,
            ),
            (
                "optional_map_index_value",
                "(optional(map(K, V)), K) -> optional(V)",
                none,
            ),
        ],
    },
    Decl {
        function: "@in",
        guard: Itself,
        overloads: &[
            ("in_list", "(A, list(A)) -> bool", within),
            ("in_map", "(A, map(A, B)) -> bool", within),
        ],
    },
    Decl {
        function: "size",
        guard: Itself,
        overloads: &[
            ("size_bytes", "(bytes) -> int", size),
            ("bytes_size", "bytes.() -> int", size),
            ("size_list", "(list(A)) -> int", size),
            ("list_size", "list(A).() -> int", size),
            ("size_map", "(map(A, B)) -> int", size),
            ("map_size", "map(A, B).() -> int", size),
            ("size_string", "(string) -> int", size),
            ("string_size", "string.() -> int", size),
        ],
    },
    Decl {
        function: "type",
        guard: Itself,
        overloads: &[("type", "(A) -> type(A)", to_type)],
    },
    Decl {
        function: "bool",
        guard: Types,
        overloads: &[
            ("bool_to_bool", "(bool) -> bool", to_bool),
            ("string_to_bool", "(string) -> bool", to_bool),
        ],
    },
    Decl {
        function: "bytes",
        guard: Types,
        overloads: &[
            ("bytes_to_bytes", "(bytes) -> bytes", to_bytes),
            ("string_to_bytes", "(string) -> bytes", to_bytes),
        ],
    },
    Decl {
        function: "double",
        guard: Types,
        overloads: &[
            ("double_to_double", "(double) -> double", to_double),
            ("int64_to_double", "(int) -> double", to_double),
            ("string_to_double", "(string) -> double", to_double),
            ("uint64_to_double", "(uint) -> double", to_double),
        ],
    },
    Decl {
        function: "duration",
        guard: Types,
        overloads: &[
            ("duration_to_duration", "(duration) -> duration", to_duration),
            ("int64_to_duration", "(int) -> duration", to_duration),
            ("string_to_duration", "(string) -> duration", to_duration),
        ],
    },
    Decl {
        function: "dyn",
        guard: Itself,
        overloads: &[("to_dyn", "(A) -> dyn", identity)],
    },
    Decl {
        function: "int",
        guard: Types,
        overloads: &[
            ("int64_to_int64", "(int) -> int", to_int),
            ("double_to_int64", "(double) -> int", to_int),
            ("duration_to_int64", "(duration) -> int", to_int),
            ("string_to_int64", "(string) -> int", to_int),
            ("timestamp_to_int64", "(timestamp) -> int", to_int),
            ("uint64_to_int64", "(uint) -> int", to_int),
        ],
    },
    Decl {
        function: "string",
        guard: Types,
        overloads: &[
            ("string_to_string", "(string) -> string", to_text),
            ("bool_to_string", "(bool) -> string", to_text),
            ("bytes_to_string", "(bytes) -> string", to_text),
            ("double_to_string", "(double) -> string", to_text),
            ("duration_to_string", "(duration) -> string", to_text),
            ("int64_to_string", "(int) -> string", to_text),
            ("timestamp_to_string", "(timestamp) -> string", to_text),
            ("uint64_to_string", "(uint) -> string", to_text),
        ],
    },
    Decl {
        function: "timestamp",
        guard: Types,
        overloads: &[
            ("timestamp_to_timestamp", "(timestamp) -> timestamp", to_timestamp),
            ("int64_to_timestamp", "(int) -> timestamp", to_timestamp),
            ("string_to_timestamp", "(string) -> timestamp", to_timestamp),
        ],
    },
    Decl {
        function: "uint",
        guard: Types,
        overloads: &[
            ("uint64_to_uint64", "(uint) -> uint", to_uint),
            ("double_to_uint64", "(double) -> uint", to_uint),
            ("int64_to_uint64", "(int) -> uint", to_uint),
            ("string_to_uint64", "(string) -> uint", to_uint),
        ],
    },
    Decl {
        function: "contains",
        guard: Itself,
        overloads: &[("contains_string", "string.(string) -> bool", contains)],
    },
    Decl {
        function: "endsWith",
        guard: Itself,
        overloads: &[("ends_with_string", "string.(string) -> bool", ends_with)],
    },
    Decl {
        function: "startsWith",
        guard: Itself,
        overloads: &[("starts_with_string", "string.(string) -> bool", starts_with)],
    },
    Decl {
        function: "matches",
        guard: Itself,
        overloads: &[
            ("matches", "(string, string) -> bool", matches),
            ("matches_string", "string.(string) -> bool", matches),
        ],
    },
    Decl {
        function: "getFullYear",
        guard: Types,
        overloads: &[
            ("timestamp_to_year", "timestamp.() -> int", year),
            ("timestamp_to_year_with_tz", "timestamp.(string) -> int", year),
        ],
    },
    Decl {
        function: "getMonth",
        guard: Types,
        overloads: &[
            ("timestamp_to_month", "timestamp.() -> int", month),
            ("timestamp_to_month_with_tz", "timestamp.(string) -> int", month),
        ],
    },
    Decl {
        function: "getDayOfYear",
        guard: Types,
        overloads: &[
            ("timestamp_to_day_of_year", "timestamp.() -> int", day_of_year),
            (
                "timestamp_to_day_of_year_with_tz",
                "timestamp.(string) -> int",
                day_of_year,
            ),
        ],
    },
    Decl {
        function: "getDayOfMonth",
        guard: Types,
        overloads: &[
            ("timestamp_to_day_of_month", "timestamp.() -> int", day_of_month),
            (
                "timestamp_to_day_of_month_with_tz",
                "timestamp.(string) -> int",
                day_of_month,
            ),
        ],
    },
    Decl {
        function: "getDate",
        guard: Types,
        overloads: &[
            ("timestamp_to_day_of_month_1_based", "timestamp.() -> int", date),
            (
                "timestamp_to_day_of_month_1_based_with_tz",
                "timestamp.(string) -> int",
                date,
            ),
        ],
    },
    Decl {
        function: "getDayOfWeek",
        guard: Types,
        overloads: &[
            ("timestamp_to_day_of_week", "timestamp.() -> int", day_of_week),
            (
                "timestamp_to_day_of_week_with_tz",
                "timestamp.(string) -> int",
                day_of_week,
            ),
        ],
    },
    Decl {
        function: "getHours",
        guard: Types,
        overloads: &[
            ("timestamp_to_hours", "timestamp.() -> int", hours),
            ("timestamp_to_hours_with_tz", "timestamp.(string) -> int", hours),
            ("duration_to_hours", "duration.() -> int", hours),
        ],
    },
    Decl {
        function: "getMinutes",
        guard: Types,
        overloads: &[
            ("timestamp_to_minutes", "timestamp.() -> int", minutes),
            (
                "timestamp_to_minutes_with_tz",
                "timestamp.(string) -> int",
                minutes,
            ),
            ("duration_to_minutes", "duration.() -> int", minutes),
        ],
    },
    Decl {
        function: "getSeconds",
        guard: Types,
        overloads: &[
            ("timestamp_to_seconds", "timestamp.() -> int", seconds),
            ("timestamp_to_seconds_tz", "timestamp.(string) -> int", seconds),
            ("duration_to_seconds", "duration.() -> int", seconds),
        ],
    },
    Decl {
        function: "getMilliseconds",
        guard: Types,
        overloads: &[
            ("timestamp_to_milliseconds", "timestamp.() -> int", milliseconds),
            (
                "timestamp_to_milliseconds_with_tz",
                "timestamp.(string) -> int",
                milliseconds,
            ),
            ("duration_to_milliseconds", "duration.() -> int", milliseconds),
        ],
    },
];

/// Operators that are evaluated otherwise.
fn none<'a>(_: &[Value<'a>]) -> Outcome<'a> {
    no_overload()
}

native!(fn not(Value::Bool(value)) Ok(Value::Bool(!value)));
native!(fn identity(value) Ok(value.clone()));
native!(fn to_type(value) value.to_type());
native!(fn to_bool(value) value.to_bool());
native!(fn to_bytes(value) value.to_bytes());
native!(fn to_double(value) value.to_double());
native!(fn to_duration(value) value.to_duration());
native!(fn to_int(value) value.to_int());
native!(fn to_text(value) value.to_text());
native!(fn to_timestamp(value) value.to_timestamp());
native!(fn to_uint(value) value.to_uint());
native!(fn contains(Value::String(text), Value::String(part)) Ok(Value::Bool(text.contains(&**part))));
native!(fn ends_with(Value::String(text), Value::String(end)) Ok(Value::Bool(text.ends_with(&**end))));
native!(fn starts_with(Value::String(text), Value::String(begin)) Ok(Value::Bool(text.starts_with(&**begin))));

/// What cel-go says of an operator whose left side does not have it.
fn not_of<T>(function: &str, left: &Value<'_>) -> Result<T, Fail> {
    match left {
        Value::String(_) | Value::Duration(_) | Value::Timestamp(_) => no_overload(),
        _ => fail(format!("no such overload: {function}")),
    }
}

const OVERFLOW: &str = "integer overflow";
const UNSIGNED_OVERFLOW: &str = "unsigned integer overflow";

fn int<'a>(value: Option<i64>) -> Outcome<'a> {
    value.map_or_else(|| fail(OVERFLOW), |value| Ok(Value::Int(value)))
}

fn uint<'a>(value: Option<u64>) -> Outcome<'a> {
    value.map_or_else(|| fail(UNSIGNED_OVERFLOW), |value| Ok(Value::Uint(value)))
}

fn duration<'a>(value: Option<i64>) -> Outcome<'a> {
    value.map_or_else(|| fail(OVERFLOW), |value| Ok(Value::Duration(value)))
}

pub(super) fn add<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let Some((left, right)) = two(args) else {
        return no_overload();
    };
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => int(left.checked_add(*right)),
        (Value::Uint(left), Value::Uint(right)) => uint(left.checked_add(*right)),
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(left + right)),
        (Value::String(left), Value::String(right)) => Ok(Value::String(joined(left, right))),
        (Value::Bytes(left), Value::Bytes(right)) => Ok(Value::Bytes([&**left, &**right].concat().into())),
        (Value::List(left), Value::List(right)) => left.add(right).map(Value::List),
        (Value::Duration(left), Value::Duration(right)) => duration(left.checked_add(*right)),
        (Value::Duration(span), Value::Timestamp(time)) | (Value::Timestamp(time), Value::Duration(span)) => {
            time.add(*span).map(Value::Timestamp)
        }
        (
            Value::Int(_)
            | Value::Uint(_)
            | Value::Double(_)
            | Value::String(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Duration(_)
            | Value::Timestamp(_),
            _,
        ) => no_overload(),
        _ => not_of("_+_", left),
    }
}

fn joined<'a>(left: &Text<'a>, right: &Text<'a>) -> Text<'a> {
    let mut all = String::with_capacity(left.len() + right.len());
    all.push_str(left);
    all.push_str(right);
    Text::Shared(all.into())
}

fn subtract<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let Some((left, right)) = two(args) else {
        return no_overload();
    };
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => int(left.checked_sub(*right)),
        (Value::Uint(left), Value::Uint(right)) => uint(left.checked_sub(*right)),
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(left - right)),
        (Value::Duration(left), Value::Duration(right)) => duration(left.checked_sub(*right)),
        (Value::Timestamp(time), Value::Duration(span)) => time.subtract(*span).map(Value::Timestamp),
        (Value::Timestamp(left), Value::Timestamp(right)) => left.since(*right).map(Value::Duration),
        (Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Duration(_) | Value::Timestamp(_), _) => {
            no_overload()
        }
        _ => not_of("_-_", left),
    }
}

fn multiply<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let Some((left, right)) = two(args) else {
        return no_overload();
    };
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => int(left.checked_mul(*right)),
        (Value::Uint(left), Value::Uint(right)) => uint(left.checked_mul(*right)),
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(left * right)),
        (Value::Int(_) | Value::Uint(_) | Value::Double(_), _) => no_overload(),
        _ => not_of("_*_", left),
    }
}

fn divide<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let Some((left, right)) = two(args) else {
        return no_overload();
    };
    match (left, right) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => fail("division by zero"),
        (Value::Int(left), Value::Int(right)) => int(left.checked_div(*right)),
        (Value::Uint(left), Value::Uint(right)) => uint(left.checked_div(*right)),
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(left / right)),
        (Value::Int(_) | Value::Uint(_) | Value::Double(_), _) => no_overload(),
        _ => not_of("_/_", left),
    }
}

fn modulo<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let Some((left, right)) = two(args) else {
        return no_overload();
    };
    match (left, right) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => fail("modulus by zero"),
        (Value::Int(left), Value::Int(right)) => int(left.checked_rem(*right)),
        (Value::Uint(left), Value::Uint(right)) => uint(left.checked_rem(*right)),
        (Value::Int(_) | Value::Uint(_), _) => no_overload(),
        _ => not_of("_%_", left),
    }
}

fn negate<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::Int(value)] => int(value.checked_neg()),
        [Value::Double(value)] => Ok(Value::Double(-value)),
        [Value::Duration(value)] => duration(value.checked_neg()),
        [value] => not_of("-_", value),
        _ => no_overload(),
    }
}

fn ordering(args: &[Value<'_>], function: &str) -> Result<Ordering, Fail> {
    let Some((left, right)) = two(args) else {
        return no_overload();
    };
    match left {
        Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::String(_)
        | Value::Bytes(_)
        | Value::Bool(_)
        | Value::Duration(_)
        | Value::Timestamp(_) => compare(left, right),
        _ => not_of(function, left),
    }
}

fn less<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    ordering(args, "_<_").map(|order| Value::Bool(order.is_lt()))
}

fn less_equals<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    ordering(args, "_<=_").map(|order| Value::Bool(order.is_le()))
}

fn greater<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    ordering(args, "_>_").map(|order| Value::Bool(order.is_gt()))
}

fn greater_equals<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    ordering(args, "_>=_").map(|order| Value::Bool(order.is_ge()))
}

fn within<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    use crate::value::Mapper;
    match args {
        [value, Value::List(list)] => list.contains(value),
        [key, Value::Map(map)] => match map.find(key) {
            Some(Err(error)) => Err(error),
            found => Ok(Value::Bool(found.is_some())),
        },
        _ => no_overload(),
    }
}

fn size<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [value @ (Value::String(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_))] => {
            Ok(Value::Int(i64::try_from(value.size()).unwrap_or(i64::MAX)))
        }
        [value] => not_of("size", value),
        _ => no_overload(),
    }
}

fn matches<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::String(text), Value::String(pattern)] => match crate::value::work::pattern(pattern)? {
            Ok(pattern) => Ok(Value::Bool(pattern.is_match(text))),
            Err(error) => fail(error.to_string()),
        },
        [Value::String(_), _] => no_overload(),
        [value, ..] => not_of("matches", value),
        [] => no_overload(),
    }
}

/// A part of a time, in UTC or in the time zone of the second argument.
fn part<'a>(args: &[Value<'a>], of: impl Fn(Timestamp) -> i64) -> Outcome<'a> {
    match args {
        [Value::Timestamp(time)] => time.within("UTC").map(|time| Value::Int(of(time))),
        [Value::Timestamp(time), Value::String(zone)] => time.within(zone).map(|time| Value::Int(of(time))),
        _ => no_overload(),
    }
}

fn year<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    part(args, |time| time.civil().year)
}

fn month<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    part(args, |time| time.civil().month - 1)
}

fn day_of_year<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    part(args, |time| time.civil().day_of_year - 1)
}

fn day_of_month<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    part(args, |time| time.civil().day - 1)
}

fn date<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    part(args, |time| time.civil().day)
}

fn day_of_week<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    part(args, |time| time.civil().weekday)
}

fn span<'a>(args: &[Value<'a>], unit: i64, of: impl Fn(Timestamp) -> i64) -> Outcome<'a> {
    match args {
        [Value::Duration(duration)] => Ok(Value::Int(crate::value::units_of(*duration, unit))),
        _ => part(args, of),
    }
}

fn hours<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    span(args, 3_600_000_000_000, |time| time.civil().hour)
}

fn minutes<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    span(args, 60_000_000_000, |time| time.civil().minute)
}

fn seconds<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    span(args, 1_000_000_000, |time| time.civil().second)
}

fn milliseconds<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::Duration(duration)] => Ok(Value::Int(duration / 1_000_000)),
        _ => part(args, |time| time.civil().milliseconds),
    }
}
