//! The document while operations change it. Where no operation has been, it is as it was read; on the way of a path it is taken
//! apart, one level at a time, so that a large document is nowhere twice.
//!
//! Arrays are then in chunks, so that to insert or remove at the head of a long one moves a chunk's elements, not all of them:
//! ten thousand operations on half a million elements are else as many moves of all.

use std::collections::BTreeMap;
use std::io;

use serde_json::Value;

use crate::memory::Weigher;

/// A value that can be changed anywhere at little cost.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// What is as it was read.
    Plain(Value),
    Object(BTreeMap<String, Self>),
    /// Boxed, so that an element takes no more than it did before.
    Array(Box<Chunks>),
}

/// A node that was taken apart.
pub(super) enum Apart<'a> {
    Scalar,
    Object(&'a mut BTreeMap<String, Node>),
    Array(&'a mut Chunks),
}

impl Node {
    pub(super) fn null() -> Self {
        Self::Plain(Value::Null)
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Plain(Value::Null))
    }

    pub(super) fn is_container(&self) -> bool {
        !matches!(self, Self::Plain(value) if !value.is_object() && !value.is_array())
    }

    /// What it is made of, taken apart by one level.
    pub(super) fn apart(&mut self) -> Apart<'_> {
        if let Self::Plain(value) = self {
            match value.take() {
                Value::Object(fields) => {
                    let fields = fields.into_iter().map(|(key, value)| (key, Self::Plain(value)));
                    *self = Self::Object(fields.collect());
                }
                Value::Array(elements) => {
                    *self = Self::Array(Box::new(elements.into_iter().map(Self::Plain).collect()));
                }
                scalar => *value = scalar,
            }
        }
        match self {
            Self::Plain(_) => Apart::Scalar,
            Self::Object(fields) => Apart::Object(fields),
            Self::Array(elements) => Apart::Array(elements),
        }
    }

    /// How many levels are in it (a scalar has none), and how many values.
    pub(super) fn measure(&self) -> (usize, usize) {
        match self {
            Self::Plain(value) => measure(value),
            Self::Object(fields) => inside(fields.values().map(Self::measure)),
            Self::Array(elements) => inside(elements.iter().map(Self::measure)),
        }
    }

    /// Bytes of its JSON, and bytes of memory that it takes.
    pub(super) fn size(&self) -> (usize, usize) {
        let mut counted = Counted::default();
        self.count(&mut counted);
        (counted.length, counted.weigher.weight())
    }

    fn count(&self, counted: &mut Counted) {
        match self {
            Self::Plain(value) => {
                // A counter fails at nothing.
                let _ = serde_json::to_writer(counted, value);
            }
            Self::Object(fields) => {
                counted.take(b"{");
                for (number, (key, value)) in fields.iter().enumerate() {
                    if number > 0 {
                        counted.take(b",");
                    }
                    let _ = serde_json::to_writer(&mut *counted, key);
                    counted.take(b":");
                    value.count(counted);
                }
                counted.take(b"}");
            }
            Self::Array(elements) => {
                counted.take(b"[");
                for (number, element) in elements.iter().enumerate() {
                    if number > 0 {
                        counted.take(b",");
                    }
                    element.count(counted);
                }
                counted.take(b"]");
            }
        }
    }

    /// Whether it is this value. It costs no more than the smaller of both.
    pub(super) fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Plain(plain), value) => plain == value,
            (Self::Object(fields), Value::Object(others)) => {
                fields.len() == others.len()
                    && fields
                        .iter()
                        .all(|(key, field)| others.get(key).is_some_and(|other| field.is(other)))
            }
            (Self::Array(elements), Value::Array(others)) => {
                elements.len() == others.len()
                    && elements
                        .iter()
                        .zip(others)
                        .all(|(element, other)| element.is(other))
            }
            _ => false,
        }
    }
}

fn measure(value: &Value) -> (usize, usize) {
    match value {
        Value::Object(fields) => inside(fields.values().map(measure)),
        Value::Array(elements) => inside(elements.iter().map(measure)),
        _ => (0, 1),
    }
}

/// Levels and values of a container with these inside.
fn inside(children: impl Iterator<Item = (usize, usize)>) -> (usize, usize) {
    children.fold((1, 1), |(deepest, count), (depth, inside)| {
        (deepest.max(depth + 1), count + inside)
    })
}

/// Counts JSON that is written nowhere.
#[derive(Debug, Default)]
struct Counted {
    length: usize,
    weigher: Weigher,
}

impl Counted {
    fn take(&mut self, text: &[u8]) {
        self.length += text.len();
        self.weigher.take(text);
    }
}

