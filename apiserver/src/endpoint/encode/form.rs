//! One object in the form that a client wants.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::endpoint::table::Rows;
use crate::registry::Pieces;
use crate::request::media::MetaVersion;

/// The form of an object inside of something else: an item of a list, a row.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// As it is.
    Whole,
    /// Without `kind` and `apiVersion`, as items of Go's typed lists are: whichever of these heads it has goes.
    Bare(Box<[String; 2]>),
    /// As a PartialObjectMetadata.
    Partial(MetaVersion),
    /// As a row of a Table.
    Row(Rows),
}

impl Form {
    /// Writes an object.
    pub(crate) fn push(&self, pieces: &Pieces, out: &mut Vec<u8>) {
        match self {
            Self::Whole => pieces.append_to(out),
            Self::Bare(heads) => {
                let [first, field, after, rest] = pieces.parts();
                let skipped = skipped(heads, first);
                if skipped > 0 {
                    out.push(b'{');
                }
                out.extend_from_slice(&first[skipped..]);
                for part in [field, after, rest] {
                    out.extend_from_slice(part);
                }
            }
            Self::Partial(version) => push_partial(pieces, *version, out),
            Self::Row(rows) => rows.push_row(pieces, false, out),
        }
    }

    /// How many bytes [`Form::push`] writes, where that is known beforehand.
    pub(crate) fn length(&self, pieces: &Pieces) -> Option<usize> {
        match self {
            Self::Whole => Some(pieces.len()),
            Self::Bare(heads) => Some(pieces.len() - skipped(heads, pieces.parts()[0]).saturating_sub(1)),
            Self::Partial(_) | Self::Row(_) => None,
        }
    }
}

/// The length of the head that `json` has.
fn skipped(heads: &[String; 2], json: &[u8]) -> usize {
    heads
        .iter()
        .find(|head| json.starts_with(head.as_bytes()))
        .map_or(0, String::len)
}

/// Writes the object as a PartialObjectMetadata.
pub(crate) fn push_partial(pieces: &Pieces, version: MetaVersion, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"kind":"PartialObjectMetadata","apiVersion":""#);
    out.extend_from_slice(version.api_version().as_bytes());
    out.extend_from_slice(br#"","metadata":"#);
    metadata_json(pieces, out);
    out.push(b'}');
}

/// Writes the object's metadata, without reading it: the resourceVersion stands right behind its `{`.
pub(crate) fn metadata_json(pieces: &Pieces, out: &mut Vec<u8>) {
    let [first, field, after, rest] = pieces.parts();
    // Where managedFields are left out, all before them are whole members.
    let (members, last) = if rest.is_empty() {
        (&b""[..], after)
    } else {
        (after, rest)
    };
    if !field.is_empty()
        && let Some(end) = closing_brace(last)
    {
        out.push(b'{');
        for part in [field, members, &last[..end]] {
            out.extend_from_slice(part);
        }
        return;
    }
    out.extend_from_slice(parsed_metadata(first).unwrap_or("{}").as_bytes());
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

/// Of an object without a resourceVersion, such as a dry run's.
fn parsed_metadata(json: &[u8]) -> Option<&str> {
    serde_json::from_slice::<Outer<'_>>(json)
        .ok()?
        .metadata
        .map(RawValue::get)
}

/// Just behind the `}` that ends the object in which `json` begins.
fn closing_brace(json: &[u8]) -> Option<usize> {
    let mut depth = 1_usize;
    let (mut in_text, mut escaped) = (false, false);
    for (at, &byte) in json.iter().enumerate() {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const OBJECT: &str = r#"{"kind":"A","apiVersion":"g/v","metadata":{"name":"a}\"","annotations":{"x":"{\\"}},"spec":{"metadata":{}}}"#;

    fn pieces() -> Pieces {
        let at = OBJECT.find(r#""name""#).unwrap();
        Pieces::spliced(&Bytes::from_static(OBJECT.as_bytes()), at, true, 7)
    }

    fn pushed(form: &Form, pieces: &Pieces) -> String {
        let mut out = Vec::new();
        form.push(pieces, &mut out);
        if let Some(length) = form.length(pieces) {
            assert_eq!(length, out.len());
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_metadata_is_cut_out_whatever_stands_in_it() {
        let expected = r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7","name":"a}\"","annotations":{"x":"{\\"}}}"#;
        let form = Form::Partial(MetaVersion::V1);
        assert_eq!(pushed(&form, &pieces()), expected);
        let unversioned = Pieces::whole(Bytes::from_static(OBJECT.as_bytes()));
        assert_eq!(
            pushed(&form, &unversioned),
            expected.replace(r#""resourceVersion":"7","#, "")
        );
        assert!(pushed(&form, &Pieces::whole("{}".into())).ends_with(r#""metadata":{}}"#));
    }

    #[test]
    fn metadata_without_managed_fields_are_cut_out_too() {
        let value = r#"{"kind":"A","apiVersion":"g/v","metadata":{"name":"a","managedFields":[{"f":{}}],"uid":"}"},"spec":{"a":{}}}"#;
        let value = Bytes::from_static(value.as_bytes());
        let whole = Pieces::whole(value).without_managed_fields();
        let expected = r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"a","uid":"}"}}"#;
        assert_eq!(pushed(&Form::Partial(MetaVersion::V1), &whole), expected);
    }

    #[test]
    fn a_bare_item_has_no_type_whichever_way_it_was_written() {
        let heads = Box::new([
            r#"{"kind":"A","apiVersion":"g/v","#.to_owned(),
            r#"{"apiVersion":"g/v","kind":"A","#.to_owned(),
        ]);
        let bare = pushed(&Form::Bare(heads.clone()), &pieces());
        assert!(
            bare.starts_with(r#"{"metadata":{"resourceVersion":"7","name""#),
            "{bare}"
        );
        let other = Pieces::whole(r#"{"apiVersion":"g/v","kind":"A","x":1}"#.into());
        assert_eq!(pushed(&Form::Bare(heads.clone()), &other), r#"{"x":1}"#);
        let strange = Pieces::whole(r#"{"x":1,"kind":"A"}"#.into());
        assert_eq!(pushed(&Form::Bare(heads), &strange), r#"{"x":1,"kind":"A"}"#);
    }
}
