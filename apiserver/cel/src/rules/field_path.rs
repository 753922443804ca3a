//! `fieldPath`: where the error of a rule is shown, a path of JSON such as `.spec['my-field']`.

use crate::schema::Schema;

/// The path as errors show it; none for one that is wrong, which no definition may have.
pub(crate) fn normalized(path: &str, schema: &Schema) -> Option<String> {
    let (mut out, mut schema, mut rest) = (String::new(), schema, path);
    while !rest.is_empty() {
        let name;
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[', ']']).unwrap_or(after.len());
            (name, rest) = (after[..end].to_owned(), &after[end..]);
        } else {
            let quoted = rest.strip_prefix("['")?;
            let end = closing(quoted)?;
            name = unescape(&quoted[..end])?;
            rest = quoted[end..].strip_prefix("']")?;
        }
        if let Some(properties) = schema.own_properties() {
            schema = properties.get(&name)?;
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(&name);
        } else {
            schema = schema.additional.as_deref()?;
            out.push_str(&format!("[{name}]"));
        }
    }
    Some(out)
}

/// Where the quote is that ends a text.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len())
        .find(|at| bytes.get(*at) == Some(&b'\'') && (*at == 0 || bytes.get(at - 1) != Some(&b'\\')))
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next()? {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{C}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{B}',
            c @ ('\'' | '\\') => c,
            _ => return None,
        });
    }
    Some(out)
}
