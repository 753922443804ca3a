//! The first document of a text as a tree, by the grammar of libyaml as go-yaml has it.

use std::collections::HashMap;

use crate::MAX_DEPTH;
use crate::error::Error;
use crate::scanner::{Kind as Sign, Scanner, Token};
use crate::source::Source;
use crate::tree::{Kind, Span, Tag, Tree};

/// Handles that each document has.
const HANDLES: [(&str, &[u8]); 2] = [("!", b"!"), ("!!", b"tag:yaml.org,2002:")];

/// The tree of the first document; an empty tree where there is none.
pub(crate) fn parse(source: &Source<'_>) -> Result<Tree, Error> {
    let mut parser = Parser {
        scanner: Scanner::new(source),
        handles: HashMap::new(),
        anchors: HashMap::new(),
        depth: 0,
    };
    parser.document()?;
    Ok(parser.scanner.tree)
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    /// What handles of tags stand for.
    handles: HashMap<&'a str, Vec<u8>>,
    /// The last node with each anchor.
    anchors: HashMap<&'a str, u32>,
    /// Lists and maps that are open.
    depth: usize,
}

/// What stands before a node.
#[derive(Default)]
struct Properties<'a> {
    anchor: Option<&'a str>,
    tag: Option<Tag>,
    /// Whether the tag is `!`, which says nothing.
    is_bare: bool,
    /// The line in which they begin.
    line: Option<usize>,
}

/// Go tells of what the grammar refuses the line before.
fn fail<T>(line: usize, problem: &'static str) -> Result<T, Error> {
    Err(Error::Syntax {
        line,
        problem: problem.into(),
    })
}

