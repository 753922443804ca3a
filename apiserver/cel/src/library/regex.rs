//! What matches regular expressions: Kubernetes' `find` and `findAll`.

use annex_re2::{Error, Pattern};

use super::Guard::Types;
use super::{Decl, native};
use crate::value::{Fail, Value, fail, work};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "find",
        guard: Types,
        overloads: &[("string_find_string", "string.(string) -> string", find)],
    },
    Decl {
        function: "findAll",
        guard: Types,
        overloads: &[
            (
                "string_find_all_string",
                "string.(string) -> list(string)",
                find_all,
            ),
            (
                "string_find_all_string_int",
                "string.(string, int) -> list(string)",
                find_some,
            ),
        ],
    },
];

fn illegal<T>(error: Error) -> Result<T, Fail> {
    fail(format!("Illegal regex: {error}"))
}

fn compiled(pattern: &str) -> Result<Pattern, Fail> {
    work::pattern(pattern)?.or_else(illegal)
}

/// The first match; an empty string without one.
pub(crate) fn first<'a>(pattern: &Pattern, text: &str) -> Value<'a> {
    Value::text(pattern.find(text).unwrap_or_default())
}

/// The matches, at most so many where there is a number that is not negative.
pub(crate) fn every<'a>(pattern: &Pattern, text: &str, most: i64) -> Value<'a> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    Value::list(pattern.find_all(text).take(most).map(Value::text).collect())
}

native!(fn find(Value::String(text), Value::String(pattern)) Ok(first(&compiled(pattern)?, text)));
native!(fn find_all(Value::String(text), Value::String(pattern)) Ok(every(&compiled(pattern)?, text, -1)));
native!(fn find_some(Value::String(text), Value::String(pattern), Value::Int(most)) Ok(every(&compiled(pattern)?, text, *most)));
