//! What was said to a sequence, without what two servers may say differently.
//!
//! Numbers that servers give are told by what they mean within the sequence: a resourceVersion as the how-manieth of its object, a uid as the
//! how-manieth of this name. So it is seen whether a write was one, whether revisions rise, and whether an event has the revision of the
//! write that it tells of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::super::answer::{self, Answer};
use super::super::managed_fields;
use super::invalid;
use super::play::Said;

/// What was said, to be compared.
pub(super) fn answers(said: &[Said]) -> Vec<Answer> {
    let mut known = Known::default();
    said.iter()
        .flat_map(|said| &said.body)
        .for_each(|value| known.learn(value));
    known.number();
    said.iter().map(|said| known.answer(said)).collect()
}

/// The objects of a sequence.
#[derive(Default)]
struct Known {
    /// By uid: the name, the revisions, and which object of this name it is.
    objects: BTreeMap<String, Object>,
    /// The uids in the order in which they were said.
    order: Vec<String>,
}

#[derive(Default)]
struct Object {
    name: String,
    revisions: BTreeSet<u64>,
    number: usize,
}

impl Known {
    fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(metadata) = fields.get("metadata") {
                    self.learn_metadata(metadata);
                }
                if let Some(details) = fields.get("details") {
                    self.learn_metadata(details);
                }
                fields.values().for_each(|field| self.learn(field));
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            _ => {}
        }
    }

    fn learn_metadata(&mut self, metadata: &Value) {
        let text = |field: &str| metadata.get(field).and_then(Value::as_str);
        let Some(uid) = text("uid").filter(|uid| is_uid(uid)) else {
            return;
        };
        if !self.objects.contains_key(uid) {
            self.order.push(uid.to_owned());
        }
        let object = self.objects.entry(uid.to_owned()).or_default();
        if let Some(name) = text("name") {
            object.name = without_generated(name);
        }
        object
            .revisions
            .extend(text("resourceVersion").and_then(|revision| revision.parse::<u64>().ok()));
    }

    fn number(&mut self) {
        let mut of_name: BTreeMap<String, usize> = BTreeMap::new();
        for uid in &self.order {
            if let Some(object) = self.objects.get_mut(uid) {
                let count = of_name.entry(object.name.clone()).or_default();
                *count += 1;
                object.number = *count;
            }
        }
    }

    fn answer(&self, said: &Said) -> Answer {
        let mut body = said.body.clone();
        body.iter_mut().for_each(|value| self.normalize(value));
        if said.unordered {
            body.sort_by_key(Value::to_string);
        }
        let mut headers = answer::compared_headers(&said.head);
        let texts = headers.values_mut().flatten();
        texts.for_each(|text| *text = self.without_uids(std::mem::take(text)));
        Answer {
            code: said.code,
            headers,
            body,
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
                invalid::normalize(fields);
                self.revision_of_list(fields);
                if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
                    self.revision(metadata);
                }
                // Owners are managed by their uids.
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(name, field)| (self.without_uids(name), field))
                    .collect();
                fields.values_mut().for_each(|field| self.normalize(field));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.normalize(item)),
            Value::String(text) => *text = self.text(text),
            _ => {}
        }
    }

    /// A list is not older than what is in it.
    fn revision_of_list(&self, fields: &mut Map<String, Value>) {
        let revision =
            |value: &Value| -> Option<u64> { value["metadata"]["resourceVersion"].as_str()?.parse().ok() };
        let items = fields
            .get("items")
            .or_else(|| fields.get("rows"))
            .and_then(Value::as_array);
        let newest = items
            .into_iter()
            .flatten()
            .filter_map(|item| revision(item).or_else(|| revision(&item["object"])))
            .max();
        let Some(own) = fields.get("metadata").and_then(|metadata| {
            let text = metadata.get("resourceVersion")?.as_str()?;
            metadata.get("uid").is_none().then(|| text.parse::<u64>().ok())?
        }) else {
            return;
        };
        let word = if newest.is_some_and(|newest| newest > own) {
            "<older than an item>"
        } else {
            "<revision>"
        };
        fields["metadata"]["resourceVersion"] = word.into();
    }

    fn revision(&self, metadata: &mut Map<String, Value>) {
        if let Some(Value::String(token)) = metadata.get_mut("continue")
            && !token.is_empty()
        {
            *token = "<token>".to_owned();
        }
        let text = |field: &str| metadata.get(field).and_then(Value::as_str);
        let object = text("uid").and_then(|uid| self.objects.get(uid));
        let revision = text("resourceVersion").and_then(|revision| revision.parse::<u64>().ok());
        if let Some((object, revision)) = object.zip(revision) {
            let number = object.revisions.range(..=revision).count();
            metadata.insert(
                "resourceVersion".to_owned(),
                format!("<revision {number} of {}>", object.name).into(),
            );
        }
    }

    fn text(&self, text: &str) -> String {
        let text = answer::plain_text(text, |text| self.without_uids(text));
        in_order(&without_generated(&text))
    }

    fn without_uids(&self, text: String) -> String {
        self.objects.iter().fold(text, |text, (uid, object)| {
            text.replace(
                uid.as_str(),
                &format!("<uid {} of {}>", object.number, object.name),
            )
        })
    }
}

