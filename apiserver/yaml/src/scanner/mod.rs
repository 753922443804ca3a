//! A text cut into tokens, by the rules of libyaml as go-yaml has them.
//!
//! What makes YAML hard to cut is that a key is known by the colon behind it: tokens wait in a queue until it is known whether their
//! first one begins a key. It can only if the colon stands on its line, no more than 1024 characters on, so that the queue is short.

mod block;
mod cursor;
mod directive;
mod folding;
mod plain;
mod quoted;
mod tag;
mod token;

use std::collections::VecDeque;

use crate::error::Error;
use crate::source::Source;
use crate::tree::Tree;
use cursor::{Cursor, Mark};
pub(crate) use token::{Kind, Token};

/// Characters within which the colon of a key must follow.
const LONGEST_KEY: usize = 1024;

/// A place where a key may begin.
#[derive(Clone, Copy, Default)]
struct SimpleKey {
    is_possible: bool,
    /// Whether nothing else may stand there.
    is_required: bool,
    /// The number of its first token.
    token: usize,
    /// Whether go-yaml knows it by that token. It forgets a key that begins with an empty `[]` or `{}`.
    is_known: bool,
    mark: Mark,
}

pub(crate) struct Scanner<'a> {
    cursor: Cursor<'a>,
    /// Where the texts of scalars go.
    pub(crate) tree: Tree,
    tokens: VecDeque<Token<'a>>,
    /// How many tokens were taken.
    taken: usize,
    /// Whether it is known that the first token in the queue is the next.
    is_ready: bool,
    has_begun: bool,
    /// The column of the block that is open, -1 for none, and of those around it.
    indent: isize,
    indents: Vec<isize>,
    /// The last key that may be, for each open `[` and `{`, and one for what is outside.
    keys: Vec<SimpleKey>,
    may_begin_key: bool,
    /// The level whose key begins with the token that is added next.
    saved: Option<usize>,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(source: &'a Source<'_>) -> Self {
        Self {
            cursor: Cursor::new(&source.text, source.error),
            tree: Tree::default(),
            tokens: VecDeque::new(),
            taken: 0,
            is_ready: false,
            has_begun: false,
            indent: -1,
            indents: Vec::new(),
            keys: vec![SimpleKey::default()],
            may_begin_key: true,
            saved: None,
        }
    }

    /// The next token.
    pub(crate) fn peek(&mut self) -> Result<&Token<'a>, Error> {
        if !self.is_ready {
            self.fetch_more()?;
            self.is_ready = true;
        }
        // There is one: the last is never taken.
        self.tokens.front().ok_or_else(|| Error::value("no more tokens"))
    }

    /// Takes the next token.
    pub(crate) fn take(&mut self) -> Result<Token<'a>, Error> {
        self.peek()?;
        self.is_ready = false;
        self.taken += 1;
        self.tokens
            .pop_front()
            .ok_or_else(|| Error::value("no more tokens"))
    }

    fn fetch_more(&mut self) -> Result<(), Error> {
        loop {
            if let Some(first) = self.tokens.front() {
                let level = first.key_of.filter(|level| {
                    let key = self.keys.get(*level);
                    key.is_some_and(|key| key.is_known && key.token == self.taken)
                });
                match level {
                    Some(level) if self.is_valid(level)? => {}
                    _ => return Ok(()),
                }
            }
            self.fetch_next()?;
        }
    }

    fn is_in_flow(&self) -> bool {
        self.keys.len() > 1
    }

    fn fetch_next(&mut self) -> Result<(), Error> {
        self.cursor.need(1)?;
        if !self.has_begun {
            self.has_begun = true;
            self.add(Kind::StreamStart, self.cursor.mark.line);
            return Ok(());
        }
        self.skip_to_next()?;
        self.close_blocks(self.cursor.mark.column);
        self.cursor.need(4)?;
        if self.cursor.is_end() {
            return self.fetch_stream_end();
        }
        if self.cursor.mark.column == 0 && self.cursor.is(b'%') {
            self.end_blocks()?;
            return self.scan_directive();
        }
        if self.cursor.is_document_indicator(b'-') {
            return self.fetch_document_indicator(Kind::DocumentStart);
        }
        if self.cursor.is_document_indicator(b'.') {
            return self.fetch_document_indicator(Kind::DocumentEnd);
        }
        let is_before_blank = self.cursor.is_blankz_at(1);
        match self.cursor.at(0) {
            b'[' => self.fetch_flow_start(Kind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(Kind::FlowMappingStart),
            b']' => self.fetch_flow_end(Kind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(Kind::FlowMappingEnd),
            b',' => {
                self.remove_key()?;
                self.may_begin_key = true;
                self.add_sign(Kind::FlowEntry, 1);
                Ok(())
            }
            b'-' if is_before_blank => self.fetch_block_entry(),
            b'?' if is_before_blank || self.is_in_flow() => self.fetch_key(),
            b':' if is_before_blank || self.is_in_flow() => self.fetch_value(),
            b'*' => self.fetch_anchor(true),
            b'&' => self.fetch_anchor(false),
            b'!' => {
                self.save_key()?;
                self.may_begin_key = false;
                self.scan_tag()
            }
            sign @ (b'|' | b'>') if !self.is_in_flow() => {
                self.remove_key()?;
                self.may_begin_key = true;
                self.scan_block_scalar(sign == b'|')
            }
            quote @ (b'\'' | b'"') => {
                self.save_key()?;
                self.may_begin_key = false;
                self.scan_quoted_scalar(quote)
            }
            b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => {
                self.cursor.fail("found character that cannot start any token")
            }
            _ => {
                self.save_key()?;
                self.may_begin_key = false;
                self.scan_plain_scalar()
            }
        }
    }

    /// Goes to where the next token begins.
    fn skip_to_next(&mut self) -> Result<(), Error> {
        self.cursor.skip_mark();
        loop {
            self.cursor.need(1)?;
            // A tab is no indentation: where a key may begin it begins nothing.
            while self.cursor.is(b' ') || self.cursor.is(b'\t') && (self.is_in_flow() || !self.may_begin_key)
            {
                self.cursor.skip();
                self.cursor.need(1)?;
            }
            self.cursor.skip_comment()?;
            if !self.cursor.is_break() {
                return Ok(());
            }
            self.cursor.need(2)?;
            self.cursor.skip_break();
            if !self.is_in_flow() {
                self.may_begin_key = true;
            }
        }
    }

    fn add(&mut self, kind: Kind<'a>, line: usize) {
        let key_of = self.saved.take();
        self.tokens.push_back(Token { kind, line, key_of });
    }

    /// Adds a token of so many characters.
    fn add_sign(&mut self, kind: Kind<'a>, characters: usize) {
        self.cursor.skip_many(characters);
        self.add(kind, self.cursor.mark.line);
    }

    /// Whether a key may still begin where one was thought to.
    fn is_valid(&mut self, level: usize) -> Result<bool, Error> {
        let here = self.cursor.mark;
        let Some(key) = self.keys.get_mut(level) else {
            return Ok(false);
        };
        if !key.is_possible {
            return Ok(false);
        }
        if key.mark.line == here.line && key.mark.index + LONGEST_KEY >= here.index {
            return Ok(true);
        }
        if key.is_required {
            return self.cursor.fail("could not find expected ':'");
        }
        key.is_possible = false;
        Ok(false)
    }

    /// A key may begin here.
    fn save_key(&mut self) -> Result<(), Error> {
        if !self.may_begin_key {
            return Ok(());
        }
        let is_required = !self.is_in_flow() && self.indent == self.cursor.mark.column;
        self.remove_key()?;
        self.saved = self.keys.len().checked_sub(1);
        let token = self.taken + self.tokens.len();
        if let Some(key) = self.keys.last_mut() {
            *key = SimpleKey {
                is_possible: true,
                is_required,
                token,
                is_known: true,
                mark: self.cursor.mark,
            };
        }
        Ok(())
    }

    /// No key begins where one was thought to.
    fn remove_key(&mut self) -> Result<(), Error> {
        if let Some(key) = self.keys.last_mut() {
            if key.is_possible && key.is_required {
                return self.cursor.fail("could not find expected ':'");
            }
            key.is_possible = false;
        }
        Ok(())
    }

    /// Opens a block at a column, if it stands further in than the one that is open.
    fn open_block(&mut self, column: isize, token: Option<usize>, kind: Kind<'a>, line: usize) {
        if self.is_in_flow() || self.indent >= column {
            return;
        }
        self.indents.push(self.indent);
        self.indent = column;
        self.insert(token, kind, line);
    }

    /// Adds a token without extent: before the one with this number, if that was not taken yet.
    fn insert(&mut self, token: Option<usize>, kind: Kind<'a>, line: usize) {
        let before = token.and_then(|token| token.checked_sub(self.taken));
        let at = before.unwrap_or(self.tokens.len()).min(self.tokens.len());
        let token = Token {
            kind,
            line,
            key_of: None,
        };
        self.tokens.insert(at, token);
    }

    /// Closes the blocks that stand further in than a column.
    fn close_blocks(&mut self, column: isize) {
        if self.is_in_flow() {
            return;
        }
        while self.indent > column {
            self.insert(None, Kind::BlockEnd, self.cursor.mark.line);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    /// Closes all blocks.
    fn end_blocks(&mut self) -> Result<(), Error> {
        self.close_blocks(-1);
        self.remove_key()?;
        self.may_begin_key = false;
        Ok(())
    }

    fn fetch_stream_end(&mut self) -> Result<(), Error> {
        // The last line may lack its break.
        let mark = &mut self.cursor.mark;
        if mark.column != 0 {
            mark.column = 0;
            mark.line += 1;
        }
        self.end_blocks()?;
        self.add(Kind::StreamEnd, self.cursor.mark.line);
        Ok(())
    }

    fn fetch_document_indicator(&mut self, kind: Kind<'a>) -> Result<(), Error> {
        self.end_blocks()?;
        self.add_sign(kind, 3);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: Kind<'a>) -> Result<(), Error> {
        self.save_key()?;
        self.keys.push(SimpleKey {
            token: self.taken + self.tokens.len(),
            ..SimpleKey::default()
        });
        self.may_begin_key = true;
        self.add_sign(kind, 1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: Kind<'a>) -> Result<(), Error> {
        self.remove_key()?;
        if self.is_in_flow()
            && let Some(inner) = self.keys.pop()
            && let Some(outer) = self.keys.last_mut()
            && outer.token == inner.token
        {
            outer.is_known = false;
        }
        self.may_begin_key = false;
        self.add_sign(kind, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), Error> {
        if !self.is_in_flow() {
            if !self.may_begin_key {
                return self
                    .cursor
                    .fail("block sequence entries are not allowed in this context");
            }
            let Mark { line, column, .. } = self.cursor.mark;
            self.open_block(column, None, Kind::BlockSequenceStart, line);
        }
        self.remove_key()?;
        self.may_begin_key = true;
        self.add_sign(Kind::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), Error> {
        self.open_mapping("mapping keys are not allowed in this context")?;
        self.remove_key()?;
        self.may_begin_key = !self.is_in_flow();
        self.add_sign(Kind::Key, 1);
        Ok(())
    }

    /// Opens a map for a key, or a value without one, that stands here.
    fn open_mapping(&mut self, problem: &'static str) -> Result<(), Error> {
        if self.is_in_flow() {
            return Ok(());
        }
        if !self.may_begin_key {
            return self.cursor.fail(problem);
        }
        let Mark { line, column, .. } = self.cursor.mark;
        self.open_block(column, None, Kind::BlockMappingStart, line);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), Error> {
        let level = self.keys.len().saturating_sub(1);
        if self.is_valid(level)?
            && let Some(key) = self.keys.get_mut(level)
        {
            key.is_possible = false;
            let SimpleKey { token, mark, .. } = *key;
            self.insert(Some(token), Kind::Key, mark.line);
            self.open_block(mark.column, Some(token), Kind::BlockMappingStart, mark.line);
            self.may_begin_key = false;
        } else {
            self.open_mapping("mapping values are not allowed in this context")?;
            self.may_begin_key = !self.is_in_flow();
        }
        self.add_sign(Kind::Value, 1);
        Ok(())
    }

    fn fetch_anchor(&mut self, is_alias: bool) -> Result<(), Error> {
        self.save_key()?;
        self.may_begin_key = false;
        let line = self.cursor.mark.line;
        self.cursor.skip();
        let name = self.cursor.word()?;
        let ends = self.cursor.is_blankz()
            || matches!(
                self.cursor.at(0),
                b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`'
            );
        if name.is_empty() || !ends {
            return self
                .cursor
                .fail("did not find expected alphabetic or numeric character");
        }
        self.add(
            if is_alias {
                Kind::Alias(name)
            } else {
                Kind::Anchor(name)
            },
            line,
        );
        Ok(())
    }
}
