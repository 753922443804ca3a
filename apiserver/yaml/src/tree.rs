//! A document as its nodes, in the order in which they stand: behind each come those within it.

use std::ops::Range;

/// Where a text stands among all texts of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    begin: u32,
    end: u32,
}

/// What a tag says of a scalar. Tags of lists and maps mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// There is none.
    None,
    Str,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
    Binary,
    Merge,
    /// Any other: the scalar is a text.
    Other,
}

const PREFIX: &[u8] = b"tag:yaml.org,2002:";

impl Tag {
    /// The tag of this name, which is given in two parts.
    pub(crate) fn new(prefix: &[u8], suffix: &[u8]) -> Self {
        let name = match prefix.strip_prefix(PREFIX) {
            Some([]) => suffix,
            // A prefix may end, or begin, in the middle of a name.
            _ if prefix.len() + suffix.len() < 2 * PREFIX.len() => {
                let whole = [prefix, suffix].concat();
                return whole.strip_prefix(PREFIX).map_or(Self::Other, Self::named);
            }
            _ => return Self::Other,
        };
        Self::named(name)
    }

    fn named(name: &[u8]) -> Self {
        match name {
            b"str" => Self::Str,
            b"bool" => Self::Bool,
            b"int" => Self::Int,
            b"float" => Self::Float,
            b"null" => Self::Null,
            b"timestamp" => Self::Timestamp,
            b"binary" => Self::Binary,
            b"merge" => Self::Merge,
            _ => Self::Other,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Scalar {
        text: Span,
        tag: Tag,
        /// Whether it is read as what it looks like: plain, and without a tag.
        is_implicit: bool,
    },
    Alias {
        name: Span,
        target: u32,
    },
    Sequence,
    Mapping,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// From 0.
    pub(crate) line: u32,
    /// The number of the next node that is not within this one.
    end: u32,
}

/// A document.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    pub(crate) texts: String,
}

/// What is larger than 4 GiB is cut there; bodies are bounded long before that.
fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Tree {
    /// Adds a node that has none within it yet, and gives its number.
    pub(crate) fn add(&mut self, kind: Kind, line: usize) -> u32 {
        let number = short(self.nodes.len());
        self.nodes.push(Node {
            kind,
            line: short(line),
            end: number + 1,
        });
        number
    }

    /// Nothing more comes within a node.
    pub(crate) fn close(&mut self, number: u32) {
        let end = short(self.nodes.len());
        if let Some(node) = self.nodes.get_mut(number as usize) {
            node.end = end;
        }
    }

    /// Where the texts end now, and where another one begins.
    pub(crate) fn mark(&self) -> usize {
        self.texts.len()
    }

    /// What was added to the texts since a mark.
    pub(crate) fn since(&self, mark: usize) -> Span {
        Span {
            begin: short(mark),
            end: short(self.texts.len()),
        }
    }

    pub(crate) fn text(&self, span: Span) -> &str {
        let Span { begin, end } = span;
        self.texts.get(begin as usize..end as usize).unwrap_or_default()
    }

    pub(crate) fn node(&self, number: u32) -> Option<&Node> {
        self.nodes.get(number as usize)
    }

    /// The numbers of the nodes directly within one.
    pub(crate) fn children(&self, number: u32) -> Children<'_> {
        let end = self.node(number).map_or(number, |node| node.end);
        Children {
            tree: self,
            rest: number + 1..end,
        }
    }
}

pub(crate) struct Children<'a> {
    tree: &'a Tree,
    rest: Range<u32>,
}

impl Iterator for Children<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.rest.is_empty() {
            return None;
        }
        let number = self.rest.start;
        self.rest.start = self.tree.node(number).map_or(self.rest.end, |node| node.end);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_whichever_way_its_name_is_cut() {
        for (prefix, suffix, tag) in [
            ("tag:yaml.org,2002:", "int", Tag::Int),
            ("tag:yaml.org,2002:i", "nt", Tag::Int),
            ("", "tag:yaml.org,2002:binary", Tag::Binary),
            ("tag:yaml.org,2002:", "map", Tag::Other),
            ("!", "int", Tag::Other),
            ("!", "", Tag::Other),
        ] {
            assert_eq!(
                Tag::new(prefix.as_bytes(), suffix.as_bytes()),
                tag,
                "{prefix} {suffix}"
            );
        }
    }
}
