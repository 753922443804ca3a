//! How large a definition becomes when it is parsed. Pure.
//!
//! A value takes 32 bytes and an object's first field 600 more, whatever few bytes they have as JSON: two megabytes of it would be all
//! the memory that there is. So values are counted before they are made.

use annex_schema::field::{Error, Path};

/// Values that a spec, or a status, may have: the largest known CustomResourceDefinitions have half as many.
pub const MOST: usize = 100_000;

/// Why `json`, which is the field `path`, is not parsed.
#[must_use]
pub fn too_large(path: &str, json: &str) -> Option<Error> {
    let count = values(json);
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    (count > MOST).then(|| Error::too_many(&Path::new(path), i64::try_from(count).unwrap_or(i64::MAX), most))
}

/// At least as many as a parser makes of it.
fn values(json: &str) -> usize {
    let (mut count, mut is_text, mut is_escaped) = (1, false, false);
    for byte in json.bytes() {
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
    fn what_stands_in_strings_is_no_value() {
        assert_eq!(values(r#"{"a":[0,"b\",:[{\\",{}]}"#), 7);
        assert_eq!(values(""), 1);
    }
}
