//! Halves of surrogate pairs in JSON texts: Go reads them as replacement characters, where Rust's parser refuses them.

/// The text with each `\\uD8xx` or `\\uDCxx` that has no partner replaced by `\\ufffd`; `None` where there is none.
pub(super) fn mend(json: &str) -> Option<String> {
    let mut mended = String::new();
    let mut copied = 0;
    let bytes = json.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        let Some(unit) = unit_at(json, at) else {
            at += 2;
            continue;
        };
        let is_pair = (0xd800..0xdc00).contains(&unit)
            && unit_at(json, at + 6).is_some_and(|second| (0xdc00..0xe000).contains(&second));
        if is_pair {
            at += 12;
            continue;
        }
        if (0xd800..0xe000).contains(&unit) {
            mended.push_str(&json[copied..at]);
            mended.push_str("\\ufffd");
            copied = at + 6;
        }
        at += 6;
    }
    (copied > 0).then(|| mended + &json[copied..])
}

/// The UTF-16 unit that an escape says.
fn unit_at(json: &str, at: usize) -> Option<u32> {
    let escape = json.get(at..at + 6)?;
    u32::from_str_radix(escape.strip_prefix("\\u")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::mend;

    #[test]
    fn halves_are_replaced_and_pairs_are_kept() {
        assert_eq!(mend(r#"{"a":"\ud800"}"#).as_deref(), Some(r#"{"a":"\ufffd"}"#));
        assert_eq!(
            mend(r#""\udc00x\ud800\ud83d\ude00""#).as_deref(),
            Some(r#""\ufffdx\ufffd\ud83d\ude00""#)
        );
        assert_eq!(mend(r#""\ud83d\ude00""#), None);
        assert_eq!(mend(r#""\\ud800 \u00e9""#), None);
    }
}
