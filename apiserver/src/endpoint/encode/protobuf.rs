//! Metadata in protobuf, and a list of them in pieces of 64 KiB.

use bytes::Bytes;

use super::form::metadata_json;
use super::list::{Items, MOST_READ, PIECE};
use crate::protobuf::list::PartialList;
use crate::protobuf::object_meta::ObjectMeta;
use crate::registry::Pieces;
use crate::request::media::MetaVersion;
use crate::response::Incomplete;
use crate::status::ApiError;

/// The metadata of an object. Nothing else of it is read.
///
/// # Errors
/// 500: what is stored has a field that no metadata have.
pub(crate) fn metadata(pieces: &Pieces) -> Result<ObjectMeta, ApiError> {
    let mut json = Vec::new();
    metadata_json(pieces, &mut json);
    ObjectMeta::from_json(&json)
        .map_err(|error| ApiError::Internal(format!("unable to decode an object's metadata: {error}")))
}

/// Writes the object as a PartialObjectMetadata.
///
/// # Errors
/// As [`metadata`].
pub(crate) fn push_protobuf(
    pieces: &Pieces,
    version: MetaVersion,
    out: &mut Vec<u8>,
) -> Result<(), ApiError> {
    metadata(pieces)?.push_object(version.api_version(), out);
    Ok(())
}

/// The bytes of a list.
pub(crate) struct ProtobufList<I> {
    list: PartialList,
    /// Bytes of all items, which the head says; less and less, as they are written.
    of_items: usize,
    items: I,
    length: usize,
    head: Option<Vec<u8>>,
    is_done: bool,
}

impl<I: Items> ProtobufList<I> {
    /// A list of `items`, which have so many bytes in all.
    pub(crate) fn new(list: PartialList, of_items: usize, items: I) -> Self {
        let head = list.head(of_items);
        Self {
            length: head.len() + of_items + list.tail().len(),
            head: Some(head),
            list,
            of_items,
            items,
            is_done: false,
        }
    }

    /// How many bytes it has.
    pub(crate) fn length(&self) -> u64 {
        self.length as u64
    }

    /// Writes an item; its length.
    fn push(&mut self, item: &Pieces, out: &mut Vec<u8>) -> Result<(), Incomplete> {
        let metadata = metadata(item).map_err(|error| Incomplete(error.to_string()))?;
        let before = out.len();
        self.list.push_item(&metadata, out);
        // An entry never changes; a list that contradicted its own length would be read as another one.
        self.of_items = self
            .of_items
            .checked_sub(out.len() - before)
            .ok_or_else(|| Incomplete("an item is longer than it was".to_owned()))?;
        Ok(())
    }
}

impl<I: Items> Iterator for ProtobufList<I> {
    type Item = Result<Bytes, Incomplete>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let mut piece = Vec::with_capacity(PIECE.min(self.length));
        if let Some(head) = self.head.take() {
            piece.extend_from_slice(&head);
        }
        let mut read = 0;
        while let Some(item) = self.items.next() {
            let pushed = item.and_then(|item| {
                read += item.len();
                self.push(&item, &mut piece)
            });
            if let Err(error) = pushed {
                self.is_done = true;
                return Some(Err(error));
            }
            if piece.len() >= PIECE || read >= MOST_READ {
                return Some(Ok(piece.into()));
            }
        }
        self.is_done = true;
        if self.of_items > 0 {
            return Some(Err(Incomplete("an item is shorter than it was".to_owned())));
        }
        piece.extend_from_slice(&self.list.tail());
        Some(Ok(piece.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::list::ListMeta;

    fn items(count: usize) -> Vec<Result<Pieces, Incomplete>> {
        let item = |number: usize| {
            let json =
                format!(r#"{{"kind":"A","apiVersion":"g/v","metadata":{{"name":"n{number}"}},"spec":{{}}}}"#);
            Ok(Pieces::whole(json.into()))
        };
        (0..count).map(item).collect()
    }

    fn list(count: usize, of_items: usize) -> ProtobufList<std::vec::IntoIter<Result<Pieces, Incomplete>>> {
        let list = PartialList::new(MetaVersion::V1, ListMeta::default());
        ProtobufList::new(list, of_items, items(count).into_iter())
    }

    fn length(count: usize) -> usize {
        let of =
            |item: Result<Pieces, Incomplete>| PartialList::item_length(&metadata(&item.unwrap()).unwrap());
        items(count).into_iter().map(of).sum()
    }

    #[test]
    fn pieces_are_of_one_size_and_their_length_is_known() {
        for count in [0, 1, 10_000] {
            let expected = list(count, length(count)).length();
            let pieces: Vec<Bytes> = list(count, length(count)).map(Result::unwrap).collect();
            assert_eq!(pieces.concat().len() as u64, expected);
            let (_, full) = pieces.split_last().unwrap();
            assert!(
                full.iter()
                    .all(|piece| piece.len() >= PIECE && piece.len() < PIECE + 100)
            );
            assert_eq!(full.is_empty(), count < 2);
        }
    }

    #[test]
    fn a_list_that_contradicts_its_length_ends_as_incomplete() {
        for wrong in [length(3) - 1, length(3) + 1] {
            assert!(list(3, wrong).any(|piece| piece.is_err()), "{wrong}");
        }
        let mut broken = items(3);
        broken[1] = Ok(Pieces::whole(r#"{"metadata":{"name":1}}"#.into()));
        let list = ProtobufList::new(
            PartialList::new(MetaVersion::V1, ListMeta::default()),
            length(3),
            broken.into_iter(),
        );
        assert!(list.last().unwrap().is_err());
    }
}
