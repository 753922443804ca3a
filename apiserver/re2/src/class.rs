//! Classes: `[a-z]`, `[[:alpha:]]`, `\d` and `\p{Greek}`.

use super::error::{Error, SyntaxError};
use super::escape;
use super::parser::before_of;
use super::runes::{MAX_RANGES, Runes};
use crate::unicode;

/// The classes that POSIX names, of ASCII alone.
const POSIX: [(&str, &[(u32, u32)]); 14] = [
    ("alnum", &[(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)]),
    ("alpha", &[(0x41, 0x5A), (0x61, 0x7A)]),
    ("ascii", &[(0, 0x7F)]),
    ("blank", &[(9, 9), (0x20, 0x20)]),
    ("cntrl", &[(0, 0x1F), (0x7F, 0x7F)]),
    ("digit", &[(0x30, 0x39)]),
    ("graph", &[(0x21, 0x7E)]),
    ("lower", &[(0x61, 0x7A)]),
    ("print", &[(0x20, 0x7E)]),
    ("punct", &[(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)]),
    ("space", &[(9, 13), (0x20, 0x20)]),
    ("upper", &[(0x41, 0x5A)]),
    ("word", &[(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)]),
    ("xdigit", &[(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)]),
];

/// `[…]` at the beginning of a text, and what follows it.
pub(super) fn parse(text: &str, fold_case: bool) -> Result<(Runes, &str), Error> {
    let mut rest = &text[1..];
    let negated = rest.strip_prefix('^');
    rest = negated.unwrap_or(rest);
    let mut runes = Runes::default();
    let mut first = true;
    loop {
        if let Some(after) = rest.strip_prefix(']')
            && !first
        {
            return Ok((if negated.is_some() { runes.negated() } else { runes }, after));
        }
        first = false;
        if runes.added() > MAX_RANGES {
            return Err(Error::Size);
        }
        if let Some((named, after)) = posix(rest, fold_case)? {
            runes.add_all(&named);
            rest = after;
            continue;
        }
        if let Some((escaped, after)) = escaped(rest, fold_case)? {
            runes.add_all(&escaped);
            rest = after;
            continue;
        }
        let begin = rest;
        let low;
        (low, rest) = one(rest, text)?;
        let mut high = low;
        if let Some(after) = rest.strip_prefix('-')
            && !after.is_empty()
            && !after.starts_with(']')
        {
            (high, rest) = one(after, text)?;
            if high < low {
                return Err(SyntaxError::CharRange.at(before_of(begin, rest)));
            }
        }
        if fold_case {
            runes.add_folded(low, high);
        } else {
            runes.add(low, high);
        }
    }
}

/// A character of the class which `whole` begins with.
fn one<'p>(text: &'p str, whole: &str) -> Result<(u32, &'p str), Error> {
    match text.chars().next() {
        None => Err(SyntaxError::MissingBracket.at(whole)),
        Some('\\') => escape::parse(text),
        Some(c) => Ok((c.into(), &text[c.len_utf8()..])),
    }
}

/// `[:alpha:]` or `[:^alpha:]`.
fn posix(text: &str, fold_case: bool) -> Result<Option<(Runes, &str)>, Error> {
    let Some((name, rest)) = text.strip_prefix("[:").and_then(|inner| inner.split_once(":]")) else {
        return Ok(None);
    };
    let wanted = name.strip_prefix('^').unwrap_or(name);
    let Some((_, ranges)) = POSIX.iter().find(|(known, _)| *known == wanted) else {
        return Err(SyntaxError::CharRange.at(before_of(text, rest)));
    };
    Ok(Some((group(ranges, fold_case, wanted != name), rest)))
}

/// `\d`, `\pL`, `\p{Greek}` and their like.
pub(super) fn escaped(text: &str, fold_case: bool) -> Result<Option<(Runes, &str)>, Error> {
    let letter = match text.as_bytes() {
        [b'\\', letter, ..] => *letter,
        _ => return Ok(None),
    };
    let ranges: &[(u32, u32)] = match letter {
        b'p' | b'P' => return unicode_class(text, fold_case).map(Some),
        b'd' | b'D' => &[(0x30, 0x39)],
        b's' | b'S' => &[(9, 10), (12, 13), (0x20, 0x20)],
        b'w' | b'W' => &[(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)],
        _ => return Ok(None),
    };
    Ok(Some((
        group(ranges, fold_case, letter.is_ascii_uppercase()),
        &text[2..],
    )))
}

fn group(ranges: &[(u32, u32)], fold_case: bool, negated: bool) -> Runes {
    turned(Runes::from(ranges.to_vec()), fold_case, negated)
}

fn turned(runes: Runes, fold_case: bool, negated: bool) -> Runes {
    let runes = if fold_case { runes.folded() } else { runes };
    if negated { runes.negated() } else { runes }
}

fn unicode_class(text: &str, fold_case: bool) -> Result<(Runes, &str), Error> {
    let mut negated = text.as_bytes().get(1) == Some(&b'P');
    let rest = &text[2..];
    let (name, rest) = match rest.chars().next() {
        Some('{') => {
            let Some(named) = rest[1..].split_once('}') else {
                return Err(SyntaxError::CharRange.at(text));
            };
            named
        }
        Some(c) => rest.split_at(c.len_utf8()),
        None => (rest, rest),
    };
    let name = name.strip_prefix('^').map_or(name, |name| {
        negated = !negated;
        name
    });
    let Some(runes) = unicode::named(name) else {
        return Err(SyntaxError::CharRange.at(before_of(text, rest)));
    };
    Ok((turned(runes, fold_case, negated), rest))
}
