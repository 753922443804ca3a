//! A list, in pieces of 64 KiB that are copied from the objects when they are to be sent.
//!
//! A frame for each object costs four times as much; one buffer for all would cost as much memory as the list is long,
//! for every client that reads it.

use std::vec;

use bytes::Bytes;

use super::form::Form;
use crate::registry::Pieces;

/// Bytes of a piece; an object that is larger makes a larger one.
pub(super) const PIECE: usize = 64 * 1024;

/// The bytes of a list.
#[derive(Debug)]
pub(crate) struct ListPieces {
    /// What stands before the first object, up to `[`; `None`: it was written.
    head: Option<Vec<u8>>,
    items: vec::IntoIter<Pieces>,
    form: Form,
    /// What did not fit into the piece before.
    rest: Vec<u8>,
    is_done: bool,
}

const TAIL: &[u8] = b"]}\n";

impl ListPieces {
    /// A list of `items`. `head` ends where the array begins; `none` stands for the array where there are no items.
    pub(crate) fn new(head: String, items: Vec<Pieces>, form: Form, none: &str) -> Self {
        let mut head = head.into_bytes();
        let is_empty = items.is_empty();
        if is_empty {
            head.extend_from_slice(none.as_bytes());
            head.extend_from_slice(b"}\n");
        } else {
            head.push(b'[');
        }
        Self {
            head: Some(head),
            items: items.into_iter(),
            form,
            rest: Vec::new(),
            is_done: is_empty,
        }
    }

    /// How many bytes it has, where that is known beforehand. To be asked before the first piece is taken.
    pub(crate) fn length(&self) -> Option<u64> {
        let head = self.head.as_ref().map_or(0, Vec::len);
        let items = self.items.as_slice();
        if items.is_empty() {
            return Some(head as u64);
        }
        let mut length = head + TAIL.len() + items.len() - 1;
        for item in items {
            length += self.form.length(item)?;
        }
        Some(length as u64)
    }
}

impl Iterator for ListPieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut piece = match self.head.take() {
            Some(head) if self.is_done => return Some(head.into()),
            Some(head) => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.extend_from_slice(&head);
                piece
            }
            None if self.is_done => return None,
            None => Vec::with_capacity(PIECE.max(self.rest.len())),
        };
        piece.append(&mut self.rest);
        while let Some(item) = self.items.next() {
            let before = piece.len();
            let length = self.form.length(&item).unwrap_or_default();
            if before > 0 && before + length >= PIECE {
                // It would make the buffer grow, which copies what is in it.
                self.push_last(&item);
                return Some(piece.into());
            }
            self.form.push(&item, &mut piece);
            self.separate(&mut piece);
            if piece.len() >= PIECE {
                return Some(piece.into());
            }
        }
        self.is_done = true;
        (!piece.is_empty()).then(|| piece.into())
    }
}

impl ListPieces {
    /// Keeps an item for the piece after this one.
    fn push_last(&mut self, item: &Pieces) {
        let mut rest = Vec::with_capacity(item.len() + TAIL.len());
        self.form.push(item, &mut rest);
        self.separate(&mut rest);
        self.rest = rest;
    }

    fn separate(&self, out: &mut Vec<u8>) {
        if self.items.as_slice().is_empty() {
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

    fn list(sizes: &[usize]) -> ListPieces {
        let items = sizes
            .iter()
            .map(|size| Pieces::whole(format!(r#"{{"text":"{}"}}"#, "x".repeat(*size)).into()))
            .collect();
        ListPieces::new(r#"{"items":"#.into(), items, Form::Whole, "[]")
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
            let length = list(&sizes).length();
            let pieces: Vec<Bytes> = list(&sizes).collect();
            assert!(pieces.iter().all(|piece| !piece.is_empty()));
            let whole = pieces.concat();
            assert_eq!(length, Some(whole.len() as u64), "{sizes:?}");
            let value: Value = serde_json::from_slice(&whole).unwrap();
            let found: Vec<usize> = value["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["text"].as_str().unwrap().len())
                .collect();
            assert_eq!(found, sizes);
        }
        let pieces: Vec<Bytes> = list(&[1000; 500]).collect();
        assert!(
            pieces[..pieces.len() - 1]
                .iter()
                .all(|piece| piece.len() > PIECE - 1100 && piece.len() < PIECE + 100)
        );
    }

    #[test]
    fn without_items_there_is_what_stands_for_none() {
        let none = ListPieces::new(r#"{"items":"#.into(), Vec::new(), Form::Whole, "null");
        let whole: Vec<u8> = none.flatten().collect();
        assert_eq!(
            serde_json::from_slice::<Value>(&whole).unwrap(),
            json!({"items": null})
        );
    }
}
