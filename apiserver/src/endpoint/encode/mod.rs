//! Objects, lists and watch events as bytes.
//!
//! Nothing here decodes an object unless the client asked for something that stands inside of it.

mod form;
mod gzip;
mod list;
mod pretty;
mod protobuf;
mod yaml;

use bytes::Bytes;
use http::HeaderMap;

use crate::offload::Elsewhere;
use crate::request::media::{Format, Wanted};
use crate::response::{Body, Incomplete, Made};
use crate::status::ApiError;

pub(super) use form::{Form, metadata_json, push_partial};
pub(super) use list::{Items, ListPieces, MOST_READ};
pub(super) use protobuf::{ProtobufList, metadata, push_protobuf};

/// How many pieces (of 64 KiB) are made before others have their turn: a copy takes some 10 microseconds, everything else
/// up to a few milliseconds.
const TURN_OF_COPIES: u32 = 16;
const TURN: u32 = 1;

/// A body of what is encoded as JSON, or as protobuf where that is wanted, in the format that is wanted, compressed where
/// that is wanted and worth it. The second is whether it is compressed.
pub(super) fn body(encoded: Bytes, wanted: Wanted, headers: &HeaderMap) -> Result<(Body, bool), ApiError> {
    let bytes = match wanted.format {
        Format::Yaml => yaml::from_json(&encoded)?.into(),
        Format::Json if wanted.pretty => pretty::indented(&encoded).into(),
        Format::Json | Format::Protobuf => encoded,
    };
    if bytes.len() as u64 > gzip::SMALLEST && gzip::is_accepted(headers) {
        return Ok((
            made(gzip::compressed(slices(bytes).map(Ok)), None, TURN, None),
            true,
        ));
    }
    Ok((Body::from(bytes), false))
}

/// A list that is to be sent.
pub(super) struct ListBody<I> {
    /// Its JSON up to the array.
    pub(super) head: String,
    pub(super) items: I,
    pub(super) form: Form,
    /// What stands for the array where there are no items.
    pub(super) none: &'static str,
    /// Bytes of all items as JSON, where that is known.
    pub(super) of_items: Option<u64>,
    /// Where the pieces are made, if an item that is more than copied is heavy.
    pub(super) elsewhere: Option<Elsewhere>,
}

/// A body of a list, made while it is sent. The second is whether it is compressed.
pub(super) fn list_body<I>(
    list: ListBody<I>,
    wanted: Wanted,
    headers: &HeaderMap,
) -> Result<(Body, bool), ApiError>
where
    I: Items + Send + 'static,
{
    let ListBody {
        head,
        items,
        form,
        none,
        of_items,
        elsewhere,
    } = list;
    if wanted.format == Format::Yaml {
        return Ok(begun(yaml::list(&head, items, form, none)?, headers, elsewhere));
    }
    let is_copied = matches!(form, Form::Whole | Form::Bare(_));
    let pieces = ListPieces::new(head, items, form, none);
    if wanted.pretty {
        return Ok(begun(indented(pieces), headers, elsewhere));
    }
    match of_items {
        Some(of_items) if is_copied && !gzip::is_accepted(headers) => {
            let length = pieces.length(of_items);
            Ok((made(pieces, Some(length), TURN_OF_COPIES, elsewhere), false))
        }
        _ => Ok(begun(pieces, headers, elsewhere)),
    }
}

/// The same of a list in protobuf.
pub(super) fn protobuf_body<I>(
    list: ProtobufList<I>,
    headers: &HeaderMap,
    elsewhere: Option<Elsewhere>,
) -> (Body, bool)
where
    I: Items + Send + 'static,
{
    let length = list.length();
    if length > gzip::SMALLEST && gzip::is_accepted(headers) {
        return (made(gzip::compressed(list), None, TURN, elsewhere), true);
    }
    (made(list, Some(length), TURN, elsewhere), false)
}

fn indented(
    pieces: impl Iterator<Item = Result<Bytes, Incomplete>>,
) -> impl Iterator<Item = Result<Bytes, Incomplete>> {
    let mut indenter = pretty::Indenter::default();
    pieces.map(move |piece| {
        let piece = piece?;
        let mut out = Vec::with_capacity(2 * piece.len());
        indenter.push(&piece, &mut out);
        Ok(out.into())
    })
}

/// A body whose length is not known before it is made: a small one is made at once, a larger one while it is sent,
/// compressed where the client takes that.
fn begun(
    mut pieces: impl Iterator<Item = Result<Bytes, Incomplete>> + Send + 'static,
    headers: &HeaderMap,
    elsewhere: Option<Elsewhere>,
) -> (Body, bool) {
    let mut first = Vec::new();
    let mut size = 0;
    while size <= gzip::SMALLEST {
        match pieces.next() {
            Some(Ok(piece)) => {
                size += piece.len() as u64;
                first.push(Ok(piece));
            }
            Some(Err(error)) => {
                first.push(Err(error));
                break;
            }
            None => {
                let all = first.into_iter().map_while(Result::ok).collect();
                return (Body::Ready(all), false);
            }
        }
    }
    let all = first.into_iter().chain(pieces);
    if gzip::is_accepted(headers) {
        (made(gzip::compressed(all), None, TURN, elsewhere), true)
    } else {
        (made(all, None, TURN, elsewhere), false)
    }
}

fn made(
    pieces: impl Iterator<Item = Result<Bytes, Incomplete>> + Send + 'static,
    length: Option<u64>,
    turn: u32,
    elsewhere: Option<Elsewhere>,
) -> Body {
    Body::Made(Made::new(Box::new(pieces), length, turn).made_by(elsewhere))
}

/// So that compression is done in steps.
fn slices(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let piece = bytes.split_to(bytes.len().min(list::PIECE));
        (!piece.is_empty()).then_some(piece)
    })
}
