//! Names of fields as CEL's identifiers: `my-field` is `my__dash__field`.

/// Words that are no identifiers in CEL.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Whether a name is a word of CEL.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// The identifier of a field; none where it has none, and rules cannot read it.
#[must_use]
pub fn escape(name: &str) -> Option<String> {
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__"));
    }
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '_' if rest.starts_with("__") => {
                out.push_str("__underscores__");
                length = 2;
            }
            '.' => out.push_str("__dot__"),
            '-' => out.push_str("__dash__"),
            '/' => out.push_str("__slash__"),
            _ if c == '_' || c.is_ascii_alphanumeric() => out.push(c),
            _ => return None,
        }
        rest = &rest[length..];
    }
    Some(out)
}

/// The field of an identifier; none where it is that of no field.
#[must_use]
pub fn unescape(identifier: &str) -> Option<String> {
    let mut out = String::with_capacity(identifier.len());
    let mut rest = identifier;
    while let Some(c) = rest.chars().next() {
        // `__word__`, where the word has no underscore.
        let escape = rest.strip_prefix("__").and_then(|inner| {
            let end = inner.find('_')?;
            (end > 0 && inner[end..].starts_with("__")).then(|| &inner[..end])
        });
        let Some(word) = escape else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        match word {
            "underscores" => out.push_str("__"),
            "dot" => out.push('.'),
            "dash" => out.push('-'),
            "slash" => out.push('/'),
            _ if RESERVED.contains(&word) && word.len() + 4 == identifier.len() => out.push_str(word),
            _ => return None,
        }
        rest = &rest[word.len() + 4..];
    }
    Some(out)
}
