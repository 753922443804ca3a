//! What a text takes once it is decoded, found without decoding it.
//!
//! A megabyte of JSON becomes anything from one to ninety megabytes of [`serde_json::Value`]: a text of its own length, or an
//! object of 640 bytes for each `{"":0}`. Which it is can be counted in one pass.

use crate::decode::yaml::{MOST_ALIASED, MOST_ALIASED_BYTES};

/// An element of a list, which has room for up to twice as many.
const ELEMENT: usize = 2 * size_of::<serde_json::Value>();
/// A list, which has room for four elements from the first one on.
const LIST: usize = ELEMENT;
/// The first node of an object's B-tree, with places for eleven fields.
const OBJECT: usize = 640;
/// A field: nodes are filled to six elevenths when fields come in order.
const FIELD: usize = 112;
/// What the allocator adds to a string.
const STRING: usize = 16;

/// What aliases write out in YAML: an object begins, has a key, and ends; its value may be the next.
const ALIASED: usize = MOST_ALIASED / 3 * (OBJECT + FIELD + STRING) + MOST_ALIASED_BYTES;

/// What was counted in a text.
#[derive(Debug, Default)]
struct Counts {
    commas: usize,
    colons: usize,
    lists: usize,
    objects: usize,
    strings: usize,
}

impl Counts {
    fn count(&mut self, byte: u8) {
        match byte {
            b',' => self.commas += 1,
            b':' => self.colons += 1,
            b'[' => self.lists += 1,
            b'{' => self.objects += 1,
            // Where one begins.
            b'"' => self.strings += 1,
            _ => {}
        }
    }

    fn weight(&self, length: usize) -> usize {
        // Of the fields of an object all but the first have a comma before them.
        let in_objects = self.colons.saturating_sub(self.objects);
        let elements = self.commas.saturating_sub(in_objects) + self.lists;
        // One without fields has no nodes.
        let objects = self.objects.min(self.colons);
        [
            (elements, ELEMENT),
            (self.lists, LIST),
            (objects, OBJECT),
            (self.colons, FIELD),
            (self.strings, STRING),
        ]
        .iter()
        .fold(length, |sum, (count, bytes)| {
            sum.saturating_add(count.saturating_mul(*bytes))
        })
    }
}

/// Bytes of memory that JSON takes decoded. Of what is no JSON: as much as is decoded before that shows.
pub(crate) fn of_json(text: &[u8]) -> usize {
    let mut weigher = Weigher::default();
    weigher.take(text);
    weigher.weight()
}

/// Weighs JSON that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct Weigher {
    counts: Counts,
    length: usize,
    /// In a string, and behind a backslash in it.
    is_inside: bool,
    is_escaped: bool,
}

impl Weigher {
    /// Takes in the next piece.
    pub(crate) fn take(&mut self, text: &[u8]) {
        self.length += text.len();
        for byte in text {
            if !self.is_inside {
                self.is_inside = *byte == b'"';
                self.counts.count(*byte);
            } else if self.is_escaped {
                self.is_escaped = false;
            } else {
                self.is_escaped = *byte == b'\\';
                self.is_inside = *byte != b'"';
            }
        }
    }

    /// Bytes of memory that it takes decoded.
    pub(crate) fn weight(&self) -> usize {
        self.counts.weight(self.length)
    }
}

/// Bytes of memory that YAML takes decoded. It is not known what of it are strings, nor where an object begins: each key may
/// begin one, each line and each dash be an element. Where there may be an alias, there are as many as the reader allows.
pub(crate) fn of_yaml(text: &[u8]) -> usize {
    let most = |byte: &u8| match byte {
        b':' | b'?' | b'{' => OBJECT + FIELD + STRING,
        b'[' | b'-' => LIST + ELEMENT,
        b',' | b'\n' => FIELD.max(ELEMENT) + STRING,
        _ => 1,
    };
    let written = text.iter().map(most).fold(0, usize::saturating_add);
    let may_have_aliases = may_begin_a_node(text, b'&') && may_begin_a_node(text, b'*');
    written.saturating_add(if may_have_aliases { ALIASED } else { 0 })
}

/// Whether `sign` stands somewhere where YAML lets a node begin: not in the middle of a plain scalar, such as `a && b`, nor behind
/// a quote, such as `"*/5 * * * *"`. Behind a tag it may stand anywhere.
fn may_begin_a_node(text: &[u8], sign: u8) -> bool {
    let has_tags = text.contains(&b'!');
    // The last byte that is no blank.
    let mut before = b'\n';
    for byte in text {
        if *byte == sign
            && (has_tags
                || matches!(
                    before,
                    b'\n' | b'\r' | b':' | b'-' | b'?' | b'[' | b'{' | b',' | b'&'
                ))
        {
            return true;
        }
        if !matches!(*byte, b' ' | b'\t') {
            before = *byte;
        }
    }
    false
}

/// Bytes of memory that a text takes which is read as JSON where it is that, and as YAML else: quotes and colons mean other things
/// to the two.
pub(crate) fn of_json_or_yaml(text: &[u8]) -> usize {
    if is_json(text) {
        of_json(text)
    } else {
        of_yaml(text)
    }
}