impl<'a> Parser<'a> {
    fn peek(&mut self) -> Result<&Token<'a>, Error> {
        self.scanner.peek()
    }

    /// The line in which the next token begins.
    fn line(&mut self) -> Result<usize, Error> {
        Ok(self.peek()?.line)
    }

    /// Takes the next token; its line.
    fn skip(&mut self) -> Result<usize, Error> {
        Ok(self.scanner.take()?.line)
    }

    fn document(&mut self) -> Result<(), Error> {
        // The beginning of the stream.
        self.skip()?;
        let is_empty = match self.peek()?.kind {
            Sign::StreamEnd => return Ok(()),
            Sign::Version { .. } | Sign::TagDirective { .. } | Sign::DocumentStart => {
                self.directives()?;
                let line = self.line()?;
                if !matches!(self.peek()?.kind, Sign::DocumentStart) {
                    return fail(line, "did not find expected <document start>");
                }
                self.skip()?;
                matches!(
                    self.peek()?.kind,
                    Sign::Version { .. }
                        | Sign::TagDirective { .. }
                        | Sign::DocumentStart
                        | Sign::DocumentEnd
                        | Sign::StreamEnd
                )
            }
            _ => {
                self.directives()?;
                false
            }
        };
        if is_empty {
            let line = self.line()?;
            self.empty(line);
        } else {
            self.node(true, false)?;
        }
        // Go looks at the next token to see whether the document ends with `...`.
        self.peek()?;
        Ok(())
    }

    fn directives(&mut self) -> Result<(), Error> {
        let mut has_version = false;
        while let Sign::Version { .. } | Sign::TagDirective { .. } = &self.peek()?.kind {
            let Token { kind, line, .. } = self.scanner.take()?;
            match kind {
                Sign::Version { .. } if has_version => {
                    return fail(line, "found duplicate %YAML directive");
                }
                Sign::Version { major: 1, minor: 1 } => has_version = true,
                Sign::TagDirective { handle, .. } if self.handles.contains_key(handle) => {
                    return fail(line, "found duplicate %TAG directive");
                }
                Sign::TagDirective { handle, prefix } => {
                    self.handles.insert(handle, prefix.into_owned());
                }
                _ => return fail(line, "found incompatible YAML document"),
            }
        }
        for (handle, prefix) in HANDLES {
            self.handles.entry(handle).or_insert_with(|| prefix.to_owned());
        }
        Ok(())
    }

    /// A node. `is_block`: whether it may be a block; `may_be_indentless`: whether it may be a list of which the dashes stand no
    /// further in than the key of their map.
    fn node(&mut self, is_block: bool, may_be_indentless: bool) -> Result<(), Error> {
        let token = self.peek()?;
        if let Sign::Alias(name) = token.kind {
            let line = token.line;
            self.skip()?;
            return self.alias(name, line);
        }
        let properties = self.properties()?;
        let here = self.line()?;
        let line = properties.line.unwrap_or(here);
        match self.peek()?.kind {
            Sign::BlockEntry if may_be_indentless => {
                self.collection(Kind::Sequence, line, &properties, Self::indentless_sequence)
            }
            Sign::Scalar { text, is_plain } => {
                self.skip()?;
                self.scalar(text, is_plain, line, &properties);
                Ok(())
            }
            Sign::FlowSequenceStart => {
                self.collection(Kind::Sequence, line, &properties, Self::flow_sequence)
            }
            Sign::FlowMappingStart => self.collection(Kind::Mapping, line, &properties, Self::flow_mapping),
            Sign::BlockSequenceStart if is_block => {
                self.collection(Kind::Sequence, line, &properties, Self::block_sequence)
            }
            Sign::BlockMappingStart if is_block => {
                self.collection(Kind::Mapping, line, &properties, Self::block_mapping)
            }
            _ if properties.anchor.is_some() || properties.tag.is_some() => {
                let node = Kind::Scalar {
                    text: Span::default(),
                    tag: properties.tag.unwrap_or(Tag::None),
                    is_implicit: properties.tag.is_none(),
                };
                self.add(node, line, &properties);
                Ok(())
            }
            _ => fail(here, "did not find expected node content"),
        }
    }

    /// An anchor and a tag, in either order.
    fn properties(&mut self) -> Result<Properties<'a>, Error> {
        let mut properties = Properties::default();
        let mut tag = None;
        loop {
            match self.peek()?.kind {
                Sign::Anchor(_) if properties.anchor.is_none() => {}
                Sign::Tag { .. } if tag.is_none() => {}
                _ => break,
            }
            let token = self.scanner.take()?;
            properties.line.get_or_insert(token.line);
            match token.kind {
                Sign::Anchor(name) => properties.anchor = Some(name),
                Sign::Tag { handle, suffix } => tag = Some((handle, suffix, token.line)),
                _ => {}
            }
        }
        // Go looks at the token behind them first.
        self.peek()?;
        if let Some((handle, suffix, line)) = tag {
            let prefix = match handle {
                "" => &[],
                handle => match self.handles.get(handle) {
                    Some(prefix) => prefix.as_slice(),
                    None => return fail(line, "found undefined tag handle"),
                },
            };
            properties.is_bare = matches!((prefix, &*suffix), (b"!", []) | ([], b"!"));
            properties.tag = Some(Tag::new(prefix, &suffix));
        }
        Ok(properties)
    }

    fn alias(&mut self, name: &str, line: usize) -> Result<(), Error> {
        let Some(target) = self.anchors.get(name).copied() else {
            return Err(Error::value(format!(
                "unknown anchor '{}' referenced",
                crate::go::cut(name)
            )));
        };
        let mark = self.scanner.tree.mark();
        self.scanner.tree.texts.push_str(crate::go::cut(name).as_ref());
        let name = self.scanner.tree.since(mark);
        self.scanner.tree.add(Kind::Alias { name, target }, line);
        Ok(())
    }

    fn add(&mut self, kind: Kind, line: usize, properties: &Properties<'a>) -> u32 {
        let number = self.scanner.tree.add(kind, line);
        if let Some(name) = properties.anchor {
            self.anchors.insert(name, number);
        }
        number
    }

    fn scalar(&mut self, text: Span, is_plain: bool, line: usize, properties: &Properties<'a>) {
        let node = Kind::Scalar {
            text,
            tag: properties.tag.unwrap_or(Tag::None),
            is_implicit: properties.is_bare || is_plain && properties.tag.is_none(),
        };
        self.add(node, line, properties);
    }

    /// A scalar where nothing stands.
    fn empty(&mut self, line: usize) {
        self.scalar(Span::default(), true, line, &Properties::default());
    }

    fn collection(
        &mut self,
        kind: Kind,
        line: usize,
        properties: &Properties<'a>,
        content: fn(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.open(line)?;
        let number = self.add(kind, line, properties);
        content(self)?;
        self.close(number);
        Ok(())
    }

    fn open(&mut self, line: usize) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::depth(line));
        }
        Ok(())
    }

    fn close(&mut self, number: u32) {
        self.depth -= 1;
        self.scanner.tree.close(number);
    }

    fn block_sequence(&mut self) -> Result<(), Error> {
        self.skip()?;
        while matches!(self.peek()?.kind, Sign::BlockEntry) {
            let line = self.skip()?;
            if matches!(self.peek()?.kind, Sign::BlockEntry | Sign::BlockEnd) {
                self.empty(line);
            } else {
                self.node(true, false)?;
            }
        }
        self.block_end("did not find expected '-' indicator")
    }

    fn block_end(&mut self, problem: &'static str) -> Result<(), Error> {
        if !matches!(self.peek()?.kind, Sign::BlockEnd) {
            let line = self.line()?;
            return fail(line, problem);
        }
        self.skip()?;
        Ok(())
    }

    fn indentless_sequence(&mut self) -> Result<(), Error> {
        while matches!(self.peek()?.kind, Sign::BlockEntry) {
            let line = self.skip()?;
            if matches!(
                self.peek()?.kind,
                Sign::BlockEntry | Sign::Key | Sign::Value | Sign::BlockEnd
            ) {
                self.empty(line);
            } else {
                self.node(true, false)?;
            }
        }
        Ok(())
    }

    fn block_mapping(&mut self) -> Result<(), Error> {
        self.skip()?;
        // A value without a key ends it.
        while matches!(self.peek()?.kind, Sign::Key) {
            let line = self.skip()?;
            self.block_mapping_node(line)?;
            let line = self.line()?;
            if matches!(self.peek()?.kind, Sign::Value) {
                self.skip()?;
                self.block_mapping_node(line)?;
            } else {
                self.empty(line);
            }
        }
        self.block_end("did not find expected key")
    }

    /// A key or a value behind its sign, which stands in `line`.
    fn block_mapping_node(&mut self, line: usize) -> Result<(), Error> {
        if matches!(self.peek()?.kind, Sign::Key | Sign::Value | Sign::BlockEnd) {
            self.empty(line);
            return Ok(());
        }
        self.node(true, true)
    }

    fn flow_sequence(&mut self) -> Result<(), Error> {
        self.skip()?;
        let mut is_first = true;
        while !matches!(self.peek()?.kind, Sign::FlowSequenceEnd) {
            if !is_first {
                self.flow_entry("did not find expected ',' or ']'")?;
            }
            is_first = false;
            if matches!(self.peek()?.kind, Sign::Key) {
                let line = self.skip()?;
                self.open(line)?;
                let number = self.scanner.tree.add(Kind::Mapping, line);
                self.flow_pair()?;
                self.close(number);
            } else if !matches!(self.peek()?.kind, Sign::FlowSequenceEnd) {
                self.node(false, false)?;
            }
        }
        self.skip()?;
        Ok(())
    }

    /// A comma.
    fn flow_entry(&mut self, problem: &'static str) -> Result<(), Error> {
        if !matches!(self.peek()?.kind, Sign::FlowEntry) {
            let line = self.line()?;
            return fail(line, problem);
        }
        self.skip()?;
        Ok(())
    }

    /// A map of one pair within a list, behind the sign of its key.
    fn flow_pair(&mut self) -> Result<(), Error> {
        if matches!(
            self.peek()?.kind,
            Sign::Value | Sign::FlowEntry | Sign::FlowSequenceEnd
        ) {
            // Go takes that token for the key's, whatever it is.
            let line = self.skip()?;
            self.empty(line);
        } else {
            self.node(false, false)?;
        }
        self.flow_value(&Sign::FlowSequenceEnd)
    }

    /// The value of a key, or nothing where no colon stands.
    fn flow_value(&mut self, end: &Sign<'_>) -> Result<(), Error> {
        if matches!(self.peek()?.kind, Sign::Value) {
            self.skip()?;
            if self.peek()?.kind != Sign::FlowEntry && self.peek()?.kind != *end {
                return self.node(false, false);
            }
        }
        let line = self.line()?;
        self.empty(line);
        Ok(())
    }

    fn flow_mapping(&mut self) -> Result<(), Error> {
        self.skip()?;
        let mut is_first = true;
        while !matches!(self.peek()?.kind, Sign::FlowMappingEnd) {
            if !is_first {
                self.flow_entry("did not find expected ',' or '}'")?;
            }
            is_first = false;
            if matches!(self.peek()?.kind, Sign::Key) {
                self.skip()?;
                if matches!(
                    self.peek()?.kind,
                    Sign::Value | Sign::FlowEntry | Sign::FlowMappingEnd
                ) {
                    let line = self.line()?;
                    self.empty(line);
                } else {
                    self.node(false, false)?;
                }
                self.flow_value(&Sign::FlowMappingEnd)?;
            } else if !matches!(self.peek()?.kind, Sign::FlowMappingEnd) {
                self.node(false, false)?;
                let line = self.line()?;
                self.empty(line);
            }
        }
        self.skip()?;
        Ok(())
    }
}
