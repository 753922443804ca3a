//! What a server answered, without what may differ: revisions, uids, times, tokens, addresses, generated names, ages.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{managed_fields, protobuf};

/// Headers that must be the same.
const HEADERS: [&str; 5] = [
    "content-type",
    "cache-control",
    "warning",
    "retry-after",
    "x-content-type-options",
];

/// What a server answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) headers: BTreeMap<&'static str, Vec<String>>,
    /// The values of the body: one, or one a line of a watch; else its text.
    pub(super) body: Vec<Value>,
}

/// What a server said that later requests name, and that answers must not be compared by.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// What placeholders stand for.
    pub(super) said: BTreeMap<String, String>,
    uids: BTreeSet<String>,
    /// The revisions by name, as they were before the answer that is read.
    revisions: BTreeMap<String, String>,
    /// The objects by type and name, as they were last.
    objects: BTreeMap<[String; 3], Seen>,
    /// Names and revisions of this answer by which an object changed in nothing but the order of its managers.
    reordered: BTreeSet<(String, String)>,
}

/// An object of an answer.
#[derive(Clone, Debug)]
struct Seen {
    revision: String,
    /// The order of its managers.
    managers: Vec<[String; 4]>,
    /// All but its revision and that order.
    content: Value,
}

impl Answer {
    /// Reads an answer, and remembers what it says.
    pub(super) fn read(code: u16, headers: &http::HeaderMap, body: &[u8], memory: &mut Memory) -> Self {
        let mut values = parse(content_type(headers), body);
        let revisions = memory.said.iter();
        memory.revisions = revisions
            .filter_map(|(key, said)| Some((key.strip_prefix("rv ")?.to_owned(), said.clone())))
            .collect();
        memory.reordered.clear();
        for value in &values {
            memory.look_for_reordered(value);
        }
        for value in &values {
            memory.learn(value);
        }
        for value in &mut values {
            memory.normalize(value);
        }
        let headers = compared_headers(headers);
        Self {
            code,
            headers,
            body: values,
        }
    }
}

impl Answer {
    /// The answer in one line.
    pub(super) fn shown(&self) -> String {
        let body: Vec<String> = self.body.iter().map(ToString::to_string).collect();
        let headers: Vec<String> = self
            .headers
            .iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| format!("{name}: {}", values.join(" | ")))
            .collect();
        format!("{} [{}] {}", self.code, headers.join("; "), body.join(" ⏎ "))
    }
}

/// The Content-Type of an answer.
pub(super) fn content_type(headers: &http::HeaderMap) -> &str {
    let value = headers.get(http::header::CONTENT_TYPE);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Those headers that must be the same.
pub(super) fn compared_headers(headers: &http::HeaderMap) -> BTreeMap<&'static str, Vec<String>> {
    let values = |name| {
        let values = headers.get_all(name).iter();
        let mut values: Vec<String> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        values.sort_unstable();
        values
    };
    HEADERS.into_iter().map(|name| (name, values(name))).collect()
}

/// The values of a body, or its text.
pub(super) fn parse(content_type: &str, body: &[u8]) -> Vec<Value> {
    let text = || vec![Value::String(String::from_utf8_lossy(body).into_owned())];
    if content_type.starts_with("application/json") {
        let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(body).into_iter().collect();
        values.unwrap_or_else(|_| text())
    } else if content_type.starts_with("application/yaml") {
        serde_saphyr::from_slice::<Value>(body).map_or_else(|_| text(), |value| vec![value])
    } else if content_type.starts_with(protobuf::MEDIA_TYPE) {
        protobuf::values(content_type, body).unwrap_or_else(text)
    } else {
        text()
    }
}

