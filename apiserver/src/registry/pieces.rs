//! An encoded object with its resourceVersion, without a copy.

use std::ops::Range;

use bytes::Bytes;

use crate::object::Facts;

/// JSON of an object in parts: what stands before the resourceVersion, the resourceVersion's field, what stands after, and what stands
/// behind managedFields that are left out. All but the second are slices of the stored value, so that a LIST copies each object once.
#[derive(Clone, Debug)]
pub struct Pieces {
    before: Bytes,
    field: Field,
    after: Bytes,
    rest: Bytes,
}

/// `"resourceVersion":"18446744073709551615",` at its longest.
const LONGEST_FIELD: usize = 48;

#[derive(Clone, Copy, Debug)]
struct Field {
    text: [u8; LONGEST_FIELD],
    length: usize,
}

impl Pieces {
    /// A value that is complete as it is.
    #[must_use]
    pub fn whole(value: Bytes) -> Self {
        Self {
            before: value,
            field: Field {
                text: [0; LONGEST_FIELD],
                length: 0,
            },
            after: Bytes::new(),
            rest: Bytes::new(),
        }
    }

    /// `value` with a resourceVersion at the byte `at`, just behind the `{` of its metadata; `comma`: another field
    /// follows there. A newline at the end is left out.
    #[must_use]
    pub fn spliced(value: &Bytes, at: usize, comma: bool, revision: u64) -> Self {
        let end = value.trim_ascii_end().len();
        let at = at.min(end);
        let mut number = itoa::Buffer::new();
        let comma = if comma { "," } else { "" };
        let parts = [r#""resourceVersion":""#, number.format(revision), "\"", comma];
        let mut text = [0; LONGEST_FIELD];
        let mut length = 0;
        for (to, from) in text.iter_mut().zip(parts.into_iter().flat_map(str::bytes)) {
            *to = from;
            length += 1;
        }
        Self {
            before: value.slice(..at),
            field: Field { text, length },
            after: value.slice(at..end),
            rest: Bytes::new(),
        }
    }

    /// The parts, to be written one after the other.
    #[must_use]
    pub fn parts(&self) -> [&[u8]; 4] {
        let field = &self.field.text[..self.field.length];
        [&self.before, field, &self.after, &self.rest]
    }

    /// The same without its managedFields, of which `found` says where they stand in the stored value that this was spliced from, with a
    /// comma.
    pub(super) fn without(mut self, found: Range<usize>) -> Self {
        let (start, end) = (
            found.start.checked_sub(self.before.len()),
            found.end.checked_sub(self.before.len()),
        );
        let (Some(start), Some(end)) = (start, end.filter(|end| *end <= self.after.len())) else {
            return self;
        };
        self.rest = self.after.slice(end..);
        self.after.truncate(start);
        if self.after.trim_ascii().is_empty() && self.rest.trim_ascii_start().starts_with(b"}") {
            // Nothing follows the resourceVersion, so no comma does.
            let field = &self.field.text[..self.field.length];
            self.field.length = field.strip_suffix(b",").unwrap_or(field).len();
        }
        self
    }

    /// The same without its managedFields, of a value that nothing is known of: a copy.
    #[must_use]
    pub fn without_managed_fields(self) -> Self {
        let value = self.clone().into_bytes();
        match Facts::read(&value).managed_fields(&value) {
            Some(found) => Self::whole([&value[..found.start], &value[found.end..]].concat().into()),
            None => self,
        }
    }

    /// Bytes of all parts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.before.len() + self.field.length + self.after.len() + self.rest.len()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All parts behind what is in `buffer`.
    pub fn append_to(&self, buffer: &mut Vec<u8>) {
        for part in self.parts() {
            buffer.extend_from_slice(part);
        }
    }

    /// All parts in one: a copy, unless the value is complete as it is.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        if self.field.length == 0 && self.after.is_empty() && self.rest.is_empty() {
            return self.before;
        }
        let mut buffer = Vec::with_capacity(self.len());
        self.append_to(&mut buffer);
        buffer.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_version_is_spliced_in_without_the_final_newline() {
        let value = Bytes::from_static(b"{\"metadata\":{\"name\":\"a\"}}\n");
        let pieces = Pieces::spliced(&value, 13, true, u64::MAX);
        assert_eq!(pieces.len(), pieces.parts().concat().len());
        assert_eq!(
            pieces.into_bytes(),
            r#"{"metadata":{"resourceVersion":"18446744073709551615","name":"a"}}"#
        );
    }

    #[test]
    fn managed_fields_are_left_out_without_a_copy() {
        for (value, expected) in [
            (
                r#"{"metadata":{"name":"a","managedFields":[{}]},"spec":1}"#,
                r#"{"metadata":{"resourceVersion":"7","name":"a"},"spec":1}"#,
            ),
            (
                r#"{"metadata":{"managedFields":[{}]}}"#,
                r#"{"metadata":{"resourceVersion":"7"}}"#,
            ),
            (
                r#"{"metadata":{"name":"a"}}"#,
                r#"{"metadata":{"resourceVersion":"7","name":"a"}}"#,
            ),
        ] {
            let value = Bytes::from_static(value.as_bytes());
            let found = Facts::read(&value).managed_fields(&value);
            let spliced = Pieces::spliced(&value, 13, true, 7);
            let whole = Pieces::whole(spliced.clone().into_bytes()).without_managed_fields();
            assert_eq!(whole.into_bytes(), expected);
            let cut = match found {
                Some(found) => spliced.without(found),
                None => spliced,
            };
            assert_eq!(cut.len(), expected.len());
            assert_eq!(cut.parts()[2].as_ptr(), value[13..].as_ptr());
            assert_eq!(cut.into_bytes(), expected);
        }
    }

    #[test]
    fn empty_metadata_gets_no_comma() {
        let value = Bytes::from_static(b"{\"metadata\":{}}");
        assert_eq!(
            Pieces::spliced(&value, 13, false, 7).into_bytes(),
            r#"{"metadata":{"resourceVersion":"7"}}"#
        );
    }
}
