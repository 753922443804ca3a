//! YAML bodies, as `sigs.k8s.io/yaml` reads them.

use annex_yaml::{Document, Error, Limits};
use serde_json::Value;

use crate::status::MOST_LISTED;

/// Nodes that aliases write out. Go's reader lets them be almost all of 400,000 nodes.
pub(crate) const MOST_ALIASED: usize = 30_000;

/// Bytes of the texts that aliases write out: little more than a body has.
pub(crate) const MOST_ALIASED_BYTES: usize = 4 * 1024 * 1024;

/// Reads the first document, as Go does; an empty one is null.
///
/// # Errors
/// What Go says of it.
pub(crate) fn read(body: impl AsRef<[u8]>) -> Result<Document, Error> {
    let limits = Limits {
        aliased_nodes: MOST_ALIASED,
        aliased_bytes: MOST_ALIASED_BYTES,
    };
    annex_yaml::read(body.as_ref(), &limits)
}

/// The keys that stand twice, in the words of Go's YAML: `line 3: key "a" already set in map`.
pub(crate) fn duplicates(document: &Document) -> Vec<String> {
    let mut texts = document.duplicates.listed().to_vec();
    if document.duplicates.has_more() {
        texts.push(format!(
            "too many errors: only the first {MOST_LISTED} are listed"
        ));
    }
    texts
}

/// Bytes of a key that is one in YAML too: its colon must stand within 1024 characters.
const LONGEST_KEY: usize = 1000;

/// Whether a body, if it is JSON at all, has nothing in it that YAML reads otherwise, or not at all: escapes such as `\/`, breaks, control
/// characters. What stands in [`is_same_in_json`] is to be asked of its fields then.
pub(crate) fn may_be_read_as_json(body: &[u8]) -> bool {
    let body = body.trim_ascii_end();
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'\\';
    body.trim_ascii_start().starts_with(b"{") && body.iter().all(is_plain)
}

/// Whether a field that was read as JSON is the same in YAML, where `1.0` is 1.
pub(crate) fn is_same_in_json((key, value): (&String, &Value)) -> bool {
    key.len() <= LONGEST_KEY && is_same_value(value)
}

fn is_same_value(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => !number.is_f64(),
        Value::Array(list) => list.iter().all(is_same_value),
        Value::Object(fields) => fields.iter().all(is_same_in_json),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_read_as_json_is_the_same_in_yaml() {
        let long = "k".repeat(LONGEST_KEY);
        for body in [
            r#"{"a": [1, -2, 18446744073709551615, true, null, "x: # y", {}], "<<": {"b": "0777"}, "yes": "~"}"#,
            &format!(r#"{{"{long}": {{"{long}": ["? -"]}}}}"#),
            " { }  \n",
        ] {
            assert!(may_be_read_as_json(body.as_bytes()), "{body}");
            let json: Value = serde_json::from_str(body).unwrap();
            assert!(json.as_object().unwrap().iter().all(is_same_in_json), "{body}");
            assert_eq!(read(body).unwrap().value, json, "{body}");
        }
        for body in [
            r#"{"a":"\/"}"#,
            "{\"a\"\n:1}",
            "{\"a\":\t1}",
            "{\"a\":\"\u{9f}\"}",
            "[1]",
            "",
        ] {
            assert!(!may_be_read_as_json(body.as_bytes()), "{body}");
        }
        for value in [
            json!({"a": 1.0}),
            json!([[{"b": 1e30}]]),
            json!({ format!("{long}k"): 1 }),
        ] {
            assert!(!is_same_in_json((&String::new(), &value)), "{value}");
        }
    }

    #[test]
    fn of_keys_that_stand_twice_the_first_hundred_are_told() {
        let told = duplicates(&read("a: 1\n".repeat(1000)).unwrap());
        assert_eq!(told.len(), MOST_LISTED + 1);
        assert_eq!(told[99], r#"line 101: key "a" already set in map"#);
        assert_eq!(told[100], "too many errors: only the first 100 are listed");
        assert!(duplicates(&read("a: 1\nb: 2\n").unwrap()).is_empty());
    }

    #[test]
    fn aliases_write_out_what_was_weighed() {
        let nodes = |count: usize| format!("a: &a x\nb: [{}]\n", "*a,".repeat(count));
        // Beside as many others, so that Go allows it.
        let among = |count: usize| format!("{}c: [{}]\n", nodes(count), "x,".repeat(1000));
        assert!(read(among(MOST_ALIASED)).is_ok());
        let refused = read(among(MOST_ALIASED + 1)).unwrap_err().to_string();
        assert_eq!(refused, "yaml: document contains excessive aliasing");
        let text = |bytes: usize| format!("a: &a {}\nb: [*a, *a]\n", "x".repeat(bytes));
        assert!(read(text(MOST_ALIASED_BYTES / 2)).is_ok());
        assert!(read(text(MOST_ALIASED_BYTES / 2 + 1)).is_err());
    }
}
