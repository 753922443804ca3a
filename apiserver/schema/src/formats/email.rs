//! What Go's `mail.ParseAddress` takes: one address of RFC 5322, with a name or in a group of its own.

use super::address;

/// Whether a text is one address.
pub(super) fn is_email(text: &str) -> bool {
    let mut parser = Parser { rest: text };
    let count = parser.address(true);
    count == Some(1) && parser.skip_comments() && parser.rest.is_empty()
}

struct Parser<'t> {
    rest: &'t str,
}

fn is_visible(c: char) -> bool {
    ('!'..='~').contains(&c) || !c.is_ascii()
}

fn is_atom_text(c: char) -> bool {
    is_visible(c) && !['(', ')', '<', '>', '[', ']', ':', ';', '@', '\\', ',', '"'].contains(&c)
}

impl Parser<'_> {
    /// How many addresses there are: several in a group.
    fn address(&mut self, may_be_group: bool) -> Option<usize> {
        self.skip_space();
        if self.rest.is_empty() {
            return None;
        }
        let begin = self.rest;
        if self.spec().is_some() {
            self.skip_space();
            if self.take('(') {
                let comment = self.comment()?;
                let words = comment.split([' ', '\t']).filter(|word| !word.is_empty());
                if words.into_iter().any(has_unknown_charset) {
                    return None;
                }
            }
            return Some(1);
        }
        self.rest = begin;
        if !self.rest.starts_with('<') {
            self.phrase()?;
        }
        self.skip_space();
        if may_be_group && self.take(':') {
            return self.group();
        }
        let closed = self.take('<') && self.spec().is_some() && self.take('>');
        closed.then_some(1)
    }

    fn group(&mut self) -> Option<usize> {
        self.skip_space();
        if self.take(';') {
            return self.skip_comments().then_some(0);
        }
        let mut count = 0;
        loop {
            self.skip_space();
            count += self.address(false)?;
            if !self.skip_comments() {
                return None;
            }
            if self.take(';') {
                return self.skip_comments().then_some(count);
            }
            if !self.take(',') {
                return None;
            }
        }
    }

    /// `local@domain`.
    fn spec(&mut self) -> Option<()> {
        self.skip_space();
        if self.rest.starts_with('"') {
            let local = self.quoted()?;
            if local == 0 {
                return None;
            }
        } else {
            self.dot_atom()?;
        }
        if !self.take('@') {
            return None;
        }
        self.skip_space();
        if self.take('[') {
            let (literal, rest) = self.rest.split_once(']')?;
            let is_text = literal
                .chars()
                .all(|c| is_visible(c) && !['[', '\\'].contains(&c));
            self.rest = rest;
            return (is_text && address::is_ip(literal)).then_some(());
        }
        self.dot_atom()
    }

    fn dot_atom(&mut self) -> Option<()> {
        let atom = self.atom()?;
        let wrong = atom.starts_with('.') || atom.ends_with('.') || atom.contains("..");
        (!wrong).then_some(())
    }

    fn atom(&mut self) -> Option<&str> {
        let after = self.rest.trim_start_matches(is_atom_text);
        let atom = &self.rest[..self.rest.len() - after.len()];
        if atom.is_empty() {
            return None;
        }
        self.rest = after;
        Some(atom)
    }

    /// How many characters are quoted.
    fn quoted(&mut self) -> Option<usize> {
        let (mut count, mut escaped) = (0, false);
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                _ if escaped && !is_visible(c) && ![' ', '\t'].contains(&c) => return None,
                _ if escaped => {
                    count += 1;
                    escaped = false;
                }
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(count);
                }
                '\\' => escaped = true,
                ' ' | '\t' => count += 1,
                _ if is_visible(c) => count += 1,
                _ => return None,
            }
        }
        None
    }

    /// A name: what is wrong behind its first word ends it.
    fn phrase(&mut self) -> Option<()> {
        let (mut words, mut encoded_before, mut complete) = (0, false, false);
        loop {
            // Encoded words are one with those that follow, after which comments may stand.
            if words > 0 && !self.skip_comments() {
                return None;
            }
            self.skip_space();
            if self.rest.is_empty() {
                complete = true;
                break;
            }
            if self.rest.starts_with('"') {
                if self.quoted().is_none() {
                    break;
                }
            } else {
                let Some(word) = self.atom() else {
                    break;
                };
                if has_unknown_charset(word) {
                    break;
                }
                if let Some((_, text)) = encoded(word) {
                    encoded_before |= !text.is_empty();
                    continue;
                }
            }
            words += 1 + usize::from(std::mem::take(&mut encoded_before));
        }
        (words > 0 || encoded_before || complete).then_some(())
    }

    /// A comment whose parenthesis is taken already.
    fn comment(&mut self) -> Option<String> {
        let (mut depth, mut text) = (1, String::new());
        let mut chars = self.rest.chars();
        while let Some(mut c) = chars.next() {
            match c {
                '\\' => c = chars.next().unwrap_or(c),
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.rest = chars.as_str();
                return Some(text);
            }
            text.push(c);
        }
        None
    }

    /// Whether all comments that begin here end.
    fn skip_comments(&mut self) -> bool {
        self.skip_space();
        while self.take('(') {
            if self.comment().is_none() {
                return false;
            }
            self.skip_space();
        }
        true
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn take(&mut self, c: char) -> bool {
        self.rest.strip_prefix(c).is_some_and(|rest| {
            self.rest = rest;
            true
        })
    }
}

/// The character set and what is encoded, of an encoded word of RFC 2047 whose text can be decoded.
fn encoded(word: &str) -> Option<(&str, &str)> {
    if word.len() < 8 || word.matches('?').count() != 4 {
        return None;
    }
    let (charset, rest) = word.strip_prefix("=?")?.strip_suffix("?=")?.split_once('?')?;
    let (encoding, text) = rest.split_once('?')?;
    let decodes = match encoding {
        "B" | "b" => is_base64(text),
        "Q" | "q" => is_q_encoded(text),
        _ => false,
    };
    (decodes && !charset.is_empty()).then_some((charset, text))
}

fn has_unknown_charset(word: &str) -> bool {
    encoded(word).is_some_and(|(charset, _)| {
        !["utf-8", "iso-8859-1", "us-ascii"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(charset))
    })
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    text.len().is_multiple_of(4)
        && padding <= 2
        && digits
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b))
}

fn is_q_encoded(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let right = match byte {
            b'=' => {
                let hex = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_hexdigit());
                hex(bytes.next()) && hex(bytes.next())
            }
            b' '..=b'~' | b'\n' | b'\r' | b'\t' => true,
            _ => false,
        };
        if !right {
            return false;
        }
    }
    true
}
