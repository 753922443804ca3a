//! What string and bytes literals stand for.

/// The contents of a literal, quotes included; `b` is no part of it.
///
/// # Errors
/// cel-go's words for what is wrong.
pub(super) fn unescape(literal: &str, is_bytes: bool) -> Result<Vec<u8>, &'static str> {
    const UNABLE: &str = "unable to unescape string";
    let literal = literal.replace("\r\n", "\n").replace('\r', "\n");
    let mut value = literal.as_str();
    let raw = value.starts_with(['r', 'R']);
    if raw {
        value = &value[1..];
    }
    let inner = ["\"\"\"", "'''", "\"", "'"]
        .iter()
        .filter(|quote| value.len() >= 2 * quote.len())
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let mut rest = inner.ok_or(UNABLE)?;
    if raw || !rest.contains('\\') {
        return Ok(rest.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(rest.len());
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let Some(c) = rest.chars().next() else {
            return Err("unable to unescape string, found '\\' as last character");
        };
        let after = &rest[c.len_utf8()..];
        let (code, after) = match c {
            'a' => (7, after),
            'b' => (8, after),
            'f' => (12, after),
            'n' => (10, after),
            'r' => (13, after),
            't' => (9, after),
            'v' => (11, after),
            '\\' | '\'' | '"' | '`' | '?' => (u32::from(c), after),
            'x' | 'X' => digits(after, 2, 16).ok_or(UNABLE)?,
            'u' if !is_bytes => digits(after, 4, 16).ok_or(UNABLE)?,
            'U' if !is_bytes => digits(after, 8, 16).ok_or(UNABLE)?,
            '0'..='3' => digits(rest, 3, 8).ok_or("unable to unescape octal sequence in string")?,
            _ => return Err(UNABLE),
        };
        rest = after;
        if is_bytes {
            out.push(u8::try_from(code & 0xFF).unwrap_or_default());
        } else {
            let c = char::from_u32(code).ok_or("invalid unicode code point")?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Ok(out)
}

fn digits(text: &str, count: usize, radix: u32) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    if !digits.bytes().all(|c| char::from(c).is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok().map(|code| (code, rest))
}
