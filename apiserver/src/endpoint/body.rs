//! Bodies of requests. Nobody's body is read before it is known that they may.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;

use tokio::time::timeout;

use crate::authz::Authorized;
use crate::status::ApiError;

/// The most bytes that a request may send: 3 MiB, as k8s.io/apiserver's MaxRequestBodyBytes.
pub const MOST_BODY_BYTES: usize = 3 * 1024 * 1024;

/// How long a client may send nothing of a body that it has begun. Meanwhile it holds a seat that others wait for.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The whole body of a request that was authorized.
///
/// # Errors
/// [`ApiError::RequestEntityTooLarge`] as soon as that is known; [`ApiError::BadRequest`] where the client sends nothing
/// for ten seconds; [`ApiError::Plain`] where it has left.
pub async fn read<B>(_authorized: &Authorized, headers: &HeaderMap, mut body: B) -> Result<Bytes, ApiError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let announced = announced_length(headers);
    if announced.is_some_and(|length| length > MOST_BODY_BYTES as u64) {
        return Err(too_large());
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let Ok(frame) = timeout(LONGEST_PAUSE, body.frame()).await else {
            return Err(did_not_arrive());
        };
        let Some(frame) = frame else {
            break;
        };
        let frame = frame.map_err(|error| ApiError::Plain(error.to_string()))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + all.len() + data.len() > MOST_BODY_BYTES {
            return Err(too_large());
        }
        if first.is_empty() && all.is_empty() {
            // Most bodies come in one piece, which needs no copy.
            first = data;
            continue;
        }
        if all.is_empty() {
            let expected = announced.map_or(2 * first.len(), |length| usize::try_from(length).unwrap_or(0));
            all.reserve(expected.max(first.len() + data.len()));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// The client sends nothing.
pub(super) fn did_not_arrive() -> ApiError {
    ApiError::BadRequest(format!(
        "the body of the request did not arrive: nothing came for {LONGEST_PAUSE:?}"
    ))
}

pub(super) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large() -> ApiError {
    ApiError::RequestEntityTooLarge(format!("limit is {MOST_BODY_BYTES}"))
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;
    use crate::endpoint::testing::authorized;

    fn pieces(
        pieces: Vec<Result<Bytes, std::io::Error>>,
    ) -> impl http_body::Body<Data = Bytes, Error = std::io::Error> + Unpin {
        StreamBody::new(stream::iter(
            pieces.into_iter().map(|piece| piece.map(Frame::data)),
        ))
    }

    async fn read_all(
        body: impl http_body::Body<Data = Bytes, Error = std::io::Error> + Unpin,
    ) -> Result<Bytes, String> {
        read(&authorized("GET", "/"), &HeaderMap::new(), body)
            .await
            .map_err(|error| error.status().message)
    }

    #[tokio::test]
    async fn pieces_come_together() {
        let body = pieces(vec![
            Ok("ab".into()),
            Ok(Bytes::new()),
            Ok("cd".into()),
            Ok("e".into()),
        ]);
        assert_eq!(read_all(body).await, Ok("abcde".into()));
        assert_eq!(read_all(pieces(vec![])).await, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn a_large_body_is_refused_without_reading_it_all() {
        let piece = Bytes::from(vec![b' '; 1 << 20]);
        let parts = vec![Ok(piece.clone()), Ok(piece.clone()), Ok(piece.clone())];
        assert_eq!(
            read_all(pieces(parts)).await.map(|body| body.len()),
            Ok(MOST_BODY_BYTES)
        );
        let parts = vec![
            Ok(piece.clone()),
            Ok(piece.clone()),
            Ok(piece.clone()),
            Ok("x".into()),
        ];
        assert_eq!(
            read_all(pieces(parts)).await,
            Err("Request entity too large: limit is 3145728".into())
        );
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, (MOST_BODY_BYTES + 1).into());
        let error = read(&authorized("GET", "/"), &headers, Full::new(Bytes::new()))
            .await
            .unwrap_err();
        assert_eq!(error.status().code, 413);
    }

    #[tokio::test]
    async fn a_broken_body_is_an_error() {
        let body = pieces(vec![Ok("ab".into()), Err(std::io::Error::other("gone"))]);
        assert_eq!(read_all(body).await, Err("gone".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_coming_is_given_up() {
        let begun = tokio::time::Instant::now();
        let stops = stream::iter([Ok(Frame::data("ab".into()))]).chain(stream::pending());
        let body = StreamBody::new(Box::pin(stops));
        let error = read_all(body).await.unwrap_err();
        assert_eq!(
            error,
            "the body of the request did not arrive: nothing came for 10s"
        );
        assert_eq!(begun.elapsed(), LONGEST_PAUSE);
    }
}