impl Memory {
    /// Finds the objects that were written without a change: Go writes where the order of managers has changed, which comes of the
    /// seconds in which they wrote. Whether a write falls into the second of another one is chance.
    fn look_for_reordered(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some((key, seen)) = Seen::of(fields) {
                    let before = self.objects.get(&key);
                    if before.is_some_and(|before| seen.is_reordered(before)) {
                        let [_, _, name] = key.clone();
                        self.reordered.insert((name, seen.revision.clone()));
                    }
                    self.objects.insert(key, seen);
                }
                fields.values().for_each(|field| self.look_for_reordered(field));
            }
            Value::Array(items) => items.iter().for_each(|item| self.look_for_reordered(item)),
            _ => {}
        }
    }

    /// Remembers what later requests name.
    pub(super) fn remember(&mut self, values: &[Value]) {
        values.iter().for_each(|value| self.learn(value));
    }

    /// Remembers every object's revision and uid, however deep it lies.
    fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::Object(metadata)) = fields.get("metadata") {
                    self.learn_metadata(metadata);
                }
                fields.values().for_each(|field| self.learn(field));
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            _ => {}
        }
    }

    fn learn_metadata(&mut self, metadata: &Map<String, Value>) {
        let text = |field: &str| {
            metadata
                .get(field)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let name = text("name");
        if let Some(revision) = text("resourceVersion") {
            // That of a list has no name.
            let key = name.map_or_else(|| "rv".to_owned(), |name| format!("rv {name}"));
            self.said.insert(key, revision.to_owned());
        }
        if let Some(uid) = text("uid") {
            self.uids.insert(uid.to_owned());
            if let Some(name) = name {
                self.said.insert(format!("uid {name}"), uid.to_owned());
            }
        }
        if let Some(token) = text("continue") {
            self.said.insert("continue".to_owned(), token.to_owned());
        }
    }

    fn normalize(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::Array(entries)) = fields.get_mut("managedFields") {
                    managed_fields::normalize(entries);
                }
                if let Some(Value::Array(causes)) = fields.get_mut("causes") {
                    managed_fields::normalize_causes(causes);
                }
                let object = fields.get("name").and_then(Value::as_str).unwrap_or_default();
                let object = object.to_owned();
                let before = self.revisions.get(&object);
                for (name, field) in fields.iter_mut() {
                    match (name.as_str(), &mut *field) {
                        // Whether a write was one is seen by this alone.
                        ("resourceVersion", Value::String(text))
                            if before == Some(text)
                                || self.reordered.contains(&(object.clone(), text.clone())) =>
                        {
                            *text = "<the revision of before>".to_owned();
                        }
                        ("resourceVersion", Value::String(text)) if text.parse::<u64>().is_ok() => {
                            *text = "<revision>".to_owned();
                        }
                        ("continue", Value::String(text)) if !text.is_empty() => {
                            *text = "<token>".to_owned();
                        }
                        ("serverAddress", _) => *field = "<address>".into(),
                        _ => self.normalize(field),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.normalize(item)),
            Value::String(text) => *text = self.normal_text(text),
            _ => {}
        }
    }

    fn normal_text(&self, text: &str) -> String {
        plain_text(text, |text| {
            let uids = self.uids.iter();
            uids.fold(text, |text, uid| text.replace(uid.as_str(), "<uid>"))
        })
    }
}

/// A text without times, ages, uids as `without_uids` takes them out, revisions, and names that a server made up.
pub(super) fn plain_text(text: &str, without_uids: impl Fn(String) -> String) -> String {
    if is_generated(text) {
        return "gen-<generated>".to_owned();
    }
    if is_age(text) {
        return "<age>".to_owned();
    }
    let mut text = without_uids(without_times(text));
    // Those of a young etcd are a few digits, which stand elsewhere too: only a whole number in its place counts.
    for place in [
        "current: ",
        "in record (",
        "too old resource version: 1 (",
        r#"resourceVersion\":\""#,
    ] {
        if let Some((before, after)) = text.split_once(place) {
            let rest = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
            text = format!("{before}{place}<revision>{rest}");
        }
    }
    text
}

impl Seen {
    /// An object with managers; `None`: it is none.
    fn of(fields: &Map<String, Value>) -> Option<([String; 3], Self)> {
        let metadata = fields.get("metadata")?;
        let text = |value: Option<&Value>| value?.as_str().map(str::to_owned);
        let key = [
            text(fields.get("apiVersion"))?,
            text(fields.get("kind"))?,
            text(metadata.get("name"))?,
        ];
        // Of metadata alone nobody sees what else has changed.
        if key[0].starts_with("meta.k8s.io/") {
            return None;
        }
        let mut content = Value::Object(fields.clone());
        let metadata = content.get_mut("metadata")?.as_object_mut()?;
        let revision = text(metadata.remove("resourceVersion").as_ref())?;
        let entries = metadata.get_mut("managedFields")?.as_array_mut()?;
        let managers = entries.iter().map(managed_fields::names).collect();
        entries.sort_by_key(managed_fields::names);
        for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
            entry.remove("time");
        }
        let seen = Self {
            revision,
            managers,
            content,
        };
        Some((key, seen))
    }

    /// Whether it is what it was before, but for the order of its managers, which has changed.
    fn is_reordered(&self, before: &Self) -> bool {
        self.revision != before.revision && self.managers != before.managers && self.content == before.content
    }
}

/// A time, with a digit for each 0.
const TIME: &str = "0000-00-00T00:00:00Z";

/// Conflicts between managers name the times of their writes too, in the middle of a sentence.
fn without_times(text: &str) -> String {
    let mut without = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let is_time = rest.len() >= TIME.len()
            && rest.bytes().zip(TIME.bytes()).all(|(found, wanted)| {
                if wanted == b'0' {
                    found.is_ascii_digit()
                } else {
                    found == wanted
                }
            });
        let length = if is_time {
            without.push_str("<time>");
            TIME.len()
        } else {
            without.push(letter);
            letter.len_utf8()
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    without
}

/// A name that a server made up for `generateName: gen-`.
fn is_generated(text: &str) -> bool {
    text.strip_prefix("gen-").is_some_and(|suffix| {
        suffix.len() == 5
            && suffix
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// How old a young object is, in a cell of a table: `17s`.
fn is_age(text: &str) -> bool {
    text.strip_suffix('s').is_some_and(|seconds| {
        (1..=3).contains(&seconds.len()) && seconds.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests;
