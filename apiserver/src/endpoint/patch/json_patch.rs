//! JSON Patch, RFC 6902, as the library below k8s.io/apiserver applies it: `replace` needs no old value, an index may
//! count from the end, and what a path leads to where nothing is may be copied as a null.

mod pointer;
mod tree;

use serde_json::Value;

use super::document;
use super::unreadable;
use crate::decode::go_kind;
use crate::status::ApiError;
use pointer::{Pointer, Slot};
use tree::Node;

/// As many operations as Kubernetes takes.
const MOST_OPERATIONS: usize = 10_000;
/// Bytes that copies may add to an object.
const MOST_COPIED_BYTES: usize = 3 * 1024 * 1024;
/// No object is nested as deep as this. It bounds what code that recurses does with the result.
const MOST_DEPTH: usize = 500;
/// Values that are visited at most to find out how deep a document is, over all operations.
const MOST_VISITED: usize = 20_000_000;

const FIELDS: &[&str] = &["op", "path", "from", "value"];

/// One operation, of which nothing is checked before its turn comes.
#[derive(Clone, Debug)]
pub(super) struct Operation(Value);

/// Reads a JSON patch, and what a strict decoder finds in it. `is_checked`: as a request with a `fieldValidation` that
/// looks at it reads it.
///
/// # Errors
/// 400; 413 for too many operations.
pub(super) fn read(body: &[u8], is_checked: bool) -> Result<(Vec<Operation>, Vec<String>), ApiError> {
    let refuse = |message: &str| {
        if is_checked {
            unreadable(message)
        } else {
            ApiError::BadRequest(message.to_owned())
        }
    };
    let (value, findings) = document::read(body, Some(FIELDS)).map_err(|message| refuse(&message))?;
    let operations = match value {
        Value::Array(operations) => operations,
        Value::Null => Vec::new(),
        other => {
            let type_ = if is_checked {
                "[]handlers.jsonPatchOp"
            } else {
                "jsonpatch.Patch"
            };
            let kind = go_kind(&other);
            return Err(refuse(&format!(
                "json: cannot unmarshal {kind} into Go value of type {type_}"
            )));
        }
    };
    for operation in &operations {
        check_types(operation, is_checked).map_err(|message| refuse(&message))?;
    }
    if operations.len() > MOST_OPERATIONS {
        return Err(ApiError::RequestEntityTooLarge(format!(
            "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {}",
            operations.len()
        )));
    }
    let strict = if is_checked {
        findings
            .into_texts()
            .iter()
            .map(|text| format!("json patch {text}"))
            .collect()
    } else {
        Vec::new()
    };
    Ok((operations.into_iter().map(Operation).collect(), strict))
}

/// What Go's decoder says to an operation with fields of wrong types.
fn check_types(operation: &Value, is_checked: bool) -> Result<(), String> {
    let fields = match operation {
        Value::Object(fields) => fields,
        Value::Null => return Ok(()),
        other => {
            let type_ = if is_checked {
                "handlers.jsonPatchOp"
            } else {
                "jsonpatch.Operation"
            };
            let kind = go_kind(other);
            return Err(format!(
                "json: cannot unmarshal {kind} into Go value of type {type_}"
            ));
        }
    };
    let wrong = ["op", "path", "from"].into_iter().find_map(|name| {
        let value = fields.get(name)?;
        let is_right = value.is_string() || value.is_null() || !is_checked;
        (!is_right).then(|| (name, go_kind(value)))
    });
    match wrong {
        Some((name, kind)) => Err(format!(
            "json: cannot unmarshal {kind} into Go struct field jsonPatchOp.{name} of type string"
        )),
        None => Ok(()),
    }
}

/// Whether an operation of the patch may be a copy: by its text, which may write a letter as `\u0063`.
pub(super) fn may_copy(body: &[u8]) -> bool {
    let says = |word: &[u8]| body.windows(word.len()).any(|part| part == word);
    says(b"copy") || says(b"\\u")
}

