//! Kubernetes' protobuf as JSON, to be compared: objects in their envelope, `k8s\0` and a `runtime.Unknown`, and the frames of
//! a watch. The numbers are those of k8s.io/apimachinery's `pkg/apis/meta/v1/generated.proto` and of `apidiscovery/v2`.

use serde_json::{Map, Value};

/// The media type, and the beginning of that of a watch.
pub(super) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

const PREFIX: &[u8] = b"k8s\0";

/// What a field is.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Time,
    /// A map of texts.
    Map,
    /// The JSON in a `FieldsV1`.
    Fields,
    Message(&'static [Field]),
    Many(&'static Self),
}

/// A number, a name and what it is.
type Field = (u64, &'static str, Kind);

const TEXTS: Kind = Kind::Many(&Kind::Text);

const LIST_META: &[Field] = &[
    (1, "selfLink", Kind::Text),
    (2, "resourceVersion", Kind::Text),
    (3, "continue", Kind::Text),
    (4, "remainingItemCount", Kind::Number),
];

const OWNER: &[Field] = &[
    (1, "kind", Kind::Text),
    (3, "name", Kind::Text),
    (4, "uid", Kind::Text),
    (5, "apiVersion", Kind::Text),
    (6, "controller", Kind::Number),
    (7, "blockOwnerDeletion", Kind::Number),
];

const MANAGED: &[Field] = &[
    (1, "manager", Kind::Text),
    (2, "operation", Kind::Text),
    (3, "apiVersion", Kind::Text),
    (4, "time", Kind::Time),
    (6, "fieldsType", Kind::Text),
    (7, "fieldsV1", Kind::Fields),
    (8, "subresource", Kind::Text),
];

const OBJECT_META: &[Field] = &[
    (1, "name", Kind::Text),
    (2, "generateName", Kind::Text),
    (3, "namespace", Kind::Text),
    (4, "selfLink", Kind::Text),
    (5, "uid", Kind::Text),
    (6, "resourceVersion", Kind::Text),
    (7, "generation", Kind::Number),
    (8, "creationTimestamp", Kind::Time),
    (9, "deletionTimestamp", Kind::Time),
    (10, "deletionGracePeriodSeconds", Kind::Number),
    (11, "labels", Kind::Map),
    (12, "annotations", Kind::Map),
    (13, "ownerReferences", Kind::Many(&Kind::Message(OWNER))),
    (14, "finalizers", TEXTS),
    (17, "managedFields", Kind::Many(&Kind::Message(MANAGED))),
];

const PARTIAL: &[Field] = &[(1, "metadata", Kind::Message(OBJECT_META))];
const PARTIALS: Kind = Kind::Many(&Kind::Message(PARTIAL));
const PARTIAL_LIST: &[Field] = &[(1, "metadata", Kind::Message(LIST_META)), (2, "items", PARTIALS)];
const PARTIAL_LIST_V1BETA1: &[Field] = &[(1, "items", PARTIALS), (2, "metadata", Kind::Message(LIST_META))];

const CAUSE: &[Field] = &[
    (1, "reason", Kind::Text),
    (2, "message", Kind::Text),
    (3, "field", Kind::Text),
];
const DETAILS: &[Field] = &[
    (1, "name", Kind::Text),
    (2, "group", Kind::Text),
    (3, "kind", Kind::Text),
    (4, "causes", Kind::Many(&Kind::Message(CAUSE))),
    (5, "retryAfterSeconds", Kind::Number),
    (6, "uid", Kind::Text),
];
const STATUS: &[Field] = &[
    (1, "metadata", Kind::Message(LIST_META)),
    (2, "status", Kind::Text),
    (3, "message", Kind::Text),
    (4, "reason", Kind::Text),
    (5, "details", Kind::Message(DETAILS)),
    (6, "code", Kind::Number),
];

const VERSION: &[Field] = &[(1, "groupVersion", Kind::Text), (2, "version", Kind::Text)];
const ADDRESS: &[Field] = &[(1, "clientCIDR", Kind::Text), (2, "serverAddress", Kind::Text)];
const GROUP: &[Field] = &[
    (1, "name", Kind::Text),
    (2, "versions", Kind::Many(&Kind::Message(VERSION))),
    (3, "preferredVersion", Kind::Message(VERSION)),
    (
        4,
        "serverAddressByClientCIDRs",
        Kind::Many(&Kind::Message(ADDRESS)),
    ),
];
const GROUP_LIST: &[Field] = &[(1, "groups", Kind::Many(&Kind::Message(GROUP)))];
const VERBS: &[Field] = &[(1, "items", TEXTS)];
const RESOURCE: &[Field] = &[
    (1, "name", Kind::Text),
    (2, "namespaced", Kind::Number),
    (3, "kind", Kind::Text),
    (4, "verbs", Kind::Message(VERBS)),
    (5, "shortNames", TEXTS),
    (6, "singularName", Kind::Text),
    (7, "categories", TEXTS),
    (8, "group", Kind::Text),
    (9, "version", Kind::Text),
    (10, "storageVersionHash", Kind::Text),
];
const RESOURCE_LIST: &[Field] = &[
    (1, "groupVersion", Kind::Text),
    (2, "resources", Kind::Many(&Kind::Message(RESOURCE))),
];

/// The objects of an answer: one, or of a watch that of each event. `None`: it is no protobuf of a kind that is known.
pub(super) fn values(content_type: &str, body: &[u8]) -> Option<Vec<Value>> {
    if content_type.ends_with(";stream=watch") {
        return events(body);
    }
    object(body).map(|object| vec![object])
}

fn events(mut body: &[u8]) -> Option<Vec<Value>> {
    let mut events = Vec::new();
    while let Some((length, rest)) = body.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (frame, rest) = rest.split_at_checked(length)?;
        events.push(event(frame)?);
        body = rest;
    }
    body.is_empty().then_some(events)
}

fn event(frame: &[u8]) -> Option<Value> {
    let mut event = Map::new();
    for (number, part) in parts(frame)? {
        match (number, part) {
            (1, Part::Bytes(text)) => event.insert("type".into(), self::text(text)),
            (2, Part::Bytes(extension)) => {
                let raw = parts(extension)?.into_iter().find_map(|(_, part)| part.bytes())?;
                event.insert("object".into(), object(raw)?)
            }
            _ => return None,
        };
    }
    Some(Value::Object(event))
}

fn object(body: &[u8]) -> Option<Value> {
    let unknown = parts(body.strip_prefix(PREFIX)?)?;
    let of = |number: u64| unknown.iter().find(|(found, _)| *found == number)?.1.bytes();
    let type_meta = message(of(1)?, &[(1, "apiVersion", Kind::Text), (2, "kind", Kind::Text)])?;
    let text = |field: &str| type_meta.get(field).and_then(Value::as_str).unwrap_or_default();
    let fields = match (text("apiVersion"), text("kind")) {
        (_, "PartialObjectMetadata") => PARTIAL,
        ("meta.k8s.io/v1beta1", "PartialObjectMetadataList") => PARTIAL_LIST_V1BETA1,
        (_, "PartialObjectMetadataList") => PARTIAL_LIST,
        (_, "Status") => STATUS,
        (_, "APIGroup") => GROUP,
        (_, "APIGroupList") => GROUP_LIST,
        (_, "APIResourceList") => RESOURCE_LIST,
        _ => return None,
    };
    let mut object = type_meta;
    object.append(&mut message(of(2)?, fields)?);
    Some(Value::Object(object))
}

fn message(bytes: &[u8], fields: &[Field]) -> Option<Map<String, Value>> {
    let mut read = Map::new();
    for (number, part) in parts(bytes)? {
        let (_, name, kind) = fields.iter().find(|(known, ..)| *known == number)?;
        match kind {
            Kind::Many(each) => {
                let values = read.entry(*name).or_insert_with(|| Value::Array(Vec::new()));
                values.as_array_mut()?.push(value(&part, **each)?);
            }
            Kind::Map => {
                let mut entry = message(part.bytes()?, &[(1, "key", Kind::Text), (2, "value", Kind::Text)])?;
                let key = entry.remove("key")?.as_str()?.to_owned();
                let values = read.entry(*name).or_insert_with(|| Value::Object(Map::new()));
                values.as_object_mut()?.insert(key, entry.remove("value")?);
            }
            kind => {
                read.insert((*name).to_owned(), value(&part, *kind)?);
            }
        }
    }
    Some(read)
}

fn value(part: &Part<'_>, kind: Kind) -> Option<Value> {
    match (kind, part) {
        (Kind::Text, Part::Bytes(bytes)) => Some(text(bytes)),
        (Kind::Number, Part::Number(number)) => Some(number.cast_signed().into()),
        // Go writes a time that is not set as an empty message.
        (Kind::Time, Part::Bytes([])) => Some(Value::Null),
        (Kind::Time, Part::Bytes(bytes)) => time(bytes),
        (Kind::Fields, Part::Bytes(bytes)) => {
            let raw = parts(bytes)?.into_iter().find_map(|(_, part)| part.bytes())?;
            serde_json::from_slice(raw).ok()
        }
        (Kind::Message(fields), Part::Bytes(bytes)) => message(bytes, fields).map(Value::Object),
        _ => None,
    }
}

/// A `Timestamp` of whole seconds.
fn time(bytes: &[u8]) -> Option<Value> {
    let seconds = match parts(bytes)?.into_iter().find(|(number, _)| *number == 1) {
        Some((_, Part::Number(seconds))) => seconds.cast_signed(),
        Some((_, Part::Bytes(_))) => return None,
        None => 0,
    };
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.to_string().into())
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// A field as it stands: a number, or bytes behind their length. Kubernetes has no others.
enum Part<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Part<'a> {
    fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Number(_) => None,
        }
    }
}

