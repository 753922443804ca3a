//! A place in a text, and the characters behind it.

use crate::error::Error;

/// A place in a text, counted in characters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    pub(super) index: usize,
    /// From 0, as the column.
    pub(super) line: usize,
    pub(super) column: isize,
}

pub(super) struct Cursor<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// Why the text ends where it does, if it is not its end.
    error: Option<&'static str>,
    pos: usize,
    pub(super) mark: Mark,
}

/// A line break.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Break {
    None,
    /// LF, CR, or NEL: read as LF.
    One(usize),
    CrLf,
    /// LS or PS, which stay what they are.
    Separator,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, error: Option<&'static str>) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            error,
            pos: 0,
            mark: Mark::default(),
        }
    }

    /// Go looks at so many characters now, and learns that there are bytes that are no text.
    pub(super) fn need(&self, characters: usize) -> Result<(), Error> {
        let Some(error) = self.error else {
            return Ok(());
        };
        if self.rest().chars().take(characters).count() < characters {
            return Err(Error::Syntax {
                line: 0,
                problem: error.into(),
            });
        }
        Ok(())
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or_default()
    }

    pub(super) fn position(&self) -> usize {
        self.pos
    }

    /// The text from a position up to here.
    pub(super) fn since(&self, position: usize) -> &'a str {
        self.text.get(position..self.pos).unwrap_or_default()
    }

    /// A byte; 0 behind the end, which no text has.
    pub(super) fn at(&self, ahead: usize) -> u8 {
        self.bytes.get(self.pos + ahead).copied().unwrap_or_default()
    }

    pub(super) fn is(&self, byte: u8) -> bool {
        self.at(0) == byte
    }

    pub(super) fn is_end(&self) -> bool {
        self.is(0)
    }

    pub(super) fn is_blank(&self) -> bool {
        matches!(self.at(0), b' ' | b'\t')
    }

    fn line_break(&self, ahead: usize) -> Break {
        match (self.at(ahead), self.at(ahead + 1), self.at(ahead + 2)) {
            (b'\r', b'\n', _) => Break::CrLf,
            (b'\r' | b'\n', _, _) => Break::One(1),
            (0xC2, 0x85, _) => Break::One(2),
            (0xE2, 0x80, 0xA8 | 0xA9) => Break::Separator,
            _ => Break::None,
        }
    }

    pub(super) fn is_break(&self) -> bool {
        self.is_break_at(0)
    }

    pub(super) fn is_break_at(&self, ahead: usize) -> bool {
        self.line_break(ahead) != Break::None
    }

    /// A break, or the end.
    pub(super) fn is_breakz(&self) -> bool {
        self.is_end() || self.is_break()
    }

    /// A blank, a break, or the end.
    pub(super) fn is_blankz(&self) -> bool {
        self.is_blankz_at(0)
    }

    pub(super) fn is_blankz_at(&self, ahead: usize) -> bool {
        matches!(self.at(ahead), 0 | b' ' | b'\t') || self.is_break_at(ahead)
    }

    /// Whether `---` or `...` stands here, at the beginning of a line.
    pub(super) fn is_document_indicator(&self, sign: u8) -> bool {
        self.mark.column == 0 && (0..3).all(|ahead| self.at(ahead) == sign) && self.is_blankz_at(3)
    }

    /// Goes past one character.
    pub(super) fn skip(&mut self) {
        self.mark.index += 1;
        self.mark.column += 1;
        self.pos += match self.at(0) {
            ..0x80 => 1,
            0x80..0xE0 => 2,
            0xE0..0xF0 => 3,
            _ => 4,
        };
    }

    /// Goes past a second byte order mark, which is no part of the text either.
    pub(super) fn skip_mark(&mut self) {
        if self.pos == 0 && self.text.starts_with('\u{feff}') {
            self.skip();
        }
    }

    pub(super) fn skip_many(&mut self, characters: usize) {
        (0..characters).for_each(|_| self.skip());
    }

    /// Goes past a character, and adds it to a text.
    pub(super) fn read(&mut self, into: &mut String) {
        let begin = self.pos;
        self.skip();
        into.push_str(self.since(begin));
    }

    /// Goes past a break, if there is one.
    pub(super) fn skip_break(&mut self) {
        let (bytes, characters) = match self.line_break(0) {
            Break::None => return,
            Break::One(bytes) => (bytes, 1),
            Break::CrLf => (2, 2),
            Break::Separator => (3, 1),
        };
        self.pos += bytes;
        self.mark.index += characters;
        self.mark.line += 1;
        self.mark.column = 0;
    }

    /// Goes past a break, if there is one, and adds it to a text.
    pub(super) fn read_break(&mut self, into: &mut String) {
        let begin = self.pos;
        let kind = self.line_break(0);
        self.skip_break();
        match kind {
            Break::None => {}
            Break::One(_) | Break::CrLf => into.push('\n'),
            Break::Separator => into.push_str(self.since(begin)),
        }
    }

    pub(super) fn skip_blanks(&mut self) -> Result<(), Error> {
        self.need(1)?;
        while self.is_blank() {
            self.skip();
            self.need(1)?;
        }
        Ok(())
    }

    pub(super) fn skip_comment(&mut self) -> Result<(), Error> {
        if self.is(b'#') {
            while !self.is_breakz() {
                self.skip();
                self.need(1)?;
            }
        }
        Ok(())
    }

    /// Letters and digits of ASCII, `_` and `-`.
    pub(super) fn word(&mut self) -> Result<&'a str, Error> {
        let begin = self.pos;
        self.need(1)?;
        while self.is_word() {
            self.skip();
            self.need(1)?;
        }
        Ok(self.since(begin))
    }

    pub(super) fn is_word(&self) -> bool {
        matches!(self.at(0), b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-')
    }

    /// A problem that the scanner finds: Go tells the line in which it stands, unless that is the first.
    pub(super) fn problem(&self, problem: &'static str) -> Error {
        Error::Syntax {
            line: if self.mark.line == 0 {
                0
            } else {
                self.mark.line + 1
            },
            problem: problem.into(),
        }
    }

    pub(super) fn fail<T>(&self, problem: &'static str) -> Result<T, Error> {
        Err(self.problem(problem))
    }
}
