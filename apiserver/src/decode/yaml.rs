//! YAML bodies, brought to JSON as `sigs.k8s.io/yaml` does it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::{DuplicateKeyPolicy, Options, Spanned};

/// A document, and the keys that stand twice in one of its maps.
pub(crate) struct Document {
    pub(crate) value: Value,
    /// In the words of Go's YAML: `line 3: key "a" already set in map`.
    pub(crate) duplicates: Vec<String>,
}

/// Reads one document; an empty one is null.
///
/// # Errors
/// It is no YAML, has a key that JSON cannot have, or is larger than the parser's budget: what is wrong.
pub(crate) fn read(text: &str) -> Result<Document, String> {
    let mut options = Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options.legacy_octal_numbers = true;
    options.emit_comments = false;
    options.with_snippet = false;
    let mut duplicates = Vec::new();
    let reader = Reader {
        duplicates: &mut duplicates,
    };
    let value = serde_saphyr::with_deserializer_from_str_with_options(text, options, |source| {
        reader.deserialize(source)
    })
    .map_err(|error| format!("yaml: {error}"))?;
    Ok(Document { value, duplicates })
}

struct Reader<'a> {
    duplicates: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn inner(&mut self) -> Reader<'_> {
        Reader {
            duplicates: self.duplicates,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value that JSON can have")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        self.deserialize(source)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("JSON has no such number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut source: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = source.next_element_seed(self.inner())? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut source: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = source.next_key::<Spanned<String>>()? {
            let value = source.next_value_seed(self.inner())?;
            let line = key.referenced.line();
            let key = key.value;
            if map.contains_key(&key) {
                self.duplicates
                    .push(format!("line {line}: key {key:?} already set in map"));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
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
        assert_eq!(document.duplicates, Vec::<String>::new());
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
        assert_eq!(document.duplicates, expected);
    }

    #[test]
    fn nothing_is_null_and_what_is_no_yaml_is_refused() {
        assert_eq!(read("").unwrap().value, Value::Null);
        assert!(read("a: [").is_err());
        assert!(read("a: b: c").is_err());
        assert!(read("a: .nan").is_err());
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
