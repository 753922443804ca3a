//! What every walk over a value of a type decides at each place (Go: `typed/helpers.go`).

use serde_json::{Map as Object, Value};

use super::error::Problem;
use crate::schema::{ElementRelationship, List, Map, ResolvedAtom, Scalar, Schema, TypeRef};

/// What a value is to be seen as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<'a> {
    Map(&'a Map, ElementRelationship),
    Scalar(Scalar),
    List(&'a List, ElementRelationship),
}

/// What the type referred to is.
pub(super) fn resolve<'a>(schema: &'a Schema, type_ref: &'a TypeRef) -> Result<ResolvedAtom<'a>, Problem> {
    schema
        .resolve(type_ref)
        .ok_or_else(|| Problem::NoType(type_ref.named_type.clone()))
}

/// What the type referred to is for `value`.
pub(super) fn kind_of<'a>(
    schema: &'a Schema,
    type_ref: &'a TypeRef,
    value: &Value,
) -> Result<Kind<'a>, Problem> {
    kind(deduce(resolve(schema, type_ref)?, Some(value)), type_ref)
}

/// Of a type that may be more than one kind, the one that `value` has. Null, and nothing, may be any.
pub(super) fn deduce<'a>(atom: ResolvedAtom<'a>, value: Option<&Value>) -> ResolvedAtom<'a> {
    let nothing = ResolvedAtom {
        scalar: None,
        list: None,
        map: None,
    };
    match value {
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) if atom.scalar.is_some() => ResolvedAtom {
            scalar: atom.scalar,
            ..nothing
        },
        Some(Value::Array(_)) if atom.list.is_some() => ResolvedAtom {
            list: atom.list,
            ..nothing
        },
        Some(Value::Object(_)) if atom.map.is_some() => ResolvedAtom {
            map: atom.map,
            ..nothing
        },
        _ => atom,
    }
}

/// Whether two kinds deduced from one type are the same.
pub(super) fn is_same(left: &ResolvedAtom<'_>, right: &ResolvedAtom<'_>) -> bool {
    left.scalar.is_some() == right.scalar.is_some()
        && left.list.is_some() == right.list.is_some()
        && left.map.is_some() == right.map.is_some()
}

/// What a value is seen as where its type may be more than one kind.
pub(super) fn kind<'a>(atom: ResolvedAtom<'a>, type_ref: &TypeRef) -> Result<Kind<'a>, Problem> {
    match atom {
        ResolvedAtom {
            map: Some((map, relationship)),
            ..
        } => Ok(Kind::Map(map, relationship)),
        ResolvedAtom {
            scalar: Some(scalar), ..
        } => Ok(Kind::Scalar(scalar)),
        ResolvedAtom {
            list: Some((list, relationship)),
            ..
        } => Ok(Kind::List(list, relationship)),
        ResolvedAtom { .. } => Err(Problem::InvalidAtom(type_ref.named_type.clone())),
    }
}

/// The type of the field `name`.
pub(super) fn field_type<'a>(map: &'a Map, name: &str) -> &'a TypeRef {
    map.find_field(name)
        .map_or(&map.element_type, |field| &field.type_ref)
}

/// # Errors
/// Where `value` is no `scalar`; null and nothing are any.
pub(super) fn validate_scalar(scalar: Scalar, value: Option<&Value>) -> Result<(), Problem> {
    let Some(value) = value else { return Ok(()) };
    match (scalar, value) {
        (_, Value::Null)
        | (Scalar::Numeric, Value::Number(_))
        | (Scalar::String, Value::String(_))
        | (Scalar::Boolean, Value::Bool(_))
        | (Scalar::Untyped, Value::Number(_) | Value::String(_) | Value::Bool(_)) => Ok(()),
        (Scalar::Numeric, _) => Err(Problem::NotNumeric(value.clone())),
        (Scalar::String, _) => Err(Problem::NotString(value.clone())),
        (Scalar::Boolean, _) => Err(Problem::NotBoolean(value.clone())),
        (Scalar::Untyped, _) => Err(Problem::NotScalar(value.clone())),
    }
}

/// # Errors
/// Where neither of two values is a `scalar`.
pub(super) fn validate_either(
    scalar: Scalar,
    left: Option<&Value>,
    right: Option<&Value>,
) -> Result<(), [Problem; 2]> {
    match (validate_scalar(scalar, left), validate_scalar(scalar, right)) {
        (Err(left), Err(right)) => Err([
            Problem::Side("lhs", Box::new(left)),
            Problem::Side("rhs", Box::new(right)),
        ]),
        _ => Ok(()),
    }
}

/// Of two values, the lists among them.
pub(super) fn lists<'a>(left: Option<&'a Value>, right: Option<&'a Value>) -> [&'a [Value]; 2] {
    [left, right].map(|value| {
        value
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default()
    })
}

/// Of two values, the maps among them.
pub(super) fn maps<'a>(
    left: Option<&'a Value>,
    right: Option<&'a Value>,
) -> [Option<&'a Object<String, Value>>; 2] {
    [left, right].map(|value| value.and_then(Value::as_object).filter(|map| !map.is_empty()))
}

/// The fields of two maps: of the left one, with those of the right that have the same name, and then the other ones.
pub(super) fn zip<'a>(
    left: Option<&'a Object<String, Value>>,
    right: Option<&'a Object<String, Value>>,
) -> impl Iterator<Item = (&'a String, Option<&'a Value>, Option<&'a Value>)> {
    let of_left = left.into_iter().flatten();
    let of_right = right.into_iter().flatten();
    let both = of_left.map(move |(name, value)| (name, Some(value), right.and_then(|right| right.get(name))));
    let others = of_right.filter(move |(name, _)| left.is_none_or(|left| !left.contains_key(*name)));
    both.chain(others.map(|(name, value)| (name, None, Some(value))))
}
