//! What a text consists of.

use std::borrow::Cow;

use crate::tree::Span;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    StreamStart,
    StreamEnd,
    /// `%YAML`
    Version {
        major: u8,
        minor: u8,
    },
    /// `%TAG`
    TagDirective {
        handle: &'a str,
        prefix: Cow<'a, [u8]>,
    },
    /// `---`
    DocumentStart,
    /// `...`
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    /// The end of either.
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    /// `-`
    BlockEntry,
    /// `,`
    FlowEntry,
    /// `?`, or nothing before a key on the line of its colon.
    Key,
    /// `:`
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    Tag {
        handle: &'a str,
        suffix: Cow<'a, [u8]>,
    },
    Scalar {
        text: Span,
        is_plain: bool,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind<'a>,
    /// The line in which it begins, from 0.
    pub(crate) line: usize,
    /// The flow level whose key begins with it, if a colon follows on its line.
    pub(super) key_of: Option<usize>,
}
