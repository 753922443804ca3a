//! Reading a patch as JSON, with what Go's strict decoder would find in it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::decode::place::Place;
use crate::decode::strict::StrictFindings as Findings;
use crate::decode::{syntax, text};

/// Reads a body as JSON. `fields`: the fields that objects in an array at the top may have; `None`: any.
///
/// # Errors
/// It is no JSON: what Go says.
pub(super) fn read(
    body: &[u8],
    fields: Option<&'static [&'static str]>,
) -> Result<(Value, Findings), String> {
    let text = text(body);
    let mut findings = Findings::default();
    let mut source = serde_json::Deserializer::from_str(&text);
    let reader = Reader {
        place: &Place::Root,
        fields,
        findings: &mut findings,
    };
    reader
        .deserialize(&mut source)
        .and_then(|value| source.end().map(|()| value))
        .map(|value| (value, findings))
        .map_err(|error| syntax::explain(body).unwrap_or_else(|| error.to_string()))
}

struct Reader<'a> {
    place: &'a Place<'a>,
    fields: Option<&'static [&'static str]>,
    findings: &'a mut Findings,
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
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
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

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        // Only of an array at the top are the elements' fields known.
        let fields = self.fields.filter(|_| self.place.is_root());
        loop {
            let place = Place::Index(self.place, list.len());
            let element = Reader {
                place: &place,
                fields,
                findings: self.findings,
            };
            match source.next_element_seed(element)? {
                Some(value) => list.push(value),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let known = self.fields.filter(|_| !self.place.is_root());
        while let Some(key) = source.next_key::<String>()? {
            let place = Place::Key(self.place, &key);
            if map.contains_key(&key) {
                self.findings.add_field("duplicate", || place.path());
            } else if known.is_some_and(|known| !known.contains(&key.as_str())) {
                self.findings.add_field("unknown", || place.path());
            }
            let value = source.next_value_seed(Reader {
                place: &place,
                fields: None,
                findings: self.findings,
            })?;
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
    fn what_stands_twice_is_found_and_the_last_counts() {
        let (value, findings) = read(br#"{"a":1,"b":[{"c":1,"c":2}],"a":{"d":null}}"#, None).unwrap();
        assert_eq!(value, json!({"a": {"d": null}, "b": [{"c": 2}]}));
        assert_eq!(
            findings.into_texts(),
            [r#"duplicate field "b[0].c""#, r#"duplicate field "a""#]
        );
    }

    #[test]
    fn fields_of_elements_are_known() {
        let body = br#"[{"op":"add","foo":1,"op":"test","value":{"foo":1,"x":1,"x":2}}]"#;
        let (_, findings) = read(body, Some(&["op", "value"])).unwrap();
        assert_eq!(
            findings.into_texts(),
            [
                r#"unknown field "[0].foo""#,
                r#"duplicate field "[0].op""#,
                r#"duplicate field "[0].value.x""#
            ]
        );
    }

    #[test]
    fn what_is_no_json_is_told_in_go_s_words() {
        for (body, message) in [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            (
                "{x}",
                "invalid character 'x' looking for beginning of object key string",
            ),
            ("{} {}", "invalid character '{' after top-level value"),
        ] {
            assert_eq!(read(body.as_bytes(), None).unwrap_err(), message, "{body}");
        }
        assert!(read("[".repeat(100_000).as_bytes(), None).is_err());
    }
}
