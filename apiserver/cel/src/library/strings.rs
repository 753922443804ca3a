//! Functions of strings: cel-go's `ext.Strings`, version 2. Positions are counted in characters.

use super::Guard::Types;
use super::{Decl, format_text, native};
use crate::value::{Fail, Lister, Outcome, Value, fail, no_overload, work};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "charAt",
        guard: Types,
        overloads: &[("string_char_at_int", "string.(int) -> string", char_at)],
    },
    Decl {
        function: "indexOf",
        guard: Types,
        overloads: &[
            ("string_index_of_string", "string.(string) -> int", index_of),
            (
                "string_index_of_string_int",
                "string.(string, int) -> int",
                index_of,
            ),
        ],
    },
    Decl {
        function: "lastIndexOf",
        guard: Types,
        overloads: &[
            (
                "string_last_index_of_string",
                "string.(string) -> int",
                last_index_of,
            ),
            (
                "string_last_index_of_string_int",
                "string.(string, int) -> int",
                last_index_of,
            ),
        ],
    },
    Decl {
        function: "lowerAscii",
        guard: Types,
        overloads: &[("string_lower_ascii", "string.() -> string", lower)],
    },
    Decl {
        function: "replace",
        guard: Types,
        overloads: &[
            (
                "string_replace_string_string",
                "string.(string, string) -> string",
                replace,
            ),
            (
                "string_replace_string_string_int",
                "string.(string, string, int) -> string",
                replace,
            ),
        ],
    },
    Decl {
        function: "split",
        guard: Types,
        overloads: &[
            ("string_split_string", "string.(string) -> list(string)", split),
            (
                "string_split_string_int",
                "string.(string, int) -> list(string)",
                split,
            ),
        ],
    },
    Decl {
        function: "substring",
        guard: Types,
        overloads: &[
            ("string_substring_int", "string.(int) -> string", substring),
            (
                "string_substring_int_int",
                "string.(int, int) -> string",
                substring,
            ),
        ],
    },
    Decl {
        function: "trim",
        guard: Types,
        overloads: &[("string_trim", "string.() -> string", trim)],
    },
    Decl {
        function: "upperAscii",
        guard: Types,
        overloads: &[("string_upper_ascii", "string.() -> string", upper)],
    },
    Decl {
        function: "format",
        guard: Types,
        overloads: &[(
            "string_format",
            "string.(list(dyn)) -> string",
            format_text::format,
        )],
    },
    Decl {
        function: "strings.quote",
        guard: Types,
        overloads: &[("strings_quote", "(string) -> string", quote)],
    },
    Decl {
        function: "join",
        guard: Types,
        overloads: &[
            ("list_join", "list(string).() -> string", join),
            ("list_join_string", "list(string).(string) -> string", join),
        ],
    },
];

fn out_of_range<T>(at: i64) -> Result<T, Fail> {
    fail(format!("index out of range: {at}"))
}

/// The byte at which a character begins; the end of the text is that of the character behind the last.
fn byte_of(text: &str, at: i64) -> Option<usize> {
    let at = usize::try_from(at).ok()?;
    if text.is_ascii() {
        return (at <= text.len()).then_some(at);
    }
    let begins = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
    begins.into_iter().nth(at)
}

fn length(text: &str) -> i64 {
    let length = if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    };
    i64::try_from(length).unwrap_or(i64::MAX)
}

native!(fn char_at(Value::String(text), Value::Int(at)) match byte_of(text, *at) {
    Some(begin) => Ok(Value::text(text[begin..].chars().next().map(String::from).unwrap_or_default())),
    None => out_of_range(*at),
});

fn index_of<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let (text, part, offset) = match args {
        [Value::String(text), Value::String(part)] => (text, part, 0),
        [Value::String(text), Value::String(part), Value::Int(offset)] => (text, part, *offset),
        _ => return no_overload(),
    };
    if part.is_empty() {
        return Ok(Value::Int(offset));
    }
    if offset < 0 {
        return out_of_range(offset);
    }
    let found = byte_of(text, offset).and_then(|from| text[from..].find(&**part).map(|at| from + at));
    Ok(Value::Int(found.map_or(-1, |at| length(&text[..at]))))
}

