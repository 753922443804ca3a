//! JSON for people: indented by two spaces, as Go's `json.MarshalIndent` does it.

/// `json` (which is valid) with its fields in the same order, one a line.
pub(super) fn indented(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let (mut in_text, mut escaped) = (false, false);
    for &byte in json {
        if in_text {
            out.push(byte);
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => continue,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !out.ends_with(b"{") && !out.ends_with(b"[") {
                    new_line(&mut out, depth);
                }
            }
            // The first value behind a bracket begins a line; an empty pair of brackets stays together.
            _ if out.ends_with(b"{") || out.ends_with(b"[") => new_line(&mut out, depth),
            _ => {}
        }
        out.push(byte);
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => depth += 1,
            b',' => new_line(&mut out, depth),
            b':' => out.push(b' '),
            _ => {}
        }
    }
    out
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + 2 * depth, b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_serde_writes_and_what_it_was() {
        let value = serde_json::json!({
            "empty": {}, "list": [], "text": "a \"b\": {c}, [d]\\", "nested": {"a": [1, {"b": null}], "c": [[], {}]}, "last": "\\",
        });
        let compact = serde_json::to_vec(&value).unwrap();
        let spaced = serde_json::to_vec_pretty(&value).unwrap();
        assert_eq!(
            String::from_utf8(indented(&compact)).unwrap(),
            String::from_utf8(spaced.clone()).unwrap()
        );
        assert_eq!(indented(&spaced), spaced);
    }
}
