//! Answers in YAML.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::form::Form;
use super::list::{Items, MOST_READ, PIECE};
use crate::response::Incomplete;
use crate::status::ApiError;

/// `json` as YAML, its fields in alphabetical order, as sigs.k8s.io/yaml writes them.
pub(super) fn from_json(json: &[u8]) -> Result<Vec<u8>, ApiError> {
    let value: Value = serde_json::from_slice(json).map_err(|error| ApiError::Internal(error.to_string()))?;
    let text = serde_saphyr::to_string(&value).map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(text.into_bytes())
}

/// A list of `items` as YAML, in pieces: the same text as [`from_json`] makes of the whole, with one item at a time in
/// memory. `head` is the list's JSON up to its array, `none` stands for the array where there are no items.
pub(super) fn list<I: Items>(
    head: &str,
    mut items: I,
    form: Form,
    none: &str,
) -> Result<impl Iterator<Item = Result<Bytes, Incomplete>> + use<I>, ApiError> {
    let internal = |error: &dyn std::fmt::Display| ApiError::Internal(error.to_string());
    let parse = |value: &str| {
        serde_json::from_str::<Map<String, Value>>(&format!("{head}{value}}}"))
            .map_err(|error| internal(&error))
    };
    let mut fields = parse(none)?;
    let array = array_name(head);
    let mut before = Map::new();
    if items.len() > 0 {
        fields.remove(&array);
        // In alphabetical order the array stands between the others.
        let first: Vec<String> = fields.keys().filter(|key| **key < array).cloned().collect();
        before.extend(first.into_iter().filter_map(|key| fields.remove_entry(&key)));
    }
    let text = |fields: &Map<String, Value>| {
        if fields.is_empty() {
            return Ok(String::new());
        }
        serde_saphyr::to_string(fields).map_err(|error| internal(&error))
    };
    let mut next = Some(text(&before)?);
    let mut tail = Some(text(&fields)?);
    let title = format!("{array}:\n");
    if let Some(next) = next.as_mut().filter(|_| items.len() > 0) {
        next.push_str(&title);
    }
    Ok(std::iter::from_fn(move || {
        let mut piece = next.take().unwrap_or_default();
        let mut read = 0;
        while piece.len() < PIECE && read < MOST_READ {
            match items.next() {
                Some(Ok(item)) => {
                    read += item.len();
                    let mut json = Vec::with_capacity(item.len());
                    form.push(&item, &mut json);
                    match item_text(&json, &array, &title) {
                        Ok(text) => piece.push_str(&text),
                        Err(error) => return Some(Err(Incomplete(error.to_string()))),
                    }
                }
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    piece.push_str(&tail.take().unwrap_or_default());
                    return (!piece.is_empty()).then(|| Ok(piece.into()));
                }
            }
        }
        Some(Ok(piece.into()))
    }))
}

/// The name of the array that begins at the end of `head`.
fn array_name(head: &str) -> String {
    let name = head.trim_end_matches(':').trim_matches('"');
    let start = name.rfind('"').map_or(0, |quote| quote + 1);
    name[start..].to_owned()
}

