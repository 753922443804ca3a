//! What stays of a patch whose parts become parts of the object: Go puts them there and keeps them in the patch too, which
//! an error shows afterwards. So a patch is applied without a copy, and once more, with copies, for an error.

use serde_json::Value;

use super::DIRECTIVE;

/// What stays where a part of the patch becomes a part of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::endpoint::patch) enum Remains {
    /// A null.
    Nothing,
    /// The part.
    Copy,
}

impl Remains {
    /// The part.
    pub(super) fn take(self, part: &mut Value) -> Value {
        match self {
            Self::Nothing => part.take(),
            Self::Copy => part.clone(),
        }
    }

    /// The part without objects that are directives (Go: `removeDirectives`); `None` where it is one itself.
    pub(super) fn take_without_directives(self, part: &mut Value) -> Option<Value> {
        match part {
            Value::Array(list) => {
                let each = |element| self.take_without_directives(element);
                Some(list.iter_mut().filter_map(each).collect())
            }
            other => remove_directives(other).then(|| self.take(other)),
        }
    }
}

/// Whether the value is no directive itself; those within are removed.
fn remove_directives(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            let is_kept = !fields.contains_key(DIRECTIVE);
            if is_kept {
                fields.retain(|_, value| remove_directives(value));
            }
            is_kept
        }
        Value::Array(list) => {
            list.retain_mut(remove_directives);
            true
        }
        _ => true,
    }
}
