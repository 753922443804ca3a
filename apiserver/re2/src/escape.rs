//! Escapes that stand for one character: `\n`, `\x41`, `\.`.

use super::error::{Error, SyntaxError};
use super::parser::before_of;
use super::runes::MAX_RUNE;

/// The escape at the beginning of a text, which is a backslash, and what follows it.
pub(super) fn parse(text: &str) -> Result<(u32, &str), Error> {
    let mut chars = text[1..].chars();
    let Some(c) = chars.next() else {
        return Err(SyntaxError::TrailingBackslash.at(""));
    };
    let rest = chars.as_str();
    let rune = match c {
        // A digit alone would be a reference to a group.
        '1'..='7' if rest.starts_with(|c: char| ('0'..='7').contains(&c)) => return Ok(octal(&text[1..])),
        '0' => return Ok(octal(&text[1..])),
        'x' => return hexadecimal(text, rest),
        'a' => 7,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        _ if c.is_ascii() && !c.is_ascii_alphanumeric() => c.into(),
        _ => return Err(SyntaxError::Escape.at(before_of(text, rest))),
    };
    Ok((rune, rest))
}

/// At most three digits.
fn octal(text: &str) -> (u32, &str) {
    let digits = text
        .bytes()
        .take(3)
        .take_while(|b| (b'0'..=b'7').contains(b))
        .count();
    let (digits, rest) = text.split_at(digits);
    (
        digits.bytes().fold(0, |rune, b| rune * 8 + u32::from(b - b'0')),
        rest,
    )
}

/// Two digits, or any number of them in braces. `text` is the whole escape, `rest` what follows its `x`.
fn hexadecimal<'p>(text: &'p str, rest: &'p str) -> Result<(u32, &'p str), Error> {
    let mut chars = rest.chars();
    let wrong = |chars: &std::str::Chars<'_>| SyntaxError::Escape.at(before_of(text, chars.as_str()));
    if !rest.starts_with('{') {
        let high = chars.next();
        let low = chars.next();
        let digits = high
            .and_then(|c| c.to_digit(16))
            .zip(low.and_then(|c| c.to_digit(16)));
        return match digits {
            Some((high, low)) => Ok((high * 16 + low, chars.as_str())),
            None => Err(wrong(&chars)),
        };
    }
    chars.next();
    let (mut rune, mut any) = (0, false);
    loop {
        match chars.next() {
            Some('}') if any => return Ok((rune, chars.as_str())),
            Some(c) => match c.to_digit(16) {
                Some(digit) if rune * 16 + digit <= MAX_RUNE => rune = rune * 16 + digit,
                _ => return Err(wrong(&chars)),
            },
            None => return Err(wrong(&chars)),
        }
        any = true;
    }
}
