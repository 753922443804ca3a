//! JSON Pointers, RFC 6901, and the places that they lead to.

use std::collections::BTreeMap;

use super::tree::{Apart, Chunks, Node};

/// A path such as `/spec/list/0`. What stands before the first `/` is not looked at.
pub(super) struct Pointer<'a>(&'a str);

/// A place in an object or an array, whether something is there or not.
pub(super) enum Slot<'a> {
    Field(&'a mut BTreeMap<String, Node>, String),
    Element(&'a mut Chunks, String),
}

impl<'a> Pointer<'a> {
    pub(super) fn new(path: &'a str) -> Self {
        Self(path)
    }

    /// How many levels below the document it leads.
    pub(super) fn depth(&self) -> usize {
        self.0.bytes().filter(|byte| *byte == b'/').count()
    }

    /// The place; `None`: nothing is there in which it could be.
    pub(super) fn slot<'v>(&self, document: &'v mut Node) -> Option<Slot<'v>> {
        let (_, path) = self.0.split_once('/')?;
        let mut segments = path.split('/').map(decoded);
        let mut key = segments.next()?;
        let mut container = document;
        for next in segments {
            container = child(container, &key)?;
            key = next;
        }
        match container.apart() {
            Apart::Object(fields) => Some(Slot::Field(fields, key)),
            Apart::Array(elements) => Some(Slot::Element(elements, key)),
            Apart::Scalar => None,
        }
    }
}

fn child<'v>(container: &'v mut Node, key: &str) -> Option<&'v mut Node> {
    match container.apart() {
        Apart::Object(fields) => fields.get_mut(key),
        Apart::Array(elements) => {
            let at = index(key, elements.len())?;
            elements.get_mut(at)
        }
        Apart::Scalar => None,
    }
}

/// All at once, so that `~01` is `~1`.
fn decoded(segment: &str) -> String {
    if segment.contains('~') {
        segment.replace("~1", "/").replace("~0", "~")
    } else {
        segment.to_owned()
    }
}

/// An index, which may count from the end of `length` places.
fn index(key: &str, length: usize) -> Option<usize> {
    let index: i64 = key.parse().ok()?;
    if index < 0 {
        length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
    } else {
        usize::try_from(index).ok()
    }
}

impl<'a> Slot<'a> {
    /// What is there. The outer `None`: an element that cannot be; the inner one: a field that is not.
    pub(super) fn into_found(self) -> Option<Option<&'a Node>> {
        match self {
            Self::Field(fields, key) => Some(fields.get(&key)),
            Self::Element(elements, key) => {
                let at = index(&key, elements.len())?;
                elements.get(at).map(Some)
            }
        }
    }

    /// Puts a value there: of an array, before what is there.
    pub(super) fn add(self, value: Node) -> Option<()> {
        match self {
            Self::Field(fields, key) => {
                fields.insert(key, value);
            }
            Self::Element(elements, key) if key == "-" => elements.push(value),
            Self::Element(elements, key) => {
                let at = index(&key, elements.len() + 1)?;
                elements.insert(at, value)?;
            }
        }
        Some(())
    }

    /// Puts a value in the place of what is there, or of a field that is not.
    pub(super) fn set(self, value: Node) -> Option<()> {
        match self {
            Self::Field(fields, key) => {
                fields.insert(key, value);
            }
            Self::Element(elements, key) => {
                let at = index(&key, elements.len())?;
                *elements.get_mut(at)? = value;
            }
        }
        Some(())
    }

    /// Takes away what is there.
    pub(super) fn take(self) -> Option<Node> {
        match self {
            Self::Field(fields, key) => fields.remove(&key),
            Self::Element(elements, key) => {
                let at = index(&key, elements.len())?;
                elements.remove(at)
            }
        }
    }
}
