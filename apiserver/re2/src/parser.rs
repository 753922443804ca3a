//! Parses a pattern as Go's `regexp/syntax` does with the flags of `regexp.Compile`, in one pass over a stack.

use super::class;
use super::error::{Error, SyntaxError};
use super::escape;
use super::node::{Kind, MAX_HEIGHT, MAX_REPEAT, MAX_SIZE, Node, Times};
use super::runes::{MAX_RANGES, MAX_RUNE, Runes};
use crate::unicode;

/// What `(?ismU)` sets.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) fold_case: bool,
    dot_newline: bool,
    lines: bool,
    non_greedy: bool,
}

/// What is on the stack.
enum Item {
    Node(Node),
    /// A group that is open, with the flags outside of it.
    Paren {
        flags: Flags,
        captures: bool,
    },
    /// What is above it is the last alternative, what is below are the others.
    Bar,
}

struct Parser<'p> {
    pattern: &'p str,
    flags: Flags,
    stack: Vec<Item>,
    /// How many parts Go would have made, of which how many can be used again.
    made: u64,
    unused: u64,
    /// The product of all counts; and whether sizes are counted, which is done only where they may be too large.
    repeats: u64,
    counting: bool,
    /// How many ranges the classes were made of.
    ranges: usize,
}

/// The tree of a pattern.
pub(super) fn parse(pattern: &str) -> Result<Node, Error> {
    let mut parser = Parser {
        pattern,
        flags: Flags::default(),
        stack: Vec::new(),
        made: 0,
        unused: 0,
        repeats: 1,
        counting: false,
        ranges: 0,
    };
    parser.run()
}

impl<'p> Parser<'p> {
    fn run(&mut self) -> Result<Node, Error> {
        let mut rest = self.pattern;
        let mut last_repeat = "";
        while let Some(first) = rest.chars().next() {
            let before = rest;
            let mut repeat = "";
            rest = match first {
                '(' if rest.starts_with("(?") => self.group(rest)?,
                '(' => {
                    self.open(true);
                    &rest[1..]
                }
                '|' => {
                    self.concat()?;
                    if !self.swap_bar() {
                        self.maybe_concat();
                        self.make();
                        self.stack.push(Item::Bar);
                    }
                    &rest[1..]
                }
                ')' => {
                    self.close()?;
                    &rest[1..]
                }
                '^' => self.push_after(
                    if self.flags.lines {
                        Kind::BeginLine
                    } else {
                        Kind::BeginText
                    },
                    rest,
                    1,
                )?,
                '$' => self.push_after(
                    if self.flags.lines {
                        Kind::EndLine
                    } else {
                        Kind::EndText
                    },
                    rest,
                    1,
                )?,
                '.' if self.flags.dot_newline => {
                    self.push_after(Kind::Class(Runes::range(0, MAX_RUNE)), rest, 1)?
                }
                '.' => self.push_after(Kind::Class(Runes::but_newline()), rest, 1)?,
                '[' => {
                    let (runes, after) = class::parse(rest, self.flags.fold_case)?;
                    self.push_class(runes)?;
                    after
                }
                '*' | '+' | '?' => {
                    let times = match first {
                        '*' => Times::Star,
                        '+' => Times::Plus,
                        _ => Times::Question,
                    };
                    repeat = before;
                    self.repeat(times, before, &rest[1..], last_repeat)?
                }
                '{' => match counts(rest) {
                    // What is no repetition is a character.
                    None => {
                        self.literal(first)?;
                        &rest[1..]
                    }
                    Some((counts, after)) => {
                        let wrong = SyntaxError::RepeatSize.at(before_of(before, after));
                        let times = counts.ok_or(wrong)?;
                        repeat = before;
                        self.repeat(times, before, after, last_repeat)?
                    }
                },
                '\\' => self.backslash(rest)?,
                _ => {
                    self.literal(first)?;
                    &rest[first.len_utf8()..]
                }
            };
            last_repeat = repeat;
        }
        self.end_alternatives()?;
        match (self.stack.pop(), self.stack.pop()) {
            (Some(Item::Node(node)), None) => Ok(node),
            _ => Err(SyntaxError::MissingParen.at(self.pattern)),
        }
    }

