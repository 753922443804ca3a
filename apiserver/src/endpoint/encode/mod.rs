//! Objects, lists and watch events as bytes.
//!
//! Nothing here decodes an object unless the client asked for something that stands inside of it.

mod form;
mod gzip;
mod list;
mod pretty;
mod yaml;

use bytes::Bytes;
use http::HeaderMap;

use crate::request::media::{Format, Wanted};
use crate::response::Body;
use crate::status::ApiError;

pub(super) use form::{Form, metadata_json, push_partial};
pub(super) use list::ListPieces;

/// A body of `json`, in the format that is wanted, compressed where that is wanted and worth it. The second is whether
/// it is compressed.
pub(super) fn body(json: Bytes, wanted: Wanted, headers: &HeaderMap) -> Result<(Body, bool), ApiError> {
    let bytes = match wanted.format {
        Format::Yaml => yaml::from_json(&json)?.into(),
        Format::Json if wanted.pretty => pretty::indented(&json).into(),
        Format::Json => json,
    };
    if bytes.len() as u64 > gzip::SMALLEST && gzip::is_accepted(headers) {
        return Ok((made(gzip::compressed(slices(bytes)), None), true));
    }
    Ok((Body::from(bytes), false))
}

/// A body of a list, made while it is sent. The second is whether it is compressed.
pub(super) fn list_body(
    mut list: ListPieces,
    wanted: Wanted,
    headers: &HeaderMap,
) -> Result<(Body, bool), ApiError> {
    if wanted.pretty || wanted.format == Format::Yaml {
        let whole: Vec<u8> = list.flatten().collect();
        return body(whole.into(), wanted, headers);
    }
    if !gzip::is_accepted(headers) {
        let length = list.length();
        return Ok((made(list, length), false));
    }
    // Whether it is worth it may be known only when the threshold is passed.
    let mut first = Vec::new();
    let mut size = 0;
    while size <= gzip::SMALLEST {
        let Some(piece) = list.next() else {
            return Ok((Body::Ready(first.into()), false));
        };
        size += piece.len() as u64;
        first.push(piece);
    }
    Ok((made(gzip::compressed(first.into_iter().chain(list)), None), true))
}

fn made(pieces: impl Iterator<Item = Bytes> + Send + 'static, remaining: Option<u64>) -> Body {
    Body::Made {
        pieces: Box::new(pieces),
        remaining,
    }
}

/// So that compression is done in steps.
fn slices(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let piece = bytes.split_to(bytes.len().min(list::PIECE));
        (!piece.is_empty()).then_some(piece)
    })
}