fn parts(mut bytes: &[u8]) -> Option<Vec<(u64, Part<'_>)>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let number = varint(&mut bytes)?;
        let part = match tag & 7 {
            0 => Part::Number(number),
            2 => {
                let (part, rest) = bytes.split_at_checked(usize::try_from(number).ok()?)?;
                bytes = rest;
                Part::Bytes(part)
            }
            _ => return None,
        };
        parts.push((tag >> 3, part));
    }
    Some(parts)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// What k8s.io/apimachinery writes, object by object.
    const FACTS: &str = include_str!("../../../../apiserver/src/protobuf/testdata/facts.jsonl");

    /// Without what Go leaves out of JSON where it is empty.
    fn told(value: &Value) -> Option<Value> {
        match value {
            Value::Null => None,
            Value::Bool(value) => value.then_some(1.into()),
            Value::Number(number) => (number.as_i64() != Some(0)).then(|| value.clone()),
            Value::String(text) if text.is_empty() => None,
            Value::String(_) => Some(value.clone()),
            Value::Array(values) => {
                let values: Vec<Value> = values.iter().filter_map(told).collect();
                (!values.is_empty()).then_some(values.into())
            }
            Value::Object(fields) => {
                let told = fields
                    .iter()
                    .filter_map(|(name, value)| Some((name.clone(), told(value)?)));
                let fields: Map<String, Value> = told.collect();
                (!fields.is_empty()).then_some(fields.into())
            }
        }
    }

    /// Items of a list have no type in protobuf.
    fn without_types_of_items(mut object: Value) -> Value {
        for item in object["items"].as_array_mut().into_iter().flatten() {
            let item = item.as_object_mut().unwrap();
            item.remove("kind");
            item.remove("apiVersion");
        }
        object
    }

    #[test]
    fn what_go_writes_is_read_as_its_json_says() {
        let mut count = 0;
        for line in FACTS.lines() {
            let fact: Value = serde_json::from_str(line).unwrap();
            if fact["object"]["kind"] == "DeleteOptions" {
                continue;
            }
            let bytes = STANDARD.decode(fact["protobuf"].as_str().unwrap()).unwrap();
            let form = fact["form"].as_str().unwrap();
            let object = if form == "object" {
                values(MEDIA_TYPE, &bytes).unwrap().remove(0)
            } else {
                let mut event = values("application/vnd.kubernetes.protobuf;stream=watch", &bytes)
                    .unwrap()
                    .remove(0);
                assert_eq!(event["type"], form);
                event["object"].take()
            };
            let expected = without_types_of_items(fact["object"].clone());
            assert_eq!(told(&object), told(&expected), "{line}");
            count += 1;
        }
        assert!(count > 100);
    }

    #[test]
    fn what_is_cut_off_or_of_another_kind_is_not_read() {
        let bytes = b"k8s\0\x0a\x0e\x0a\x02v1\x12\x08Unheard!\x12\x00";
        assert!(values(MEDIA_TYPE, bytes).is_none());
        assert!(values(MEDIA_TYPE, b"{}").is_none());
        assert!(values("application/vnd.kubernetes.protobuf;stream=watch", b"\0\0\0\x09x").is_none());
    }
}