    fn backslash(&mut self, rest: &'p str) -> Result<&'p str, Error> {
        match rest.as_bytes().get(1) {
            Some(b'A') => return self.push_after(Kind::BeginText, rest, 2),
            Some(b'b') => return self.push_after(Kind::WordBoundary, rest, 2),
            Some(b'B') => return self.push_after(Kind::NoWordBoundary, rest, 2),
            Some(b'z') => return self.push_after(Kind::EndText, rest, 2),
            Some(b'C') => return Err(SyntaxError::Escape.at(&rest[..2])),
            Some(b'Q') => {
                let quoted = &rest[2..];
                let (quoted, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
                for c in quoted.chars() {
                    self.literal(c)?;
                }
                return Ok(after);
            }
            _ => {}
        }
        if let Some((runes, after)) = class::escaped(rest, self.flags.fold_case)? {
            self.push_class(runes)?;
            return Ok(after);
        }
        let (rune, after) = escape::parse(rest)?;
        self.literal_rune(rune)?;
        Ok(after)
    }

    /// A group that begins with `(?`, or flags alone.
    fn group(&mut self, rest: &'p str) -> Result<&'p str, Error> {
        // Shorter ones have no room for a name.
        let named = match () {
            () if rest.starts_with("(?P<") && rest.len() > 4 => rest.get(4..),
            () if rest.starts_with("(?<") && rest.len() > 3 => rest.get(3..),
            () => None,
        };
        if let Some(named) = named {
            let Some((name, after)) = named.split_once('>') else {
                return Err(SyntaxError::NamedCapture.at(rest));
            };
            if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
                return Err(SyntaxError::NamedCapture.at(before_of(rest, after)));
            }
            self.open(true);
            return Ok(after);
        }
        let (mut flags, mut value, mut any) = (self.flags, true, false);
        let mut chars = rest[2..].chars();
        for c in chars.by_ref() {
            match c {
                'i' => flags.fold_case = value,
                'm' => flags.lines = value,
                's' => flags.dot_newline = value,
                'U' => flags.non_greedy = value,
                '-' if value => {
                    (value, any) = (false, false);
                    continue;
                }
                ':' | ')' if value || any => {
                    if c == ':' {
                        self.open(false);
                    }
                    self.flags = flags;
                    return Ok(chars.as_str());
                }
                _ => return Err(SyntaxError::PerlOp.at(before_of(rest, chars.as_str()))),
            }
            any = true;
        }
        Err(SyntaxError::PerlOp.at(rest))
    }

    fn open(&mut self, captures: bool) {
        self.maybe_concat();
        self.make();
        let flags = self.flags;
        self.stack.push(Item::Paren { flags, captures });
    }

    fn close(&mut self) -> Result<(), Error> {
        self.end_alternatives()?;
        let (Some(Item::Node(node)), Some(Item::Paren { flags, captures })) =
            (self.stack.pop(), self.stack.pop())
        else {
            return Err(SyntaxError::UnexpectedParen.at(self.pattern));
        };
        self.flags = flags;
        // The node of the group itself becomes that of the capture.
        self.push(if captures {
            Node::new(Kind::Capture(Box::new(node)))
        } else {
            node
        })
    }

    fn literal(&mut self, c: char) -> Result<(), Error> {
        self.literal_rune(c.into())
    }

    fn literal_rune(&mut self, rune: u32) -> Result<(), Error> {
        let folded = self.flags.fold_case;
        let rune = if folded { unicode::least_case(rune) } else { rune };
        self.make();
        let runes = vec![rune];
        self.push(Node::new(Kind::Literal { runes, folded }))
    }

    fn push_class(&mut self, runes: Runes) -> Result<(), Error> {
        self.ranges = self.ranges.saturating_add(runes.added());
        if self.ranges > MAX_RANGES {
            return Err(Error::Size);
        }
        self.make();
        self.push(Node::new(Kind::Class(runes)))
    }

    /// Pushes what this many bytes stand for.
    fn push_after(&mut self, kind: Kind, rest: &'p str, length: usize) -> Result<&'p str, Error> {
        self.make();
        self.push(Node::new(kind))?;
        Ok(&rest[length..])
    }

    fn push(&mut self, node: Node) -> Result<(), Error> {
        self.maybe_concat();
        self.check(&node)?;
        self.stack.push(Item::Node(node));
        Ok(())
    }

    /// Repeats what is on the stack. `before` begins with the operator, `after` behind it; `last` with the operator before, if
    /// that was one.
    fn repeat(
        &mut self,
        times: Times,
        before: &'p str,
        after: &'p str,
        last: &'p str,
    ) -> Result<&'p str, Error> {
        let (after, turned) = after
            .strip_prefix('?')
            .map_or((after, false), |after| (after, true));
        if !last.is_empty() {
            return Err(SyntaxError::RepeatOp.at(before_of(last, after)));
        }
        let of = match self.stack.pop() {
            Some(Item::Node(node)) => Box::new(node),
            _ => return Err(SyntaxError::MissingRepeatArgument.at(before_of(before, after))),
        };
        self.make();
        let greedy = self.flags.non_greedy == turned;
        let node = Node::new(Kind::Repeat { times, greedy, of });
        self.repeats = self.repeats.saturating_mul(times.copies().into()).min(MAX_SIZE);
        self.check(&node)?;
        if matches!(times, Times::Counted { min, max } if min.max(max.unwrap_or(0)) >= 2)
            && node.copies > MAX_REPEAT
        {
            return Err(SyntaxError::RepeatSize.at(before_of(before, after)));
        }
        self.stack.push(Item::Node(node));
        Ok(after)
    }

    /// Joins the two texts on the stack: nothing can follow any more that repeats the last character alone.
    fn maybe_concat(&mut self) {
        let Some([Item::Node(first), Item::Node(last)]) = self.stack.last_chunk_mut::<2>() else {
            return;
        };
        let (
            Kind::Literal { runes, folded },
            Kind::Literal {
                runes: more,
                folded: too,
            },
        ) = (&mut first.kind, &mut last.kind)
        else {
            return;
        };
        if folded == too {
            runes.append(more);
            first.size = runes.len() as u64;
            self.stack.pop();
            self.unused += 1;
        }
    }

    /// The nodes above the last open group or bar.
    fn take_nodes(&mut self) -> Vec<Node> {
        let begin = self.stack.iter().rposition(|item| !matches!(item, Item::Node(_)));
        let nodes = self.stack.drain(begin.map_or(0, |at| at + 1)..);
        nodes
            .filter_map(|item| match item {
                Item::Node(node) => Some(node),
                _ => None,
            })
            .collect()
    }

    fn concat(&mut self) -> Result<(), Error> {
        self.maybe_concat();
        let nodes = self.take_nodes();
        let node = self.collapse(nodes, true);
        self.push(node)
    }

    /// Ends what stands in a group, or all.
    fn end_alternatives(&mut self) -> Result<(), Error> {
        self.concat()?;
        if self.swap_bar() {
            self.stack.pop();
        }
        let nodes = self.take_nodes();
        let node = self.collapse(nodes, false);
        self.push(node)
    }

    /// One node of these, in which no concatenation is directly in another one, and no alternation.
    fn collapse(&mut self, mut nodes: Vec<Node>, concat: bool) -> Node {
        match nodes.pop() {
            None => {
                self.make();
                return Node::new(Kind::Empty);
            }
            Some(only) if nodes.is_empty() => return only,
            Some(last) => nodes.push(last),
        }
        self.make();
        let mut flat = Vec::with_capacity(nodes.len());
        for node in nodes {
            match node.kind {
                Kind::Concat(subs) if concat => {
                    self.unused += 1;
                    flat.extend(subs);
                }
                Kind::Alternate(subs) if !concat => {
                    self.unused += 1;
                    flat.extend(subs);
                }
                _ => flat.push(node),
            }
        }
        Node::new(if concat {
            Kind::Concat(flat)
        } else {
            Kind::Alternate(flat)
        })
    }

    /// Puts the bar below the last node on the stack over it. Two characters or sets beside the bar become one set. Whether there is a
    /// bar.
    fn swap_bar(&mut self) -> bool {
        let Some([.., Item::Bar, _]) = self.stack.get(..) else {
            return false;
        };
        let last = self.stack.pop();
        self.stack.pop();
        match (self.stack.last_mut(), last) {
            (Some(Item::Node(other)), Some(Item::Node(last))) if other.is_class() && last.is_class() => {
                other.unite(&last);
                self.unused += 1;
            }
            (_, last) => self.stack.extend(last),
        }
        self.stack.push(Item::Bar);
        true
    }

    /// Counts a part that Go makes.
    fn make(&mut self) {
        if self.unused > 0 {
            self.unused -= 1;
        } else {
            self.made += 1;
        }
    }

    fn check(&mut self, node: &Node) -> Result<(), Error> {
        let large = |size: u64| size > MAX_SIZE;
        if !self.counting && self.made >= MAX_SIZE / self.repeats {
            self.counting = true;
            let mut sizes = self.stack.iter().filter_map(|item| match item {
                Item::Node(node) => Some(node.size),
                _ => None,
            });
            if sizes.any(large) {
                return Err(SyntaxError::Large.at(self.pattern));
            }
        }
        if self.counting && large(node.size) {
            return Err(SyntaxError::Large.at(self.pattern));
        }
        if node.height > MAX_HEIGHT {
            return Err(SyntaxError::NestingDepth.at(self.pattern));
        }
        Ok(())
    }
}

/// What of a text stands before its rest.
pub(super) fn before_of<'p>(text: &'p str, rest: &str) -> &'p str {
    &text[..text.len() - rest.len()]
}

/// Reads `{min}`, `{min,}` or `{min,max}`, and what follows; `None` is in the place of counts that are too large or in wrong order.
fn counts(text: &str) -> Option<(Option<Times>, &str)> {
    let (min, rest) = count(text.strip_prefix('{')?)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => {
            let (max, rest) = count(rest)?;
            (Some(max), rest)
        }
    };
    let rest = rest.strip_prefix('}')?;
    let valid = min <= MAX_REPEAT && max.is_none_or(|max| max <= MAX_REPEAT && min <= max);
    Some((valid.then_some(Times::Counted { min, max }), rest))
}

/// A number without leading zeros. What is too large is `u32::MAX`.
fn count(text: &str) -> Option<(u32, &str)> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = before_of(text, rest);
    if digits.is_empty() || digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), rest))
}
