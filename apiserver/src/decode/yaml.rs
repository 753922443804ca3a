//! YAML bodies, brought to JSON as `sigs.k8s.io/yaml` does it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{DuplicateKeyPolicy, Options, Spanned};

use super::yaml_text::text;
use crate::status::{MOST_LISTED, Quoted};

/// A value, and the keys that stand twice in one of its maps.
pub(crate) struct Document {
    pub(crate) value: Value,
    duplicates: Duplicates,
}

/// Keys that stand twice, in the order in which Go's YAML tells them.
#[derive(Default)]
struct Duplicates {
    /// The first, no more than are listed: line and key.
    listed: Vec<(u64, String)>,
    /// Whether there are more.
    has_more: bool,
}

impl Duplicates {
    fn push(&mut self, line: u64, key: &str) {
        if self.listed.len() < MOST_LISTED {
            self.listed.push((line, key.to_owned()));
        } else {
            self.has_more = true;
        }
    }

    /// Takes those of a value inside, which come first.
    fn absorb(&mut self, inner: Self) {
        if self.listed.is_empty() && !self.has_more {
            *self = inner;
            return;
        }
        for (line, key) in inner.listed {
            self.push(line, &key);
        }
        self.has_more |= inner.has_more;
    }
}

impl Document {
    /// The keys that stand twice, in the words of Go's YAML: `line 3: key "a" already set in map`.
    pub(crate) fn duplicates(&self) -> Vec<String> {
        let listed = self.duplicates.listed.iter();
        let mut texts: Vec<String> = listed
            .map(|(line, key)| format!("line {line}: key {} already set in map", Quoted(key)))
            .collect();
        if self.duplicates.has_more {
            let told = texts.len();
            texts.push(format!("too many errors: only the first {told} are listed"));
        }
        texts
    }
}

/// Nodes that aliases write out. Go's reader lets them be almost all of 400 000 nodes.
pub(crate) const MOST_ALIASED: usize = 30_000;

/// Bytes of all texts in a document, aliases written out: little more than a body has.
pub(crate) const MOST_SCALAR_BYTES: usize = 4 * 1024 * 1024;

/// Levels of lists and maps: the parser calls itself for each, with much more stack than that of JSON.
const MAX_DEPTH: usize = 64;

/// Reads the first document, as Go does; an empty one is null.
///
/// # Errors
/// It is no YAML, has a key that JSON cannot have, or is larger than the parser's budget: what is wrong.
pub(crate) fn read(body: impl AsRef<[u8]>) -> Result<Document, String> {
    let text = text(body.as_ref()).map_err(|message| format!("yaml: {message}"))?;
    let mut options = Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options.legacy_octal_numbers = true;
    options.emit_comments = false;
    options.with_snippet = false;
    options.alias_limits.max_total_replayed_events = MOST_ALIASED;
    // A body has 3 MiB; aliases may say more, and what is kept for them is bounded too.
    if let Some(budget) = &mut options.budget {
        budget.max_depth = MAX_DEPTH;
        budget.max_total_scalar_bytes = MOST_SCALAR_BYTES;
        budget.max_recorded_anchor_bytes = MOST_SCALAR_BYTES;
    }
    let mut documents =
        serde_saphyr::from_multiple_with_options::<Document>(text, options).map_err(explained)?;
    if documents.is_empty() {
        return Ok(Document::from(Value::Null));
    }
    Ok(documents.swap_remove(0))
}

