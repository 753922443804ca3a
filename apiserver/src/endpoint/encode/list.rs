//! A list, in pieces of 64 KiB that are copied from the objects when they are to be sent.
//!
//! A frame for each object costs four times as much; one buffer for all would cost as much memory as the list is long,
//! for every client that reads it.

use bytes::Bytes;

use super::form::Form;
use crate::registry::Pieces;
use crate::response::Incomplete;

/// Bytes of a piece; an object that is larger makes a larger one.
pub(super) const PIECE: usize = 64 * 1024;

/// Bytes of objects that are read for one piece: a row of a Table may be a thousandth of what it is made of.
pub(in crate::endpoint) const MOST_READ: usize = 512 * 1024;

/// The items of a list, encoded one by one when they are to be sent: a client that reads slowly holds handles of objects
/// (8 bytes each) and not their encodings.
pub(crate) trait Items: ExactSizeIterator<Item = Result<Pieces, Incomplete>> {}

impl<I: ExactSizeIterator<Item = Result<Pieces, Incomplete>>> Items for I {}

/// The bytes of a list.
#[derive(Debug)]
pub(crate) struct ListPieces<I> {
    /// What stands before the first object, up to `[`; `None`: it was written.
    head: Option<Vec<u8>>,
    items: I,
    form: Form,
    /// What did not fit into the piece before.
    rest: Vec<u8>,
    is_done: bool,
}

const TAIL: &[u8] = b"]}\n";

impl<I: Items> ListPieces<I> {
    /// A list of `items`. `head` ends where the array begins; `none` stands for the array where there are no items.
    pub(crate) fn new(head: String, items: I, form: Form, none: &str) -> Self {
        let mut head = head.into_bytes();
        let is_empty = items.len() == 0;
        if is_empty {
            head.extend_from_slice(none.as_bytes());
            head.extend_from_slice(b"}\n");
        } else {
            head.push(b'[');
        }
        Self {
            head: Some(head),
            items,
            form,
            rest: Vec::new(),
            is_done: is_empty,
        }
    }

    /// How many bytes it has, where its items have `of_items`. To be asked before the first piece is taken.
    pub(crate) fn length(&self, of_items: u64) -> u64 {
        let head = self.head.as_ref().map_or(0, Vec::len) as u64;
        match self.items.len() as u64 {
            0 => head,
            count => head + of_items + count - 1 + TAIL.len() as u64,
        }
    }
}

impl<I: Items> Iterator for ListPieces<I> {
    type Item = Result<Bytes, Incomplete>;

    fn next(&mut self) -> Option<Result<Bytes, Incomplete>> {
        let mut piece = match self.head.take() {
            Some(head) if self.is_done => return Some(Ok(head.into())),
            Some(head) => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.extend_from_slice(&head);
                piece
            }
            None if self.is_done => return None,
            None => Vec::with_capacity(PIECE.max(self.rest.len())),
        };
        piece.append(&mut self.rest);
        let mut read = 0;
        while let Some(item) = self.items.next() {
            let item = match item {
                Ok(item) => item,
                Err(error) => return Some(Err(error)),
            };
            let before = piece.len();
            let length = self.form.length(&item).unwrap_or_default();
            if before > 0 && before + length >= PIECE {
                // It would make the buffer grow, which copies what is in it.
                self.push_last(&item);
                return Some(Ok(piece.into()));
            }
            self.form.push(&item, &mut piece);
            self.separate(&mut piece);
            read += item.len();
            if piece.len() >= PIECE || read >= MOST_READ {
                return Some(Ok(piece.into()));
            }
        }
        self.is_done = true;
        (!piece.is_empty()).then(|| Ok(piece.into()))
    }
}

impl<I: Items> ListPieces<I> {
    /// Keeps an item for the piece after this one.
    fn push_last(&mut self, item: &Pieces) {
        let mut rest = Vec::with_capacity(item.len() + TAIL.len());
        self.form.push(item, &mut rest);
        self.separate(&mut rest);
        self.rest = rest;
    }

    fn separate(&self, out: &mut Vec<u8>) {
        if self.items.len() == 0 {
            out.extend_from_slice(TAIL);
        } else {
            out.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn items(sizes: &[usize]) -> Vec<Result<Pieces, Incomplete>> {
        sizes
            .iter()
            .map(|size| {
                Ok(Pieces::whole(
                    format!(r#"{{"text":"{}"}}"#, "x".repeat(*size)).into(),
                ))
            })
            .collect()
    }

    fn list(sizes: &[usize]) -> ListPieces<std::vec::IntoIter<Result<Pieces, Incomplete>>> {
        ListPieces::new(r#"{"items":"#.into(), items(sizes).into_iter(), Form::Whole, "[]")
    }

    fn pieces(sizes: &[usize]) -> Vec<Bytes> {
        list(sizes).map(Result::unwrap).collect()
    }

    #[test]
    fn pieces_are_of_one_size_and_the_length_is_known() {
        for sizes in [
            vec![],
            vec![0],
            vec![1, 2, 3],
            vec![1000; 500],
            vec![PIECE * 3],
            vec![10, PIECE * 3, 10],
            vec![PIECE - 12, PIECE - 11, PIECE - 20, 1],
        ] {
            let of_items = items(&sizes)
                .iter()
                .map(|item| item.as_ref().unwrap().len() as u64)
                .sum();
            let length = list(&sizes).length(of_items);
            let pieces = pieces(&sizes);
            assert!(pieces.iter().all(|piece| !piece.is_empty()));
            let whole = pieces.concat();
            assert_eq!(length, whole.len() as u64, "{sizes:?}");
            let value: Value = serde_json::from_slice(&whole).unwrap();
            let found: Vec<usize> = value["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["text"].as_str().unwrap().len())
                .collect();
            assert_eq!(found, sizes);
        }
        let pieces = pieces(&[1000; 500]);
        assert!(
            pieces[..pieces.len() - 1]
                .iter()
                .all(|piece| piece.len() > PIECE - 1100 && piece.len() < PIECE + 100)
        );
    }

    #[test]
    fn without_items_there_is_what_stands_for_none() {
        let none = ListPieces::new(r#"{"items":"#.into(), items(&[]).into_iter(), Form::Whole, "null");
        let whole: Vec<u8> = none.flat_map(Result::unwrap).collect();
        assert_eq!(
            serde_json::from_slice::<Value>(&whole).unwrap(),
            json!({"items": null})
        );
    }

    #[test]
    fn a_list_that_breaks_off_says_so() {
        let mut items = items(&[1, 2, 3]);
        items[1] = Err(Incomplete("a fault".into()));
        let mut list = ListPieces::new(r#"{"items":"#.into(), items.into_iter(), Form::Whole, "[]");
        assert!(list.any(|piece| piece.is_err()));
    }

    #[test]
    fn a_piece_is_not_made_of_any_number_of_large_objects() {
        let large = items(&[100_000; 100]);
        let form = Form::Partial(crate::request::media::MetaVersion::V1);
        let list = ListPieces::new(r#"{"items":"#.into(), large.into_iter(), form, "[]");
        let pieces: Vec<Bytes> = list.map(Result::unwrap).collect();
        assert_eq!(pieces.len(), (100 * 100_011_usize).div_ceil(6 * 100_011));
        serde_json::from_slice::<Value>(&pieces.concat()).unwrap();
    }
}
