//! What comprehensions of two variables put into maps: cel-go's `ext.TwoVarComprehensions`.

use std::sync::Arc;

use super::Guard::Types;
use super::{Decl, native};
use crate::value::{Fail, Map, Outcome, Value, Values, fail};

pub(super) const DECLS: &[Decl] = &[Decl {
    function: "cel.@mapInsert",
    guard: Types,
    overloads: &[
        (
            "@mapInsert_map_key_value",
            "(map(K, V), K, V) -> map(K, V)",
            insert,
        ),
        (
            "@mapInsert_map_map",
            "(map(K, V), map(K, V)) -> map(K, V)",
            insert_all,
        ),
    ],
}];

/// Puts an entry into a map that is being made.
pub(crate) fn put<'a>(into: &mut Values<'a>, key: Value<'a>, value: Value<'a>) -> Result<(), Fail> {
    if into.contains_key(&key) {
        return fail(format!("insert failed: key {key} already exists"));
    }
    into.set(key, value);
    Ok(())
}

fn copied<'a>(map: &Map<'a>) -> Result<Values<'a>, Fail> {
    let mut all = Values::default();
    for (key, value) in map.entries() {
        all.set(key, value?);
    }
    Ok(all)
}

native!(fn insert(Value::Map(map), key, value) {
    let mut all = copied(map)?;
    put(&mut all, key.clone(), value.clone())?;
    made(all)
});
native!(fn insert_all(Value::Map(map), Value::Map(other)) {
    let mut all = copied(map)?;
    for (key, value) in other.entries() {
        put(&mut all, key, value?)?;
    }
    made(all)
});

#[expect(clippy::unnecessary_wraps, reason = "it is what functions return")]
fn made(all: Values<'_>) -> Outcome<'_> {
    Ok(Value::Map(Map::Values(Arc::new(all))))
}