/// `document` after all operations; `None` where one of them does not apply. `room`: bytes of memory that copies may take.
///
/// All operations together cost time linear in the document and in the patch: arrays are in chunks ([`tree`]), what copies
/// add is bounded, a test costs no more than the value that it names, and the depth is counted anew a bounded number of times.
/// They are taken apart as they are applied: what a patch adds is nowhere twice.
pub(super) fn apply(document: Value, operations: Vec<Operation>, room: usize) -> Option<Value> {
    let document = Node::Plain(document);
    let mut patched = Patched {
        deepest: document.measure().0,
        document,
        copied: 0,
        room,
        visited: 0,
    };
    for Operation(operation) in operations {
        patched.apply(operation)?;
        patched.check_depth()?;
    }
    Some(patched.document.into())
}

struct Patched {
    document: Node,
    /// How deep the document is at most.
    deepest: usize,
    /// Bytes that were copied.
    copied: usize,
    /// Bytes of memory that may yet be copied.
    room: usize,
    /// Values that were visited to count the depth.
    visited: usize,
}

impl Patched {
    fn apply(&mut self, mut operation: Value) -> Option<()> {
        let value = operation.get_mut("value").map(Value::take);
        let text = |field: &str| operation.get(field).and_then(Value::as_str);
        let kind = text("op")?;
        match kind {
            "add" => self.add(text("path")?, value.map_or_else(Node::null, Node::Plain)),
            "remove" => self.take(text("path")?).map(|_| ()),
            "replace" => self.replace(text("path")?, value.map(Node::Plain)),
            "move" => {
                let from = text("from")?;
                let value = self.take(from)?;
                self.deepen(Pointer::new(text("path")?).depth(), from);
                self.slot(text("path")?)?.add(value)
            }
            "copy" => self.copy(text("from")?, text("path")?),
            "test" => self.test(text("path")?, value.as_ref()),
            _ => None,
        }
    }

    fn slot(&mut self, path: &str) -> Option<Slot<'_>> {
        Pointer::new(path).slot(&mut self.document)
    }

    fn add(&mut self, path: &str, value: Node) -> Option<()> {
        self.deepest = self.deepest.max(Pointer::new(path).depth() + value.measure().0);
        self.slot(path)?.add(value)
    }

    fn take(&mut self, path: &str) -> Option<Node> {
        self.slot(path)?.take()
    }

    fn replace(&mut self, path: &str, value: Option<Node>) -> Option<()> {
        let below = value.as_ref().map_or(0, |value| value.measure().0);
        self.deepest = self.deepest.max(Pointer::new(path).depth() + below);
        if path.is_empty() {
            self.document = value.filter(Node::is_container)?;
            return Some(());
        }
        self.slot(path)?.set(value.unwrap_or_else(Node::null))
    }

    fn copy(&mut self, from: &str, path: &str) -> Option<()> {
        let (copied, room) = (self.copied, self.room);
        let found = self.slot(from)?.into_found()?;
        let (length, weight) = found.map_or((0, 0), Node::size);
        let fits = copied + length <= MOST_COPIED_BYTES && weight <= room;
        let value = found.filter(|_| fits).cloned();
        if !fits {
            return None;
        }
        self.copied += length;
        self.room -= weight;
        self.deepen(Pointer::new(path).depth(), from);
        self.slot(path)?.add(value.unwrap_or_else(Node::null))
    }

    fn test(&mut self, path: &str, expected: Option<&Value>) -> Option<()> {
        if path.is_empty() {
            return expected
                .is_some_and(|expected| self.document.is(expected))
                .then_some(());
        }
        let slot = self.slot(path)?;
        let found = slot.into_found()?.filter(|found| !found.is_null());
        let expected = expected.filter(|expected| !expected.is_null());
        let is_met = match (found, expected) {
            (Some(found), Some(expected)) => found.is(expected),
            (None, None) => true,
            _ => false,
        };
        is_met.then_some(())
    }

    /// What was at `from` is now `below` levels down.
    fn deepen(&mut self, below: usize, from: &str) {
        let above = Pointer::new(from).depth();
        self.deepest = self.deepest.max(below + self.deepest.saturating_sub(above));
    }

    /// Counts only where the estimate has run away: it grows with every move, the document does not.
    fn check_depth(&mut self) -> Option<()> {
        if self.deepest > 2 * MOST_DEPTH {
            let (deepest, visited) = self.document.measure();
            self.deepest = deepest;
            self.visited += visited;
            if self.deepest > MOST_DEPTH || self.visited > MOST_VISITED {
                return None;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
