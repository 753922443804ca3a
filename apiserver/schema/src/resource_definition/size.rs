//! How many values JSON has, before it is parsed: `[0,0,…]` takes thirty times its own bytes as a tree, and definitions come from whoever may
//! write one.

/// At least as many values, and keys, as a parser makes of `json`: what separates them is counted, outside of texts. Linear in the bytes.
#[must_use]
pub fn count_values(json: &[u8]) -> usize {
    let (mut count, mut is_text, mut is_escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b',' | b':' | b'[' | b'{' if !is_text => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_texts_are_not() {
        let cases: [(&[u8], usize); 7] = [
            (b"", 1),
            (b"0", 1),
            (b"[0,0,0]", 4),
            (br#"{"a":[{"b":1}],"c":{}}"#, 9),
            (br#"{"a, b: [":"\\\",,,{"}"#, 3),
            (br#"["\\",0]"#, 3),
            (br#"{"a":[0,"b\",:[{\\",{}]}"#, 7),
        ];
        for (json, expected) in cases {
            assert_eq!(count_values(json), expected, "{}", String::from_utf8_lossy(json));
        }
    }
}