/// A text that shows an object in quotes, as the refusal of a patch does, with its fields in one order: a Scale's are Go's own at a
/// kube-apiserver.
fn in_order(text: &str) -> String {
    let Some(start) = text.find("\"{") else {
        return text.to_owned();
    };
    let (before, from) = text.split_at(start);
    let mut values = serde_json::Deserializer::from_str(from).into_iter::<String>();
    let Some(Ok(quoted)) = values.next() else {
        return text.to_owned();
    };
    let after = from.get(values.byte_offset()..).unwrap_or_default();
    match serde_json::from_str::<Value>(&quoted) {
        Ok(object) => format!("{before}{}{after}", Value::from(object.to_string())),
        Err(_) => text.to_owned(),
    }
}

/// What requests have servers complete to a name.
const GENERATED: [&str; 2] = ["gen-", "Gen_"];
/// How much they add.
const SUFFIX: usize = 5;

/// A text without the ends of names that a server made up.
fn without_generated(text: &str) -> String {
    let mut text = text.to_owned();
    for base in GENERATED {
        let mut parts = text.split(base);
        let mut without = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let suffix = part.bytes().take_while(u8::is_ascii_alphanumeric).count();
            without += base;
            if suffix == SUFFIX {
                without += "<generated>";
                without += part.get(SUFFIX..).unwrap_or_default();
            } else {
                without += part;
            }
        }
        text = without;
    }
    text
}

/// What a server gives as a uid; requests name others.
fn is_uid(text: &str) -> bool {
    text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const UIDS: [&str; 2] = [
        "00000000-0000-4000-8000-000000000001",
        "00000000-0000-4000-8000-000000000002",
    ];

    fn said(body: Value) -> Said {
        Said {
            code: 200,
            head: http::HeaderMap::new(),
            text: String::new(),
            body: vec![body],
            unordered: false,
        }
    }

    fn object(uid: &str, revision: u64) -> Value {
        json!({ "metadata": { "name": "a", "uid": uid, "resourceVersion": revision.to_string() } })
    }

    fn told(bodies: &[Value]) -> Vec<Answer> {
        let said: Vec<Said> = bodies.iter().cloned().map(said).collect();
        answers(&said)
    }

    #[test]
    fn revisions_are_compared_by_what_they_mean() {
        let one = told(&[object(UIDS[0], 5), object(UIDS[0], 9), object(UIDS[0], 9)]);
        assert_eq!(
            one,
            told(&[object(UIDS[1], 70), object(UIDS[1], 71), object(UIDS[1], 71)])
        );
        for revisions in [[70, 71, 72], [70, 70, 70], [72, 71, 71], [70, 71, 70]] {
            assert_ne!(
                one,
                told(&revisions.map(|revision| object(UIDS[1], revision))),
                "{revisions:?}"
            );
        }
    }

    #[test]
    fn what_an_error_shows_has_one_order() {
        let one = r#"patch: Invalid value: "{\"b\":1,\"a\":{\"c\":\"x\"}}": no"#;
        assert_eq!(
            in_order(one),
            r#"patch: Invalid value: "{\"a\":{\"c\":\"x\"},\"b\":1}": no"#
        );
        for text in ["Invalid value: \"{\": no", "none"] {
            assert_eq!(in_order(text), text);
        }
    }

    #[test]
    fn another_uid_is_seen() {
        let one = told(&[object(UIDS[0], 5), object(UIDS[0], 6)]);
        assert_ne!(one, told(&[object(UIDS[0], 5), object(UIDS[1], 6)]));
    }

    #[test]
    fn a_list_that_is_older_than_its_items_is_seen() {
        let list = |revision: u64| {
            told(&[
                json!({ "metadata": { "resourceVersion": revision.to_string() }, "items": [object(UIDS[0], 7)] }),
            ])
        };
        assert_eq!(list(7), list(8));
        assert_ne!(list(7), list(6));
    }
}
