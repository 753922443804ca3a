//! The parser of `Accept` below k8s.io/apiserver (goautoneg), and of `Content-Type` (Go's `mime`).

/// One media type of an `Accept` header.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clause<'a> {
    pub(super) type_: &'a str,
    pub(super) subtype: &'a str,
    pub(super) parameters: Vec<(&'a str, &'a str)>,
    quality: f32,
}

/// More than anybody sends. The order that Go's sort gives is quadratic to find.
const MOST_CLAUSES: usize = 64;

/// The clauses in the order in which they are tried. What cannot be read is left out.
pub(super) fn clauses(header: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<Clause<'_>> = Vec::new();
    for clause in header.split(',').filter_map(clause).take(MOST_CLAUSES) {
        // Go's order is not transitive, so which order comes out depends on how it sorts: by insertion.
        let mut at = clauses.len();
        while at > 0 && is_before(&clause, &clauses[at - 1]) {
            at -= 1;
        }
        clauses.insert(at, clause);
    }
    clauses
}

fn is_before(left: &Clause<'_>, right: &Clause<'_>) -> bool {
    left.quality > right.quality
        || (left.type_ != "*" && right.type_ == "*")
        || (left.subtype != "*" && right.subtype == "*")
}

fn clause(text: &str) -> Option<Clause<'_>> {
    let mut parts = text.trim_matches(' ').split(';');
    let name = parts.next()?;
    let (type_, subtype) = match name.split_once('/') {
        Some((type_, subtype)) if !subtype.is_empty() => (type_.trim_matches(' '), subtype),
        _ if name.trim_matches(' ').trim_end_matches('/') == "*" => ("*", "*"),
        _ => return None,
    };
    if subtype.contains('/') {
        return None;
    }
    let mut clause = Clause {
        type_,
        subtype: subtype.trim_matches(' '),
        parameters: Vec::new(),
        quality: 1.0,
    };
    for (key, value) in parts.filter_map(|part| part.split_once('=')) {
        let key = key.trim_matches(' ');
        if value.is_empty() || value.contains('=') {
            continue;
        }
        if key == "q" {
            clause.quality = value.parse().unwrap_or(0.0);
        } else {
            clause.parameters.push((key, value.trim_matches(' ')));
        }
    }
    Some(clause)
}

/// The media type in a `Content-Type`, in lower case; `None` where the header or its parameters are malformed.
pub(super) fn media_type(header: &str) -> Option<String> {
    let (name, mut parameters) = header.split_once(';').unwrap_or((header, ""));
    let name = name.trim().to_ascii_lowercase();
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token_byte);
    if !name.split('/').all(is_token) || name.split('/').count() > 2 {
        return None;
    }
    loop {
        parameters = parameters.trim_start_matches([' ', '\t', ';']);
        if parameters.is_empty() {
            return Some(name);
        }
        let (key, rest) = parameters.split_once('=')?;
        if !is_token(key.trim_end()) {
            return None;
        }
        parameters = after_value(rest)?;
    }
}

/// What stands behind a parameter's value.
fn after_value(text: &str) -> Option<&str> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text
            .bytes()
            .position(|byte| !is_token_byte(byte))
            .unwrap_or(text.len());
        let rest = text[end..].trim_start();
        return (end > 0 && (rest.is_empty() || rest.starts_with(';'))).then_some(rest);
    };
    let mut escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return Some(&quoted[at + 1..]),
            b'\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    None
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
