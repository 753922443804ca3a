use bytes::Bytes;
use http::Method;
use http_body::Body as _;

use super::*;
use crate::response::Body;
use crate::server::outgoing::Held;

const PATIENCE: Duration = Duration::from_secs(60);
const PROTOCOL: Protocol = Protocol { max_streams: 1000 };

fn answer(life: &Lifecycle) -> Response<Outgoing> {
    Response::new(Outgoing::new(
        Body::from(Bytes::from("ok")),
        Held::default(),
        life,
    ))
}

/// A client of a connection whose GETs are answered at once, and whose other requests wait with their bodies unread.
async fn client(
    standing: Standing,
) -> (
    h2::client::SendRequest<Bytes>,
    h2::client::Connection<tokio::io::DuplexStream>,
) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let life = Lifecycle::new();
    let (changes, leaf) = watch::channel(0);
    let connection = Arc::new(Connection {
        peer: Peer::default(),
        is_http2: true,
        activity: Activity::new(),
        slot: Connections::new(10).admit([127, 0, 0, 1].into()).0,
    });
    let endings = Endings {
        life: life.clone(),
        leaf,
    };
    tokio::spawn(async move {
        let _changes = changes;
        run(theirs, connection, standing, PROTOCOL, endings, move |request| {
            let life = life.clone();
            async move {
                if request.method() != Method::GET {
                    let _unread = request;
                    std::future::pending::<()>().await;
                }
                answer(&life)
            }
            .boxed()
        })
        .await;
    });
    h2::client::handshake(ours).await.unwrap()
}

#[tokio::test]
async fn uploads_that_wait_do_not_stop_the_others_of_a_front_proxy() {
    let (mut sender, connection) = client(Standing::FrontProxy).await;
    tokio::spawn(async { drop(connection.await) });
    let request = |method: &str| {
        Request::builder()
            .method(method)
            .uri("https://localhost/")
            .body(())
            .unwrap()
    };
    let mut waiting = Vec::new();
    for _ in 0..128 {
        sender = sender.ready().await.unwrap();
        let (response, mut body) = sender.send_request(request("POST"), false).unwrap();
        // As much as may be sent before it is read.
        body.send_data(vec![0; WINDOW as usize].into(), false).unwrap();
        let sent = async {
            body.reserve_capacity(1);
            while body.capacity() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, sent).await.unwrap();
        waiting.push((response, body));
    }
    sender = sender.ready().await.unwrap();
    let (response, mut body) = sender.send_request(request("GET"), false).unwrap();
    // It has a body, too, which must fit beside those that wait.
    body.reserve_capacity(1);
    let room = std::future::poll_fn(|context| body.poll_capacity(context));
    assert_eq!(
        tokio::time::timeout(PATIENCE, room)
            .await
            .unwrap()
            .unwrap()
            .unwrap(),
        1
    );
    body.send_data(Bytes::from_static(b"x"), true).unwrap();
    let answered = tokio::time::timeout(PATIENCE, response).await.unwrap().unwrap();
    assert_eq!(answered.status(), 200);
}

#[test]
fn who_is_no_front_proxy_has_go_s_streams_and_small_heads() {
    for standing in [Standing::Client, Standing::Unknown] {
        let bounds = Bounds::of(standing, PROTOCOL);
        assert_eq!((bounds.streams, bounds.head_bytes), (250, 128 * 1024));
        assert_eq!(Bounds::of(standing, Protocol { max_streams: 10 }).streams, 10);
    }
    let proxy = Bounds::of(Standing::FrontProxy, PROTOCOL);
    assert_eq!((proxy.streams, proxy.head_bytes), (1000, 1 << 20));
    assert!(proxy.unread_bytes >= 1000 * WINDOW);
    let many = Bounds::of(
        Standing::FrontProxy,
        Protocol {
            max_streams: u32::MAX,
        },
    );
    assert!(many.unread_bytes <= MOST_WINDOW);
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_client_does_not_read_is_given_up_and_one_without_events_is_not() {
    let life = Lifecycle::new();
    let body = |pieces: usize| {
        let pieces = futures::stream::repeat(Bytes::from_static(b"{}\n")).take(pieces);
        let stream = pieces.chain(futures::stream::pending());
        Outgoing::new(Body::Stream(stream.boxed()), Held::default(), &life)
    };
    let untaken = bounded(async {
        let mut body = body(2);
        let frame = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        assert!(frame.is_some());
        // The client does not take it: nobody asks for more.
        std::future::pending::<()>().await;
    });
    let begun = tokio::time::Instant::now();
    assert_eq!(untaken.await, None);
    assert_eq!(begun.elapsed(), stream::LONGEST_STALL);
    let silent = bounded(async {
        let mut body = body(1);
        let mut frames = 0;
        let read = std::future::poll_fn(|context| {
            while let std::task::Poll::Ready(Some(_)) = Pin::new(&mut body).poll_frame(context) {
                frames += 1;
            }
            std::task::Poll::<()>::Pending
        });
        let _ = tokio::time::timeout(100 * stream::LONGEST_STALL, read).await;
        frames
    });
    assert_eq!(silent.await, Some(1));
}
