use futures::{FutureExt as _, Stream, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::time::{Instant, sleep};

use super::*;

const MIB: usize = 1 << 20;

type Pieces = Result<Frame<Bytes>, std::io::Error>;

/// The answer of `connect` to a body of these pieces, of which so many bytes may come.
async fn answered<F, R, T>(
    pieces: impl Stream<Item = Pieces> + Unpin,
    most_bytes: usize,
    connect: F,
) -> Result<T, (u16, String)>
where
    F: FnOnce(RequestBody) -> R,
    R: Future<Output = Result<T, ApiError>>,
{
    let most_bytes = u64::try_from(most_bytes).unwrap();
    let (streamed, body) = Streamed::new(&HeaderMap::new(), StreamBody::new(pieces), most_bytes).unwrap();
    let answer = streamed.until(connect(body)).await.map(|(answer, _)| answer);
    answer.map_err(|error| (error.status().code, error.status().message))
}

fn piece(bytes: usize) -> Pieces {
    Ok(Frame::data(vec![b'x'; bytes].into()))
}

/// Counts what comes, until something is wrong with it.
async fn count(mut body: RequestBody) -> Result<usize, ApiError> {
    let mut count = 0;
    while let Some(piece) = body.next().await {
        count += piece
            .map_err(|error| ApiError::Internal(error.to_string()))?
            .len();
    }
    Ok(count)
}

#[tokio::test]
async fn a_body_comes_piece_by_piece_to_its_end() {
    let pieces = stream::iter((0..100).map(|_| piece(MIB)));
    assert_eq!(answered(pieces, 100 * MIB, count).await, Ok(100 * MIB));
    assert_eq!(answered(stream::iter([]), 0, count).await, Ok(0));
}

#[tokio::test]
async fn no_more_is_read_than_is_taken() {
    let read = std::cell::Cell::new(0);
    let pieces = stream::iter((0..100).map(|_| {
        read.set(read.get() + 1);
        piece(MIB)
    }));
    let answer = answered(pieces, 100 * MIB, |mut body| async move {
        body.next().await;
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        Ok(body)
    });
    let mut body = answer.await.unwrap();
    assert!(read.get() <= 3, "{} pieces were read", read.get());
    // What had not come when the answer was there is not the end.
    let last = loop {
        match body.next().await {
            Some(Ok(_)) => {}
            last => break last,
        }
    };
    assert_eq!(last, Some(Err(IncompleteBody("nobody reads it any more".into()))));
    assert_eq!(body.next().await, None);
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_is_read_to_its_own() {
    let pieces = stream::iter([piece(1)]).chain(stream::pending());
    let (streamed, body) = Streamed::new(&HeaderMap::new(), StreamBody::new(pieces), 9).unwrap();
    let early = async |mut body: RequestBody| {
        body.next().await;
        Ok(body)
    };
    let (mut body, unread) = streamed.until(early(body)).await.unwrap();
    let mut answer = unread.beside(stream::iter(["a", "b"]).boxed());
    assert_eq!(answer.next().await, Some("a"));
    // A proxy's connection is not broken off under the answer.
    assert!(body.next().now_or_never().is_none());
    drop(answer);
    assert!(body.next().await.unwrap().is_err());
}

#[tokio::test]
async fn too_large_a_body_is_refused_while_it_comes_and_before() {
    let pieces = stream::iter([piece(MIB), piece(1)]);
    let refused = Err((413, format!("Request entity too large: limit is {MIB}")));
    assert_eq!(answered(pieces, MIB, count).await, refused);
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_LENGTH, 2.into());
    let body = StreamBody::new(stream::iter([piece(2)]));
    assert_eq!(Streamed::new(&headers, body, 1).err().unwrap().status().code, 413);
    let body = StreamBody::new(stream::iter([piece(2)]));
    let (_, body) = Streamed::new(&headers, body, 2).unwrap();
    assert_eq!(http_body::Body::size_hint(&body).exact(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_to_send_is_given_up() {
    let begun = Instant::now();
    let pieces = stream::iter([piece(1)]).chain(stream::pending());
    let (code, message) = answered(Box::pin(pieces), MIB, count).await.unwrap_err();
    assert_eq!(
        (code, message.as_str()),
        (
            400,
            "the body of the request did not arrive: nothing came for 10s"
        )
    );
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    // One that is slow is not.
    let slow = stream::iter(0..100).then(|_| async {
        sleep(Duration::from_secs(9)).await;
        piece(1)
    });
    assert_eq!(answered(Box::pin(slow), MIB, count).await, Ok(100));
}

#[tokio::test(start_paused = true)]
async fn a_connecter_that_stops_to_read_is_given_up() {
    let begun = Instant::now();
    let pieces = stream::iter((0..10).map(|_| piece(1)));
    let stops = answered(pieces, MIB, |body| async move {
        let _held = body;
        std::future::pending::<Result<(), _>>().await
    });
    let (code, message) = stops.await.unwrap_err();
    let expected = "the body of the request was not taken: nothing of it for 30s";
    assert_eq!((code, message.contains(expected)), (504, true), "{message}");
    assert_eq!(begun.elapsed(), LONGEST_HOLD);
    // One that wants no more of it may answer when it likes.
    let pieces = stream::iter((0..10).map(|_| piece(1)));
    let uninterested = answered(pieces, MIB, |body| async move {
        drop(body);
        sleep(Duration::from_secs(33)).await;
        Ok(())
    });
    assert_eq!(uninterested.await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_has_its_time_when_the_body_is_there() {
    let begun = Instant::now();
    let never = answered(stream::iter([piece(1)]), MIB, |body| async move {
        count(body).await?;
        std::future::pending::<Result<(), _>>().await
    });
    assert_eq!(never.await.unwrap_err().0, 504);
    assert_eq!(begun.elapsed(), Duration::from_secs(34));
}

#[tokio::test]
async fn a_broken_body_ends_the_request() {
    let broken = stream::iter([piece(1), Err(std::io::Error::other("gone"))]);
    let (_, message) = answered(broken, MIB, |mut body: RequestBody| async move {
        while let Some(Ok(_)) = body.next().await {}
        std::future::pending::<Result<(), _>>().await
    })
    .await
    .unwrap_err();
    assert_eq!(message, "gone");
}