fn last_index_of<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let (text, part, offset) = match args {
        [Value::String(text), Value::String(part)] => (text, part, None),
        [Value::String(text), Value::String(part), Value::Int(offset)] => (text, part, Some(*offset)),
        _ => return no_overload(),
    };
    let characters = length(text);
    if part.is_empty() {
        return Ok(Value::Int(offset.unwrap_or(characters)));
    }
    if offset.is_none() && text.len() < part.len() {
        return Ok(Value::Int(-1));
    }
    let offset = offset.unwrap_or(characters - 1);
    if offset < 0 {
        return out_of_range(offset);
    }
    if offset >= characters {
        return Ok(Value::Int(-1));
    }
    // The last that begins at the offset or before it.
    let end = byte_of(text, offset).map_or(text.len(), |begin| (begin + part.len()).min(text.len()));
    let end = (0..=end)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or_default();
    let found = text[..end].rfind(&**part);
    Ok(Value::Int(found.map_or(-1, |at| length(&text[..at]))))
}

native!(fn lower(Value::String(text)) Ok(Value::text(text.to_ascii_lowercase())));
native!(fn upper(Value::String(text)) Ok(Value::text(text.to_ascii_uppercase())));
// Go's white space is Unicode's, of Latin-1 and beyond.
native!(fn trim(Value::String(text)) Ok(Value::text(text.trim())));

/// Go's `strings.Replace`: without a limit where it is negative.
fn replace<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let (text, old, new, most) = match args {
        [Value::String(text), Value::String(old), Value::String(new)] => (text, old, new, -1),
        [
            Value::String(text),
            Value::String(old),
            Value::String(new),
            Value::Int(most),
        ] => (text, old, new, *most),
        _ => return no_overload(),
    };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    // What it costs hangs on the text alone: what is put into it is counted before.
    let places = if old.is_empty() {
        (text.chars().count() + 1).min(most)
    } else {
        text.matches(&**old).take(most).count()
    };
    work::spend(text.len().saturating_add(places.saturating_mul(new.len())))?;
    Ok(Value::text(text.replacen(&**old, new, most)))
}

/// Go's `strings.SplitN`: without a limit where it is negative; nothing where it is 0.
fn split<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let (text, separator, most) = match args {
        [Value::String(text), Value::String(separator)] => (text, separator, -1),
        [Value::String(text), Value::String(separator), Value::Int(most)] => (text, separator, *most),
        _ => return no_overload(),
    };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if most == 0 {
        return Ok(Value::list(Vec::new()));
    }
    if !separator.is_empty() {
        let parts = text.splitn(most, &**separator).count();
        work::spend(parts.saturating_mul(work::ELEMENT))?;
        return Ok(Value::texts(text.splitn(most, &**separator).map(str::to_owned)));
    }
    work::spend(text.len().min(most).saturating_mul(work::ELEMENT))?;
    let mut parts: Vec<String> = Vec::new();
    let mut rest = &**text;
    while let Some(c) = rest.chars().next() {
        if parts.len() + 1 == most {
            parts.push(rest.to_owned());
            break;
        }
        parts.push(c.to_string());
        rest = &rest[c.len_utf8()..];
    }
    Ok(Value::texts(parts))
}

fn substring<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let (text, start, end) = match args {
        [Value::String(text), Value::Int(start)] => (text, *start, None),
        [Value::String(text), Value::Int(start), Value::Int(end)] => (text, *start, Some(*end)),
        _ => return no_overload(),
    };
    if let Some(end) = end.filter(|end| start > *end) {
        return fail(format!("invalid substring range. start: {start}, end: {end}"));
    }
    let Some(from) = byte_of(text, start) else {
        return out_of_range(start);
    };
    let Some(end) = end else {
        return Ok(Value::text(&text[from..]));
    };
    match byte_of(text, end) {
        Some(to) => Ok(Value::text(&text[from..to])),
        None => out_of_range(end),
    }
}

native!(fn quote(Value::String(text)) {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{C}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{B}' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            _ => out.push(c),
        }
    }
    out.push('"');
    Ok(Value::text(out))
});

fn join<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let (list, separator) = match args {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::String(separator)] => (list, &**separator),
        _ => return no_overload(),
    };
    let mut all = String::new();
    for at in 0..list.size() {
        if at > 0 {
            work::spend(separator.len())?;
            all.push_str(separator);
        }
        match list.get(at) {
            Ok(Value::String(text)) => {
                work::spend(text.len() + 1)?;
                all.push_str(&text);
            }
            Err(Fail::TooCostly) => return Err(Fail::TooCostly),
            Ok(other) => return fail(format!("join: invalid input: {other}")),
            Err(error) => return fail(format!("join: invalid input: {error}")),
        }
    }
    Ok(Value::text(all))
}
