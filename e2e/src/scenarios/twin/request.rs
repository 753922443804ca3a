//! Requests as they stand in `requests/*/*.http`: a title, a line with method and path, headers, a body.
//!
//! `{{rv NAME}}` and `{{uid NAME}}` are the resourceVersion and the uid that the server last gave the object of this
//! name; `{{continue}}` is the token of its last list; `{{repeat COUNT TEXT}}` and `{{many COUNT NAME}}`, fields
//! behind others, are what would be too long to read, and `{{byte HEX}}` in a body one that is no text. The header `Until: CODE` is not sent: the request is sent again until its answer has
//! this code, since plugins learn of other objects a little later.

use std::collections::BTreeMap;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) title: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// The code that is waited for.
    pub(super) until: Option<u16>,
}

/// The requests of a file.
pub(super) fn parse(file: &str) -> Vec<Request> {
    file.split("### ").skip(1).filter_map(parse_one).collect()
}

fn parse_one(text: &str) -> Option<Request> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let title = lines.next()?.trim().to_owned();
    let (method, path) = lines.next()?.split_once(' ')?;
    let (until, headers): (Vec<_>, Vec<_>) = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .partition(|(name, _)| name == "Until");
    Some(Request {
        title,
        method: method.to_owned(),
        path: path.to_owned(),
        headers,
        body: body.trim().to_owned(),
        until: until.first().and_then(|(_, code)| code.parse().ok()),
    })
}

/// `text` with what a server said earlier in the place of its placeholders; what it never said stays empty.
pub(super) fn filled(text: &str, said: &BTreeMap<String, String>) -> Vec<u8> {
    let mut filled = Vec::new();
    let mut rest = text;
    while let Some((before, (key, after))) = rest
        .split_once("{{")
        .and_then(|(before, rest)| Some((before, rest.split_once("}}")?)))
    {
        filled.extend(before.as_bytes());
        if let Some(byte) = byte(key) {
            filled.push(byte);
        } else if let Some(text) = repeated(key).or_else(|| many(key)) {
            filled.extend(text.into_bytes());
        } else if let Some(text) = said.get(key) {
            filled.extend(text.as_bytes());
        }
        rest = after;
    }
    filled.extend(rest.as_bytes());
    filled
}

fn byte(key: &str) -> Option<u8> {
    u8::from_str_radix(key.strip_prefix("byte ")?, 16).ok()
}

fn repeated(key: &str) -> Option<String> {
    let (count, text) = key.strip_prefix("repeat ")?.split_once(' ')?;
    Some(text.repeat(count.parse().ok()?))
}

fn many(key: &str) -> Option<String> {
    let (count, name) = key.strip_prefix("many ")?.split_once(' ')?;
    let count: usize = count.parse().ok()?;
    Some(
        (0..count)
            .map(|number| format!(r#","{name}-{number}":"A""#))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_body_are_told_apart() {
        let requests =
            parse("### one\nGET /a\nAccept: x/y\nUntil: 403\n\n### two\nPOST /b\n\n{\"a\": 1}\n\n");
        assert_eq!(requests[0].headers, [("Accept".to_owned(), "x/y".to_owned())]);
        assert_eq!((requests[0].until, requests[1].until), (Some(403), None));
        assert_eq!(requests[0].body, "");
        assert_eq!(
            (requests[1].method.as_str(), requests[1].body.as_str()),
            ("POST", "{\"a\": 1}")
        );
    }

    #[test]
    fn placeholders_are_filled_and_json_is_left_alone() {
        let said = BTreeMap::from([("rv a".to_owned(), "5".to_owned())]);
        for (text, expected) in [
            (r#"{"a":{"b":"{{rv a}}"}}"#, br#"{"a":{"b":"5"}}"#.as_slice()),
            ("x={{continue}}", b"x="),
            (r#"{{repeat 3 {"a":}}1"#, br#"{"a":{"a":{"a":1"#),
            ("a{{byte ff}}b", b"a\xffb"),
            (r#"{"x":"y"{{many 2 k}}}"#, br#"{"x":"y","k-0":"A","k-1":"A"}"#),
        ] {
            assert_eq!(filled(text, &said), expected);
        }
    }
}
