//! JSON for people: indented by two spaces, as Go's `json.MarshalIndent` does it.

/// `json` (which is valid) with its fields in the same order, one a line.
pub(super) fn indented(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    Indenter::default().push(json, &mut out);
    out
}

/// Indents a document that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Indenter {
    depth: usize,
    in_text: bool,
    escaped: bool,
    /// A bracket was opened last: an empty pair of brackets stays together.
    opened: bool,
}

impl Indenter {
    /// Writes the next piece of the document.
    pub(super) fn push(&mut self, json: &[u8], out: &mut Vec<u8>) {
        for &byte in json {
            if self.in_text {
                out.push(byte);
                self.in_text = self.escaped || byte != b'"';
                self.escaped = !self.escaped && byte == b'\\';
                continue;
            }
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => continue,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if !self.opened {
                        self.new_line(out);
                    }
                }
                // The first value behind a bracket begins a line.
                _ if self.opened => self.new_line(out),
                _ => {}
            }
            out.push(byte);
            self.opened = matches!(byte, b'{' | b'[');
            match byte {
                b'"' => self.in_text = true,
                b'{' | b'[' => self.depth += 1,
                b',' => self.new_line(out),
                b':' => out.push(b' '),
                _ => {}
            }
        }
    }

    fn new_line(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
        out.resize(out.len() + 2 * self.depth, b' ');
    }
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
        for length in 1..8 {
            let (mut indenter, mut out) = (Indenter::default(), Vec::new());
            for piece in compact.chunks(length) {
                indenter.push(piece, &mut out);
            }
            assert_eq!(out, spaced, "in pieces of {length}");
        }
    }
}
