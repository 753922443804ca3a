//! Compression of large answers.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use crate::response::Incomplete;

/// Answers of at most so many bytes are sent as they are, as k8s.io/apiserver does.
pub(super) const SMALLEST: u64 = 128 * 1024;

/// Whether the client takes gzip. Go looks for the word and not at its quality.
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|token| token.trim() == "gzip"))
}

/// Pieces, compressed one by one at the level that costs least, so that no answer holds a core for long.
pub(super) fn compressed(
    pieces: impl Iterator<Item = Result<Bytes, Incomplete>>,
) -> impl Iterator<Item = Result<Bytes, Incomplete>> {
    let mut pieces = pieces;
    let mut encoder = Some(GzEncoder::new(Vec::new(), Compression::fast()));
    std::iter::from_fn(move || {
        loop {
            let Some(piece) = pieces.next() else {
                // Writing to memory cannot fail.
                let rest = encoder.take()?.finish().unwrap_or_default();
                return Some(Ok(rest.into()));
            };
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => return Some(Err(error)),
            };
            let current = encoder.as_mut()?;
            let _ = current.write_all(&piece);
            let done = std::mem::take(current.get_mut());
            if !done.is_empty() {
                return Some(Ok(done.into()));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn compressed_pieces_are_one_stream() {
        let text: Vec<u8> = (0..400_000_u32).flat_map(u32::to_le_bytes).collect();
        let pieces = text
            .chunks(64 * 1024)
            .map(Bytes::copy_from_slice)
            .collect::<Vec<_>>();
        let sent: Vec<u8> = compressed(pieces.into_iter().map(Ok))
            .flat_map(Result::unwrap)
            .collect();
        assert!(sent.len() < text.len());
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&sent[..])
            .read_to_end(&mut back)
            .unwrap();
        assert!(back == text);
    }

    #[test]
    fn gzip_is_asked_for_by_its_name() {
        let accepted = |value: &'static str| {
            let headers = [(ACCEPT_ENCODING, http::HeaderValue::from_static(value))];
            is_accepted(&headers.into_iter().collect())
        };
        assert!(accepted("gzip") && accepted("br, gzip "));
        assert!(!accepted("identity") && !accepted("gzip;q=1") && !is_accepted(&HeaderMap::new()));
    }
}
