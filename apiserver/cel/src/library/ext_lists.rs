//! Functions of lists: cel-go's `ext.Lists`, version 3.

use super::Guard::{Itself, Types};
use super::{Decl, native};
use crate::value::{Fail, List, Lister, Outcome, Value, compare, equal_inner, fail, no_overload, work};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "slice",
        guard: Types,
        overloads: &[("list_slice", "list(T).(int, int) -> list(T)", slice)],
    },
    Decl {
        function: "flatten",
        guard: Itself,
        overloads: &[
            ("list_flatten", "list(list(T)).() -> list(T)", flatten),
            ("list_flatten_int", "list(dyn).(int) -> list(dyn)", flatten),
        ],
    },
    Decl {
        function: "sort",
        guard: Itself,
        overloads: &[
            ("list_int_sort", "list(int).() -> list(int)", sort),
            ("list_uint_sort", "list(uint).() -> list(uint)", sort),
            ("list_double_sort", "list(double).() -> list(double)", sort),
            ("list_bool_sort", "list(bool).() -> list(bool)", sort),
            (
                "list_google.protobuf.Duration_sort",
                "list(duration).() -> list(duration)",
                sort,
            ),
            (
                "list_google.protobuf.Timestamp_sort",
                "list(timestamp).() -> list(timestamp)",
                sort,
            ),
            ("list_string_sort", "list(string).() -> list(string)", sort),
            ("list_bytes_sort", "list(bytes).() -> list(bytes)", sort),
        ],
    },
    Decl {
        function: "@sortByAssociatedKeys",
        guard: Itself,
        overloads: &[
            (
                "list_int_sortByAssociatedKeys",
                "list(T).(list(int)) -> list(T)",
                sort_by,
            ),
            (
                "list_uint_sortByAssociatedKeys",
                "list(T).(list(uint)) -> list(T)",
                sort_by,
            ),
            (
                "list_double_sortByAssociatedKeys",
                "list(T).(list(double)) -> list(T)",
                sort_by,
            ),
            (
                "list_bool_sortByAssociatedKeys",
                "list(T).(list(bool)) -> list(T)",
                sort_by,
            ),
            (
                "list_google.protobuf.Duration_sortByAssociatedKeys",
                "list(T).(list(duration)) -> list(T)",
                sort_by,
            ),
            (
                "list_google.protobuf.Timestamp_sortByAssociatedKeys",
                "list(T).(list(timestamp)) -> list(T)",
                sort_by,
            ),
            (
                "list_string_sortByAssociatedKeys",
                "list(T).(list(string)) -> list(T)",
                sort_by,
            ),
            (
                "list_bytes_sortByAssociatedKeys",
                "list(T).(list(bytes)) -> list(T)",
                sort_by,
            ),
        ],
    },
    Decl {
        function: "lists.range",
        guard: Types,
        overloads: &[("lists_range", "(int) -> list(int)", range)],
    },
    Decl {
        function: "reverse",
        guard: Types,
        overloads: &[("list_reverse", "list(T).() -> list(T)", reverse)],
    },
    Decl {
        function: "distinct",
        guard: Types,
        overloads: &[("list_distinct", "list(T).() -> list(T)", distinct)],
    },
];

/// How many numbers `lists.range` makes: more than an expression may pay for.
const MAX_RANGE: i64 = 1_000_000;

native!(fn slice(Value::List(list), Value::Int(start), Value::Int(end)) {
    let (start, end) = (*start, *end);
    if start < 0 || end < 0 {
        return fail(format!("cannot slice({start}, {end}), negative indexes not supported"));
    }
    if start > end {
        return fail(format!("cannot slice({start}, {end}), start index must be less than or equal to end index"));
    }
    let (from, to) = (usize::try_from(start).unwrap_or(usize::MAX), usize::try_from(end).unwrap_or(usize::MAX));
    if list.size() < to {
        return fail(format!("cannot slice({start}, {end}), list is length {}", list.size()));
    }
    work::spend(to.saturating_sub(from).saturating_mul(work::ELEMENT))?;
    (from..to).map(|at| list.get(at)).collect::<Result<_, _>>().map(Value::list)
});

fn flat<'a>(list: &List<'a>, depth: i64, into: &mut Vec<Value<'a>>) -> Result<(), Fail> {
    if depth < 0 {
        return fail("level must be non-negative");
    }
    for value in list.iter() {
        work::spend(1)?;
        match value? {
            Value::List(nested) if depth > 0 => flat(&nested, depth - 1, into)?,
            other => {
                work::spend(work::ELEMENT)?;
                into.push(other);
            }
        }
    }
    Ok(())
}

fn flatten<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let (list, depth) = match args {
        [Value::List(list)] => (list, 1),
        [Value::List(list), Value::Int(depth)] => (list, *depth),
        [first, rest @ ..] => {
            let rest: Vec<&str> = rest.iter().map(Value::type_name).collect();
            return fail(format!(
                "no such overload: {}.flatten({})",
                first.type_name(),
                rest.join(", ")
            ));
        }
        [] => return no_overload(),
    };
    let mut all = Vec::new();
    flat(list, depth, &mut all)?;
    Ok(Value::list(all))
}

fn sorted<'a>(list: &List<'a>, keys: &List<'a>) -> Outcome<'a> {
    if list.size() != keys.size() {
        return fail(format!(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got {} and {} elements \
             respectively",
            list.size(),
            keys.size()
        ));
    }
    if list.size() == 0 {
        return Ok(Value::List(list.clone()));
    }
    let keys: Vec<Value<'a>> = keys.iter().collect::<Result<_, _>>()?;
    let first = keys.first().map_or("", Value::type_name);
    let comparable = keys
        .first()
        .is_none_or(|first| compare(first, first).is_ok() || matches!(first, Value::Double(_)));
    if !comparable {
        return fail("list elements must be comparable");
    }
    if keys.len() > 1 && keys.iter().any(|key| key.type_name() != first) {
        return fail("list elements must have the same type");
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|ours, theirs| {
        let pair = keys.get(*ours).zip(keys.get(*theirs));
        pair.and_then(|(ours, theirs)| compare(ours, theirs).ok())
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    order
        .into_iter()
        .map(|at| list.get(at))
        .collect::<Result<_, _>>()
        .map(Value::list)
}

fn sort<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::List(list)] => sorted(list, list),
        _ => fail("no such overload: sort"),
    }
}

fn sort_by<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::List(list), Value::List(keys)] => sorted(list, keys),
        _ => fail("no such overload: @sortByAssociatedKeys"),
    }
}

native!(fn range(Value::Int(count)) Ok(Value::list((0..(*count).clamp(0, MAX_RANGE)).map(Value::Int).collect())));
native!(fn reverse(Value::List(list)) {
    work::spend(list.size().saturating_mul(work::ELEMENT))?;
    (0..list.size()).rev().map(|at| list.get(at)).collect::<Result<_, _>>().map(Value::list)
});
native!(fn distinct(Value::List(list)) {
    let mut all: Vec<Value<'a>> = Vec::new();
    for value in list.iter() {
        let value = value?;
        if !all.iter().any(|other| equal_inner(&value, other) == Ok(true)) {
            all.push(value);
        }
    }
    Ok(Value::list(all))
});
