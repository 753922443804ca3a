//! The document while operations change it. Arrays are in chunks, so that to insert or remove at the head of a long one moves
//! a chunk's elements, not all of them: ten thousand operations on half a million elements are else as many moves of all.

use std::collections::BTreeMap;

use serde_json::Value;

/// A value that can be changed anywhere at little cost.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// What has nothing inside.
    Scalar(Value),
    Object(BTreeMap<String, Self>),
    Array(Chunks),
}

impl Node {
    pub(super) fn null() -> Self {
        Self::Scalar(Value::Null)
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(Value::Null))
    }

    pub(super) fn is_container(&self) -> bool {
        !matches!(self, Self::Scalar(_))
    }

    /// How many levels are in it (a scalar has none), and how many values.
    pub(super) fn measure(&self) -> (usize, usize) {
        let of = |children: &mut dyn Iterator<Item = &Self>| {
            children
                .map(Self::measure)
                .fold((1, 1), |(deepest, count), (depth, inside)| {
                    (deepest.max(depth + 1), count + inside)
                })
        };
        match self {
            Self::Scalar(_) => (0, 1),
            Self::Object(fields) => of(&mut fields.values()),
            Self::Array(elements) => of(&mut elements.iter()),
        }
    }

    /// Bytes of its JSON.
    pub(super) fn json_length(&self) -> usize {
        let separated = |lengths: usize, count: usize| 2 + lengths + count.saturating_sub(1);
        match self {
            Self::Scalar(value) => value.to_string().len(),
            Self::Object(fields) => {
                let lengths = fields.iter().map(|(key, value)| {
                    Value::from(key.as_str()).to_string().len() + 1 + value.json_length()
                });
                separated(lengths.sum(), fields.len())
            }
            Self::Array(elements) => separated(elements.iter().map(Self::json_length).sum(), elements.len()),
        }
    }

    /// Whether it is this value. It costs no more than the smaller of both.
    pub(super) fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Scalar(scalar), value) => scalar == value,
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

impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        match value {
            Value::Object(fields) => {
                let fields = fields.iter().map(|(key, value)| (key.clone(), value.into()));
                Self::Object(fields.collect())
            }
            Value::Array(elements) => Self::Array(elements.iter().map(Self::from).collect()),
            scalar => Self::Scalar(scalar.clone()),
        }
    }
}

impl From<Node> for Value {
    fn from(node: Node) -> Self {
        match node {
            Node::Scalar(value) => value,
            Node::Object(fields) => fields
                .into_iter()
                .map(|(key, node)| (key, Self::from(node)))
                .collect(),
            Node::Array(elements) => elements.into_iter().map(Self::from).collect(),
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

/// The same elements, however they lie in chunks.
impl PartialEq for Chunks {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && self.iter().eq(other.iter())
    }
}

impl FromIterator<Node> for Chunks {
    fn from_iter<I: IntoIterator<Item = Node>>(nodes: I) -> Self {
        let mut chunks = Self::default();
        nodes.into_iter().for_each(|node| chunks.push(node));
        chunks
    }
}

impl IntoIterator for Chunks {
    type Item = Node;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<Node>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.chunks.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_the_same_there_and_back() {
        let value = json!({"a": [1, {"b": []}, "é\n"], "c": {}, "d": null, "e": vec![1; 2000]});
        let node = Node::from(&value);
        assert!(node.is(&value));
        assert!(!node.is(&json!({"a": 1})));
        assert_eq!(node.json_length(), value.to_string().len());
        assert_eq!(node.measure(), (4, 2009));
        assert_eq!(Value::from(node), value);
    }

    #[test]
    fn a_list_in_chunks_is_a_list() {
        let mut chunks = Chunks::default();
        let mut list: Vec<usize> = Vec::new();
        for number in 0..20_000_usize {
            let at = number.wrapping_mul(7919) % (list.len() + 1);
            if number % 3 == 2 && at < list.len() {
                let removed = list.remove(at);
                assert_eq!(chunks.remove(at), Some(Node::Scalar(removed.into())));
            } else {
                list.insert(at, number);
                assert_eq!(chunks.insert(at, Node::Scalar(number.into())), Some(()));
            }
            assert_eq!(chunks.len(), list.len());
        }
        let expected: Vec<Node> = list.iter().map(|number| Node::Scalar((*number).into())).collect();
        assert_eq!(chunks.get(list.len()), None);
        assert_eq!(chunks.insert(list.len() + 1, Node::null()), None);
        assert_eq!(chunks.get(77), expected.get(77));
        assert!(chunks.into_iter().eq(expected));
    }
}
