//! What a definition costs to read, as its JSON says before it is parsed: `[0,0,…]` takes thirty times its own bytes.

/// How many values a definition has at most: twice what the operator lets pass in a spec, so that it is told there first.
pub(super) const MOST_VALUES: usize = 200_000;

/// # Errors
/// It has more values than are read.
pub(super) fn check(json: &[u8]) -> Result<(), String> {
    if values(json) > MOST_VALUES {
        return Err(format!("it has more than {MOST_VALUES} values"));
    }
    Ok(())
}

/// How many values JSON has, and keys: what separates them is counted, outside of texts.
fn values(json: &[u8]) -> usize {
    let (mut values, mut is_text, mut is_escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b',' | b':' | b'[' | b'{' if !is_text => values += 1,
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_texts_are_not() {
        let cases: [(&[u8], usize); 5] = [
            (b"0", 1),
            (b"[0,0,0]", 4),
            (br#"{"a":[{"b":1}],"c":{}}"#, 9),
            (br#"{"a, b: [":"\\\",,,{"}"#, 3),
            (br#"["\\",0]"#, 3),
        ];
        for (json, expected) in cases {
            assert_eq!(values(json), expected, "{}", String::from_utf8_lossy(json));
        }
    }
}
