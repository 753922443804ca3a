//! An encoded object with its resourceVersion, without a copy.

use bytes::Bytes;

/// JSON of an object in three parts: what stands before the resourceVersion, the resourceVersion's field, what stands
/// after. The outer two are slices of the stored value, so that a LIST copies each object once.
#[derive(Clone, Debug)]
pub struct Pieces {
    before: Bytes,
    field: Field,
    after: Bytes,
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
        }
    }

    /// The parts, to be written one after the other.
    #[must_use]
    pub fn parts(&self) -> [&[u8]; 3] {
        [&self.before, &self.field.text[..self.field.length], &self.after]
    }

    /// Bytes of all parts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.before.len() + self.field.length + self.after.len()
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
        if self.field.length == 0 && self.after.is_empty() {
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
    fn empty_metadata_gets_no_comma() {
        let value = Bytes::from_static(b"{\"metadata\":{}}");
        assert_eq!(
            Pieces::spliced(&value, 13, false, 7).into_bytes(),
            r#"{"metadata":{"resourceVersion":"7"}}"#
        );
    }
}