impl io::Write for &mut Counted {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.take(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<Node> for Value {
    fn from(node: Node) -> Self {
        match node {
            Node::Plain(value) => value,
            Node::Object(fields) => fields
                .into_iter()
                .map(|(key, node)| (key, Self::from(node)))
                .collect(),
            Node::Array(chunks) => {
                let mut list = Vec::with_capacity(chunks.length);
                for chunk in chunks.chunks {
                    list.extend(chunk.into_iter().map(Self::from));
                }
                Self::Array(list)
            }
        }
    }
}

/// Elements of a chunk at most.
const CHUNK: usize = 512;

/// A list in chunks, none of which is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunks {
    chunks: Vec<Vec<Node>>,
    length: usize,
}

impl Chunks {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    fn iter(&self) -> impl Iterator<Item = &Node> {
        self.chunks.iter().flatten()
    }

    /// The chunk that holds the element at `at`, and the place in it.
    fn find(&self, mut at: usize) -> Option<(usize, usize)> {
        for (number, chunk) in self.chunks.iter().enumerate() {
            if at < chunk.len() {
                return Some((number, at));
            }
            at -= chunk.len();
        }
        None
    }

    pub(super) fn get(&self, at: usize) -> Option<&Node> {
        let (chunk, at) = self.find(at)?;
        self.chunks[chunk].get(at)
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Node> {
        let (chunk, at) = self.find(at)?;
        self.chunks[chunk].get_mut(at)
    }

    pub(super) fn push(&mut self, node: Node) {
        self.length += 1;
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(node),
            _ => self.chunks.push(vec![node]),
        }
    }

    /// Puts an element before the one at `at`; behind all where that is the length. `None`: there is no such place.
    pub(super) fn insert(&mut self, at: usize, node: Node) -> Option<()> {
        if at == self.length {
            self.push(node);
            return Some(());
        }
        let (number, at) = self.find(at)?;
        let chunk = &mut self.chunks[number];
        chunk.insert(at, node);
        self.length += 1;
        if chunk.len() > CHUNK {
            let rest = chunk.split_off(CHUNK / 2);
            self.chunks.insert(number + 1, rest);
        }
        Some(())
    }

    pub(super) fn remove(&mut self, at: usize) -> Option<Node> {
        let (number, at) = self.find(at)?;
        let removed = self.chunks[number].remove(at);
        self.length -= 1;
        if self.chunks[number].is_empty() {
            self.chunks.remove(number);
        }
        Some(removed)
    }
}

impl FromIterator<Node> for Chunks {
    fn from_iter<I: IntoIterator<Item = Node>>(nodes: I) -> Self {
        let mut chunks = Self::default();
        nodes.into_iter().for_each(|node| chunks.push(node));
        chunks
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::memory::of_json;

    #[test]
    fn a_value_is_the_same_there_and_back() {
        let value = json!({"a": [1, {"b": []}, "é\n"], "c": {}, "d": null, "e": vec![1; 2000]});
        let mut node = Node::Plain(value.clone());
        for _ in 0..2 {
            assert!(node.is(&value));
            assert!(!node.is(&json!({"a": 1})));
            let text = value.to_string();
            assert_eq!(node.size(), (text.len(), of_json(text.as_bytes())));
            assert_eq!(node.measure(), (4, 2009));
            assert_eq!(Value::from(node.clone()), value);
            take_apart(&mut node);
        }
    }

    fn take_apart(node: &mut Node) {
        match node.apart() {
            Apart::Scalar => {}
            Apart::Object(fields) => fields.values_mut().for_each(take_apart),
            Apart::Array(list) => list.chunks.iter_mut().flatten().for_each(take_apart),
        }
    }

    #[test]
    fn what_was_taken_apart_is_no_larger() {
        assert_eq!(size_of::<Node>(), size_of::<Value>());
    }

    #[test]
    fn a_list_in_chunks_is_a_list() {
        let number = |number: usize| Node::Plain(number.into());
        let value = |node: Option<&Node>| node.cloned().map(Value::from);
        let mut chunks = Chunks::default();
        let mut list: Vec<usize> = Vec::new();
        for next in 0..20_000_usize {
            let at = next.wrapping_mul(7919) % (list.len() + 1);
            if next % 3 == 2 && at < list.len() {
                let removed = list.remove(at);
                assert_eq!(value(chunks.remove(at).as_ref()), Some(removed.into()));
            } else {
                list.insert(at, next);
                assert!(chunks.insert(at, number(next)).is_some());
            }
            assert_eq!(chunks.len(), list.len());
        }
        assert!(chunks.get(list.len()).is_none());
        assert!(chunks.insert(list.len() + 1, Node::null()).is_none());
        assert_eq!(value(chunks.get(77)), Some(list[77].into()));
        assert_eq!(Value::from(Node::Array(Box::new(chunks))), json!(list));
    }
}