/// Whether a text is JSON.
pub(crate) fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    /// What a value holds, by what is known of lists, strings and B-trees of the standard library.
    fn held(value: &Value) -> usize {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.capacity().next_multiple_of(8),
            Value::Array(list) => list.capacity() * size_of::<Value>() + list.iter().map(held).sum::<usize>(),
            Value::Object(fields) => {
                let inside = fields
                    .iter()
                    .map(|(key, value)| key.capacity().next_multiple_of(8) + held(value));
                nodes(fields) + inside.sum::<usize>()
            }
        }
    }

    /// Eleven keys and values in a leaf, of which six stay when the next begins; a seventh goes to the node above.
    fn nodes(fields: &Map<String, Value>) -> usize {
        const LEAF: usize = 11 * (size_of::<String>() + size_of::<Value>()) + 16;
        let (mut level, mut bytes, mut node) = (fields.len(), 0, LEAF);
        while level > 0 {
            let nodes = if level <= 11 { 1 } else { level.div_ceil(7) };
            bytes += nodes * node;
            level = if nodes == 1 { 0 } else { nodes - 1 };
            node = LEAF + 12 * 8;
        }
        bytes
    }

    fn listed(count: usize, one: &str) -> String {
        format!("[{}]", vec![one; count].join(","))
    }

    fn shapes() -> Vec<String> {
        let fields = |count: usize| {
            let fields: Vec<String> = (0..count).map(|number| format!(r#""{number:x}":0"#)).collect();
            format!("{{{}}}", fields.join(","))
        };
        let mut shapes: Vec<String> = ["0", "[]", "{}", "[0]", "[[]]", r#""""#, r#"{"":0}"#, r#"{"":""}"#]
            .iter()
            .chain(&[
                r#"{"":{"":0}}"#,
                r#"[{"":[0]}]"#,
                r#""a,b:[{""#,
                r#""\"{""#,
                r#"{"a":{},"b":[1,2]}"#,
            ])
            .flat_map(|one| [1, 3, 4097, 5000].map(|count| listed(count, one)))
            .collect();
        shapes.extend([1, 11, 12, 100, 10_000].map(fields));
        shapes.push(listed(1000, &fields(12)));
        shapes.push(json!("x".repeat(10_000)).to_string());
        shapes
    }

    #[test]
    fn decoded_json_takes_no_more_than_it_was_said_to() {
        for text in shapes() {
            let value: Value = serde_json::from_str(&text).unwrap();
            let (weight, held) = (of_json(text.as_bytes()), held(&value));
            let shown = &text[..text.len().min(40)];
            assert!(held <= weight, "{shown}: {held} of {weight}");
            // And no four times as much is asked for.
            assert!(
                weight <= 4 * held + text.len() + 256,
                "{shown}: {held} of {weight}"
            );
        }
    }

    #[test]
    fn decoded_yaml_takes_no_more_than_it_was_said_to() {
        let mut texts: Vec<String> = [
            "- 0\n",
            "- a: 0\n",
            "- - 0\n",
            "- {a: 0}\n",
            "- {? a}\n",
            "- ? a\n",
        ]
        .iter()
        .map(|one| one.repeat(5000))
        .collect();
        texts.extend(["0", "a: 0", "[a: 0]", "[]", "{a: 0}", "{a}"].map(|one| listed(5000, one)));
        texts.push((0..5000).map(|number| format!("{number}:\n a: 0\n")).collect());
        let aliased = |one: &str| format!("a: &a {}\nb: {}\n", listed(100, one), listed(50, "*a"));
        texts.extend(["{a: 0}", "[[0]]", "[a, a]", "\"\""].map(aliased));
        let deep = format!(
            "{}0{}",
            format!("{{{}: ", "k".repeat(200)).repeat(20),
            "}".repeat(20)
        );
        texts.push(format!("a: &a {deep}\nb: {}\n", listed(90, "*a")));
        texts.push(format!(
            "a: &a {}\nb: {}\n",
            "x".repeat(100_000),
            listed(39, "*a")
        ));
        for text in texts {
            let value = crate::decode::yaml::read(&text).unwrap().value;
            let (weight, held) = (of_yaml(text.as_bytes()), held(&value));
            assert!(held <= weight, "{}: {held} of {weight}", &text[..20]);
        }
    }

    #[test]
    fn only_what_may_be_an_alias_weighs_as_one() {
        let weighs = |text: &str| of_yaml(text.as_bytes()) >= ALIASED;
        for text in [
            "a: &a x\nb: *a",
            "- &a x\n- *a",
            "[&a x, *a]",
            "? &a x\n: *a",
            "a: !!str &a x\nb: *a",
        ] {
            assert!(weighs(text), "{text}");
        }
        for text in [
            "schedule: \"*/5 * * * *\"\ncmd: a && b",
            "a: x & y\nb: x * y",
            "a: &a x",
            "b: *a",
        ] {
            assert!(!weighs(text), "{text}");
        }
    }

    #[test]
    fn what_is_read_as_yaml_is_weighed_as_yaml() {
        let quoted = format!(r#"{{'"': [{}]}}"#, vec!["{a: 0}"; 1000].join(","));
        assert!(of_json_or_yaml(quoted.as_bytes()) > 1000 * OBJECT);
        let json = r#"{"a": [1, 2]}"#.as_bytes();
        assert_eq!(of_json_or_yaml(json), of_json(json));
    }

    #[test]
    fn what_is_no_json_has_a_weight_as_well() {
        for text in ["", "\"", "\"\\", "]]]", "{{{", ",,,"] {
            assert!(of_json(text.as_bytes()) >= text.len());
        }
    }
}