/// An item as it stands in the list: the list of it alone, without its title.
fn item_text(json: &[u8], array: &str, title: &str) -> Result<String, ApiError> {
    let internal = |error: &dyn std::fmt::Display| ApiError::Internal(error.to_string());
    let item: Value = serde_json::from_slice(json).map_err(|error| internal(&error))?;
    let list = Map::from_iter([(array.to_owned(), Value::Array(vec![item]))]);
    let mut text = serde_saphyr::to_string(&list).map_err(|error| internal(&error))?;
    if !text.starts_with(title) {
        return Err(internal(&"a list in YAML does not begin with its title"));
    }
    text.drain(..title.len());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_as_what_it_was() {
        let value = serde_json::json!({
            "kind": "Flunder", "yes": "yes", "no": "no", "number": "1", "octal": "0o14", "float": "1e3", "null": "null",
            "tilde": "~", "empty": "", "truth": true, "nothing": null, "count": 12, "big": 9_007_199_254_740_993_i64,
            "part": 1.5, "lines": "a\nb\n", "tail": "a\n\n\n", "space": " a ", "hash": "a # b", "colon": "a: b",
            "time": "2024-01-01T00:00:00Z", "list": [], "map": {}, "nested": [{"a": [1, [2, []]]}, "- x", "%", "@"],
            "unicode": "ü\u{7f}\t", "quote": "'\"\\", "bool-like": "y", "plus": "+1", "dot": ".5", "inf": ".inf",
        });
        let yaml = from_json(&serde_json::to_vec(&value).unwrap()).unwrap();
        let read = crate::decode::yaml::read(&yaml).unwrap();
        assert_eq!(read.value, value, "{}", String::from_utf8_lossy(&yaml));
    }

    #[test]
    fn what_only_looks_like_something_else_stays_a_text() {
        let words = [
            "yes",
            "on",
            "y",
            "~",
            "",
            "0777",
            "0o7",
            "1_000",
            "0b-1",
            "0x1F",
            "<<",
            "=",
            "2001-01-01",
            "12:30:45",
            "-.INF",
            "Null",
            "a\u{85}b\u{2028}c\rd",
            "!a",
            "&a",
            "*a",
            "a: b",
            "a #b",
            "---",
            "...",
            "%a",
            "? a",
            "- a",
            " a",
            "a ",
            "\u{feff}a",
        ];
        let long = "a ".repeat(100);
        let all = || words.iter().copied().chain([long.as_str()]);
        let keys: Map<String, Value> = all().map(|word| (word.to_owned(), word.into())).collect();
        let value = serde_json::json!({"keys": keys, "list": all().collect::<Vec<_>>()});
        let yaml = from_json(&serde_json::to_vec(&value).unwrap()).unwrap();
        let read = crate::decode::yaml::read(&yaml).map(|document| document.value);
        assert_eq!(read, Ok(value), "{}", String::from_utf8_lossy(&yaml));
    }

    #[test]
    fn a_list_in_pieces_is_the_text_of_the_whole() {
        use crate::registry::Pieces;
        let item = |number: usize| {
            serde_json::json!({
                "kind": "Flunder", "metadata": {"name": format!("n-{number}"), "labels": {"a": "1", "b": "- x"}},
                "spec": {"lines": "a\nb\n", "list": [1, [2, []], {"x": {}}], "text": "x".repeat(number)},
            })
        };
        for head in [
            r#"{"kind":"FlunderList","apiVersion":"g/v","metadata":{"resourceVersion":"7"},"items":"#,
            r#"{"kind":"Table","apiVersion":"g/v","metadata":{"resourceVersion":"7"},"columnDefinitions":[],"rows":"#,
        ] {
            for (count, none) in [(0, "[]"), (0, "null"), (1, "[]"), (400, "[]")] {
                let items: Vec<Value> = (0..count).map(item).collect();
                let pieces: Vec<_> = items
                    .iter()
                    .map(|item| Ok(Pieces::whole(item.to_string().into())))
                    .collect();
                let array = if count == 0 {
                    none.to_owned()
                } else {
                    Value::from(items).to_string()
                };
                let whole = from_json(format!("{head}{array}}}").as_bytes()).unwrap();
                let listed = list(head, pieces.into_iter(), Form::Whole, none).unwrap();
                let pieces: Vec<Bytes> = listed.map(Result::unwrap).collect();
                assert_eq!(
                    String::from_utf8(pieces.concat()).unwrap(),
                    String::from_utf8(whole).unwrap()
                );
                assert!(count < 400 || pieces.len() > 1);
                assert!(pieces.iter().all(|piece| piece.len() < 2 * PIECE));
            }
        }
    }
}
