//! JSON Patch, RFC 6902, as the library below k8s.io/apiserver applies it: `replace` needs no old value, an index may
//! count from the end, and what a path leads to where nothing is may be copied as a null.

mod pointer;

use serde_json::Value;

use super::document::{self, go_kind};
use super::unreadable;
use crate::status::ApiError;
use pointer::{Pointer, Slot, depth};

/// As many operations as Kubernetes takes.
const MOST_OPERATIONS: usize = 10_000;
/// Bytes that copies may add to an object.
const MOST_COPIED_BYTES: usize = 3 * 1024 * 1024;
/// No object is nested as deep as this. It bounds what code that recurses does with the result.
const MOST_DEPTH: usize = 500;

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

/// `document` after all operations; `None` where one of them does not apply.
pub(super) fn apply(document: Value, operations: &[Operation]) -> Option<Value> {
    let mut patched = Patched {
        deepest: depth(&document),
        document,
        copied: 0,
    };
    for Operation(operation) in operations {
        patched.apply(operation)?;
        patched.check_depth()?;
    }
    Some(patched.document)
}

struct Patched {
    document: Value,
    /// How deep the document is at most.
    deepest: usize,
    /// Bytes that were copied.
    copied: usize,
}

impl Patched {
    fn apply(&mut self, operation: &Value) -> Option<()> {
        let text = |field: &str| operation.get(field).and_then(Value::as_str);
        let kind = text("op")?;
        let value = operation.get("value");
        match kind {
            "add" => self.add(text("path")?, value.cloned().unwrap_or_default()),
            "remove" => self.take(text("path")?).map(|_| ()),
            "replace" => self.replace(text("path")?, value.cloned()),
            "move" => {
                let from = text("from")?;
                let value = self.take(from)?;
                self.deepen(Pointer::new(text("path")?).depth(), Some(from));
                self.slot(text("path")?)?.add(value)
            }
            "copy" => self.copy(text("from")?, text("path")?),
            "test" => self.test(text("path")?, value),
            _ => None,
        }
    }

    fn slot(&mut self, path: &str) -> Option<Slot<'_>> {
        Pointer::new(path).slot(&mut self.document)
    }

    fn add(&mut self, path: &str, value: Value) -> Option<()> {
        self.deepest = self.deepest.max(Pointer::new(path).depth() + depth(&value));
        self.slot(path)?.add(value)
    }

    fn take(&mut self, path: &str) -> Option<Value> {
        self.slot(path)?.take()
    }

    fn replace(&mut self, path: &str, value: Option<Value>) -> Option<()> {
        let below = value.as_ref().map_or(0, depth);
        self.deepest = self.deepest.max(Pointer::new(path).depth() + below);
        if path.is_empty() {
            self.document = value.filter(|value| value.is_object() || value.is_array())?;
            return Some(());
        }
        self.slot(path)?.set(value.unwrap_or_default())
    }

    fn copy(&mut self, from: &str, path: &str) -> Option<()> {
        let value = self.slot(from)?.get()?.cloned();
        if let Some(value) = &value {
            self.copied += serde_json::to_vec(value).ok()?.len();
        }
        if self.copied > MOST_COPIED_BYTES {
            return None;
        }
        self.deepen(Pointer::new(path).depth(), Some(from));
        self.slot(path)?.add(value.unwrap_or_default())
    }

    fn test(&mut self, path: &str, expected: Option<&Value>) -> Option<()> {
        if path.is_empty() {
            return (Some(&self.document) == expected).then_some(());
        }
        let mut slot = self.slot(path)?;
        let found = slot.get()?.filter(|found| !found.is_null());
        let expected = expected.filter(|expected| !expected.is_null());
        (found == expected).then_some(())
    }

    /// What was at `from` is now `below` levels down.
    fn deepen(&mut self, below: usize, from: Option<&str>) {
        let above = from.map_or(0, |from| Pointer::new(from).depth());
        self.deepest = self.deepest.max(below + self.deepest.saturating_sub(above));
    }

    /// Counts only where the estimate has run away: it grows with every move, the document does not.
    fn check_depth(&mut self) -> Option<()> {
        if self.deepest > 2 * MOST_DEPTH {
            self.deepest = depth(&self.document);
            if self.deepest > MOST_DEPTH {
                return None;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
