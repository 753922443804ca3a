//! Where `managedFields` stand in an object's encoded metadata, so that an answer without them needs no decoding.

use std::ops::Range;

const KEY: &[u8] = br#""managedFields""#;

/// The bytes of the member `managedFields`, with one of the commas beside it, in the JSON of an object's metadata, of which `json`
/// begins right behind the `{`. `None`: there is none, or it is no JSON.
pub(super) fn managed_fields(json: &[u8]) -> Option<Range<usize>> {
    let (mut at, mut comma) = (0, None);
    loop {
        let start = at + blanks(json.get(at..)?);
        let key_end = start + text(json.get(start..)?)?;
        let end = key_end + value(json.get(key_end..)?)?;
        let is_last = json.get(end)? == &b'}';
        if &json[start..key_end] == KEY {
            return Some(match comma {
                Some(comma) => comma..end,
                None if is_last => start..end,
                None => start..end + 1,
            });
        }
        if is_last {
            return None;
        }
        comma = Some(end);
        at = end + 1;
    }
}

fn blanks(json: &[u8]) -> usize {
    json.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The length of the text in which `json` begins, with its quotes.
fn text(json: &[u8]) -> Option<usize> {
    if json.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        match json.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// How far the `,` or `}` is that ends the member whose `:` is next.
fn value(json: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match json.get(at)? {
            b'"' => {
                at += text(&json[at..])?;
                continue;
            }
            b',' | b'}' if depth == 0 => return Some(at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_member_goes_with_one_comma_wherever_it_stands() {
        for (json, left) in [
            (
                r#""name":"a","managedFields":[{"x":"},\""}],"uid":"u"},"spec":1}"#,
                r#""name":"a","uid":"u"},"spec":1}"#,
            ),
            (r#""name":"a", "managedFields" : [] }"#, r#""name":"a"}"#),
            (r#" "managedFields":[{}],"name":"a"}"#, r#" "name":"a"}"#),
            (r#""managedFields":null}"#, "}"),
        ] {
            let mut cut = json.to_owned();
            cut.replace_range(managed_fields(json.as_bytes()).unwrap(), "");
            assert_eq!(cut, left, "{json}");
        }
    }

    #[test]
    fn what_has_none_or_is_no_json_is_left_alone() {
        for json in [
            r#""labels":{"managedFields":"x"},"name":"\"managedFields\":1"}"#,
            "}",
            "",
            r#""name"#,
            r#""name":"a""#,
            r#""name\"#,
            r#""name":]"#,
        ] {
            assert_eq!(managed_fields(json.as_bytes()), None, "{json}");
        }
    }
}
