//! The tokens of a label selector.

/// A token. `in` and `notin` are words or operators, by the place where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// No symbol.
    Error,
    End,
    Close,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    Greater,
    Identifier,
    In,
    Less,
    NotEquals,
    NotIn,
    Open,
}

/// A token with its text; of an error: what is wrong.
pub(super) type Scanned = (Token, String);

/// All tokens of `text`; the last one is [`Token::End`]. As Go's lexer, it reads bytes, and a NUL ends the text.
pub(super) fn scan(text: &str) -> Vec<Scanned> {
    let mut lexer = Lexer {
        bytes: text.split('\0').next().unwrap_or_default().as_bytes(),
    };
    let mut scanned = Vec::new();
    loop {
        let item = lexer.next();
        let end = item.0 == Token::End;
        scanned.push(item);
        if end {
            return scanned;
        }
    }
}

struct Lexer<'a> {
    bytes: &'a [u8],
}

fn symbol(text: &[u8]) -> Option<Token> {
    Some(match text {
        b")" => Token::Close,
        b"," => Token::Comma,
        b"!" => Token::Not,
        b"==" => Token::DoubleEquals,
        b"=" => Token::Equals,
        b">" => Token::Greater,
        b"<" => Token::Less,
        b"!=" => Token::NotEquals,
        b"(" => Token::Open,
        _ => return None,
    })
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'=' | b'!' | b'(' | b')' | b',' | b'>' | b'<')
}

impl Lexer<'_> {
    fn next(&mut self) -> Scanned {
        let start = self.bytes.iter().position(|byte| !is_space(*byte));
        self.bytes = start.map_or(&[], |start| &self.bytes[start..]);
        match self.bytes.first() {
            None => (Token::End, String::new()),
            Some(byte) if is_special(*byte) => self.symbol(),
            Some(_) => self.word(),
        }
    }

    fn word(&mut self) -> Scanned {
        let end = self
            .bytes
            .iter()
            .position(|byte| is_special(*byte) || is_space(*byte))
            .unwrap_or(self.bytes.len());
        let word = self.take(end);
        match word.as_str() {
            "in" => (Token::In, word),
            "notin" => (Token::NotIn, word),
            _ => (Token::Identifier, word),
        }
    }

    /// The longest symbol here, which has two characters at most: each special character is one by itself, and what goes
    /// on after it can only be `==` or `!=`.
    fn symbol(&mut self) -> Scanned {
        let longest = self.bytes.len().min(2);
        let found = (1..=longest)
            .rev()
            .find_map(|length| symbol(&self.bytes[..length]).map(|token| (token, length)));
        match found {
            Some((token, length)) => (token, self.take(length)),
            None => (Token::Error, self.take(longest)),
        }
    }

    fn take(&mut self, length: usize) -> String {
        let (text, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        String::from_utf8_lossy(text).into_owned()
    }
}