fn explained(error: serde_saphyr::Error) -> String {
    match error {
        serde_saphyr::Error::Budget {
            breach: BudgetBreach::Depth { .. },
            ..
        } => format!("yaml: exceeded max depth of {MAX_DEPTH}"),
        error => format!("yaml: {error}"),
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self {
            value,
            duplicates: Duplicates::default(),
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Document;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value that JSON can have")
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Value::Null.into())
    }

    fn visit_none<E>(self) -> Result<Document, E> {
        Ok(Value::Null.into())
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<Document, D::Error> {
        Document::deserialize(source)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Document, E> {
        Ok(Value::from(value).into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Document, E> {
        Ok(Value::from(value).into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Document, E> {
        Ok(Value::from(value).into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Document, E> {
        serde_json::Number::from_f64(value)
            .map(|number| Value::Number(number).into())
            .ok_or_else(|| E::custom("JSON has no such number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Document, E> {
        Ok(Value::from(value).into())
    }

    fn visit_string<E>(self, value: String) -> Result<Document, E> {
        Ok(Value::from(value).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Document, A::Error> {
        let mut duplicates = Duplicates::default();
        let mut list = Vec::new();
        while let Some(element) = source.next_element::<Document>()? {
            list.push(element.value);
            duplicates.absorb(element.duplicates);
        }
        Ok(Document {
            value: Value::Array(list),
            duplicates,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Document, A::Error> {
        let mut duplicates = Duplicates::default();
        let mut map = Map::new();
        while let Some(key) = source.next_key::<String>()? {
            // Go tells the line of the value, after what is wrong inside it.
            let value = source.next_value::<Spanned<Document>>()?;
            duplicates.absorb(value.value.duplicates);
            if map.contains_key(&key) {
                duplicates.push(value.referenced.line(), &key);
            }
            map.insert(key, value.value.value);
        }
        Ok(Document {
            value: Value::Object(map),
            duplicates,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_read_as_json() {
        let text = "a: 1\nb: [x, 1.5, true, null, '2']\nc: {d: e}\n3: f\nempty:\n";
        let document = read(text).unwrap();
        let expected =
            json!({"a": 1, "b": ["x", 1.5, true, null, "2"], "c": {"d": "e"}, "3": "f", "empty": null});
        assert_eq!(document.value, expected);
        assert_eq!(document.duplicates(), Vec::<String>::new());
    }

    #[test]
    fn scalars_are_those_of_kubernetes_yaml() {
        let document = read("[yes, off, 0777, ~, 1e3, 2024-01-01]").unwrap();
        assert_eq!(
            document.value,
            json!([true, false, 511, null, 1000.0, "2024-01-01"])
        );
    }

    #[test]
    fn of_a_key_that_stands_twice_the_last_value_is_taken_and_its_line_told() {
        let document = read("a: 1\nb:\n  c: 2\n  c: 3\na: 4\n").unwrap();
        assert_eq!(document.value, json!({"a": 4, "b": {"c": 3}}));
        let expected = [
            r#"line 4: key "c" already set in map"#,
            r#"line 5: key "a" already set in map"#,
        ];
        assert_eq!(document.duplicates(), expected);
    }

    #[test]
    fn of_keys_that_stand_twice_the_first_hundred_are_told() {
        let document = read("a: 1\n".repeat(1000)).unwrap();
        let told = document.duplicates();
        assert_eq!(told.len(), MOST_LISTED + 1);
        assert_eq!(told[99], r#"line 101: key "a" already set in map"#);
        assert_eq!(told[100], "too many errors: only the first 100 are listed");
    }

    #[test]
    fn nothing_is_null_and_what_is_no_yaml_is_refused() {
        assert_eq!(read("").unwrap().value, Value::Null);
        assert_eq!(read("# nothing").unwrap().value, Value::Null);
        assert!(read("a: [").is_err());
        assert!(read("a: b: c").is_err());
        assert!(read("a: .nan").is_err());
    }

    #[test]
    fn a_document_that_nests_too_deeply_is_refused() {
        let lists = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(lists(MAX_DEPTH)).is_ok());
        let refused = read(lists(MAX_DEPTH + 1)).err();
        assert_eq!(refused.as_deref(), Some("yaml: exceeded max depth of 64"));
    }

    #[test]
    fn the_first_of_several_documents_counts() {
        let document = read("---\na: 1\n---\nb: 2\n").unwrap();
        assert_eq!(document.value, json!({"a": 1}));
    }

    #[test]
    fn aliases_of_long_texts_are_refused() {
        let text = |bytes: usize| format!("a: &a {}\nb: [{}]\n", "x".repeat(bytes), ["*a"; 50].join(","));
        assert!(read(text(1000)).is_ok());
        assert!(read(text(1024 * 1024)).is_err());
    }

    #[test]
    fn aliases_that_multiply_are_refused() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..9 {
            let below = level - 1;
            text.push_str(&format!(
                "a{level}: &a{level} [{}]\n",
                vec![format!("*a{below}"); 10].join(",")
            ));
        }
        assert!(read(&text).is_err());
    }
}
