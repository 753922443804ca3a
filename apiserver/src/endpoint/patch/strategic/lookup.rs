//! How a field is patched: its `x-kubernetes-patch-strategy` and `x-kubernetes-patch-merge-key`, found as
//! k8s.io/apimachinery's `strategicpatch.PatchMetaFromStruct` finds the tags of Go's types.

use super::error::Error;
use crate::schema::{ANY, Fields, Node, Rest, Shape};

/// The strategy of a struct whose other fields go when one of them is set (a union).
const RETAIN_KEYS: &str = "retainKeys";
/// The strategy of a field that is replaced.
const REPLACE: &str = "replace";
/// The strategy of a list that is merged.
const MERGE: &str = "merge";

/// How a field is patched.
#[derive(Clone, Copy, Debug)]
pub(super) struct PatchMeta<'a> {
    /// What stands in the field; in the elements, of a list.
    pub(super) node: &'a Node,
    /// Whether an object is replaced.
    pub(super) is_replaced: bool,
    /// Whether a list is merged.
    pub(super) is_merged: bool,
    /// What tells the elements of a list apart; empty: their values.
    pub(super) merge_key: &'a str,
}

/// Of an object in the field `name` of an object that is as `parent` says.
///
/// Where anything may stand, objects are merged and lists replaced.
///
/// # Errors
/// There are no such fields, or the schema contradicts itself.
pub(super) fn of_object<'a>(parent: &'a Node, name: &str) -> Result<PatchMeta<'a>, Error> {
    let node = match &parent.shape {
        Shape::Struct(fields) => field(fields, name).ok_or_else(|| Error::UnknownField {
            of: parent.struct_name().to_owned(),
            field: name.to_owned(),
        })?,
        Shape::Any => &ANY,
        _ => return Err(Error::NotAStruct(kind(parent).to_owned())),
    };
    meta(node, node)
}

/// Of a list in the field `name` of an object that is as `parent` says.
///
/// # Errors
/// As [`of_object`]; the field is no list.
pub(super) fn of_list<'a>(parent: &'a Node, name: &str) -> Result<PatchMeta<'a>, Error> {
    let of_field = of_object(parent, name)?;
    match &of_field.node.shape {
        Shape::List(each) if matches!(each.shape, Shape::List(_)) => Err(Error::SliceOfSlices),
        Shape::List(each) => meta(of_field.node, each),
        Shape::Any => Ok(of_field),
        _ => Err(Error::NotAList(kind(parent).to_owned())),
    }
}

fn meta<'a>(declared: &'a Node, node: &'a Node) -> Result<PatchMeta<'a>, Error> {
    let patch = &declared.patch;
    let mut others = patch
        .strategies
        .iter()
        .map(|strategy| &**strategy)
        .filter(|strategy| *strategy != RETAIN_KEYS);
    let strategy = others.next();
    if patch.strategies.len() > 2 || others.next().is_some() {
        let all = patch.strategies.iter().map(|strategy| strategy.to_string());
        return Err(Error::UnexpectedStrategy(all.collect()));
    }
    Ok(PatchMeta {
        node,
        is_replaced: strategy == Some(REPLACE),
        is_merged: strategy == Some(MERGE),
        merge_key: &patch.merge_key,
    })
}

/// As Go finds the field of a struct: by its name, else by one that differs in the case of letters.
fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a Node> {
    let by_case = || {
        let mut known = fields.known.iter();
        known
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, node)| node)
    };
    let known = fields.known.get(name).or_else(by_case);
    known.or(match &fields.rest {
        Rest::Unknown => None,
        Rest::Kept => Some(&ANY),
        Rest::Each(each) => Some(each),
    })
}

/// The `reflect.Kind` of the Go type that a schema is of.
pub(super) fn kind(node: &Node) -> &str {
    match &node.shape {
        // A time is a struct around one.
        Shape::Struct(_) | Shape::Time | Shape::IntOrString => "struct",
        Shape::Map(_) => "map",
        Shape::List(_) | Shape::Bytes => "slice",
        Shape::Text => "string",
        Shape::Integer(..) | Shape::Number | Shape::Boolean => &node.type_name,
        Shape::Any => "interface",
    }
}
